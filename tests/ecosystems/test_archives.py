"""What all packages have in common."""

import re
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.ecosystems.package import KEYS, ROOT, VERSION, archive, run, unpack

DEVICES = ["esp-idf", "platformio", "zephyr"]
ALL = [*DEVICES, "conan"]


@pytest.mark.parametrize("ecosystem", ALL)
def test_is_one_folder_without_traces_of_the_machine(ecosystem: str) -> None:
    with tarfile.open(archive(ecosystem)) as tar:
        members = tar.getmembers()
        assert {Path(member.name).parts[0] for member in members} == {"libseal"}
        assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}
        assert len({member.mtime for member in members}) == 1
        for member in members:
            file = tar.extractfile(member) if member.isfile() else None
            if file:
                content = file.read()
                assert str(ROOT).encode() not in content, member.name
                assert b"@VERSION@" not in content or "sources/" in member.name, member.name


@pytest.mark.parametrize("ecosystem", ALL)
def test_has_readme_licences_and_an_example(ecosystem: str, tmp_path: Path) -> None:
    package = unpack(ecosystem, tmp_path)
    assert VERSION in (package / "README.md").read_text()
    assert (package / "LICENSE-MIT").read_bytes() == (ROOT / "LICENSE-MIT").read_bytes()
    assert (package / "LICENSE-APACHE").exists()
    main = next(package.rglob("main.c*"))
    assert len(main.read_text().splitlines()) <= 40
    assert (main.parent / "seal_reading.c").exists()


@pytest.mark.parametrize("ecosystem", DEVICES)
def test_is_the_same_when_it_is_packed_again(ecosystem: str, tmp_path: Path) -> None:
    folder = tmp_path / "libseal"
    targets = sorted(path.name for path in unpack(ecosystem, tmp_path / "first").glob("lib/*"))
    run(
        *("ffi-c/package/stage.sh", ecosystem, VERSION, ROOT / "build", folder),
        *targets,
    )
    with tarfile.open(archive(ecosystem)) as tar:
        time = str(tar.getmembers()[0].mtime)
    run(
        "tests/packages/pack.sh",
        folder,
        tmp_path / "again.tar.gz",
        environment={"SOURCE_DATE_EPOCH": time},
    )
    again = sha256((tmp_path / "again.tar.gz").read_bytes()).hexdigest()
    assert again == sha256(archive(ecosystem).read_bytes()).hexdigest()


def test_a_library_that_is_missing_leaves_no_package(tmp_path: Path) -> None:
    folder = tmp_path / "libseal"
    script = ROOT / "ffi-c/package/stage.sh"
    with pytest.raises(AssertionError, match=r"no-such-target/libseal\.a is missing"):
        run(script, "esp-idf", VERSION, tmp_path, folder, "no-such-target")
    assert list(tmp_path.iterdir()) == []


def arrays(header: str) -> dict[str, bytes]:
    return {
        name: bytes(int(byte, 16) for byte in re.findall("0x([0-9a-f]{2})", body))
        for name, body in re.findall(r"const uint8_t (\w+)\[\d*\] = \{(.*?)\};", header, re.DOTALL)
    }


KEY_HEADER = ROOT / "ffi-c/package/example/telemetry_key.h"


def test_the_key_of_the_examples_is_what_the_command_would_export() -> None:
    der = (KEYS / "rsa-2048.pub.der").read_bytes()
    assert arrays(KEY_HEADER.read_text()) == {
        "telemetry_der": der,
        "telemetry_fingerprint": sha256(der).digest(),
    }


def test_the_key_without_the_command_is_the_same(tmp_path: Path) -> None:
    text = KEY_HEADER.read_text().replace("\n * ", "\n")
    commands = re.search(r"^    \{.*?^    \} >telemetry_key\.h$", text, re.DOTALL | re.MULTILINE)
    assert commands
    (tmp_path / "key.der").write_bytes((KEYS / "rsa-2048.pub.der").read_bytes())
    run("sh", "-euc", commands[0], cwd=tmp_path)
    made = tmp_path / "telemetry_key.h"
    assert arrays(made.read_text()) == arrays(KEY_HEADER.read_text())
    example = KEY_HEADER.with_name("seal_reading.c").read_text()
    (tmp_path / "seal_reading.c").write_text(example)
    run(
        *("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", "seal_reading.c"),
        *(f"-I{KEY_HEADER.parent}", f"-I{ROOT / 'include'}"),
        cwd=tmp_path,
    )
