"""`libseal import-openssl`, as it is installed."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest

import libseal
from openssl_support import CBC, CTR, encrypted, openssl, wrapped
from support import unwrapper
from tests.independent.vector import KEYS

if TYPE_CHECKING:
    from tests.kms.ministack import LocalKms

COMMAND = Path(sys.executable).with_name("libseal")
PRIVATE_KEY = str(KEYS / "rsa-2048.key.pem")
PUBLIC_KEY = str(KEYS / "rsa-2048.pub.pem")
PLAINTEXT = bytes(range(256)) * 200


class Ended(NamedTuple):
    code: int
    stdout: bytes
    stderr: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the recipe leaves, in the working directory: key.b64.enc and data.enc."""
    monkeypatch.chdir(tmp_path)
    key_b64 = tmp_path / "key.b64"
    key_b64.write_bytes(openssl("rand", "-base64", "32"))
    Path("key.b64.enc").write_bytes(wrapped(key_b64.read_bytes()))
    Path("data.enc").write_bytes(encrypted(PLAINTEXT, key_b64))
    return tmp_path


def run(*arguments: object, data: bytes = b"", env: dict[str, str] | None = None) -> Ended:
    command = [str(COMMAND), "import-openssl", *map(str, arguments)]
    ended = subprocess.run(command, input=data, capture_output=True, check=False, env=env)
    return Ended(ended.returncode, ended.stdout, ended.stderr.decode())


def names() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"key.b64", "key.b64.enc", "data.enc"}


# ---- What it writes


@pytest.mark.usefixtures("folder")
def test_the_recipe() -> None:
    ended = run("-i", PRIVATE_KEY, "key.b64.enc", "data.enc")
    assert Path("data").read_bytes() == PLAINTEXT
    assert ended.code == 0
    assert not ended.stdout
    # One line, with the warning.
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("decrypted data.enc -> data (50.0 KiB): NOT authenticated")
    assert "aes-256-ctr cannot tell a wrong key" in ended.stderr


@pytest.mark.parametrize(
    ("enc", "given"),
    [
        ((CBC,), ["--cipher", "aes-256-cbc"]),
        (("aes-128-ctr", "-md", "md5"), ["--cipher", "AES-128-CTR", "--md", "md5"]),
        ((CTR, "-pbkdf2", "-a"), ["--pbkdf2", "-a"]),
        ((CTR, "-iter", "99", "-md", "sha512"), ["--iter", "99", "--md", "sha512"]),
        ((CTR, "-a", "-A"), ["-A"]),
    ],
)
def test_options_are_those_of_openssl(folder: Path, enc: tuple[str, ...], given: list[str]) -> None:
    Path("data.enc").write_bytes(encrypted(PLAINTEXT, folder / "key.b64", *enc))
    ended = run("-i", PRIVATE_KEY, *given, "-o", "out", "key.b64.enc", "data.enc")
    assert ended.code == 0, ended.stderr
    assert Path("out").read_bytes() == PLAINTEXT
    assert ("may miss a wrong key" in ended.stderr) == (CBC in enc)


@pytest.mark.usefixtures("folder")
def test_it_seals_at_once() -> None:
    sealing = ("--seal", "-r", PUBLIC_KEY, "--context", "from=recipe")
    ended = run("-i", PRIVATE_KEY, *sealing, "key.b64.enc", "data.enc")
    assert ended.code == 0, ended.stderr
    assert names() == {"data.sealed"}
    assert "sealed data.enc -> data.sealed" in ended.stderr
    assert "NOT authenticated" in ended.stderr
    message = Path("data.sealed").read_bytes()
    assert libseal.unseal(message, unwrapper(), require={"from": "recipe"}) == PLAINTEXT
    # In a pipe too.
    data = Path("data.enc").read_bytes()
    ended = run("-i", PRIVATE_KEY, *sealing, "key.b64.enc", "-", data=data)
    assert libseal.unseal(ended.stdout, unwrapper()) == PLAINTEXT


@pytest.mark.usefixtures("folder")
def test_pipes() -> None:
    data, key = Path("data.enc").read_bytes(), Path("key.b64.enc").read_bytes()
    ended = run("-i", PRIVATE_KEY, "key.b64.enc", "-", data=data)
    assert ended.stdout == PLAINTEXT
    assert "NOT authenticated" in ended.stderr
    assert run("-i", PRIVATE_KEY, "-o", "-", "-", "data.enc", data=key).stdout == PLAINTEXT
    assert run("-i", PRIVATE_KEY, "-o", "out", "key.b64.enc", "-", data=data).code == 0
    assert Path("out").read_bytes() == PLAINTEXT
    ended = run("-i", PRIVATE_KEY, "-", "-", data=data)
    assert (ended.code, ended.stdout) == (2, b"")
    assert "only one of the two" in ended.stderr


@pytest.mark.usefixtures("folder")
def test_the_warning_comes_with_quiet_too() -> None:
    ended = run("-q", "-i", PRIVATE_KEY, "key.b64.enc", "data.enc")
    assert ended.code == 0
    assert ended.stderr.count("\n") == 1
    assert "libseal: data.enc: NOT authenticated" in ended.stderr


@pytest.mark.usefixtures("folder")
def test_a_wrapped_key_in_base64_and_for_sha_1(folder: Path) -> None:
    key_b64 = (folder / "key.b64").read_bytes()
    Path("key.b64.enc").write_bytes(base64.encodebytes(wrapped(key_b64, md="sha1")))
    ended = run("-i", KEYS / "rsa-2048-b.key.pem", "-i", PRIVATE_KEY, "key.b64.enc", "data.enc")
    assert ended.code == 0, ended.stderr
    assert Path("data").read_bytes() == PLAINTEXT


def test_with_a_kms(folder: Path, kms: LocalKms) -> None:
    kms.create_key("alias/import-openssl")
    public = kms.client.get_public_key(KeyId="alias/import-openssl")["PublicKey"]
    Path("public.der").write_bytes(public)
    key_b64 = (folder / "key.b64").read_bytes()
    Path("key.b64.enc").write_bytes(wrapped(key_b64, folder / "public.der"))
    arguments = ("key.b64.enc", "data.enc")
    ended = run("--kms", "alias/import-openssl", *arguments, env=kms.environment)
    assert ended.code == 0, ended.stderr
    assert Path("data").read_bytes() == PLAINTEXT
    ended = run("-f", "--kms", "alias/missing", *arguments, env=kms.environment)
    assert ended.code == 6
    assert ended.stderr.startswith("libseal: key.b64.enc: KMS Decrypt of alias/missing")


@pytest.mark.usefixtures("folder")
def test_names_that_are_not_plain() -> None:
    name = os.fsdecode(b"two words\n\xff.enc")
    Path("data.enc").rename(name)
    ended = run("-i", PRIVATE_KEY, "key.b64.enc", name)
    assert ended.code == 0, ended.stderr
    assert Path(name.removesuffix(".enc")).read_bytes() == PLAINTEXT
    assert r"two words\n\xff" in ended.stderr
    assert ended.stderr.count("\n") == 1


# ---- What it refuses: one sentence, an exit code, and nothing written


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended
    assert not ended.stdout
    # A wrong command line has a second line, with where to find help.
    assert ended.stderr.count("\n") == (2 if code == 2 else 1)
    assert ended.stderr.startswith("libseal: ")
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr
    assert names() <= {"out"}


@pytest.mark.usefixtures("folder")
def test_a_wrong_key() -> None:
    ended = run("-i", KEYS / "rsa-2048-b.key.pem", "key.b64.enc", "data.enc")
    refused(ended, 4, "key.b64.enc: ", "wrapped for another key")


def test_a_wrong_password_with_cbc(folder: Path) -> None:
    # One in 250 fits by chance. Then another salt makes another wrong key.
    code = 0
    while code == 0:
        Path("data.enc").write_bytes(encrypted(PLAINTEXT, folder / "key.b64", CBC, "-md", "md5"))
        Path("out").unlink(missing_ok=True)
        ended = run("-i", PRIVATE_KEY, "--cipher", CBC, "-o", "out", "key.b64.enc", "data.enc")
        code = ended.code
    refused(ended, 4, "data.enc: ", "the padding at the end does not fit")
    assert not Path("out").exists()


@pytest.mark.usefixtures("folder")
def test_a_file_that_was_cut(folder: Path) -> None:
    data = encrypted(PLAINTEXT, folder / "key.b64", CBC)
    Path("data.enc").write_bytes(data[:-1])
    ended = run("-i", PRIVATE_KEY, "--cipher", CBC, "key.b64.enc", "data.enc")
    refused(ended, 5, "data.enc: ", "cut short")


@pytest.mark.usefixtures("folder")
def test_other_files() -> None:
    options = ("-i", PRIVATE_KEY, "-o", "out")
    refused(run(*options, "data.enc", "key.b64.enc"), 4, "data.enc: ", "the other way round")
    refused(run(*options, "key.b64.enc", "key.b64.enc"), 4, "`Salted__`")
    refused(run(*options, "key.b64", "data.enc"), 4, "key.b64: ", "is not a wrapped key")
    refused(run(*options, "key.b64.enc", "absent"), 3, "absent: ", "No such file")
    refused(run(*options, "absent", "data.enc"), 3, "absent: ", "No such file")
    refused(run(*options, "key.b64.enc", "."), 3, ".: ", "folder")


@pytest.mark.usefixtures("folder")
def test_a_wrong_command_line() -> None:
    files = ("key.b64.enc", "data.enc")
    refused(run(*files), 2, "give -i PRIVATE_KEY, or --kms KEY")
    refused(run("-i", PRIVATE_KEY, "--seal", *files), 2, "-r KEY_FILE")
    refused(run("-i", PRIVATE_KEY, "-r", PUBLIC_KEY, *files), 2, "--seal")
    refused(run("-i", PRIVATE_KEY, "--cipher", "aes-256-gcm", *files), 2, "aes-256-ctr")
    refused(run("-i", PRIVATE_KEY, "--iter", "0", *files), 2, "--iter")
    refused(run("-i", PRIVATE_KEY, "-o", "key.b64.enc", "-f", *files), 2, "is an input")
    refused(run("-i", PRIVATE_KEY, "-o", "data.enc", "-f", *files), 2, "is an input")
    refused(run("-i", PRIVATE_KEY, "key.b64.enc", "key.b64"), 2, "without .enc: give -o")


@pytest.mark.usefixtures("folder")
def test_a_file_that_exists_stays() -> None:
    Path("out").write_bytes(b"before")
    options = ("-i", PRIVATE_KEY, "-o", "out")
    refused(run(*options, "key.b64.enc", "data.enc"), 3, "--force")
    assert Path("out").read_bytes() == b"before"
    assert run(*options, "--force", "key.b64.enc", "data.enc").code == 0
    assert Path("out").read_bytes() == PLAINTEXT


def test_a_password_that_is_odd_is_named_and_not_shown(folder: Path) -> None:
    (folder / "key.b64").write_bytes(b"not really base64!\n")
    Path("key.b64.enc").write_bytes(wrapped(b"not really base64!\n"))
    Path("data.enc").write_bytes(encrypted(PLAINTEXT, folder / "key.b64"))
    ended = run("-i", PRIVATE_KEY, "key.b64.enc", "data.enc")
    assert ended.code == 0, ended.stderr
    assert "libseal: key.b64.enc: what was wrapped is not base64 text" in ended.stderr
    assert "really" not in ended.stderr
    assert Path("data").read_bytes() == PLAINTEXT


@pytest.mark.usefixtures("folder")
def test_without_cryptography_it_says_what_to_install(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    absent = tmp_path_factory.mktemp("absent")
    (absent / "cryptography.py").write_text("raise ModuleNotFoundError('cryptography')\n")
    env = os.environ | {"PYTHONPATH": str(absent)}
    ended = run("-i", PRIVATE_KEY, "key.b64.enc", "data.enc", env=env)
    refused(ended, 2, "pip install 'libseal[openssl]'")


@pytest.mark.usefixtures("folder")
def test_unseal_names_this_command() -> None:
    command = [str(COMMAND), "unseal", "-i", PRIVATE_KEY, "-o", "out", "data.enc"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert "`libseal import-openssl` decrypts it" in ended.stderr


@pytest.mark.usefixtures("folder")
def test_a_derivation_of_many_minutes_can_be_stopped() -> None:
    arguments = ["-i", PRIVATE_KEY, "--iter", str(2**31 - 1), "key.b64.enc", "data.enc"]
    command = [str(COMMAND), "import-openssl", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        seen = psutil.Process(process.pid)
        # A second is far more than it takes to come to this.
        while process.poll() is None and seen.cpu_times().user < 1:
            seen.cpu_percent(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"libseal: interrupted\n")
    assert names() == set()
