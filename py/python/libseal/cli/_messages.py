"""What the commands share that read messages."""

from typing import IO

from .._libseal import MAX_HEADER_LEN, CachingUnwrapper
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


def calls(unwrap: UnwrapOptions, unwrapper: CachingUnwrapper) -> str:
    """For the line of success: how often a KMS was asked to decrypt."""
    if not unwrap.kms_keys or unwrap.key_files:
        return ""
    return plural(unwrapper.statistics.misses, "call") + " of the KMS"
