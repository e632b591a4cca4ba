"""Clients of AWS. boto3 is imported when a key in the KMS, or an object in S3, is named."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from .._errors import KmsRefusedError
from ..aws import KmsCall, KmsUnwrapper
from ..aws._keys import region_of

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

# Seconds. boto3 would wait a minute for a connection, and this for each of its tries.
CONNECT_TIMEOUT = 10


def client(service: str, region: str | None = None) -> Any:
    """Make a client of boto3, for the region or the one that the environment names.

    Raises click.UsageError if there is no boto3, and what boto3 raises.
    """
    boto3 = _boto3()
    from botocore.config import Config  # noqa: PLC0415

    config = Config(connect_timeout=CONNECT_TIMEOUT, retries={"mode": "standard"})
    # boto3 knows AWS_DEFAULT_REGION only, and the AWS CLI both.
    region = region or os.environ.get("AWS_REGION")
    make: Any = boto3.client  # Its stubs have an overload for each service.
    return make(service, region_name=region, config=config)


def _boto3() -> Any:
    try:
        import boto3  # noqa: PLC0415 (importing it takes 200 ms)
    except ModuleNotFoundError:
        raise click.UsageError("AWS needs boto3: pip install 'libseal[aws]'") from None
    return boto3


# Not functools.cache, of which the types get lost.
_kms_clients: "dict[str | None, KMSClient]" = {}


def kms_client(region: str | None = None) -> "KMSClient":
    """Make a client of the KMS, once for each region.

    Raises KmsRefusedError if no region is known, click.UsageError if there is no boto3.
    """
    if region not in _kms_clients:
        try:
            _kms_clients[region] = client("kms", region)
        except Exception as error:
            if type(error).__name__ != "NoRegionError":
                raise
            raise KmsRefusedError(
                "no AWS region is set: set AWS_REGION, or give the ARN of the key, which names it"
            ) from None
    return _kms_clients[region]


def kms_unwrappers(keys: Iterable[str]) -> list[KmsUnwrapper]:
    """Make an unwrapper for the keys of each region. Raises click.UsageError without boto3."""
    _boto3()
    by_region: dict[str | None, list[str]] = {}
    for key in keys:
        by_region.setdefault(region_of(key), []).append(key)
    unwrappers = [
        KmsUnwrapper(_maker(region), keys=keys, on_call=_count)
        for region, keys in by_region.items()
    ]
    for unwrapper in unwrappers:
        # Every message exists before the command starts.
        unwrapper._expect_no_later_messages()  # noqa: SLF001
    return unwrappers


calls_made: Counter[str] = Counter()
"""How often the KMS was called by this process to unseal, by operation."""


def _count(call: KmsCall) -> None:
    calls_made[call.operation] += 1


def _maker(region: str | None) -> Callable[[], "KMSClient"]:
    return lambda: kms_client(region)
