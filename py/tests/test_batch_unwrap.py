"""Plan.unwrap: one call for each data key, bounded, paced, tried again, and reported."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import libseal
from batch_support import Store, filled, flipped, names, reasons, scanned
from libseal import batch
from libseal.batch import _pauses
from support import Counting, fleet, holds_nothing, public_key, unwrapper
from tests.kms.counting import EXPIRED_TOKEN, THROTTLED
from tests.kms.ministack import access

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kms.counting import CountedKms


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pauses, "FIRST", 0.0)


def refuses(*devices: str) -> Callable[[libseal.WrappedKey], bytes | None]:
    """An unwrapper that is refused for some of the keys of a plan, by their key id."""

    def unwrap(wrapped_key: libseal.WrappedKey) -> bytes | None:
        if wrapped_key.key_id in devices:
            raise libseal.KmsRefusedError(f"no permission for {wrapped_key.key_id}")
        return unwrapper()(wrapped_key)

    return unwrap


def of_devices(count: int, each: int = 2) -> Store:
    """Messages whose key ids say which device made them."""
    store = Store()
    for number in range(count):
        key = libseal.SealingKey(libseal.Recipient(public_key(), f"device-{number}"))
        for message in range(each):
            store.put(f"/{number}-{message}", key.seal(b"data"))
    return store


def test_each_data_key_is_asked_for_once() -> None:
    store = filled(keys=20, each=10)
    plan = scanned(store)
    counting = Counting()
    keys, refused = plan.unwrap(counting)
    assert (counting.calls, len(keys), refused) == (20, 20, [])
    for header in plan.headers:
        assert keys(header.wrapped_keys[0]) == unwrapper()(header.wrapped_keys[0])


def test_keys_unwrap_everywhere_and_are_nobody_elses() -> None:
    store = filled(keys=2, each=1)
    keys, _ = scanned(store, "/0-*").unwrap(unwrapper())
    assert libseal.unseal(store.cat_file("/0-0"), keys) == b"0-0"
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(store.cat_file("/1-0"), keys)
    assert libseal.unseal(store.cat_file("/1-0"), [keys, unwrapper()]) == b"1-0"


def test_calls_are_concurrent_and_bounded() -> None:
    plan = scanned(filled(keys=9, each=1))
    together = threading.Barrier(3, timeout=30)
    counting = Counting(fail=lambda _: together.wait())
    plan.unwrap(counting, concurrency=3)
    assert (counting.calls, counting.most_at_once) == (9, 3)


def test_a_rate_is_kept() -> None:
    plan = scanned(filled(keys=6, each=1))
    times: list[float] = []
    counting = Counting(fail=lambda _: times.append(time.monotonic()))
    start = time.monotonic()
    plan.unwrap(counting, rate=50)
    assert counting.calls == 6
    assert max(times) - start >= 5 / 50
    with pytest.raises(ValueError, match="rate"):
        plan.unwrap(counting, rate=0)


def test_what_is_retryable_is_tried_again() -> None:
    plan = scanned(filled(keys=3, each=1))

    def fail(number: int) -> None:
        if number <= 4:
            raise libseal.KmsUnavailableError("throttled")

    counting = Counting(fail=fail)
    keys, refused = plan.unwrap(counting, concurrency=1)
    assert (counting.calls, len(keys), refused) == (7, 3, [])


def test_an_outage_ends_soon() -> None:
    plan = scanned(filled(keys=6, each=1))

    def fail(number: int) -> None:
        if number <= 10 or number == 12:
            raise libseal.StopUnwrap("the KMS is down")

    counting = Counting(fail=fail)
    keys, refused = plan.unwrap(counting, concurrency=1, on_error="keep")
    # Seven tries for the first key, one for each of three more, and the fifth succeeds. From then
    # on a failure is tried again.
    assert (counting.calls, len(keys), len(refused)) == (13, 2, 4)
    assert all(one.error.retryable for one in refused if isinstance(one.error, libseal.SealError))


def test_the_pauses_double_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[float] = []
    monkeypatch.setattr(_pauses, "FIRST", 0.2)

    def uniform(low: float, high: float) -> float:
        bounds.append(high)
        return low

    monkeypatch.setattr("random.uniform", uniform)
    assert list(_pauses.pauses(10)) == [0.0] * 9 + [None]
    assert bounds == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0, 20.0]


def test_a_refused_key_is_reported_and_the_others_unwrapped() -> None:
    store = of_devices(10)
    plan = scanned(store)
    keys, refused = plan.unwrap(refuses("device-3", "device-7"), on_error="keep")
    assert len(keys) == 8
    assert [one.files for one in refused] == [("/3-0", "/3-1"), ("/7-0", "/7-1")]
    assert [one.header.wrapped_keys[0].key_id for one in refused] == ["device-3", "device-7"]
    for one in refused:
        assert isinstance(one.error, libseal.KmsRefusedError)
        assert one.error.__notes__ == [f"in {one.files[0]} and 1 more"]

    rest = plan.without(refused)
    assert len(rest) == 16
    assert reasons(rest.failures) == dict.fromkeys(
        ("/3-0", "/3-1", "/7-0", "/7-1"), "KmsRefusedError"
    )
    assert len(list(rest.unseal(keys, fs=store))) == 16

    counting = Counting()
    keys, refused = plan.unwrap([keys, counting])
    assert (counting.calls, len(keys), refused) == (2, 10, [])


def test_a_refused_key_ends_it() -> None:
    plan = scanned(of_devices(10))
    with pytest.raises(libseal.KmsRefusedError, match="no permission for device-0") as caught:
        plan.unwrap(refuses("device-0"), concurrency=1)
    assert caught.value.__notes__ == ["in /0-0 and 1 more"]


def test_after_a_failure_no_one_is_asked() -> None:
    plan = scanned(of_devices(5))

    def fail(number: int) -> None:
        raise libseal.KmsRefusedError(f"no permission for number {number}")

    counting = Counting(fail=fail)
    with pytest.raises(libseal.KmsRefusedError):
        plan.unwrap(counting, rate=1, concurrency=2)
    for thread in threading.enumerate():
        if thread.name.startswith("libseal-unwrap"):
            thread.join()
    assert counting.calls == 1


def test_an_altered_header_is_found_before_the_run() -> None:
    store = filled(keys=3, each=2)
    message = store.cat_file("/1-0")
    offset = message.index(b"device") + len(b"device")
    # Another value in the context of the same length, and the same wrapped key.
    offset = message.index(b"1", offset)
    store.put("/1-0", message[:offset] + b"2" + message[offset + 1 :])
    keys, [one] = scanned(store).unwrap(unwrapper(), on_error="keep")
    assert one.files == ("/1-0",)
    assert isinstance(one.error, libseal.AuthenticationError)
    assert len(keys) == 3


def test_a_forged_wrapped_key_is_found_before_the_run() -> None:
    store = filled(keys=2, each=1)
    wrapped = libseal.Header(store.cat_file("/0-0")).wrapped_keys[0].ciphertext
    store.change("/0-0", lambda data: flipped(data, data.index(wrapped) + 7))
    _, [one] = scanned(store).unwrap(unwrapper(), on_error="keep")
    assert one.files == ("/0-0",)
    assert isinstance(one.error, libseal.KeyUnwrapError)


def test_messages_for_someone_else() -> None:
    store = filled(keys=1, each=1)
    store.put("/other", libseal.seal(public_key("rsa-3072"), b"data"))
    _, [one] = scanned(store).unwrap(unwrapper(), on_error="keep")
    assert one.files == ("/other",)
    assert isinstance(one.error, libseal.NoMatchingRecipientError)
    with pytest.raises(libseal.NoMatchingRecipientError):
        scanned(store).unwrap(holds_nothing)


def test_progress_is_told_for_each_key() -> None:
    told: list[int] = []
    scanned(of_devices(4)).unwrap(refuses("device-2"), on_error="keep", progress=told.append)
    assert told == [1] * 4


def test_keys_travel_as_ciphertext_only(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = scanned(filled())
    keys, _ = plan.unwrap(unwrapper())
    with pytest.raises(TypeError, match="job key"):
        pickle.dumps(keys)

    job_key = batch.JobKey.generate()
    keys, _ = plan.unwrap(unwrapper(), job_key=job_key)
    pickled = pickle.dumps(keys)
    plain = [unwrapper()(header.wrapped_keys[0]) for header in plan.headers]
    assert not any(data_key is None or data_key in pickled for data_key in plain)
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", job_key.to_text())
    copy = pickle.loads(pickled)
    assert [copy(header.wrapped_keys[0]) for header in plan.headers] == plain


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"unwrapper": None}, TypeError),
        ({"concurrency": 0}, ValueError),
        ({"on_error": "skip"}, ValueError),
        ({"progress": 1}, TypeError),
    ],
)
def test_arguments_that_are_refused(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        scanned(filled()).unwrap(**{"unwrapper": unwrapper()} | options)


# ---- With a KMS


@pytest.fixture(scope="module")
def in_kms(running: CountedKms) -> Store:
    """Five data keys of two KMS keys."""
    store = Store()
    for name, count in (("alias/batch-1", 3), ("alias/batch-2", 2)):
        running.local.create_key(name)
        key = libseal.aws.public_key(running.local.client, name)
        for number, sealing_key in enumerate(itertools.islice(keys_for(key), count)):
            for message in range(4):
                store.put(f"/{name[-1]}/{number}-{message}", sealing_key.seal(b"data"))
    return store


def keys_for(key: libseal.PublicKey) -> Any:
    while True:
        yield libseal.SealingKey(key)


def kms_unwrapper(counted: CountedKms) -> libseal.aws.KmsUnwrapper:
    from botocore.config import Config  # noqa: PLC0415 (only here)

    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client("kms", **access(counted.endpoint), config=once)
    return libseal.aws.KmsUnwrapper(client, keys=["alias/batch-1", "alias/batch-2"])


def test_one_decrypt_for_each_data_key(counted: CountedKms, in_kms: Store) -> None:
    plan = scanned(in_kms, "/*/*")
    assert (len(plan), plan.cost().decrypts) == (20, 5)
    keys, refused = plan.unwrap(kms_unwrapper(counted))
    assert refused == []
    assert counted.requests == {"GetPublicKey": 2, "Decrypt": 5}
    results = [data for part in plan.partitions(3) for _, data in part.unseal(keys, fs=in_kms)]
    assert results == [b"data"] * 20
    assert counted.requests["Decrypt"] == 5


def test_throttling_is_waited_out(counted: CountedKms, in_kms: Store) -> None:
    with counted.failing(THROTTLED, "Decrypt", times=6):
        keys, refused = scanned(in_kms, "/*/*").unwrap(kms_unwrapper(counted), concurrency=2)
    assert (len(keys), refused) == (5, [])
    assert counted.requests["Decrypt"] == 11


def test_credentials_that_expire_in_between(counted: CountedKms, in_kms: Store) -> None:
    plan = scanned(in_kms, "/*/*")
    unwrap = kms_unwrapper(counted)
    with counted.failing(EXPIRED_TOKEN, "Decrypt", times=2):
        keys, refused = plan.unwrap(unwrap, concurrency=1, on_error="keep")
    assert (len(keys), len(refused)) == (3, 2)
    assert all("xpired" in str(one.error) for one in refused)
    keys, refused = plan.unwrap([keys, unwrap])
    assert (len(keys), refused) == (5, [])
    assert names(plan.without(refused)) == names(plan)
    assert counted.requests["Decrypt"] == 7


def test_a_fleet_under_one_key() -> None:
    store = Store()
    for number, key in enumerate(fleet(50)):
        store.put(f"/{number}", key.seal(b"data"))
    counting = Counting()
    keys, _ = scanned(store).unwrap(counting)
    assert (counting.calls, len(keys)) == (50, 50)
