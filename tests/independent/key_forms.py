"""The same few keys in the forms in which people have them, and what they mistake for a key.

The folders say what a reader does: see tests/vectors/README.md.
"""

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from .keys import certificate, private_key, spki

PASSWORD = "correct horse"
NULL = b"\x05\x00"
PKCS8_PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SEC1_DER = (Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
SEC1_PEM = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def files() -> dict[str, bytes]:
    """Folder and name of each file, with its content."""
    found: dict[str, bytes] = {}
    for folder, forms in (
        ("public-accepted", public_accepted()),
        ("public-rejected", public_rejected()),
        ("private-accepted", private_accepted()),
        ("private-rejected", private_rejected()),
    ):
        for name, content in forms:
            assert f"{folder}/{name}" not in found, name
            found[f"{folder}/{name}"] = content
    return found


def missing() -> dict[str, Callable[[], bytes]]:
    """What comes out different each time, with what makes it."""
    makers: dict[str, Callable[[], bytes]] = {
        "public-rejected/PRIVATE_KEY_GIVEN.openssh": _openssh,
        "private-rejected/NOT_A_PRIVATE_KEY.openssh": _openssh,
        "public-rejected/PRIVATE_KEY_GIVEN.pkcs12.der": _pkcs12,
        "private-rejected/NOT_A_PRIVATE_KEY.pkcs12.der": _pkcs12,
        "public-rejected/PRIVATE_KEY_GIVEN.encrypted.der": partial(_pkcs8, "DER", "-v2", "aes256"),
        "public-rejected/PRIVATE_KEY_GIVEN.old-encryption.pem": _old_encryption,
        "private-rejected/NOT_A_PRIVATE_KEY.old-encryption.pem": _old_encryption,
        "private-rejected/NOT_A_PRIVATE_KEY.pbes1.pem": partial(
            _pkcs8, "PEM", "-v1", "PBE-SHA1-3DES"
        ),
        "private-rejected/NOT_A_PRIVATE_KEY.des3.pem": partial(_pkcs8, "PEM", "-v2", "des3"),
        "private-accepted/rsa-2048.encrypted.aes128.pem": partial(_pkcs8, "PEM", "-v2", "aes128"),
        "private-accepted/rsa-2048.encrypted.der": partial(_pkcs8, "DER", "-v2", "aes256"),
        "private-accepted/rsa-2048.encrypted.scrypt.pem": partial(_pkcs8, "PEM", "-scrypt"),
    }
    for prf in ("hmacWithSHA1", "hmacWithSHA512"):
        arguments = ("PEM", "-v2", "aes256", "-v2prf", prf)
        makers[f"private-accepted/rsa-2048.encrypted.{prf}.pem"] = partial(_pkcs8, *arguments)
    return makers


def _pkcs8(encoding: str, *encryption: str) -> bytes:
    command = ["openssl", "pkcs8", "-topk8", "-outform", encoding, *encryption]
    key = private_key("rsa-2048").private_bytes(*PKCS8_PEM)
    password = ["-passout", f"pass:{PASSWORD}"]
    return subprocess.run(command + password, input=key, capture_output=True, check=True).stdout


def _old_encryption() -> bytes:
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return private_key("rsa-2048").private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption
    )


def _openssh() -> bytes:
    return private_key("rsa-2048").private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )


def _pkcs12() -> bytes:
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(
        b"key", private_key("rsa-2048"), certificate(), None, encryption
    )


def pem(der: bytes, columns: int = 64, label: str = "PUBLIC KEY") -> bytes:
    text = b64encode(der).decode()
    lines = [text[at : at + columns] for at in range(0, len(text), columns)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def without_parameters(der: bytes) -> bytes:
    """A SubjectPublicKeyInfo of an RSA key of 2048 bits or more without the NULL."""
    body = der[4:]
    assert body.startswith(b"\x30\x0d\x06\x09")
    assert body[13:15] == NULL
    body = b"\x30\x0b" + body[2:13] + body[15:]
    return b"\x30\x82" + len(body).to_bytes(2) + body


def of_rsassa_pss(der: bytes) -> bytes:
    """The same key with the algorithm id-RSASSA-PSS, which has no parameters here."""
    der = without_parameters(der)
    assert der[16] == 1
    return der[:16] + b"\x0a" + der[17:]


def kms(der: bytes, **others: object) -> dict[str, object]:
    """What ``aws kms get-public-key`` prints."""
    return {
        "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "PublicKey": b64encode(der).decode(),
        "CustomerMasterKeySpec": "RSA_2048",
        "KeySpec": "RSA_2048",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
    } | others


def bundle(der: bytes, **others: object) -> dict[str, object]:
    """The same with what a key bundle says more, but for NotAfter."""
    more = {
        "Alias": "alias/telemetry",
        "Fingerprint": sha256(der).hexdigest(),
        "Created": "2026-01-01T00:00:00Z",
    }
    return kms(der, **(more | others))


def printed(value: object) -> bytes:
    return json.dumps(value, indent=4).encode() + b"\n"


def pem_layouts(usual: bytes) -> Iterator[tuple[str, bytes]]:
    """PEM as editors, shells and configuration files leave it."""
    begin, *lines, end = usual.split(b"\n")[:-1]

    def wrapped(columns: int) -> bytes:
        text = b"".join(lines)
        cut = [text[at : at + columns] for at in range(0, len(text), columns)]
        return b"\n".join([begin, *cut, end, b""])

    yield "one-line.pem", wrapped(10_000)
    for columns in (60, 65, 76):
        yield f"{columns}-columns.pem", wrapped(columns)
    yield "blank-line-after-begin.pem", b"\n".join([begin, b"", *lines, end, b""])
    yield "blanks-at-line-ends.pem", usual.replace(b"\n", b" \t\n")
    yield "indented.pem", b"".join(b"    " + line for line in usual.splitlines(keepends=True))
    yield "text-before.pem", b"The key of the fleet, f\xfcr 2026:\n" + usual
    yield "text-behind.pem", usual + b"That was the key of the fleet.\n"
    yield "nul-at-end.pem", usual + b"\x00"
    yield "crlf.pem", usual.replace(b"\n", b"\r\n")
    yield "bom.pem", b"\xef\xbb\xbf" + usual
    yield "no-newline-at-end.pem", usual.rstrip()
    yield "blanks-for-newlines.pem", usual.replace(b"\n", b" ")


def public_accepted() -> Iterator[tuple[str, bytes]]:
    key = spki(private_key("rsa-2048").public_key())
    usual = pem(key)
    for form, content in pem_layouts(usual):
        yield f"rsa-2048.{form}", content
    other = pem(spki(private_key("rsa-2048-b").public_key()))
    yield "rsa-2048.another-key-behind.pem", usual + other
    yield "rsa-2048.certificate-behind.pem", usual + certificate().public_bytes(Encoding.PEM)
    yield "rsa-2048.certificate-before.pem", certificate().public_bytes(Encoding.PEM) + usual

    yield "rsa-2048.newline-behind.der", key + b"\n"
    yield "rsa-2048.crlf-behind.der", key + b"\r\n"
    yield "rsa-2048.nul-behind.der", key + b"\x00"
    yield "rsa-2048.no-parameters.der", without_parameters(key)
    yield "rsa-2048.no-parameters.pem", pem(without_parameters(key))
    large = spki(private_key("rsa-4096").public_key())
    yield "rsa-4096.no-parameters.der", without_parameters(large)

    text = b64encode(key)
    yield "rsa-2048.base64", text
    yield "rsa-2048.line.base64", text + b"\n"
    yield "rsa-2048.76-columns.base64", pem(key, 76).split(b"\n", 1)[1].rsplit(b"-----END", 1)[0]
    yield "rsa-2048.quoted.base64", b'"' + text + b'"\n'
    yield "rsa-2048.kms.json", printed(kms(key))
    yield "rsa-2048.one-line.json", json.dumps(kms(key), separators=(",", ":")).encode()
    escaped = (
        json.dumps(kms(key)).replace("/", "\\/").replace("+", "\\u002B").replace("==", "=\\u003d")
    )
    yield "rsa-2048.escaped.json", escaped.encode()
    yield "rsa-2048.public-key-only.json", printed({"PublicKey": text.decode()})
    more = {
        "ResponseMetadata": {"a": ['}"{', {"PublicKey": "b"}], "c": None},
        **kms(key),
        "Size": -1.5e3,
    }
    yield "rsa-2048.more-members.json", printed(more)
    yield "rsa-4096.kms.json", printed(kms(large, KeySpec="RSA_4096"))
    yield "rsa-2048.bundle.json", printed(bundle(key))


def public_rejected() -> Iterator[tuple[str, bytes]]:
    rsa = private_key("rsa-2048")
    key = spki(rsa.public_key())
    usual = pem(key)
    elliptic = ec.derive_private_key(42, ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def ssh(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None) -> bytes:
        public = (private or rsa).public_key()
        return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" a@b\n"

    private = "PRIVATE_KEY_GIVEN"
    yield f"{private}.pkcs1.der", rsa.private_bytes(*SEC1_DER)
    yield f"{private}.newline-behind.der", rsa.private_bytes(*SEC1_DER) + b"\n"
    yield f"{private}.base64", b64encode(rsa.private_bytes(*SEC1_DER))
    yield f"{private}.ec.der", elliptic.private_bytes(*SEC1_DER)
    yield f"{private}.ec.pem", elliptic.private_bytes(*SEC1_PEM)
    yield f"{private}.ed25519.pem", edwards.private_bytes(*PKCS8_PEM)
    yield f"{private}.crlf.pem", rsa.private_bytes(*PKCS8_PEM).replace(b"\n", b"\r\n")
    yield (
        f"{private}.certificate-behind.pem",
        (rsa.private_bytes(*PKCS8_PEM) + certificate().public_bytes(Encoding.PEM)),
    )
    yield f"{private}.jwk.json", printed({"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"})
    yield f"{private}.putty", b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n"
    yield f"{private}.pgp", pem(bytes(99), label="PGP PRIVATE KEY BLOCK")

    yield (
        "PKCS1_PUBLIC_KEY_GIVEN.base64",
        b64encode(rsa.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)),
    )
    yield (
        "PKCS1_PUBLIC_KEY_GIVEN.wrong-label.pem",
        pem(rsa.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)),
    )
    yield "CERTIFICATE_GIVEN.base64", b64encode(certificate().public_bytes(Encoding.DER))
    yield (
        "CERTIFICATE_GIVEN.text-before.pem",
        (b"Certificate:\n" + certificate().public_bytes(Encoding.PEM)),
    )

    yield "WRONG_KEY_USAGE.rsassa-pss.der", of_rsassa_pss(key)
    yield "WRONG_KEY_USAGE.rsassa-pss.pem", pem(of_rsassa_pss(key))
    signing = {"KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["RSASSA_PSS_SHA_256"]}
    yield "WRONG_KEY_USAGE.kms.json", printed(kms(key, **signing))

    yield "NOT_RSA.ec.pem", pem(spki(elliptic.public_key()))
    yield "NOT_RSA.ed25519.base64", b64encode(spki(edwards.public_key()))
    yield "NOT_RSA.ssh-ed25519", ssh(edwards)
    yield "NOT_RSA.ecdsa-sha2", ssh(elliptic)
    agreement = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
    yield "NOT_RSA.kms.json", printed(kms(spki(elliptic.public_key()), **agreement))
    # The key is RSA; the answer says that it is not.
    yield "NOT_RSA.kms-key-spec.json", printed(kms(key, **agreement))

    nothing = "NOT_A_PUBLIC_KEY"
    yield f"{nothing}.empty", b""
    yield f"{nothing}.blanks", b" \r\n\t\n"
    yield f"{nothing}.nul", b"\x00"
    yield f"{nothing}.utf-16.pem", usual.decode().encode("utf-16")
    yield f"{nothing}.utf-16-be.pem", b"\xfe\xff" + usual.decode().encode("utf-16-be")
    yield f"{nothing}.utf-16-without-bom.pem", usual.decode().encode("utf-16-le")
    yield f"{nothing}.literal-newlines.pem", usual.replace(b"\n", b"\\n")
    yield f"{nothing}.in-json.pem", json.dumps({"key": usual.decode()}).encode()
    yield f"{nothing}.no-end.pem", usual.rsplit(b"-----END", 1)[0]
    yield f"{nothing}.cut-begin.pem", usual[5:]
    yield f"{nothing}.wrong-end.pem", usual.replace(b"END PUBLIC", b"END PRIVATE")
    yield f"{nothing}.damaged.pem", usual.replace(b"\nMII", b"\nM*I")
    yield f"{nothing}.short-by-a-letter.pem", usual.replace(b"A", b"", 1)
    yield f"{nothing}.nothing-inside.pem", pem(b"")
    yield f"{nothing}.cut.der", key[:100]
    yield f"{nothing}.junk-behind.der", key + b"\njunk"
    yield f"{nothing}.two.der", key + key
    yield f"{nothing}.ssh-rsa", ssh(None)
    yield f"{nothing}.ssh-rsa.base64", ssh(None).split()[1] + b"\n"
    yield (
        f"{nothing}.ssh2",
        (
            b"---- BEGIN SSH2 PUBLIC KEY ----\n"
            + ssh(None).split()[1]
            + b"\n---- END SSH2 PUBLIC KEY ----\n"
        ),
    )
    yield f"{nothing}.jwk.json", printed({"kty": "RSA", "n": "AQAB", "e": "AQAB"})
    yield f"{nothing}.jwks.json", printed({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})
    yield f"{nothing}.other.json", printed({"key": "value"})
    yield f"{nothing}.cut.json", printed(kms(key))[:300]
    yield (
        f"{nothing}.damaged.json",
        printed(kms(b"")).replace(b'"PublicKey": ""', b'"PublicKey": "*"'),
    )
    yield (
        f"{nothing}.two-public-keys.json",
        printed(kms(key)).replace(b'"KeySpec"', b'"PublicKey"', 1),
    )
    yield f"{nothing}.other-key-spec.json", printed(kms(key, KeySpec="RSA_4096"))
    expiring = bundle(key, NotAfter="2099-01-01T00:00:00Z")
    yield f"{nothing}.expiring-bundle.json", printed(expiring)
    yield f"{nothing}.null-not-after.json", printed(bundle(key, NotAfter=None))
    yield f"{nothing}.fingerprint.json", printed(bundle(key, Fingerprint=f"sha256:{'0' * 57}"))
    yield "FINGERPRINT_MISMATCH.bundle.json", printed(bundle(key, Fingerprint="0" * 64))
    yield f"{nothing}.request.pem", _request().public_bytes(Encoding.PEM)
    yield f"{nothing}.request.der", _request().public_bytes(Encoding.DER)
    yield f"{nothing}.pgp", pem(bytes(99), label="PGP PUBLIC KEY BLOCK")
    yield f"{nothing}.parameters.pem", pem(b"\x06\x00", label="EC PARAMETERS")
    yield f"{nothing}.path", b"keys/device.pub.pem"
    yield f"{nothing}.path-in-windows", b"C:\\keys\\device.der\r\n"
    yield f"{nothing}.file-name", b"device.pub.der"
    yield f"{nothing}.arn", b"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd"
    yield f"{nothing}.alias", b"alias/fleet\n"
    yield f"{nothing}.pem.base64", b64encode(usual)
    yield f"{nothing}.hexadecimal", key.hex().encode()
    yield f"{nothing}.words", b"this is not a key"


def _request() -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "libseal test vectors")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(private_key("rsa-2048"), SHA256())


def private_accepted() -> Iterator[tuple[str, bytes]]:
    rsa = private_key("rsa-2048")
    usual = rsa.private_bytes(*PKCS8_PEM)
    for form, content in pem_layouts(usual):
        yield f"rsa-2048.{form}", content
    yield "rsa-2048.pkcs1.pem", rsa.private_bytes(*SEC1_PEM)
    yield "rsa-2048.pkcs1.der", rsa.private_bytes(*SEC1_DER)
    yield "rsa-2048.pkcs8.der", rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield "rsa-2048.newline-behind.der", rsa.private_bytes(*SEC1_DER) + b"\n"
    yield "rsa-2048.certificate-before.pem", certificate().public_bytes(Encoding.PEM) + usual


def private_rejected() -> Iterator[tuple[str, bytes]]:
    rsa = private_key("rsa-2048")
    usual = rsa.private_bytes(*PKCS8_PEM)
    elliptic = ec.derive_private_key(42, ec.SECP256R1())
    nothing = "NOT_A_PRIVATE_KEY"
    yield f"{nothing}.empty", b"\n"
    yield f"{nothing}.public.pem", pem(spki(rsa.public_key()))
    yield f"{nothing}.public.der", spki(rsa.public_key())
    yield (
        f"{nothing}.pkcs1-public.pem",
        rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    )
    yield f"{nothing}.certificate.pem", certificate().public_bytes(Encoding.PEM)
    yield f"{nothing}.utf-16.pem", usual.decode().encode("utf-16")
    yield f"{nothing}.literal-newlines.pem", usual.replace(b"\n", b"\\n")
    yield f"{nothing}.no-end.pem", usual.rsplit(b"-----END", 1)[0]
    yield f"{nothing}.damaged.pem", usual.replace(b"\nMII", b"\nM*I")
    yield f"{nothing}.cut.der", rsa.private_bytes(*SEC1_DER)[:100]
    yield f"{nothing}.path", b"keys/private.pem"
    yield f"{nothing}.words", b"this is not a key"
    yield "NOT_RSA.ec.pem", elliptic.private_bytes(*SEC1_PEM)
    yield "NOT_RSA.ec.der", elliptic.private_bytes(*SEC1_DER)
    yield "NOT_RSA.ec-pkcs8.pem", elliptic.private_bytes(*PKCS8_PEM)
