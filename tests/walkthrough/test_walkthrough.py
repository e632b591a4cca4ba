"""Runs the commands of the pages in examples/walkthrough, as its script does for readers.

The AWS CLI is the real one; KMS and S3 are on this machine. libseal.a and its headers are found as
if they were installed.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import libseal
from libseal.aws import KmsUnwrapper
from tests.kms.ministack import LocalKms, ministack
from tests.link import rust_flags

ROOT = Path(__file__).parents[2]
WALKTHROUGH = ROOT / "examples/walkthrough"
SCRIPT = WALKTHROUGH / "walkthrough.sh"
README = WALKTHROUGH / "README.md"
DEVICES = WALKTHROUGH / "devices.md"
RELEASE = Path(os.environ.get("LIBSEAL_RELEASE", ROOT / "target/release"))
KEY = "alias/telemetry"


@pytest.fixture
def kms() -> Iterator[LocalKms]:
    with ministack() as kms:
        yield kms


def run(page: Path, directory: Path, kms: LocalKms | None = None) -> tuple[int, str, Path]:
    """The exit code, all that was printed, and where the files are."""
    commands = [Path(sys.executable).parent, ROOT / ".venv/bin", os.environ["PATH"]]
    environment = kms.environment if kms else dict(os.environ)
    environment |= {
        "PATH": os.pathsep.join(map(str, commands)),
        "TMPDIR": str(directory),
        "CPATH": str(ROOT / "include"),
        "LIBRARY_PATH": str(RELEASE),
    }
    process = subprocess.run(
        [SCRIPT, page],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(process.stdout)
    (work,) = directory.glob("tmp.*")
    return process.returncode, process.stdout, work


def assert_nothing_is_left(kms: LocalKms) -> None:
    assert kms.s3.list_buckets()["Buckets"] == []
    for key in kms.client.list_keys()["Keys"]:
        metadata = kms.client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        assert metadata["KeyState"] == "PendingDeletion"


def test_from_the_recipe_to_libseal(kms: LocalKms, tmp_path: Path) -> None:
    code, output, work = run(README, tmp_path, kms)
    assert code == 0
    assert "alias/telemetry can unseal" in output
    # What is compared with it is compared on the page.
    readings = (work / "readings").read_text()
    assert readings.count("\n") == 100_000
    assert (work / "imported").read_text() == readings
    assert "openssl: exit code 0" in output
    assert (work / "cut").stat().st_size < len(readings)
    assert "libseal: exit code 5" in output
    assert output.count("NOT authenticated") == 2
    assert not list(work.glob("*.b64"))
    assert_nothing_is_left(kms)


def test_device_page(kms: LocalKms, tmp_path: Path) -> None:
    code, output, work = run(DEVICES, tmp_path, kms)
    assert code == 0
    assert "\n21.5 C\n" in output
    assert "warning" not in output
    assert "the public key has another fingerprint" in output
    assert (work / "changed.sealed").read_bytes() == b""
    assert_nothing_is_left(kms)

    source, program = work / "seal_reading.rs", work / "rust"
    subprocess.run(["rustc", *rust_flags(RELEASE), source, "-o", program], check=True)
    subprocess.run([program], cwd=work, check=True)
    # The page has cleaned up already.
    (key,) = kms.client.list_keys()["Keys"]
    kms.client.cancel_key_deletion(KeyId=key["KeyId"])
    kms.client.enable_key(KeyId=key["KeyId"])
    unwrap = KmsUnwrapper(kms.client, key["KeyArn"])
    message = (work / "rust.sealed").read_bytes()
    assert libseal.unseal(message, unwrap, require={"device": "42"}) == b"21.5 C\n"


@pytest.mark.parametrize("page", [README, DEVICES], ids=lambda page: page.name)
def test_every_block_runs(page: Path) -> None:
    blocks = re.findall(r"^```(.+)$", page.read_text(), re.MULTILINE)
    files = {"c seal_reading.c", "rust seal_reading.rs"}
    # A console shows how the page itself is run.
    assert set(blocks) <= {"sh", "console"} | files
    assert blocks.count("console") == 1


@pytest.mark.parametrize("page", [README, DEVICES, WALKTHROUGH.parent / "README.md"])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_first_command_that_fails_ends_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\necho one > before\n```\n\n```text shown.txt\ntwo\n```\n\n"
        "```sh\ncat shown.txt | false | cat\necho three > after\n```\n"
    )
    code, output, work = run(page, tmp_path)
    assert code != 0
    assert "echo one > before" in output
    names = {path.name for path in work.iterdir()}
    assert names == {"before", "shown.txt", "commands.sh"}
