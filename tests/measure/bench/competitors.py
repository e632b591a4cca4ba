"""What else seals, each in the way its manual shows; what cannot run here is reported as missing.

python -m tests.measure.bench.competitors WORK GROUP ROUNDS
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from .measure import LARGE, MANY, SMALL, Case, Record, arguments, measure
from .workload import Workload

# Each is imported where it is used, so that one that is not installed stops no other.
Cases = Iterator[Case]

OAEP_SHA256 = [
    *("-pkeyopt", "rsa_padding_mode:oaep"),
    *("-pkeyopt", "rsa_oaep_md:sha256"),
    *("-pkeyopt", "rsa_mgf1_md:sha256"),
]


class RoundTrip:
    """A competitor that takes bytes and returns bytes."""

    def __init__(
        self, who: str, seal: Callable[[bytes], bytes], unseal: Callable[[bytes], bytes]
    ) -> None:
        self.who = who
        self.seal = seal
        self.unseal = unseal

    def cases(self, plaintext: bytes) -> Cases:
        size, message = len(plaintext), self.seal(plaintext)
        if self.unseal(message) != plaintext:
            raise ValueError("opened something else")
        yield Case(self.who, "seal", size, lambda: len(self.seal(plaintext)))
        yield Case(self.who, "unseal", size, lambda: len(self.unseal(message)))


class AwsEncryptionSdk:
    """Seals with the public key, without a network; unseals through a KMS on this machine."""

    who = "AWS Encryption SDK"

    def __init__(self, work: Workload, closing: ExitStack) -> None:
        import aws_encryption_sdk
        from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
        from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
        from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsRsaKeyringInput

        from tests.kms.ministack import ministack

        alias = "alias/bench"
        kms = closing.enter_context(ministack())
        kms.create_key(alias)
        key = kms.client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
        der = kms.client.get_public_key(KeyId=alias)["PublicKey"]
        providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
        self.keyring = providers.create_aws_kms_rsa_keyring(
            CreateAwsKmsRsaKeyringInput(
                kms_key_id=key,
                public_key=pem(der),
                encryption_algorithm="RSAES_OAEP_SHA_256",
                kms_client=kms.client,
            )
        )
        # The others sign, for which the keyring of a public key cannot make a key.
        self.suite = aws_encryption_sdk.Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
        self.sdk = aws_encryption_sdk.EncryptionSDKClient()

    def seal(self, plaintext: bytes) -> bytes:
        message, _ = self.sdk.encrypt(source=plaintext, keyring=self.keyring, algorithm=self.suite)
        return bytes(message)

    def unseal(self, message: bytes) -> bytes:
        plaintext, _ = self.sdk.decrypt(source=message, keyring=self.keyring)
        return bytes(plaintext)

    def round_trip(self) -> RoundTrip:
        return RoundTrip(self.who, self.seal, self.unseal)


def pem(der: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_public_key,
    )

    key = load_der_public_key(der)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def aws_encryption_sdk(work: Workload, closing: ExitStack) -> RoundTrip:
    return AwsEncryptionSdk(work, closing).round_trip()


def age(work: Workload, closing: ExitStack) -> RoundTrip:
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    recipients = [identity.to_public()]
    return RoundTrip(
        "age",
        lambda plaintext: pyrage.encrypt(plaintext, recipients),
        lambda message: pyrage.decrypt(message, [identity]),
    )


def jwe(work: Workload, closing: ExitStack) -> RoundTrip:
    from jwcrypto.jwe import JWE
    from jwcrypto.jwk import JWK

    public_key = JWK.from_pem(pem(work.key.der))
    private_key = JWK.from_pem(work.path("private.pem").read_bytes())
    header = '{"alg": "RSA-OAEP-256", "enc": "A256GCM"}'

    def seal(plaintext: bytes) -> bytes:
        token: str = JWE(plaintext, header, recipient=public_key).serialize(compact=True)
        return token.encode()

    def unseal(message: bytes) -> bytes:
        token = JWE()
        token.deserialize(message.decode(), key=private_key)
        return bytes(token.payload)

    return RoundTrip("JWE", seal, unseal)


ROUND_TRIPS: dict[str, Callable[[Workload, ExitStack], RoundTrip]] = {
    "AWS Encryption SDK": aws_encryption_sdk,
    "age": age,
    "JWE": jwe,
}


class OpenSsl:
    """`openssl enc` and `openssl pkeyutl`: neither the payload nor the key is authenticated."""

    who = "openssl enc, pkeyutl"

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.key = work.path("openssl-key")
        self.wrapped = work.path("openssl-wrapped")
        self.sealed = work.path("openssl-sealed")

    def run(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def encrypt(self, *arguments: str | Path) -> None:
        key = self.key.read_bytes().hex()
        self.run("enc", "-aes-256-ctr", "-K", key[:64], "-iv", key[64:], *arguments)

    def seal(self, target: Path) -> int:
        self.run("rand", "-out", self.key, "48")
        self.encrypt("-in", self.work.source, "-out", target)
        public_key: list[str | Path] = [
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            self.work.path("public.der"),
        ]
        files: list[str | Path] = ["-in", self.key, "-out", self.wrapped]
        self.run("pkeyutl", "-encrypt", *public_key, *OAEP_SHA256, *files)
        return target.stat().st_size

    def unseal(self, target: Path) -> int:
        private_key: list[str | Path] = ["-inkey", self.work.path("private.pem")]
        files: list[str | Path] = ["-in", self.wrapped, "-out", self.key]
        self.run("pkeyutl", "-decrypt", *private_key, *OAEP_SHA256, *files)
        self.encrypt("-d", "-in", self.sealed, "-out", target)
        return target.stat().st_size

    def cases(self) -> Cases:
        size = self.work.source.stat().st_size

        def seal() -> int:
            self.sealed.unlink(missing_ok=True)
            return self.seal(self.sealed)

        yield Case(self.who, "seal a file", size, seal)
        yield Case(
            self.who,
            "unseal a file",
            size,
            lambda: self.unseal(self.work.target("openssl")),
        )


def age_files(work: Workload) -> Cases:
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    size = work.source.stat().st_size
    sealed = work.path("age-sealed")

    def seal() -> int:
        sealed.unlink(missing_ok=True)
        pyrage.encrypt_file(str(work.source), str(sealed), [identity.to_public()])
        return sealed.stat().st_size

    def unseal() -> int:
        target = work.target("age")
        pyrage.decrypt_file(str(sealed), str(target), [identity])
        return target.stat().st_size

    yield Case("age", "seal a file", size, seal)
    yield Case("age", "unseal a file", size, unseal)


def in_memory(work: Workload, sizes: list[int], rounds: int) -> None:
    with ExitStack() as closing:
        cases: list[Case] = []
        for who, competitor in ROUND_TRIPS.items():
            try:
                round_trip = competitor(work, closing)
                for size in sizes:
                    cases.extend(round_trip.cases(work.plaintext(size)))
            except Exception as error:
                missing(who, error)
        measure("Python", cases, rounds)


def files(work: Workload, rounds: int) -> None:
    """One after the other, since each keeps a sealed file."""
    competitors: dict[str, Callable[[], Cases]] = {
        OpenSsl.who: lambda: OpenSsl(work).cases(),
        "age": lambda: age_files(work),
    }
    for who, cases in competitors.items():
        try:
            measure("", list(cases()), rounds)
        except Exception as error:
            missing(who, error)
        for kept in work.directory.glob("*-sealed"):
            kept.unlink()


def missing(who: str, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    Record("", who, "", 0, missing=reason).print()


def main() -> None:
    directory, group, rounds = arguments()
    work = Workload(directory)
    if group == "large":
        in_memory(work, [LARGE], rounds)
    elif group == "small":
        in_memory(work, SMALL, rounds)
    elif group == "many":
        in_memory(work, MANY, rounds)
    elif group == "file":
        files(work, rounds)


if __name__ == "__main__":
    main()
