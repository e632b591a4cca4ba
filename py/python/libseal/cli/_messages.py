"""What the commands share that read messages."""

from typing import IO

from .._libseal import MAX_HEADER_LEN
from ._progress import plural
from ._unwrappers import UnwrapOptions


def beginning_of(file: IO[bytes]) -> bytes:
    """What holds the header, and perhaps more."""
    beginning = b""
    while len(beginning) < MAX_HEADER_LEN:
        piece = file.read(MAX_HEADER_LEN - len(beginning))
        if not piece:
            break
        beginning += piece
    return beginning


def calls(unwrap: UnwrapOptions) -> str:
    """For the line of success: how often a KMS was asked to decrypt."""
    if not unwrap.kms_keys or unwrap.key_files:
        return ""
    from ._aws import calls_made  # noqa: PLC0415 (importing it takes time)

    return plural(calls_made["Decrypt"], "call") + " of the KMS"
