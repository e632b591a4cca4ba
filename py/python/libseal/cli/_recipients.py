"""From -r and -R to the recipients to seal for."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from .._errors import InvalidKeyError
from .._libseal import PublicKey, Recipient
from ._failures import ExitCode, Failure, exit_code, sentence
from ._places import key_files

MAX_KEY_FILE_LEN = 1024 * 1024
"""No key file, recipients file or bundle is longer."""


class RecipientOptions(NamedTuple):
    """What was given as -r, -R, --pin and --roots."""

    key_files: tuple[str, ...]
    recipients_files: tuple[str, ...]
    pins: tuple[str, ...]
    roots: str | None

    def __bool__(self) -> bool:
        """Whether there is any recipient."""
        return bool(self.key_files or self.recipients_files)

    def read(self) -> list[PublicKey | Recipient]:
        """Read the files and return the recipients, each key once.

        Raises Failure, which names the file, or click.UsageError if there are none.
        """
        if not self:
            raise click.UsageError(
                "there is no one to seal for: give -r KEY_FILE or -R RECIPIENTS_FILE"
            )
        if self.pins and len(self.pins) != len(self.key_files):
            raise click.UsageError(
                f"there are {len(self.key_files)} -r and {len(self.pins)} --pin: give one --pin "
                "for each -r, in the same order"
            )
        found = [
            self._key(name, self.pins[number] if self.pins else None)
            for number, name in enumerate(self.key_files)
        ]
        for name in self.recipients_files:
            with reading(name):
                from ..provision import read_recipients  # noqa: PLC0415 (only -R needs it)

                found += read_recipients(read_key_file(name))
        unique: dict[bytes, PublicKey | Recipient] = {}
        for recipient in found:
            key = recipient.key if isinstance(recipient, Recipient) else recipient
            unique.setdefault(key.fingerprint, recipient)
        return [*unique.values()]

    def _key(self, name: str, pin: str | None) -> PublicKey | Recipient:
        with reading(name):
            data = read_key_file(name)
            try:
                recipient = _certified(data, self.roots) or _bundled(data) or PublicKey(data)
            except InvalidKeyError:
                if not _is_recipients_file(data):
                    raise
                text = f"{name}: is a recipients file, which may name several keys: give it as -R"
                raise Failure(text, ExitCode.KEY_REFUSED) from None
            if pin is not None:
                key = recipient.key if isinstance(recipient, Recipient) else recipient
                _check_pin(key, pin)
            return recipient


def _certified(data: bytes, roots: str | None) -> PublicKey | None:
    """The key of a certificate, or None if this is none and no roots were given."""
    if roots is None and not _is_certificate(data):
        return None
    trusted = None
    if roots is not None:
        with reading(roots):
            trusted = read_key_file(roots)
    return PublicKey.from_certificate(data, roots=trusted)


def _is_certificate(data: bytes) -> bool:
    try:
        PublicKey(data)
    except InvalidKeyError as error:
        return error.name == "CERTIFICATE_GIVEN"
    return False


def _is_recipients_file(data: bytes) -> bool:
    from ..provision import read_recipients  # noqa: PLC0415 (only a mistake needs it)

    try:
        return bool(read_recipients(data))
    except (InvalidKeyError, ValueError):
        return False


def _bundled(data: bytes) -> PublicKey | Recipient | None:
    """The key of a bundle, under its alias, or None if this is none."""
    if not data.lstrip().startswith(b"{"):
        return None
    key = PublicKey.from_bundle(data)
    # It can be read, or else it would have been refused.
    alias = json.loads(data).get("Alias")
    return Recipient(key, alias) if isinstance(alias, str) else key


def _check_pin(key: PublicKey, pin: str) -> None:
    try:
        PublicKey(key.der, fingerprint=pin)
    except InvalidKeyError:
        raise
    except ValueError:
        text = "--pin takes 64 hexadecimal digits, the SHA-256 of the DER of the public key"
        raise Failure(text, ExitCode.USAGE) from None


def read_key_file(name: str) -> bytes:
    """Read the file of a key, or of several: it is short."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_KEY_FILE_LEN + 1)
    except FileNotFoundError as error:
        if not name.startswith(("alias/", "arn:")):
            raise
        text = "there is no such file; libseal keys export gets the public key from the KMS"
        raise OSError(error.errno, text) from None
    key_files().add(os.path.realpath(name))
    if len(data) > MAX_KEY_FILE_LEN:
        text = f"{name}: too long for a key: this is another file"
        raise Failure(text, ExitCode.KEY_REFUSED)
    return data


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raise Failure, which names the file of a key, for whatever is wrong with it."""
    try:
        yield
    except Failure:  # It names its own file.
        raise
    except Exception as error:
        raise Failure(f"{name}: {sentence(error, name)}", exit_code(error)) from error
