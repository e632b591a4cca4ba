"""The example, run in an emulator; what it sealed is unsealed with the wheel."""

from pathlib import Path

import pytest

import libseal
from tests.firmware.program import KEYS, TARGETS, Program

READINGS = [b"21.5 C", b"21.7 C", b"22.0 C"]
LOG = "".join(f"{line:05} ok\n" for line in range(2500)).encode()[:20000]


@pytest.mark.parametrize("target", TARGETS)
def test_example(target: str, tmp_path: Path) -> None:
    log = b""
    readings = []
    for line in Program(target, tmp_path).run().splitlines():
        name, _, value = line.partition(": ")
        if name == "log":
            log += bytes.fromhex(value)
        else:
            assert name == "reading", line
            readings.append(bytes.fromhex(value))

    unwrap = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())
    context = {"device": "42"}
    assert libseal.unseal(log, unwrap, require=context) == LOG
    assert [libseal.unseal(reading, unwrap, require=context) for reading in readings] == READINGS

    headers = [libseal.inspect(message) for message in (log, *readings)]
    wrapped = [header.wrapped_keys[0] for header in headers]
    assert {key.key_id for key in wrapped} == {"alias/device-data"}
    assert wrapped[0].ciphertext != wrapped[1].ciphertext
    assert len({key.ciphertext for key in wrapped[1:]}) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_needs_no_heap(target: str, tmp_path: Path) -> None:
    program = Program(target, tmp_path)
    program.build()
    assert not {"malloc", "calloc", "realloc", "free", "sbrk", "_sbrk"} & set(program.symbols())
