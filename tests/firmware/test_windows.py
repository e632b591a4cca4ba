"""The library for Windows, built with MinGW and run by Wine."""

from pathlib import Path

import pytest

import libseal
from tests.firmware.machine import MACHINES, emulate
from tests.firmware.program import HERE, KEYS, chosen

TARGETS = [target for target in chosen("complete") if "windows" in target]
PLAINTEXT = bytes(range(256)) * 8192


@pytest.mark.parametrize("form", ["static", "shared"])
@pytest.mark.parametrize("target", TARGETS)
def test_both_ways(target: str, form: str, tmp_path: Path) -> None:
    machine = MACHINES[target]
    machine.link(target, form, tmp_path / "windows.exe", HERE / "windows.c")
    start: list[str | Path] = [*machine.start(target, form, tmp_path), tmp_path / "windows.exe"]
    key = KEYS / "rsa-2048.pub.der"
    unwrap = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())

    (tmp_path / "plain").write_bytes(PLAINTEXT)
    emulate(*start, key, "plain", "sealed", cwd=tmp_path)
    assert libseal.unseal((tmp_path / "sealed").read_bytes(), unwrap) == PLAINTEXT

    message = libseal.seal(libseal.PublicKey(key.read_bytes()), PLAINTEXT)
    data_key = unwrap(libseal.inspect(message).wrapped_keys[0])
    assert data_key is not None
    (tmp_path / "message").write_bytes(message)
    emulate(*start, data_key.hex(), "message", "unsealed", cwd=tmp_path)
    assert (tmp_path / "unsealed").read_bytes() == PLAINTEXT

    (tmp_path / "unsealed").unlink()
    (tmp_path / "message").write_bytes(message[:-1])
    with pytest.raises(AssertionError, match="not unsealed"):
        emulate(*start, data_key.hex(), "message", "unsealed", cwd=tmp_path)
    assert not (tmp_path / "unsealed").exists()
