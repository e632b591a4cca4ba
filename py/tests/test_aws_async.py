"""AsyncKmsUnwrapper, with fakes and with the client of aiobotocore."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import socket
import threading
from contextlib import AsyncExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import botocore.exceptions
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

import libseal
from fake_kms import Clock, FakeKms, arn, error, sealed
from libseal.aws import AsyncKmsUnwrapper, KmsCall
from support import public_key
from tests.kms.ministack import access

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from tests.kms.ministack import LocalKms


P = ParamSpec("P")


class AsyncFakeKms(FakeKms):
    """Answers after a while."""

    def __init__(self, region: str | None = None, seconds: float = 0, **keys: str) -> None:
        super().__init__(region, **keys)
        self.seconds = seconds
        self.cancelled = 0

    async def get_public_key(self, **arguments: Any) -> Any:
        await self._sleep()
        return super().get_public_key(**arguments)

    async def decrypt(self, **arguments: Any) -> Any:
        await self._sleep()
        return super().decrypt(**arguments)

    async def _sleep(self) -> None:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


SHARED = AsyncFakeKms(a="rsa-2048")


def make_client() -> AsyncFakeKms:
    return SHARED


async def unseal(blob: bytes, unwrap: AsyncKmsUnwrapper) -> bytes:
    data_key = await unwrap(wrapped_key(blob))
    return libseal.unseal(blob, lambda _: data_key)


def wrapped_key(blob: bytes) -> libseal.WrappedKey:
    return libseal.inspect(blob).wrapped_keys[0]


def test_a_call_is_a_coroutine_function() -> None:
    assert inspect.iscoroutinefunction(AsyncKmsUnwrapper.__call__)
    with pytest.raises(TypeError, match="unwrap must not be asynchronous"):
        libseal.unseal(sealed(), AsyncKmsUnwrapper(AsyncFakeKms(), "a"))  # type: ignore[arg-type]


@in_a_loop
async def test_one_look_and_then_one_call_for_each_message() -> None:
    kms = AsyncFakeKms(a="rsa-2048", b="rsa-2048-b")
    calls: list[KmsCall] = []
    unwrap = AsyncKmsUnwrapper(kms, ["a", "b"], grant_tokens=["token"], on_call=calls.append)
    for _ in range(3):
        assert await unseal(sealed(), unwrap) == b"data"
    assert kms.calls == [("GetPublicKey", "a")] + [("Decrypt", arn())] * 3
    assert [call[:2] for call in calls] == kms.calls
    assert all(arguments["GrantTokens"] == ["token"] for arguments in kms.arguments)
    assert unwrap.fingerprints() == [public_key().fingerprint]
    assert await unwrap(wrapped_key(sealed("rsa-3072"))) is None
    assert await unwrap.check() == {"a": None, "b": None}


@in_a_loop
async def test_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    kms = AsyncFakeKms(a_x="rsa-2048")
    unwrap = AsyncKmsUnwrapper(kms, "alias/x")
    assert await unseal(sealed(), unwrap) == b"data"
    kms.keys["alias/x"] = "rsa-2048-b"
    clock.wait(1)
    with pytest.raises(libseal.KmsUnavailableError, match="looked up 1 s ago"):
        await unseal(sealed("rsa-2048-b"), unwrap)
    clock.wait(59)
    assert await unseal(sealed("rsa-2048-b"), unwrap) == b"data"
    assert await unseal(sealed("rsa-2048"), unwrap) == b"data"


@in_a_loop
async def test_a_replica_takes_over() -> None:
    us, eu = AsyncFakeKms("us-east-1", a="rsa-2048"), AsyncFakeKms("eu-west-1", a="rsa-2048")
    us.failures["Decrypt", "*"] = TimeoutError()
    assert await unseal(sealed(), AsyncKmsUnwrapper([us, lambda: eu], "a")) == b"data"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (error("ThrottlingException"), libseal.KmsUnavailableError),
        (TimeoutError(), libseal.KmsUnavailableError),
        (error("AccessDeniedException"), libseal.KmsRefusedError),
        (error("InvalidCiphertextException"), libseal.WrappedKeyRejectedError),
    ],
)
@in_a_loop
async def test_failures(raised: Exception, kind: type[Exception]) -> None:
    kms = AsyncFakeKms(a="rsa-2048")
    kms.failures["Decrypt", arn()] = raised
    with pytest.raises(kind) as failed:
        await unseal(sealed(), AsyncKmsUnwrapper(kms, "a"))
    assert failed.value.__cause__ is raised


@pytest.mark.parametrize("answer", [{"Plaintext": b"short"}, {"KeyId": arn("rsa-3072")}])
@in_a_loop
async def test_answers_that_are_wrong(answer: dict[str, Any]) -> None:
    kms = AsyncFakeKms(a="rsa-2048")
    unwrap = AsyncKmsUnwrapper(kms, {arn(): public_key()})
    kms.answers = answer
    with pytest.raises(libseal.KeyUnwrapError):
        await unseal(sealed(), unwrap)


# ---- Tasks that need the same lookup


@in_a_loop
async def test_tasks_look_once() -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=0.01)
    unwrap = AsyncKmsUnwrapper(kms, "a")
    found = await asyncio.gather(*(unseal(sealed(), unwrap) for _ in range(50)))
    assert found == [b"data"] * 50
    assert kms.count("GetPublicKey") == 1


@in_a_loop
async def test_tasks_share_a_failure() -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=0.01)
    kms.failures["GetPublicKey", "a"] = TimeoutError()
    unwrap = AsyncKmsUnwrapper(kms, "a")
    tasks = (unseal(sealed(), unwrap) for _ in range(16))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [libseal.KmsUnavailableError] * 16
    assert len(kms.calls) == 1


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("first", [0, 1, 3])
@in_a_loop
async def test_a_task_that_is_cancelled_takes_nothing_from_the_others(first: int) -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=0.05)
    unwrap = AsyncKmsUnwrapper(kms, "a")
    tasks = [asyncio.create_task(unseal(sealed(), unwrap)) for _ in range(4)]
    await asyncio.sleep(0.01)
    await cancel(tasks.pop(first))
    assert await asyncio.gather(*tasks) == [b"data"] * 3
    assert kms.count("GetPublicKey") == 1
    assert kms.cancelled == 0


@in_a_loop
async def test_with_the_last_task_the_lookup_is_cancelled() -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=60)
    unwrap = AsyncKmsUnwrapper(kms, "a")
    tasks = [asyncio.create_task(unseal(sealed(), unwrap)) for _ in range(4)]
    await asyncio.sleep(0.01)
    for task in tasks:
        await cancel(task)
    assert kms.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


@in_a_loop
async def test_a_lookup_that_is_about_to_end_is_not_joined() -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=0.05)
    unwrap = AsyncKmsUnwrapper(kms, "a")

    async def insist() -> bytes:
        try:
            return await unseal(sealed(), unwrap)
        except asyncio.CancelledError:
            assert kms.cancelled == 0
            return await unseal(sealed(), unwrap)

    task = asyncio.create_task(insist())
    await asyncio.sleep(0.01)
    task.cancel()
    assert await task == b"data"
    assert kms.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


@in_a_loop
async def test_who_is_cancelled_again_and_again() -> None:
    """The lookup that was cancelled ends while the next one is under way."""
    kms = AsyncFakeKms(a="rsa-2048", seconds=60)
    unwrap = AsyncKmsUnwrapper(kms, "a")
    ends: list[type] = []

    async def insist() -> None:
        for _ in range(4):
            try:
                await unseal(sealed(), unwrap)
            except BaseException as end:
                ends.append(type(end))

    task = asyncio.create_task(insist())
    for _ in range(4):
        await asyncio.sleep(0.01)
        task.cancel()
    await task
    await asyncio.sleep(0.01)
    assert ends == [asyncio.CancelledError] * 4
    assert kms.cancelled == 4
    assert len(asyncio.all_tasks()) == 1


@in_a_loop
async def test_a_lookup_that_ends_late_leaves_the_next_one_shared() -> None:
    kms = AsyncFakeKms(a="rsa-2048", seconds=0.05)
    unwrap = AsyncKmsUnwrapper(kms, "a")

    async def insist() -> bytes:
        try:
            return await unseal(sealed(), unwrap)
        except asyncio.CancelledError:
            return await unseal(sealed(), unwrap)

    first = asyncio.create_task(insist())
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    assert set(await asyncio.gather(first, unseal(sealed(), unwrap))) == {b"data"}
    assert kms.count("GetPublicKey") == 1


# ---- Functions that make clients


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_is_called_once_in_each_loop(is_async: bool) -> None:
    made: list[AsyncFakeKms] = []

    def make() -> AsyncFakeKms:
        made.append(AsyncFakeKms(a="rsa-2048"))
        return made[-1]

    async def make_slowly() -> AsyncFakeKms:
        await asyncio.sleep(0.01)
        return make()

    unwrap = AsyncKmsUnwrapper(make_slowly if is_async else make, "a")

    async def work() -> list[bytes]:
        return await asyncio.gather(*(unseal(sealed(), unwrap) for _ in range(5)))

    for loops in (1, 2, 3):
        assert asyncio.run(work()) == [b"data"] * 5
        assert len(made) == loops
    assert [kms.count("GetPublicKey") for kms in made] == [1, 0, 0]
    # Clients of loops that are closed are not kept.
    assert len(unwrap._loops) == 1


def test_loops_that_come_and_go_in_other_threads() -> None:
    unwrap = AsyncKmsUnwrapper(make_client, "a")

    class Loop(asyncio.SelectorEventLoop):
        """Another thread has a loop of its own at just this moment."""

        def is_closed(self) -> bool:
            if unwrap._loops.get(self):
                thread = threading.Thread(target=asyncio.run, args=(unseal(sealed(), unwrap),))
                unwrap._loops.pop(self)
                thread.start()
                thread.join()
            return super().is_closed()

    loop = Loop()
    try:
        assert loop.run_until_complete(unseal(sealed(), unwrap)) == b"data"
        assert asyncio.run(unseal(sealed(), unwrap)) == b"data"
    finally:
        loop.close()


@in_a_loop
async def test_a_client_that_is_not_entered() -> None:
    client: Any = get_session().create_client("kms", region_name="us-east-1")
    words = "not ClientCreatorContext: enter it first: async with"
    with pytest.raises(TypeError, match=words):
        AsyncKmsUnwrapper(client, "a")
    with pytest.raises(libseal.KeyUnwrapError, match=words) as refused:
        await unseal(sealed(), AsyncKmsUnwrapper(lambda: client, "a"))
    assert isinstance(refused.value.__cause__, TypeError)
    client._coro.close()  # or else Python warns that no one has awaited it


def test_a_function_makes_it_pickle() -> None:
    unwrap = AsyncKmsUnwrapper(make_client, "a")
    assert asyncio.run(unseal(sealed(), unwrap)) == b"data"
    again = pickle.loads(pickle.dumps(unwrap))
    assert again.fingerprints() == [public_key().fingerprint]
    assert asyncio.run(unseal(sealed(), again)) == b"data"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(AsyncKmsUnwrapper(SHARED, "a"))


# ---- aiobotocore


def entered(stack: AsyncExitStack, endpoint: str) -> Awaitable[Any]:
    config = AioConfig(retries={"total_max_attempts": 1})
    creating = get_session().create_client("kms", config=config, **access(endpoint))
    return stack.enter_async_context(creating)


def test_with_a_kms(kms: LocalKms) -> None:
    kms.create_key("alias/libseal-async")
    key = libseal.aws.public_key(kms.client, "alias/libseal-async")
    blob = libseal.seal(key, b"data")

    async def work() -> None:
        async with AsyncExitStack() as stack:
            client = await entered(stack, kms.endpoint)
            for source in (client, lambda: entered(stack, kms.endpoint)):
                unwrap = AsyncKmsUnwrapper(source, "alias/libseal-async")
                assert await unwrap.check() == {"alias/libseal-async": None}
                found = await asyncio.gather(*(unseal(blob, unwrap) for _ in range(20)))
                assert found == [b"data"] * 20
            with pytest.raises(TypeError, match="AsyncKmsUnwrapper takes asynchronous clients"):
                libseal.aws.KmsUnwrapper(client, "alias/libseal-async")
            unwrap = AsyncKmsUnwrapper(client, "alias/libseal-none")
            with pytest.raises(libseal.KmsRefusedError, match="NotFoundException"):
                await unseal(blob, unwrap)

    asyncio.run(work())


def test_no_network() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def work() -> None:
        async with AsyncExitStack() as stack:
            unwrap = AsyncKmsUnwrapper(await entered(stack, f"http://127.0.0.1:{port}"), "a")
            with pytest.raises(libseal.KmsUnavailableError) as failed:
                await unseal(sealed(), unwrap)
            cause = failed.value.__cause__
            assert isinstance(cause, botocore.exceptions.EndpointConnectionError)

    asyncio.run(work())
