"""What KmsUnwrapper takes as a client, and what becomes of it in other processes and threads."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
import threading
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, MagicMock

import boto3
import pytest
from botocore.exceptions import NoRegionError

import libseal
from fake_kms import FakeKms, arn, sealed
from libseal.aws import AsyncKmsClient, AsyncKmsUnwrapper, KmsClient, KmsUnwrapper
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
ignores_forks = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

SHARED = FakeKms(a="rsa-2048")


def make_client() -> FakeKms:
    """Found by its name, so it pickles."""
    return SHARED


async def make_async_client() -> Any:
    return SHARED


def boto3_client(service: Any) -> Any:
    return boto3.client(
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


NO_CLIENTS: list[tuple[Any, str]] = [
    (boto3_client("s3"), "not S3: it has no method get_public_key"),
    (boto3, "not module"),
    (boto3.Session(), "not Session"),
    (
        boto3.resource(
            "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        ),
        r"not s3\.ServiceResource",
    ),
    ("kms", "not str"),
    (b"kms", "not bytes"),
    (None, "not NoneType"),
    (lambda region: region, "as a function it is missing a required argument: 'region'"),
    (AsyncMock(), "libseal.aws.AsyncKmsUnwrapper takes asynchronous clients"),
    (make_async_client, "not the async function make_async_client: libseal.aws.AsyncKmsUnwrapper"),
]


@pytest.mark.parametrize(("client", "words"), NO_CLIENTS)
def test_what_is_no_client(client: Any, words: str) -> None:
    with pytest.raises(TypeError, match=rf"^client must be .*{words}"):
        KmsUnwrapper(client, ["a"])
    with pytest.raises(TypeError, match=rf"^client must be .*{words}"):
        libseal.aws.public_key(client, "a")
    with pytest.raises(TypeError, match=rf"^each of client must be .*{words}"):
        KmsUnwrapper([FakeKms(), client], ["a"])


def test_no_client_at_all() -> None:
    with pytest.raises(ValueError, match="client is empty"):
        KmsUnwrapper([], ["a"])


@pytest.mark.parametrize(
    "returned", [None, unwrapper(), boto3.Session(), boto3_client("s3"), AsyncMock()]
)
def test_what_a_function_returns_is_checked(returned: Any) -> None:
    unwrap = KmsUnwrapper(lambda: returned, "a")
    words = "what the function given as client returns must be"
    with pytest.raises(libseal.KeyUnwrapError, match=words) as refused:
        libseal.unseal(sealed(), unwrap)
    assert isinstance(refused.value.__cause__, TypeError)
    with pytest.raises(TypeError, match=words):
        libseal.aws.public_key(lambda: returned, "a")


def test_a_synchronous_client_for_the_asynchronous_unwrapper() -> None:
    for client in (boto3_client("kms"), [boto3_client("kms")]):
        with pytest.raises(
            TypeError, match=r"libseal\.aws\.KmsUnwrapper takes synchronous clients"
        ):
            AsyncKmsUnwrapper(client, "a")


def test_mocks_are_clients_although_they_are_callable() -> None:
    KmsUnwrapper(MagicMock(), ["a"])
    AsyncKmsUnwrapper(AsyncMock(), ["a"])
    assert isinstance(FakeKms(), KmsClient)
    assert isinstance(FakeKms(), AsyncKmsClient)


def test_a_function_is_called_when_it_is_needed_and_once() -> None:
    made: list[FakeKms] = []

    def make() -> FakeKms:
        time.sleep(0.05)
        made.append(FakeKms(a="rsa-2048"))
        return made[-1]

    unwrap = KmsUnwrapper(make, {arn(): public_key()})
    assert not made
    threads = [
        threading.Thread(target=libseal.unseal, args=(sealed(), unwrap), daemon=True)
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 1
    assert made[0].count("Decrypt") == 8
    assert libseal.aws.public_key(make, "a") == public_key()


def test_a_function_that_fails_is_called_once_for_all_that_wait() -> None:
    calls: list[None] = []

    def make() -> FakeKms:
        calls.append(None)
        time.sleep(0.3)
        raise NoRegionError

    unwrap = KmsUnwrapper(make, {arn(): public_key()})
    failures: list[BaseException] = []

    def work() -> None:
        try:
            libseal.unseal(sealed(), unwrap)
        except libseal.KeyUnwrapError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(failures) == 16
    assert all("could not be made: NoRegionError: You must" in str(error) for error in failures)
    assert len(calls) == 1


# ---- Pickles


def test_a_function_makes_it_pickle_with_what_it_knows() -> None:
    SHARED.calls.clear()
    unwrap = KmsUnwrapper(make_client, "a", grant_tokens=["token"])
    assert libseal.unseal(sealed(), unwrap) == b"data"
    for again in (pickle.loads(pickle.dumps(unwrap)), copy.copy(unwrap), copy.deepcopy(unwrap)):
        assert again.fingerprints() == [public_key().fingerprint]
        assert libseal.unseal(sealed(), again) == b"data"
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(sealed("rsa-2048-b"), again)
    assert SHARED.count("GetPublicKey") == 1
    assert SHARED.arguments[-1]["GrantTokens"] == ["token"]


def test_a_pickle_looks_aliases_up_again_when_it_has_to() -> None:
    """Its clock is not the one of the process that made it."""
    SHARED.keys = {"alias/x": "rsa-2048"}
    unwrap = KmsUnwrapper(make_client, "alias/x")
    assert libseal.unseal(sealed(), unwrap) == b"data"
    again = pickle.loads(pickle.dumps(unwrap))
    SHARED.keys = {"alias/x": "rsa-2048-b"}
    SHARED.calls.clear()
    assert libseal.unseal(sealed(), again) == b"data"
    assert SHARED.count("GetPublicKey") == 0
    assert libseal.unseal(sealed("rsa-2048-b"), again) == b"data"
    SHARED.keys = {"a": "rsa-2048"}


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_does_not_pickle(copied: Callable[[object], object]) -> None:
    unwrap = KmsUnwrapper([make_client, FakeKms()], "a")
    with pytest.raises(TypeError, match="give it a function that makes one"):
        copied(unwrap)


# ---- Forks


def in_a_child(work: Callable[[], bool]) -> int:
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            code = int(not work())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
@ignores_forks
def test_a_client_of_the_parent_is_refused() -> None:
    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), "a")
    asynchronous = AsyncKmsUnwrapper(FakeKms(a="rsa-2048"), "a")
    (key,) = libseal.inspect(sealed()).wrapped_keys

    def is_refused() -> bool:
        calls: list[Callable[[], object]] = [
            lambda: libseal.unseal(sealed(), unwrap),
            unwrap.check,
            lambda: asyncio.run(asynchronous(key)),
            lambda: asyncio.run(asynchronous.check()),
        ]
        for call in calls:
            try:
                call()
            except libseal.StateError as error:
                if "give a function that makes a client" not in str(error):
                    return False
            else:
                return False
        return libseal.unseal(sealed(), KmsUnwrapper(FakeKms(a="rsa-2048"), "a")) == b"data"

    assert in_a_child(is_refused) == 0
    assert libseal.unseal(sealed(), unwrap) == b"data"


@needs_fork
@ignores_forks
def test_a_function_is_called_again_in_a_child() -> None:
    made: list[FakeKms] = []

    def make() -> FakeKms:
        made.append(FakeKms(a="rsa-2048"))
        return made[-1]

    unwrap = KmsUnwrapper(make, "a")
    assert libseal.unseal(sealed(), unwrap) == b"data"

    def is_new() -> bool:
        opened = libseal.unseal(sealed(), unwrap) == b"data"
        # What was known stays known.
        return opened and len(made) == 2 and made[1].calls == [("Decrypt", arn())]

    assert in_a_child(is_new) == 0
    assert libseal.unseal(sealed(), unwrap) == b"data"
    assert len(made) == 1


@needs_fork
@ignores_forks
def test_what_another_thread_held_is_free_in_a_child() -> None:
    unwrap = KmsUnwrapper(make_client, "a")
    with unwrap._keys._lock:
        assert in_a_child(lambda: libseal.unseal(sealed(), unwrap) == b"data") == 0
