"""The KMS whose requests are counted: what clients see of its faults, and that it keeps count."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.kms import counting
from tests.kms.counting import CountedKms
from tests.kms.ministack import ministack

KEY = "alias/test"


@pytest.fixture(scope="module")
def running() -> Iterator[CountedKms]:
    with ministack() as kms, counting.counting(kms) as counted:
        kms.create_key(KEY)
        yield counted


@pytest.fixture
def kms(running: CountedKms) -> CountedKms:
    running.reset()
    return running


def test_requests_are_counted_by_operation(kms: CountedKms) -> None:
    client = kms.local.client
    for _ in range(3):
        client.get_public_key(KeyId=KEY)
    client.describe_key(KeyId=KEY)
    assert kms.requests == {"GetPublicKey": 3, "DescribeKey": 1}


def test_many_at_once(kms: CountedKms) -> None:
    client = kms.local.client
    with ThreadPoolExecutor(200) as pool:
        keys = list(pool.map(lambda _: client.get_public_key(KeyId=KEY)["PublicKey"], range(1000)))
    assert len(set(keys)) == 1
    assert kms.requests == {"GetPublicKey": 1000}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (counting.THROTTLED, "ThrottlingException"),
        (counting.DENIED, "AccessDeniedException"),
        (counting.DISABLED, "DisabledException"),
        (counting.PENDING_DELETION, "KMSInvalidStateException"),
        (counting.EXPIRED_TOKEN, "ExpiredTokenException"),
        (counting.SERVER_ERROR, "KMSInternalException"),
    ],
)
def test_refusals(kms: CountedKms, fault: counting.Fault, code: str) -> None:
    client = kms.local.client
    with kms.failing(fault), pytest.raises(ClientError) as error:
        client.get_public_key(KeyId=KEY)
    assert error.value.response["Error"]["Code"] == code
    client.get_public_key(KeyId=KEY)
    assert kms.requests == {"GetPublicKey": 2}


def test_garbage(kms: CountedKms) -> None:
    with kms.failing(counting.GARBAGE):
        assert "PublicKey" not in kms.local.client.get_public_key(KeyId=KEY)


def test_short_key(kms: CountedKms) -> None:
    with kms.failing(counting.SHORT_KEY):
        answer = kms.local.client.decrypt(KeyId=KEY, CiphertextBlob=b"anything")
    assert answer["Plaintext"] == b"short"


def test_reset(kms: CountedKms) -> None:
    with kms.failing(counting.RESET), pytest.raises(ConnectionClosedError):
        kms.local.client.get_public_key(KeyId=KEY)
    assert kms.requests == {"GetPublicKey": 1}


def test_delay(kms: CountedKms) -> None:
    start = time.monotonic()
    with kms.failing(counting.Fault(delay=0.3)):
        kms.local.client.get_public_key(KeyId=KEY)
    assert time.monotonic() - start >= 0.3


def test_one_operation_a_few_times(kms: CountedKms) -> None:
    client = kms.local.client
    with kms.failing(counting.THROTTLED, "GetPublicKey", times=2):
        client.describe_key(KeyId=KEY)
        for _ in range(2):
            with pytest.raises(ClientError):
                client.get_public_key(KeyId=KEY)
        client.get_public_key(KeyId=KEY)
    assert kms.requests == {"GetPublicKey": 3, "DescribeKey": 1}
