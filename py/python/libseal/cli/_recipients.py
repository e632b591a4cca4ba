"""From -r and -R to the recipients to seal for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from .._libseal import PublicKey, Recipient
from ._failures import ExitCode, Failure, exit_code, sentence

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
                found += _recipients_in(read_key_file(name))
        unique: dict[bytes, PublicKey | Recipient] = {}
        for recipient in found:
            key = recipient.key if isinstance(recipient, Recipient) else recipient
            unique.setdefault(key.fingerprint, recipient)
        return [*unique.values()]

    def _key(self, name: str, pin: str | None) -> PublicKey | Recipient:
        with reading(name):
            return PublicKey(read_key_file(name))


def _recipients_in(data: bytes) -> list[Recipient]:
    raise NotImplementedError


def read_key_file(name: str) -> bytes:
    """Read the file of a key, or of several: it is short."""
    with Path(name).open("rb") as file:
        data = file.read(MAX_KEY_FILE_LEN + 1)
    if len(data) > MAX_KEY_FILE_LEN:
        raise Failure("too long for a key: this is another file", ExitCode.KEY_REFUSED)
    return data


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raise Failure, which names the file of a key, for whatever is wrong with it."""
    try:
        yield
    except Exception as error:
        raise Failure(f"{name}: {sentence(error)}", exit_code(error)) from error
