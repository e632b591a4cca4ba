"""Keys, recipients, contexts: what is refused, and with which words."""

import copy
import hashlib
import pickle
from collections import OrderedDict
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

import libseal
from support import key_file, public_key, unwrapper


def test_key_files_are_told_apart() -> None:
    expected = {
        "rsa-1024.pub.der": "KEY_TOO_SMALL",
        "rsa-8192.pub.der": "KEY_TOO_LARGE",
        "rsa-2560.pub.der": "UNSUPPORTED_KEY_SIZE",
        "rsa-2048-e1.pub.der": "INVALID_RSA_KEY",
        "rsa-2048-e4.pub.der": "INVALID_RSA_KEY",
        "rsa-2048-e33-bits.pub.der": "INVALID_RSA_KEY",
        "ec-p256.pub.der": "NOT_RSA",
        "ed25519.pub.der": "NOT_RSA",
        "certificate.pem": "CERTIFICATE_GIVEN",
        "certificate.der": "CERTIFICATE_GIVEN",
        "rsa-2048.key.pem": "PRIVATE_KEY_GIVEN",
        "rsa-2048.key.der": "PRIVATE_KEY_GIVEN",
        "rsa-2048.encrypted.pem": "PRIVATE_KEY_GIVEN",
        "rsa-2048.pkcs1.key.pem": "PRIVATE_KEY_GIVEN",
        "rsa-2048.pkcs1.pub.pem": "PKCS1_PUBLIC_KEY_GIVEN",
        "rsa-2048.pkcs1.pub.der": "PKCS1_PUBLIC_KEY_GIVEN",
    }
    for name, error in expected.items():
        with pytest.raises(libseal.InvalidKeyError) as refused:
            libseal.PublicKey(key_file(name))
        assert refused.value.name == error, name


def test_generated_private_key() -> None:
    pem = libseal.generate_private_key(2048)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert pem.endswith(b"-----END PRIVATE KEY-----\n")
    local = libseal.LocalUnwrapper(pem)
    assert local.public_key.bits == 2048
    assert libseal.unseal(libseal.seal(local.public_key, b"21.5 C"), local) == b"21.5 C"
    assert libseal.generate_private_key(2048) != pem
    for bits in (0, 1024, 3000, 8192):
        with pytest.raises(libseal.InvalidKeyError, match="use 2048, 3072 or 4096"):
            libseal.generate_private_key(bits)


@pytest.mark.parametrize(("algorithm", "digest"), [("SHA_256", SHA256), ("SHA_1", SHA1)])
def test_decrypting_what_others_wrapped(algorithm: str, digest: type[SHA256] | type[SHA1]) -> None:
    key = load_der_public_key(key_file("rsa-2048.pub.der"))
    assert isinstance(key, RSAPublicKey)
    oaep = OAEP(MGF1(digest()), digest(), None)
    local, name = unwrapper(), f"RSAES_OAEP_{algorithm}"
    for text in (b"", b"c2VjcmV0\n", bytes(190)):
        ciphertext = key.encrypt(text, oaep)
        assert local.decrypt(ciphertext, name) == text
        assert local.decrypt(bytearray(ciphertext), algorithm=name) == text
    if digest is SHA256:
        assert local.decrypt(ciphertext) == text
    other = {"SHA_256": "SHA_1", "SHA_1": "SHA_256"}[algorithm]
    for wrong in (
        (ciphertext, f"RSAES_OAEP_{other}"),
        (ciphertext[:-1], name),
        (b"", name),
        (bytes(256), name),
    ):
        with pytest.raises(libseal.WrappedKeyRejectedError, match="private key cannot decrypt"):
            local.decrypt(*wrong)
    with pytest.raises(libseal.WrappedKeyRejectedError):
        unwrapper("rsa-2048-b").decrypt(ciphertext, name)
    with pytest.raises(ValueError, match="algorithm must be RSAES_OAEP_SHA_256 or"):
        local.decrypt(ciphertext, "RSAES_PKCS1_V1_5")
    with pytest.raises(TypeError, match="ciphertext must be bytes-like"):
        local.decrypt("text")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"\x30\x80", "-----BEGIN", "a/path.pem", bytes(300)]
)
def test_no_key_at_all(junk: bytes | str) -> None:
    with pytest.raises(libseal.InvalidKeyError) as refused:
        libseal.PublicKey(junk)
    assert refused.value.code == 110
    assert isinstance(refused.value, ValueError)
    with pytest.raises(libseal.InvalidKeyError) as refused:
        libseal.LocalUnwrapper(junk)
    assert refused.value.name == "NOT_A_PRIVATE_KEY"


def test_public_key() -> None:
    der, pem = key_file("rsa-2048.pub.der"), key_file("rsa-2048.pub.pem")
    key = libseal.PublicKey(der)
    for same in (pem, pem.decode(), bytearray(der), memoryview(pem)):
        assert libseal.PublicKey(same) == key
    assert key.bits == 2048
    assert key.der == der
    assert key.fingerprint == hashlib.sha256(der).digest()
    assert key.fingerprint.hex() in repr(key)
    assert "2048" in repr(key)
    assert key != public_key("rsa-2048-b")
    assert key != der
    assert len({key, libseal.PublicKey(pem), public_key("rsa-2048-b")}) == 2
    with pytest.raises(AttributeError):
        key.bits = 4096  # type: ignore[misc]


def test_pinned_key() -> None:
    der = key_file("rsa-2048.pub.der")
    pin, other = hashlib.sha256(der), public_key("rsa-2048-b").fingerprint
    for expected in (
        pin.digest(),
        bytearray(pin.digest()),
        pin.hexdigest(),
        pin.hexdigest().upper(),
    ):
        for encoded in (der, key_file("rsa-2048.pub.pem").decode()):
            assert libseal.PublicKey(encoded, fingerprint=expected) == public_key()
    for wrong in (other, other.hex(), bytes(32)):
        with pytest.raises(libseal.InvalidKeyError, match=f"{pin.hexdigest()}, not the exp") as no:
            libseal.PublicKey(der, fingerprint=wrong)
        assert (no.value.code, no.value.name) == (122, "FINGERPRINT_MISMATCH")
    assert other.hex() not in str(no.value)


@pytest.mark.parametrize(
    "pin",
    [b"", bytes(31), bytes(33), "", "00" * 31, "00" * 33, "0x" + "00" * 31, "+0" * 32, "ä" * 32],
)
def test_malformed_pin(pin: bytes | str) -> None:
    """It is not taken for a fingerprint that does not match."""
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        libseal.PublicKey(key_file("rsa-2048.pub.der"), fingerprint=pin)
    assert not isinstance(refused.value, libseal.SealError)
    with pytest.raises(TypeError):
        libseal.PublicKey(key_file("rsa-2048.pub.der"), fingerprint=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096"])
def test_values_can_be_pickled_and_copied(name: str) -> None:
    key = public_key(name)
    assert key.der == key_file(f"{name}.pub.der")
    recipient = libseal.Recipient(key, "id", "RSAES_OAEP_SHA_1")
    (wrapped_key,) = libseal.inspect(libseal.seal(recipient, b"")).wrapped_keys
    for value in (key, recipient, wrapped_key):
        for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert again == value
            assert hash(again) == hash(value)
            assert repr(again) == repr(value)


def test_recipient() -> None:
    recipient = libseal.Recipient(public_key(), key_id="id")
    assert recipient.key == public_key()
    assert recipient.key_id == "id"
    assert recipient.algorithm == "RSAES_OAEP_SHA_256"
    assert recipient != libseal.Recipient(public_key())
    assert "'id'" in repr(recipient) or '"id"' in repr(recipient)
    with pytest.raises(ValueError, match="algorithm must be RSAES_OAEP_SHA_256 or"):
        libseal.Recipient(public_key(), algorithm="RSA")
    with pytest.raises(TypeError):
        libseal.Recipient(key_file("rsa-2048.pub.der"))  # type: ignore[arg-type]


def test_wrapped_key() -> None:
    key = libseal.WrappedKey("RSAES_OAEP_SHA_256", bytes(32), "id", b"wrapped")
    assert (key.algorithm, key.fingerprint, key.key_id, key.ciphertext) == (
        "RSAES_OAEP_SHA_256",
        bytes(32),
        "id",
        b"wrapped",
    )
    assert libseal.WrappedKey("UNKNOWN_3", bytes(32), "", b"x").algorithm == "UNKNOWN_3"
    for algorithm in ("", "RSA", "UNKNOWN_", "UNKNOWN_0", "UNKNOWN_1", "UNKNOWN_256"):
        with pytest.raises(ValueError, match="unknown wrapping algorithm"):
            libseal.WrappedKey(algorithm, bytes(32), "", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        libseal.WrappedKey("RSAES_OAEP_SHA_256", bytes(31), "", b"")


@pytest.mark.parametrize(
    "recipients",
    [None, 7, b"pem", "pem", bytearray(3), object(), [None], ["pem"], [b"pem"], [[]], {"a": 1}],
)
def test_not_a_recipient(recipients: object) -> None:
    with pytest.raises(TypeError, match=r"must be a libseal\.PublicKey or libseal\.Recipient, not"):
        libseal.seal(recipients, b"")  # type: ignore[arg-type]


def test_number_of_recipients() -> None:
    assert len(libseal.inspect(libseal.seal([public_key()] * 16, b"")).wrapped_keys) == 16
    for number, name in ((0, "NO_RECIPIENTS"), (17, "TOO_MANY_RECIPIENTS")):
        with pytest.raises(libseal.LimitError) as refused:
            libseal.seal([public_key()] * number, b"")
        assert refused.value.name == name


def test_errors_of_an_iterable_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        libseal.seal((1 / 0 for _ in range(2)), b"")  # type: ignore[misc]


def test_key_id() -> None:
    blob = libseal.seal(libseal.Recipient(public_key(), "ü" * 1024), b"")
    assert libseal.inspect(blob).wrapped_keys[0].key_id == "ü" * 1024
    with pytest.raises(libseal.LimitError) as refused:
        libseal.seal(libseal.Recipient(public_key(), "ü" * 1024 + "x"), b"")
    assert refused.value.name == "KEY_ID_TOO_LONG"
    for key_id in (None, b"id", 7):
        with pytest.raises(TypeError):
            libseal.Recipient(public_key(), key_id=key_id)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        libseal.Recipient(public_key(), key_id="\ud800")


def test_context_of_any_mapping() -> None:
    for context in (OrderedDict(b="2", a="1"), MappingProxyType({"b": "2", "a": "1"})):
        blob = libseal.seal(public_key(), b"", context=context)
        assert list(libseal.inspect(blob).context.items()) == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("context", "name", "error"),
    [
        ({"": "x"}, "CONTEXT_KEY_EMPTY", libseal.ContextError),
        ({"libseal:x": "x"}, "CONTEXT_KEY_RESERVED", libseal.ContextError),
        ({"k": "x" * 8188}, "CONTEXT_TOO_LONG", libseal.LimitError),
        ({str(n): "" for n in range(100_000)}, "CONTEXT_TOO_LONG", libseal.LimitError),
    ],
)
def test_bad_context(context: dict[str, str], name: str, error: type[libseal.SealError]) -> None:
    with pytest.raises(error) as refused:
        libseal.seal(public_key(), b"", context=context)
    assert refused.value.name == name
    assert isinstance(refused.value, ValueError)
    with pytest.raises(error):
        libseal.Sealer(public_key(), context=context)


@pytest.mark.parametrize("context", [{"a": 1}, {1: "a"}, {b"a": "b"}, {"a": None}])
def test_context_of_other_things_than_str(context: object) -> None:
    with pytest.raises(TypeError, match="of context must be str, not"):
        libseal.seal(public_key(), b"", context=context)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="of context must be str, not"):
        libseal.Sealer(public_key(), context=context)  # type: ignore[arg-type]


@pytest.mark.parametrize("context", ["a=b", [("a", "b")], 7, {"a"}])
def test_context_that_is_no_mapping(context: object) -> None:
    with pytest.raises(TypeError, match="context must be a mapping, not"):
        libseal.seal(public_key(), b"", context=context)  # type: ignore[arg-type]


def test_surrogates_in_a_context() -> None:
    with pytest.raises(UnicodeEncodeError):
        libseal.seal(public_key(), b"", context={"a": "\ud800"})


def test_local_unwrapper() -> None:
    blob = libseal.seal(public_key(), b"data")
    encrypted = key_file("rsa-2048.encrypted.pem")
    for pem, password in (
        (key_file("rsa-2048.key.pem"), None),
        (key_file("rsa-2048.key.pem").decode(), None),
        (key_file("rsa-2048.pkcs1.key.pem"), None),
        (encrypted, "correct horse"),
        (encrypted, b"correct horse"),
    ):
        local = libseal.LocalUnwrapper(pem, password)
        assert local.public_key == public_key()
        assert local.public_key.fingerprint.hex() in repr(local)
        assert libseal.unseal(blob, local) == b"data"
    for password in (None, "wrong"):
        with pytest.raises(libseal.InvalidKeyError) as refused:
            libseal.LocalUnwrapper(encrypted, password)
        assert refused.value.name == "PRIVATE_KEY_PASSWORD"


def test_local_unwrapper_asked_for_others() -> None:
    (wrapped_key,) = libseal.inspect(libseal.seal(public_key("rsa-2048-b"), b"")).wrapped_keys
    assert unwrapper()(wrapped_key) is None
    unknown = libseal.WrappedKey("UNKNOWN_3", public_key().fingerprint, "", b"x")
    assert unwrapper()(unknown) is None
    broken = libseal.WrappedKey("RSAES_OAEP_SHA_256", public_key().fingerprint, "", b"x" * 256)
    with pytest.raises(libseal.KeyUnwrapError):
        unwrapper()(broken)
