"""Streams of any size in constant memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.independent.vector import KEYS

LIMIT = 16 << 20

PROGRAM = """
import io, resource, shutil, sys
from pathlib import Path
import libseal

way, folder, keys = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
key = libseal.PublicKey((keys / "rsa-2048.pub.der").read_bytes())
unwrap = libseal.LocalUnwrapper((keys / "rsa-2048.key.pem").read_bytes())
plain, sealed, back = (folder / name for name in ("plain", "sealed", "back"))

def rounds(megabytes):
    with plain.open("wb") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    if way == "files":
        libseal.seal_file(key, plain, sealed)
        libseal.unseal_file(sealed, back, unwrap)
    else:
        with plain.open("rb") as source, sealed.open("wb") as file:
            with libseal.SealWriter(file, key) as writer:
                shutil.copyfileobj(source, writer)
        with sealed.open("rb") as file, back.open("wb") as target:
            shutil.copyfileobj(libseal.UnsealReader(file, unwrap), target)
    assert back.stat().st_size == megabytes << 20

def peak():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024

rounds(1)
before = peak()
rounds(64)
print(peak() - before)
"""


@pytest.mark.parametrize("way", ["files", "streams"])
def test_sixty_four_megabytes(way: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, way, str(tmp_path), str(KEYS)]
    grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(grown) < LIMIT
