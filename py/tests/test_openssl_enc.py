"""Files of `openssl enc`: what the real openssl writes is read, and what it refuses is refused."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from libseal import openssl_enc
from openssl_support import CBC, CTR, decrypted, encrypted, openssl
from support import PIECE, ShortReader, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CIPHERS = [f"aes-{bits}-{mode}" for bits in (256, 192, 128) for mode in ("ctr", "cbc")]
DERIVATIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("-md", "sha256"), {}),
    (("-md", "md5"), {"md": "md5"}),
    (("-md", "sha1"), {"md": "SHA1"}),
    (("-md", "sha512"), {"md": "sha512"}),
    (("-pbkdf2",), {"pbkdf2": True}),
    (("-iter", "7", "-md", "sha512"), {"md": "sha512", "iterations": 7}),
]


@pytest.fixture(scope="module")
def key_b64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file of the recipe, newline included."""
    path = tmp_path_factory.mktemp("key") / "key.b64"
    path.write_bytes(openssl("rand", "-base64", "32"))
    return path


@pytest.fixture
def password(key_b64: Path) -> bytes:
    return key_b64.read_bytes().removesuffix(b"\n")


def read(data: bytes, password: bytes, cipher: str = CTR, **options: Any) -> bytes:
    """The plaintext through a DecryptReader."""
    with openssl_enc.DecryptReader(io.BytesIO(data), password, cipher=cipher, **options) as reader:
        return reader.read()


# ---- What openssl writes


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize(("options", "arguments"), DERIVATIONS)
def test_ciphers_and_derivations(
    key_b64: Path,
    password: bytes,
    cipher: str,
    options: tuple[str, ...],
    arguments: dict[str, Any],
) -> None:
    data = encrypted(b"what the recipe wrote", key_b64, cipher, *options)
    assert read(data, password, cipher, **arguments) == b"what the recipe wrote"


@pytest.mark.parametrize("cipher", [CTR, CBC])
@pytest.mark.parametrize("base64", [(), ("-a",), ("-a", "-A")], ids=["binary", "lines", "one line"])
def test_every_length_through_files_and_readers(
    tmp_path: Path,
    key_b64: Path,
    password: bytes,
    cipher: str,
    base64: tuple[str, ...],
) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    options: dict[str, Any] = {"cipher": cipher, "base64": bool(base64)}
    for length in (0, 1, 15, 16, 17, 32, PIECE - 16, PIECE, 2 * PIECE + 5):
        plaintext = os.urandom(length)
        src.write_bytes(encrypted(plaintext, key_b64, cipher, *base64))
        assert openssl_enc.decrypt_file(src, dst, password, **options) == length
        assert dst.read_bytes() == plaintext
        assert read(src.read_bytes(), password, **options) == plaintext
        written = openssl_enc.reseal_file(
            public_key(), src, dst, password, context={"from": "recipe"}, **options
        )
        message = dst.read_bytes()
        assert len(message) == written
        assert libseal.unseal(message, unwrapper(), require={"from": "recipe"}) == plaintext


@pytest.mark.parametrize("at_once", [1, 7, 16, 17, 100])
@pytest.mark.parametrize("cipher", [CTR, CBC])
@pytest.mark.parametrize("base64", [False, True])
def test_a_source_that_gives_little_at_a_time(
    key_b64: Path, password: bytes, at_once: int, cipher: str, base64: bool
) -> None:
    plaintext = bytes(range(256)) * 3
    data = encrypted(plaintext, key_b64, cipher, *["-a"] * base64)
    source = ShortReader(data, at_once)
    reader = openssl_enc.DecryptReader(source, password, cipher=cipher, base64=base64)
    got = b""
    while piece := reader.read(5):
        assert len(piece) == 5 or len(got) + len(piece) == len(plaintext)
        got += piece
        assert reader.tell() == len(got)
    assert got == plaintext


def test_a_reader_is_a_file_object(key_b64: Path, password: bytes, tmp_path: Path) -> None:
    lines = [b"one\n", b"two\n", b"three"]
    path = tmp_path / "enc"
    path.write_bytes(encrypted(b"".join(lines), key_b64))
    with path.open("rb") as file:
        with openssl_enc.DecryptReader(file, password) as reader:
            assert reader.readable()
            assert not reader.seekable()
            assert not reader.writable()
            assert reader.name == str(path)
            assert reader.peek(1)[:1] == b"o"
            assert [*reader] == lines
            with pytest.raises(io.UnsupportedOperation):
                reader.seek(0)
        assert not file.closed
    with pytest.raises(ValueError, match="closed"):
        reader.read()


def test_progress_counts_the_source(key_b64: Path, password: bytes, tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    for base64 in (False, True):
        src.write_bytes(encrypted(bytes(3 * PIECE), key_b64, CTR, *["-a"] * base64))
        counts: list[int] = []
        openssl_enc.decrypt_file(src, dst, password, base64=base64, progress=counts.append)
        assert sum(counts) == src.stat().st_size
        assert len(counts) > 2
        openssl_enc.reseal_file(
            public_key(), src, dst, password, base64=base64, progress=counts.append
        )
        assert sum(counts) == 2 * src.stat().st_size


def test_memory_is_constant(key_b64: Path, password: bytes, tmp_path: Path) -> None:
    src = tmp_path / "src"
    src.write_bytes(encrypted(bytes(64 * PIECE), key_b64, CBC))
    code = (
        "import resource, sys; from libseal import openssl_enc\n"
        "def go(src):\n"
        "    password = sys.argv[3].encode()\n"
        "    openssl_enc.decrypt_file(src, sys.argv[2], password, cipher='aes-256-cbc')\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(go(sys.argv[4]), go(sys.argv[1]))\n"
    )
    small = tmp_path / "small"
    small.write_bytes(encrypted(bytes(PIECE), key_b64, CBC))
    command = [sys.executable, "-c", code, str(src), str(tmp_path / "dst"), password.decode()]
    command.append(str(small))
    first, second = map(int, subprocess.check_output(command).split())
    assert second - first < 16 * 1024  # KiB


# ---- What openssl refuses


def test_cbc_says_that_the_password_is_wrong(key_b64: Path, tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(encrypted(b"x" * 100, key_b64, CBC))
    # One in 250 wrong passwords fits by chance, so take one that openssl refuses too.
    other = tmp_path / "other"
    number = 0
    while number == 0 or decrypted(src.read_bytes(), other, CBC) is not None:
        number += 1
        other.write_text(f"wrong {number}\n")
    password = other.read_bytes().strip()
    calls: list[Callable[[], int]] = [
        lambda: openssl_enc.decrypt_file(src, dst, password, cipher=CBC),
        lambda: openssl_enc.reseal_file(public_key(), src, dst, password, cipher=CBC),
    ]
    for call in calls:
        with pytest.raises(libseal.AuthenticationError, match="the password") as caught:
            call()
        assert not isinstance(caught.value, libseal.TruncatedError)
        assert password.decode() not in str(caught.value)
        assert any(str(src) in note for note in caught.value.__notes__)
    assert [path.name for path in tmp_path.iterdir() if path != other] == ["src"]


def test_ctr_cannot_say_so(key_b64: Path) -> None:
    garbage = read(encrypted(b"x" * 100, key_b64), b"wrong")
    assert len(garbage) == 100
    assert garbage != b"x" * 100


def outcome(call: Callable[[], bytes]) -> bytes | None:
    try:
        return call()
    except libseal.SealError:
        return None


@pytest.mark.parametrize("cipher", [CTR, CBC])
def test_cut_files_end_as_with_openssl(key_b64: Path, password: bytes, cipher: str) -> None:
    whole = encrypted(b"0123456789abcdef" * 2 + b"more", key_b64, cipher)
    for end in range(len(whole)):
        mine = outcome(lambda end=end: read(whole[:end], password, cipher))  # type: ignore[misc]
        assert mine == decrypted(whole[:end], key_b64, cipher), end


def test_altered_padding_ends_as_with_openssl(key_b64: Path, password: bytes) -> None:
    whole = bytearray(encrypted(b"0123456789abcdef" * 2 + b"more", key_b64, CBC))
    kinds = set()
    # In the block before the last one, a bit changes the same bit of the padding.
    for position in range(len(whole) - 32, len(whole) - 16):
        for bit in (1, 8, 128):
            altered = bytearray(whole)
            altered[position] ^= bit
            mine = outcome(lambda altered=altered: read(bytes(altered), password, CBC))  # type: ignore[misc]
            assert mine == decrypted(bytes(altered), key_b64, CBC)
            kinds.add(mine is None)
    assert kinds == {True, False}


def test_a_cut_file_is_told_apart(key_b64: Path, password: bytes) -> None:
    whole = encrypted(b"0123456789abcdef" * 2, key_b64, CBC)
    for end, sentence in ((0, "empty"), (15, "salt"), (16, "nothing comes"), (40, "whole blocks")):
        with pytest.raises(libseal.TruncatedError, match=sentence):
            read(whole[:end], password, CBC)


@pytest.mark.parametrize(
    ("data", "base64", "sentence"),
    [
        (b"plain text, not encrypted", False, "does not begin with `Salted__`.*-nosalt"),
        (b"Salt", False, "does not begin with `Salted__`"),
        (b"U2FsdGVkX1+lh3VvGhp2eD1=", False, "base64"),
        (b"SEAL\x01\x01", False, "unseal it"),
        (b"cGxhaW4gdGV4dCwgbm90IGVuY3J5cHRlZA==", True, "does not begin with `Salted__`"),
        (b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", True, "not base64"),
    ],
)
def test_other_files_are_named(data: bytes, base64: bool, sentence: str) -> None:
    with pytest.raises(libseal.FormatError, match=sentence):
        read(data, b"password", base64=base64)


def test_base64_that_is_not_whole_is_an_error(key_b64: Path, password: bytes) -> None:
    plaintext = b"0123456789" * 20 + b"x"
    whole = encrypted(plaintext, key_b64, CTR, "-a")
    assert whole.endswith(b"==\n")
    assert read(whole.replace(b"\n", b"\r\n "), password, base64=True) == plaintext
    lines = whole.split(b"\n")
    for hostile, kind in {
        whole[:-3]: libseal.TruncatedError,
        whole + b"QUJD": libseal.FormatError,
        whole + b"=": libseal.FormatError,
        b"\n".join([lines[0], b"-----", *lines[1:]]): libseal.FormatError,
        b"\n".join([lines[0][:-4] + b"QQ==", *lines[1:]]): libseal.FormatError,
        lines[0][:40] + b"\0" + lines[0][41:]: libseal.FormatError,
        "Ünïcode".encode() + whole: libseal.FormatError,
    }.items():
        # openssl leaves out what it cannot read, or stops there, and is content.
        with pytest.raises(kind):
            read(hostile, password, base64=True)


def test_after_a_failure_nothing_looks_like_the_end(key_b64: Path, password: bytes) -> None:
    data = encrypted(bytes(1000), key_b64, CBC)
    reader = openssl_enc.DecryptReader(io.BytesIO(data[:-5]), password, cipher=CBC)
    with pytest.raises(libseal.TruncatedError):
        reader.read()
    with pytest.raises(libseal.StateError, match="failed before"):
        reader.read()
    source = ShortReader(data, 100, fails_at=500)
    reader = openssl_enc.DecryptReader(source, password, cipher=CBC)
    with pytest.raises(OSError, match="unreadable"):
        reader.read()
    with pytest.raises(libseal.StateError):
        reader.read(1)


# ---- The destination


def test_only_a_new_file(key_b64: Path, password: bytes, tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(encrypted(b"data", key_b64))
    openssl_enc.decrypt_file(src, dst, password, overwrite=False)
    assert dst.read_bytes() == b"data"
    with pytest.raises(FileExistsError, match="dst"):
        openssl_enc.decrypt_file(src, dst, password, overwrite=False)
    with pytest.raises(FileExistsError, match="dst"):
        openssl_enc.reseal_file([public_key()], src, dst, password, overwrite=False)
    assert dst.read_bytes() == b"data"


def test_the_destination_is_replaced_as_a_whole(
    key_b64: Path, password: bytes, tmp_path: Path
) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    data = encrypted(bytes(5 * PIECE), key_b64, CBC)
    src.write_bytes(data[:-1])
    dst.write_bytes(b"before")
    dst.chmod(0o600)
    with pytest.raises(libseal.TruncatedError):
        openssl_enc.decrypt_file(src, dst, password, cipher=CBC)
    assert dst.read_bytes() == b"before"
    src.write_bytes(data)
    openssl_enc.decrypt_file(src, dst, password, cipher=CBC)
    assert dst.read_bytes() == bytes(5 * PIECE)
    assert dst.stat().st_mode & 0o777 == 0o600
    # Onto itself.
    openssl_enc.decrypt_file(src, src, password, cipher=CBC)
    assert src.read_bytes() == bytes(5 * PIECE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dst", "src"]


def test_a_pipe_as_the_source(key_b64: Path, password: bytes, tmp_path: Path) -> None:
    data = encrypted(bytes(300_000), key_b64)
    code = (
        "import sys; from libseal import openssl_enc\n"
        "openssl_enc.decrypt_file('/dev/stdin', sys.argv[1], sys.argv[2].encode())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "dst"), password.decode()]
    subprocess.run(command, input=data, check=True)
    assert (tmp_path / "dst").read_bytes() == bytes(300_000)


# ---- Arguments


def test_arguments_of_the_wrong_kind(tmp_path: Path) -> None:
    data = io.BytesIO(b"Salted__" + bytes(8))
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (ValueError, "cipher must be one of aes-256-ctr", {"cipher": "aes-256-gcm"}),
        (ValueError, "md must be one of sha256", {"md": "whirlpool"}),
        (ValueError, "iterations must be from 1", {"iterations": 0}),
        (ValueError, "iterations must be from 1", {"iterations": 2**31}),
        (TypeError, "iterations must be int", {"iterations": "7"}),
        (TypeError, "cipher must be str", {"cipher": None}),
    ]
    for kind, sentence, options in wrong:
        with pytest.raises(kind, match=sentence):
            openssl_enc.DecryptReader(data, b"password", **options)
    with pytest.raises(TypeError, match="password must be bytes, not str"):
        openssl_enc.DecryptReader(data, "secret")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="password must be bytes, not int"):
        openssl_enc.DecryptReader(data, 7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="file object"):
        openssl_enc.DecryptReader("path", b"password")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="src must be a path"):
        openssl_enc.decrypt_file(data, tmp_path / "dst", b"password")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        openssl_enc.decrypt_file(tmp_path / "absent", tmp_path / "dst", b"password")
    assert data.tell() == 0
    assert not [*tmp_path.iterdir()]


def test_without_cryptography_it_says_what_to_install() -> None:
    code = (
        "import io, sys; sys.modules['cryptography'] = None\n"
        "from libseal import openssl_enc\n"
        "try: openssl_enc.DecryptReader(io.BytesIO(b'Salted__' + bytes(8)), b'password')\n"
        "except ImportError as error: print(error)\n"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "pip install 'libseal[openssl]'" in printed


@pytest.mark.parametrize(
    "call",
    [
        lambda file, path: libseal.inspect(file),
        lambda file, path: libseal.inspect(path),
        lambda file, path: libseal.Header(file),
        lambda file, path: libseal.unseal(file, unwrapper()),
        lambda file, path: libseal.unseal_file(path, path.with_name("dst"), unwrapper()),
        lambda file, path: libseal.UnsealReader(io.BytesIO(file), unwrapper()),
        lambda file, path: libseal.UnsealReader(ShortReader(file, 100), unwrapper()),
        lambda file, path: libseal.Unsealer().update(file),
        lambda file, path: [*libseal.unseal_many([file], unwrapper())],
    ],
)
def test_unsealing_names_the_command(
    key_b64: Path, tmp_path: Path, call: Callable[[bytes, Path], object]
) -> None:
    path = tmp_path / "enc"
    path.write_bytes(encrypted(bytes(100), key_b64))
    with pytest.raises(libseal.FormatError, match="libseal import-openssl") as caught:
        call(path.read_bytes(), path)
    assert caught.value.name == "NOT_SEALED"
