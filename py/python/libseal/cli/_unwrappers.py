"""From -i and --kms to what unwraps."""

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from .._errors import InvalidKeyError
from .._libseal import CachingUnwrapper, LocalUnwrapper
from ._failures import ExitCode, Failure, printable
from ._recipients import read_key_file, reading

if TYPE_CHECKING:
    from ..aws import KmsUnwrapper

MOST_KEYS = 65_536
PASSWORD = "LIBSEAL_KEY_PASSWORD"  # noqa: S105 (the name of a variable)


class UnwrapOptions(NamedTuple):
    """What was given as -i and --kms."""

    key_files: tuple[str, ...]
    kms_keys: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.key_files or self.kms_keys)

    def unwrapper(self) -> CachingUnwrapper:
        """Make the unwrapper for all messages of this run: each wrapped key is unwrapped once.

        Raises Failure, which names the file, or click.UsageError if nothing was given.
        """
        return CachingUnwrapper(self.decrypters(), max_age=None, max_entries=MOST_KEYS)

    def decrypters(self) -> "list[LocalUnwrapper | KmsUnwrapper]":
        """Make an unwrapper for each key file, and one for the keys of each region of AWS.

        Each has a method ``decrypt(ciphertext, algorithm)`` too, for what libseal has not wrapped.
        Raises what ``unwrapper`` does. The KMS is not asked yet.
        """
        if not self:
            raise click.UsageError(
                "there is nothing to unseal with: give -i PRIVATE_KEY, or --kms KEY for AWS KMS"
            )
        local = [_local_unwrapper(name) for name in self.key_files]
        if not self.kms_keys:
            return [*local]
        from ._aws import kms_unwrappers  # noqa: PLC0415 (importing boto3 takes 200 ms)

        return [*local, *kms_unwrappers(self.kms_keys)]


def _local_unwrapper(name: str) -> LocalUnwrapper:
    with reading(name):
        private_key = read_key_file(name)
        try:
            return LocalUnwrapper(private_key)
        except InvalidKeyError as error:
            if error.name != "PRIVATE_KEY_PASSWORD":
                raise
        return LocalUnwrapper(private_key, _password(name))


def _password(name: str) -> bytes | str:
    """The password from the environment, or from who sits at the terminal."""
    password = os.environ.get(PASSWORD)
    if password is not None:
        return os.fsencode(password)
    import getpass  # noqa: PLC0415 (few keys are encrypted)
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        # Without a terminal, it would read standard input, which is for data.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"Password of {printable(name)}: ")
        except getpass.GetPassWarning:
            text = f"the key is encrypted, and no terminal to ask for its password: set {PASSWORD}"
            raise Failure(f"{name}: {text}", ExitCode.KEY_REFUSED) from None
