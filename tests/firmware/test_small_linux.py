"""The library that only seals, on Linux: no Rust std, and far smaller than OpenSSL's libcrypto."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

import libseal
from tests.firmware.machine import FLAGS, MACHINES
from tests.firmware.program import BUILD, KEYS, ROOT, TABLE, binutils, run, symbols

# The complete library is built for few of the machines, this one in a moment.
TARGETS = (
    ["x86_64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf"]
    if os.environ.get("DEVICES") != "all"
    else [row.target for row in TABLE.values() if "linux" in row.target]
)
KEY = KEYS / "rsa-2048.pub.der"
PLAINTEXT = bytes(range(256)) * 100


def archive(target: str) -> Path:
    return BUILD / f"{target}-seal-only/libseal.a"


@pytest.mark.parametrize("target", TARGETS)
def test_seals(target: str, tmp_path: Path) -> None:
    machine = MACHINES[target]
    program = tmp_path / "seal_small"
    source = ROOT / "examples/c/seal_small.c"
    run(
        *machine.compiler,
        *FLAGS,
        "-Os",
        source,
        archive(target),
        "-Wl,--gc-sections",
        "-o",
        program,
    )
    command: list[str | Path] = [*machine.emulator, program, KEY]
    fingerprint = sha256(KEY.read_bytes()).hexdigest()
    sealed = subprocess.run(
        [*command, fingerprint], input=PLAINTEXT, capture_output=True, check=True
    ).stdout
    unwrap = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())
    assert libseal.unseal(sealed, unwrap) == PLAINTEXT

    refused = subprocess.run(
        [*command, "00" * 32], input=PLAINTEXT, capture_output=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stdout == b""
    assert b"fingerprint" in refused.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_needs_and_shows_little(target: str) -> None:
    prefix = binutils(target)
    needed = set(symbols(prefix, archive(target), "--undefined-only"))
    needed -= {"memcpy", "memmove", "memset", "memcmp", "bcmp"}
    assert [name for name in needed if not name.startswith("__")] == []
    shown = symbols(prefix, archive(target), "--extern-only", "--defined-only")
    assert [name for name in shown if not name.startswith("libseal_")] == []
    # All functions; libcrypto.so.3 has 4.7 MB.
    total = run(f"{prefix}size", "--totals", archive(target)).splitlines()[-1].split()
    assert sum(map(int, total[:3])) < 64 * 1024
