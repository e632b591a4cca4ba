"""Keys that are valid for a time: bundles in JSON, and certificates with and without roots.

The file is described in tests/vectors/README.md.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from . import key_forms
from .key_forms import PKCS8_PEM, pem, printed
from .keys import certificate, private_key, spki
from .vector import KEYS

FOLDER = KEYS / "dated"

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOT_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
SECOND, DAY = 1, 86400


@dataclass(frozen=True)
class DatedKey:
    name: str
    comment: str
    expect: str
    """OK, or the status."""
    form: str
    """bundle or certificate."""
    at: int
    roots: str | None
    """The name of a file in the folder of the keys."""
    key: str
    """Which key it is."""
    content: bytes

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.{self.form}"

    def encode(self) -> bytes:
        lines = [
            ("comment", self.comment),
            ("expect", self.expect),
            ("key", self.key),
            ("at", str(self.at)),
        ]
        if self.roots is not None:
            lines.append(("roots", self.roots))
        head = "".join(f"{name}: {value}\n" for name, value in lines)
        return head.encode() + b"\n" + self.content


def parse(path: Path) -> DatedKey:
    head, _, content = path.read_bytes().partition(b"\n\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    return DatedKey(
        name=path.stem,
        comment=lines["comment"],
        expect=lines["expect"],
        form=path.suffix.removeprefix("."),
        at=int(lines["at"]),
        roots=lines.get("roots"),
        key=lines["key"],
        content=content,
    )


def seconds(time: datetime) -> int:
    return int(time.timestamp())


def written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def public_der() -> bytes:
    return spki(private_key("rsa-2048").public_key())


def cases() -> Iterator[DatedKey]:
    yield from bundles()
    yield from certificates()
    yield from chains()


# ---- Bundles


def bundle(**others: object) -> bytes:
    """What is exported with a key; a member that is None is left out."""
    members = key_forms.bundle(public_der(), **({"NotAfter": written(NOT_AFTER)} | others))
    return printed({name: value for name, value in members.items() if value is not None})


def bundles() -> Iterator[DatedKey]:
    def made(
        name: str, expect: str, comment: str, content: bytes, at: int = seconds(NOW)
    ) -> DatedKey:
        return DatedKey(name, comment, expect, "bundle", at, None, "rsa-2048", content)

    late = early = "KEY_NOT_VALID_NOW"
    yield made("usual", "OK", "within its time", bundle())
    yield made("without_not_after", "OK", "it never expires", bundle(NotAfter=None))
    only = bundle(Alias=None, Fingerprint=None, Created=None, NotAfter=None)
    yield made("as_kms_answers", "OK", "no member but those of KMS GetPublicKey", only)
    upper = bundle(Fingerprint=sha256(public_der()).hexdigest().upper())
    yield made("upper_case_fingerprint", "OK", "the fingerprint is in capital letters", upper)
    yield made("blanks_around", "OK", "blanks before and behind", b" \n" + bundle() + b"\n")
    end = seconds(NOT_AFTER)
    yield made("last_second", "OK", "at the second of NotAfter", bundle(), end)
    yield made("expired", late, "a second after NotAfter", bundle(), end + SECOND)
    yield made("expired_long_ago", late, "in the year 9999", bundle(), 253402300799)
    yield made("end_of_time", late, "as late as can be", bundle(), 2**64 - 1)
    start = seconds(CREATED)
    yield made("a_day_early", "OK", "a day before Created", bundle(), start - DAY)
    comment = "more than a day before Created"
    yield made("created_later", early, comment, bundle(), start - DAY - SECOND)
    yield made("clock_not_set", early, "the clock is at 1970", bundle(), 0)

    for name, value in (
        ("date", "2027-01-01"),
        ("offset", "2027-01-01T00:00:00+00:00"),
        ("local", "2027-01-01T00:00:00"),
        ("fraction", "2027-01-01T00:00:00.5Z"),
        ("blank", "2027-01-01 00:00:00Z"),
        ("month_13", "2027-13-01T00:00:00Z"),
        ("february_30", "2027-02-30T00:00:00Z"),
        ("empty", ""),
        ("number", 1798761600),
        ("list", ["2027-01-01T00:00:00Z"]),
    ):
        comment = f"NotAfter is {value!r}"
        yield made(f"not_after_{name}", "NOT_A_PUBLIC_KEY", comment, bundle(NotAfter=value))
    null = bundle().replace(b'"2027-01-01T00:00:00Z"', b"null")
    yield made("not_after_null", "NOT_A_PUBLIC_KEY", "NotAfter is null", null)
    comment = "Created is no time"
    yield made("created_yesterday", "NOT_A_PUBLIC_KEY", comment, bundle(Created="yesterday"))

    other = sha256(spki(private_key("rsa-2048-b").public_key())).hexdigest()
    comment = "the fingerprint is that of another key"
    yield made("other_fingerprint", "FINGERPRINT_MISMATCH", comment, bundle(Fingerprint=other))
    for name, value in (("short", other[:-1]), ("words", "z" * 64), ("number", 7)):
        comment = f"Fingerprint is {value!r}"
        content = bundle(Fingerprint=value)
        yield made(f"fingerprint_{name}", "NOT_A_PUBLIC_KEY", comment, content)
    comment = "KeySpec is that of another key"
    yield made("other_key_spec", "NOT_A_PUBLIC_KEY", comment, bundle(KeySpec="RSA_4096"))
    comment = "a key for signatures"
    yield made("signatures", "WRONG_KEY_USAGE", comment, bundle(KeyUsage="SIGN_VERIFY"))
    comment = "two NotAfter"
    twice = bundle().replace(b'"Created"', b'"NotAfter"')
    yield made("not_after_twice", "NOT_A_PUBLIC_KEY", comment, twice)
    yield made("cut", "NOT_A_PUBLIC_KEY", "cut short", bundle()[:-20])
    yield made("pem", "NOT_A_PUBLIC_KEY", "a key in PEM", pem(public_der()))
    yield made("der", "NOT_A_PUBLIC_KEY", "a key in DER", public_der())
    yield made("nothing", "NOT_A_PUBLIC_KEY", "no bytes", b"")


# ---- Certificates


def issue(
    subject: str = "fleet",
    issuer: str = "libseal test root",
    issuer_key: str = "rsa-3072",
    *,
    key: CertificatePublicKeyTypes | None = None,
    start: datetime = CREATED,
    end: datetime = NOT_AFTER,
    is_ca: bool | None = None,
    usage: str | None = None,
    unknown: bool = False,
) -> x509.Certificate:
    """A certificate of the key rsa-2048, or another."""

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key or private_key("rsa-2048").public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    if usage is not None:
        builder = builder.add_extension(key_usage(usage), critical=True)
    if unknown:
        other = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"
        )
        builder = builder.add_extension(other, critical=True)
    if issuer_key == "ec":
        return builder.sign(EC, SHA256(), ecdsa_deterministic=True)
    return builder.sign(private_key(issuer_key), SHA256())


EC = ec.derive_private_key(42, ec.SECP256R1())


def key_usage(names: str) -> x509.KeyUsage:
    uses = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**uses | dict.fromkeys(names.split(), True))


def in_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(found.public_bytes(Encoding.PEM) for found in certificates)


def in_der(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.DER)


def root(name: str = "libseal test root", key: str = "rsa-3072") -> x509.Certificate:
    public = EC.public_key() if key == "ec" else private_key(key).public_key()
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2125, 1, 1, tzinfo=UTC)
    return issue(name, name, key, key=public, start=start, end=end, is_ca=True)


def intermediate(end: datetime = NOT_AFTER, *, is_ca: bool | None = True) -> x509.Certificate:
    key = private_key("rsa-4096").public_key()
    return issue("libseal test intermediate", key=key, end=end, is_ca=is_ca)


def by_intermediate() -> x509.Certificate:
    return issue(issuer="libseal test intermediate", issuer_key="rsa-4096", is_ca=False)


def roots() -> dict[str, bytes]:
    """Files in the folder of the keys."""
    other, ec_root = root("another root", "rsa-2048-b"), root("elliptic root", "ec")
    return {
        "root.pem": in_pem(root()),
        "root.der": in_der(root()),
        "root-other.pem": in_pem(other),
        "root-same-name.pem": in_pem(root(key="rsa-2048-b")),
        "root-several.pem": b"# Roots\n" + in_pem(other, ec_root, root()),
        "root-intermediate.pem": in_pem(intermediate()),
        "root-self-signed.pem": in_pem(other, self_signed_ca()),
        "root-damaged.pem": in_pem(root()) + pem(in_der(root())[:-9], label="CERTIFICATE"),
    }


def self_signed_ca() -> x509.Certificate:
    """What ``openssl req -x509`` makes."""
    return issue("libseal test vectors", "libseal test vectors", "rsa-2048", is_ca=True)


def certificates() -> Iterator[DatedKey]:
    """Without roots."""

    def made(
        name: str, expect: str, comment: str, content: bytes, at: int = seconds(NOW)
    ) -> DatedKey:
        return DatedKey(name, comment, expect, "certificate", at, None, "rsa-2048", content)

    own = certificate()
    yield made("self_signed_pem", "OK", "self-signed, in PEM", in_pem(own))
    yield made("self_signed_der", "OK", "self-signed, in DER", in_der(own))
    yield made("der_newline_behind", "OK", "a newline behind the DER", in_der(own) + b"\n")
    yield made("base64", "OK", "DER in base64", b64encode(in_der(own)))
    yield made("text_around", "OK", "text around the PEM", b"Fleet:\n" + in_pem(own) + b"(end)\n")
    yield made("crlf", "OK", "lines end as in Windows", in_pem(own).replace(b"\n", b"\r\n"))
    public, private = pem(public_der()), private_key("rsa-2048").private_bytes(*PKCS8_PEM)
    yield made("public_key_before", "OK", "a public key comes first", public + in_pem(own))
    yield made("of_an_issuer", "OK", "issued by a root that is not given", in_pem(issue()))
    yield made("as_openssl_makes_it", "OK", "of a CA, self-signed", in_pem(self_signed_ca()))

    usual = in_pem(issue())
    start, end = seconds(CREATED), seconds(NOT_AFTER)
    yield made("first_second", "OK", "at the second of notBefore", usual, start)
    yield made("last_second_of_it", "OK", "at the second of notAfter", usual, end)
    comment = "a second before notBefore"
    yield made("not_yet_valid", "KEY_NOT_VALID_NOW", comment, usual, start - SECOND)
    comment = "a second after notAfter"
    yield made("past_not_after", "KEY_NOT_VALID_NOW", comment, usual, end + SECOND)
    yield made("at_1970", "KEY_NOT_VALID_NOW", "the clock is at 1970", usual, 0)
    comment = "as late as can be"
    yield made("at_the_end_of_time", "KEY_NOT_VALID_NOW", comment, usual, 2**64 - 1)

    for usage in ("key_encipherment", "digital_signature key_encipherment"):
        name = "usage_" + usage.replace(" ", "_and_")
        yield made(name, "OK", f"KeyUsage is {usage}", in_pem(issue(usage=usage)))
    for usage in ("digital_signature", "data_encipherment", "key_cert_sign crl_sign"):
        name = "usage_" + usage.replace(" ", "_and_")
        content = in_pem(issue(usage=usage))
        yield made(name, "WRONG_KEY_USAGE", f"KeyUsage is {usage}", content)

    yield made("ec_key", "NOT_RSA", "of an EC key", in_pem(issue(key=EC.public_key())))
    for bits, status in (
        (1024, "KEY_TOO_SMALL"),
        (2560, "UNSUPPORTED_KEY_SIZE"),
        (8192, "KEY_TOO_LARGE"),
    ):
        key = load_der_public_key((KEYS / f"rsa-{bits}.pub.der").read_bytes())
        assert isinstance(key, rsa.RSAPublicKey)
        yield made(f"rsa_{bits}", status, f"of an RSA key of {bits} bits", in_pem(issue(key=key)))

    nothing = "NOT_A_PUBLIC_KEY"
    yield made("no_bytes", nothing, "no bytes", b"")
    yield made("garbage", nothing, "words", b"this is not a certificate")
    yield made("garbage_in_pem", nothing, "zeros in PEM", pem(bytes(99), label="CERTIFICATE"))
    yield made("cut_pem", nothing, "cut short", in_pem(own)[:500])
    yield made("cut_der", nothing, "cut short", in_der(own)[:500])
    yield made("cut_der_in_pem", nothing, "cut", pem(in_der(own)[:500], label="CERTIFICATE"))
    yield made("two_in_der", nothing, "one behind the other in DER", in_der(own) * 2)
    yield made("public_key_pem", nothing, "a public key", public)
    yield made("public_key_der", nothing, "a public key", public_der())
    yield made("bundle", nothing, "a bundle", bundle())
    yield made("private_key", "PRIVATE_KEY_GIVEN", "a private key", private)
    yield made("path", nothing, "the name of a file", b"/etc/ssl/device.pem")


def chains() -> Iterator[DatedKey]:
    """With roots."""

    def made(
        name: str,
        expect: str,
        comment: str,
        *certificates: x509.Certificate,
        roots: str = "root.pem",
        at: int = seconds(NOW),
    ) -> DatedKey:
        content = in_pem(*certificates)
        return DatedKey(name, comment, expect, "certificate", at, roots, "rsa-2048", content)

    no = "CERTIFICATE_NOT_TRUSTED"
    leaf, chain = issue(), (by_intermediate(), intermediate())
    yield made("of_the_root", "OK", "issued by the root", leaf)
    yield made("of_the_root_in_der", "OK", "the root is in DER", leaf, roots="root.der")
    yield made("of_one_of_several", "OK", "several roots", leaf, roots="root-several.pem")
    yield made("of_an_intermediate", "OK", "with an intermediate", *chain)
    yield made("chain_with_root", "OK", "the root is in the chain too", *chain, root())
    yield made(
        "chain_with_others", "OK", "the chain has others too", chain[0], self_signed_ca(), chain[1]
    )
    comment = "an intermediate is trusted as a root"
    yield made("intermediate_as_root", "OK", comment, chain[0], roots="root-intermediate.pem")
    comment = "the root has an EC key"
    of_ec = issue(issuer="elliptic root", issuer_key="ec")
    yield made("of_an_ec_root", "OK", comment, of_ec, roots="root-several.pem")
    comment = "self-signed, and itself among the roots"
    yield made("root_itself", "OK", comment, self_signed_ca(), roots="root-self-signed.pem")

    yield made("no_intermediate", no, "the intermediate is missing", chain[0])
    yield made("other_root", no, "another root", leaf, roots="root-other.pem")
    yield made("other_root_of_chain", no, "another root", *chain, roots="root-other.pem")
    comment = "the root has the right name and another key"
    yield made("root_of_same_name", no, comment, leaf, roots="root-same-name.pem")
    yield made("self_signed", no, "self-signed", certificate())
    yield made("ca_itself", no, "self-signed by a CA that is no root", self_signed_ca())
    comment = "the issuer is no CA"
    yield made("issuer_is_no_ca", no, comment, chain[0], intermediate(is_ca=False))
    yield made("issuer_is_silent", no, comment, chain[0], intermediate(is_ca=None))
    comment = "a critical extension that nobody knows"
    yield made("unknown_critical", no, comment, issue(unknown=True))
    comment = "the signature is altered"
    altered = x509.load_der_x509_certificate(in_der(leaf)[:-1] + bytes([in_der(leaf)[-1] ^ 1]))
    yield made("altered_signature", no, comment, altered)
    comment = "the certificate is that of a CA"
    yield made("ca_as_leaf", no, comment, issue(is_ca=True))

    for name, file, comment in (
        ("roots_are_a_key", "rsa-2048.pub.pem", "the roots are a public key"),
        ("roots_are_damaged", "root-damaged.pem", "one of the roots is cut short"),
        ("roots_are_empty", "public-rejected/NOT_A_PUBLIC_KEY.empty", "the roots are no bytes"),
    ):
        yield made(name, no, comment, leaf, roots=file)

    old = intermediate(end=datetime(2026, 3, 1, tzinfo=UTC))
    late = "KEY_NOT_VALID_NOW"
    yield made("expired_intermediate", late, "the intermediate has expired", chain[0], old)
    comment = "expired, and the root is right"
    yield made("expired_leaf", late, comment, leaf, at=seconds(NOT_AFTER) + SECOND)
    comment = "not valid yet, and the root is right"
    yield made("early_leaf", late, comment, leaf, at=seconds(CREATED) - SECOND)
    comment = "for signatures, and the root is right"
    signs = issue(usage="digital_signature")
    yield made("trusted_for_signatures", "WRONG_KEY_USAGE", comment, signs)
    yield made("trusted_ec_key", "NOT_RSA", "of an EC key", issue(key=EC.public_key()))
