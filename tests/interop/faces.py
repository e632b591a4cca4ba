"""The implementations, each as a writer and as a reader of files."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import libseal
from libseal.aws import KmsUnwrapper
from tests.independent import reader, writer
from tests.kms.ministack import LocalKms

if TYPE_CHECKING:
    from mypy_boto3_kms.literals import EncryptionAlgorithmSpecType

ROOT = Path(__file__).parents[2]
KINDS = {"RSAES_OAEP_SHA_256": 1, "RSAES_OAEP_SHA_1": 2}

REFUSALS = (libseal.SealError, reader.Rejected, subprocess.CalledProcessError)
"""How the readers say no."""


@dataclass(frozen=True)
class Programs:
    """Where the compiled implementations are."""

    c: Path
    rust: Path


@dataclass(frozen=True)
class Sealing:
    public_key: Path
    algorithm: str
    key_id: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PrivateKey:
    """Unwraps with a private key in a file."""

    path: Path

    @property
    def command(self) -> str:
        script = ROOT / "tests/interop/unwrap.py"
        return shlex.join([sys.executable, str(script), str(self.path)])

    environment = None


@dataclass(frozen=True)
class KmsKey:
    """Unwraps through the KMS."""

    kms: LocalKms
    key: str

    command = shlex.join([sys.executable, str(ROOT / "tests/kms/unwrap.py")])

    @property
    def environment(self) -> Mapping[str, str]:
        return self.kms.environment | {"LIBSEAL_KMS_KEY": self.key}

    def decrypt(self, kind: int, fingerprint: bytes, key_id: str, wrapped: bytes) -> bytes:
        algorithm = next(name for name, number in KINDS.items() if number == kind)
        answer = self.kms.client.decrypt(
            KeyId=self.key,
            EncryptionAlgorithm=cast("EncryptionAlgorithmSpecType", algorithm),
            CiphertextBlob=wrapped,
        )
        return answer["Plaintext"]


Key = PrivateKey | KmsKey
Writer = Callable[[Programs, Sealing, Path, Path], None]
Reader = Callable[[Programs, Key, Mapping[str, str], Path, Path], None]


def seal_with_rust(programs: Programs, how: Sealing, source: Path, target: Path) -> None:
    options = ["--algorithm", how.algorithm, "--key-id", how.key_id, *context_options(how.context)]
    run(programs.rust / "seal_file", how.public_key, source, target, *options)


def unseal_with_rust(
    programs: Programs, key: Key, context: Mapping[str, str], source: Path, target: Path
) -> None:
    match key:
        case PrivateKey():
            unwrap: list[str | Path] = ["--private-key", key.path]
        case KmsKey():
            unwrap = ["--unwrap-command", key.command]
    options = [*unwrap, *context_options(context)]
    run(programs.rust / "unseal_file", source, target, *options, environment=key.environment)


def seal_with_c(programs: Programs, how: Sealing, source: Path, target: Path) -> None:
    pairs = [text for pair in how.context.items() for text in pair]
    kind = str(KINDS[how.algorithm])
    run(programs.c / "c_seal", how.public_key, source, target, how.key_id, kind, *pairs)


def unseal_with_c(
    programs: Programs, key: Key, context: Mapping[str, str], source: Path, target: Path
) -> None:
    """The C example requires no context; that this is the right one, the payload proves."""
    run(programs.c / "unseal_file", source, target, key.command, environment=key.environment)


def seal_with_python(programs: Programs, how: Sealing, source: Path, target: Path) -> None:
    public_key = libseal.PublicKey(how.public_key.read_bytes())
    recipient = libseal.Recipient(public_key, how.key_id, how.algorithm)
    libseal.seal_file(recipient, source, target, context=how.context)


def unseal_with_python(
    programs: Programs, key: Key, context: Mapping[str, str], source: Path, target: Path
) -> None:
    match key:
        case PrivateKey():
            unwrap: libseal.Unwrap = libseal.LocalUnwrapper(key.path.read_bytes())
        case KmsKey():
            unwrap = KmsUnwrapper(key.kms.client, keys=[key.key])
    libseal.unseal_file(source, target, unwrap, require=context)


def seal_independently(programs: Programs, how: Sealing, source: Path, target: Path) -> None:
    message = writer.seal(
        source.read_bytes(),
        writer.load_public_key(how.public_key.read_bytes()),
        kind=KINDS[how.algorithm],
        key_id=how.key_id,
        context=how.context,
    )
    target.write_bytes(message)


def unseal_independently(
    programs: Programs, key: Key, context: Mapping[str, str], source: Path, target: Path
) -> None:
    match key:
        case PrivateKey():
            private_key = reader.load_private_key(key.path.read_bytes())
            unwrap = reader.private_key_unwrap(private_key)
        case KmsKey():
            unwrap = key.decrypt
    target.write_bytes(reader.unseal(source.read_bytes(), unwrap, context).plaintext)


def context_options(context: Mapping[str, str]) -> list[str]:
    return [f"--context={key}={value}" for key, value in context.items()]


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, env=environment, check=True, capture_output=True)


WRITERS: Mapping[str, Writer] = {
    "rust": seal_with_rust,
    "c": seal_with_c,
    "python": seal_with_python,
    "independent": seal_independently,
}
READERS: Mapping[str, Reader] = {
    "rust": unseal_with_rust,
    "c": unseal_with_c,
    "python": unseal_with_python,
    "independent": unseal_independently,
}
