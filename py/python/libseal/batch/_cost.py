"""What the rest of a plan costs."""

from collections.abc import Iterable
from typing import NamedTuple

from .._libseal import Header

# Dollars in us-east-1, in 2026. See aws.amazon.com/kms/pricing and aws.amazon.com/s3/pricing.
RSA_2048_DOLLARS = 0.03 / 10_000
LONGER_RSA_DOLLARS = 0.15 / 10_000
GET_DOLLARS = 0.0004 / 1_000
# Requests per second: KMS with RSA keys per account and region, S3 for reading per prefix.
DECRYPT_RATE = 1_000.0
GET_RATE = 5_500.0

RSA_2048_LEN = 256


class Cost(NamedTuple):
    """What is left to do for a plan, and what AWS charges for it."""

    decrypts: int
    """Calls of KMS Decrypt: one for each data key."""

    get_requests: int
    """Requests for whole objects: one for each file. What reads parts of files makes more."""

    dollars: float
    """What these requests cost. Neither traffic between regions nor storage is in it."""

    seconds: float
    """How long the quotas make it take: first the calls of Decrypt, and then the requests."""


def cost_of(
    headers: Iterable[Header],
    files: int,
    *,
    decrypt_dollars: float | None,
    get_dollars: float,
    decrypt_rate: float,
    get_rate: float,
) -> Cost:
    """See Plan.cost."""
    dollars = get_dollars * files
    decrypts = 0
    for header in headers:
        decrypts += 1
        dollars += _dollars_of(header) if decrypt_dollars is None else decrypt_dollars
    seconds = decrypts / decrypt_rate + files / get_rate
    # Sums of prices print with digits that are not exact.
    return Cost(decrypts, files, round(dollars, 9), seconds)


def _dollars_of(header: Header) -> float:
    """The price of unwrapping for the first recipient, which is asked for first."""
    is_short = len(header.wrapped_keys[0].ciphertext) <= RSA_2048_LEN
    return RSA_2048_DOLLARS if is_short else LONGER_RSA_DOLLARS
