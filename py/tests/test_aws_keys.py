"""Which keys KmsUnwrapper knows: rotation, strangers, failures that are remembered, regions."""

from __future__ import annotations

import pickle
import signal
import sys
import threading
import time
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from fake_kms import OAEP, Clock, FakeKms, arn, error, sealed
from libseal.aws import KmsCall, KmsUnwrapper
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def foreign(number: int) -> libseal.WrappedKey:
    """Wrapped for a key that no one has, and claims to be for another."""
    return libseal.WrappedKey(OAEP[1], sha256(b"%d" % number).digest(), "alias/x", b"x" * 256)


def outcome(unwrap: KmsUnwrapper, wrapped_key: libseal.WrappedKey) -> type | None:
    try:
        assert unwrap(wrapped_key) is None
    except libseal.KeyUnwrapError as failure:
        return type(failure)
    return None


# ---- Rotation


def test_an_alias_that_moves(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, "alias/x")
    old, new = sealed("rsa-2048"), sealed("rsa-2048-b")
    assert libseal.unseal(old, unwrap) == b"data"
    clock.wait(20)
    kms.keys["alias/x"] = "rsa-2048-b"
    with pytest.raises(libseal.KmsUnavailableError) as unavailable:
        libseal.unseal(new, unwrap)
    assert "alias/x was looked up 20 s ago" in str(unavailable.value)
    assert "may be for a newer one, so try again in 40 s" in str(unavailable.value)
    assert unavailable.value.retryable
    clock.wait(40)
    for _ in range(3):
        assert libseal.unseal(new, unwrap) == b"data"
        assert libseal.unseal(old, unwrap) == b"data"
    assert kms.count("GetPublicKey") == 2
    # Once known, keys are not asked for again.
    clock.wait(10_000)
    assert libseal.unseal(old, unwrap) == b"data"
    assert libseal.unseal(new, unwrap) == b"data"
    assert kms.count("GetPublicKey") == 2


def test_a_message_that_comes_too_early_speaks_for_no_other(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, "alias/x")
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(sealed("rsa-2048-b"), unwrap)
    clock.wait(1)
    kms.keys["alias/x"] = "rsa-2048-b"
    good = sealed("rsa-2048-b")
    for _ in range(2):
        with pytest.raises(libseal.KmsUnavailableError):
            libseal.unseal(good, unwrap)
        clock.wait(29)
    clock.wait(1)
    assert libseal.unseal(good, unwrap) == b"data"


def test_an_alias_that_is_old_is_looked_up_at_once(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, "alias/x")
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"
    kms.keys["alias/x"] = "rsa-2048-b"
    clock.wait(60)
    assert libseal.unseal(sealed("rsa-2048-b"), unwrap) == b"data"


def test_a_foreign_message_is_tried_twice_at_most(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048", a_y="rsa-3072")
    unwrap = KmsUnwrapper(kms, ["alias/x", "alias/y"])
    assert outcome(unwrap, foreign(0)) is None
    # Seen before the last look, or not.
    assert outcome(unwrap, foreign(0)) is None
    clock.wait(1)
    assert outcome(unwrap, foreign(1)) is libseal.KmsUnavailableError
    assert outcome(unwrap, foreign(0)) is None
    clock.wait(59)
    assert outcome(unwrap, foreign(1)) is None
    assert kms.count("GetPublicKey") == 4


def test_every_alias_counts(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048", a_y="rsa-3072")
    unwrap = KmsUnwrapper(kms, ["alias/x", "alias/y"])
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"
    clock.wait(50)
    assert libseal.unseal(sealed("rsa-3072"), unwrap) == b"data"
    clock.wait(11)
    # alias/x is old enough to be looked up again, and alias/y is not yet.
    with pytest.raises(libseal.KmsUnavailableError, match="alias/y was looked up 11 s ago"):
        libseal.unseal(sealed("rsa-4096"), unwrap)
    kms.keys["alias/y"] = "rsa-4096"
    clock.wait(49)
    assert libseal.unseal(sealed("rsa-4096"), unwrap) == b"data"


def test_a_program_that_has_all_its_messages(clock: Clock) -> None:
    """What was there before the alias was looked up cannot be for a key that came later."""
    kms = FakeKms(a_x="rsa-2048")
    kms.before = lambda: clock.wait(0.1)
    unwrap = KmsUnwrapper(kms, "alias/x")
    unwrap._expect_no_later_messages()
    for _ in range(2):
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(sealed("rsa-3072", "rsa-4096"), unwrap)
        clock.wait(59)
    assert kms.count("GetPublicKey") == 1
    # Nothing else has changed: it is looked up again when it is old.
    kms.keys["alias/x"] = "rsa-3072"
    clock.wait(1)
    assert libseal.unseal(sealed("rsa-3072", "rsa-4096"), unwrap) == b"data"
    # Another process may be given other messages.
    unwrap = KmsUnwrapper(partial(FakeKms, a_x="rsa-2048"), "alias/x")
    unwrap._expect_no_later_messages()
    unwrap = pickle.loads(pickle.dumps(unwrap))
    assert libseal.unseal(sealed(), unwrap) == b"data"
    clock.wait(1)
    with pytest.raises(libseal.KmsUnavailableError, match="may be for a newer one"):
        libseal.unseal(sealed("rsa-3072"), unwrap)


def test_ids_and_arns_are_looked_up_once(clock: Clock) -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a", arn("rsa-2048")])
    for number in range(10):
        clock.wait(1000)
        assert outcome(unwrap, foreign(number)) is None
    assert kms.count("GetPublicKey") == 2


def test_an_alias_that_is_deleted(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, "alias/x")
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"
    kms.failures["GetPublicKey", "alias/x"] = error("NotFoundException", "no such alias")
    clock.wait(61)
    words = r"the alias alias/x does not exist, and the message may be for another"
    with pytest.raises(libseal.KmsRefusedError, match=words):
        unwrap(foreign(0))
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"


def test_an_alias_that_moves_to_a_key_for_signing(clock: Clock) -> None:
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, "alias/x")
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"
    kms.answers = {"KeyUsage": "SIGN_VERIFY"}
    clock.wait(61)
    with pytest.raises(libseal.KmsRefusedError, match=r"alias/x cannot unseal.*SIGN_VERIFY"):
        libseal.unseal(sealed("rsa-2048-b"), unwrap)
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"


# ---- What strangers can cause


def test_a_thousand_foreign_messages(clock: Clock) -> None:
    """One dead and one good key: one call for each, and 2 more for each minute."""
    kms = FakeKms(a_x="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["alias/dead", "alias/x"])
    for number in range(1000):
        clock.wait(0.05)
        assert outcome(unwrap, foreign(number)) in {
            libseal.KmsRefusedError,
            libseal.KmsUnavailableError,
        }
    assert len(kms.calls) == 2
    for number in range(5000):
        clock.wait(0.06)
        outcome(unwrap, foreign(number))
    assert len(kms.calls) <= 2 + 2 * 6
    assert kms.count("Decrypt") == 0


def test_a_thousand_foreign_messages_and_no_alias(clock: Clock) -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a"])
    for number in range(1000):
        clock.wait(1)
        assert outcome(unwrap, foreign(number)) is None
    assert kms.calls == [("GetPublicKey", "a")]


def test_strangers_take_little_memory(clock: Clock) -> None:
    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), ["a"])
    for number in range(12_000):
        outcome(unwrap, foreign(number))
    assert len(unwrap._keys._strangers) == 10_000
    assert {len(digest) for digest in unwrap._keys._strangers} == {16}


def test_a_flood_of_strangers_does_not_keep_a_message_in_the_queue(clock: Clock) -> None:
    """40 in a second: each of them is told apart from those before until it is decided."""
    unwrap = KmsUnwrapper(FakeKms(a_x="rsa-2048"), "alias/x")
    outcome(unwrap, foreign(-1))
    clock.wait(1)
    assert outcome(unwrap, foreign(0)) is libseal.KmsUnavailableError
    for number in range(1, 2400):
        clock.wait(0.025)
        outcome(unwrap, foreign(number))
    assert outcome(unwrap, foreign(0)) is None


# ---- Failures that are remembered


@pytest.mark.parametrize(
    ("code", "kind", "seconds"),
    [
        ("AccessDeniedException", libseal.KmsRefusedError, 60),
        ("ThrottlingException", libseal.KmsUnavailableError, 5),
    ],
)
def test_failures_of_lookups(clock: Clock, code: str, kind: type, seconds: int) -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    kms.failures["GetPublicKey", "a"] = error(code, "words")
    unwrap = KmsUnwrapper(kms, ["a", "b"])
    # One that can be looked up is no worse for it.
    assert libseal.unseal(sealed("rsa-2048-b"), unwrap) == b"data"
    for _ in range(10):
        with pytest.raises(libseal.KeyUnwrapError, match=f"{code}: words") as refused:
            libseal.unseal(sealed("rsa-2048"), unwrap)
        assert type(refused.value) is kind
        assert refused.value.__cause__ is kms.failures["GetPublicKey", "a"]
        clock.wait(seconds / 11)
    assert kms.calls.count(("GetPublicKey", "a")) == 1
    assert "asked again in" in str(refused.value)
    del kms.failures["GetPublicKey", "a"]
    clock.wait(seconds / 11)
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"


def test_a_retryable_failure_goes_first(clock: Clock) -> None:
    kms = FakeKms()
    kms.failures["GetPublicKey", "b"] = error("ThrottlingException")
    assert outcome(KmsUnwrapper(kms, ["a", "b"]), foreign(0)) is libseal.KmsUnavailableError


def run_in_threads(count: int, work: Callable[[], object]) -> float:
    started = time.monotonic()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return time.monotonic() - started


def test_sixteen_threads_and_a_lookup_that_times_out() -> None:
    kms = FakeKms()
    kms.before = lambda: time.sleep(0.3)
    kms.failures["GetPublicKey", "a"] = TimeoutError("no answer")
    unwrap = KmsUnwrapper(kms, ["a"])
    seen = []
    assert run_in_threads(16, lambda: seen.append(outcome(unwrap, foreign(0)))) < 2
    assert seen == [libseal.KmsUnavailableError] * 16
    assert len(kms.calls) == 1


def test_messages_for_known_keys_do_not_wait() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = KmsUnwrapper(kms, ["a", "b"])
    assert libseal.unseal(sealed("rsa-2048", key_id="a"), unwrap) == b"data"
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait_for_b() -> None:
        if kms.calls[-1] == ("GetPublicKey", "b"):
            is_asked.set()
            assert may_answer.wait(60)

    kms.before = wait_for_b
    found: list[bytes] = []
    thread = threading.Thread(
        target=lambda: found.append(libseal.unseal(sealed("rsa-2048-b"), unwrap)), daemon=True
    )
    thread.start()
    assert is_asked.wait(60)
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"
    assert not found
    may_answer.set()
    thread.join(60)
    assert found == [b"data"]


def test_a_lookup_that_another_thread_has_just_made(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a"])
    step = unwrap._keys.step

    def step_aside(search: Any) -> Any:
        next_step = step(search)
        monkeypatch.setattr(unwrap._keys, "step", step)
        assert libseal.unseal(sealed(), unwrap) == b"data"
        return next_step

    monkeypatch.setattr(unwrap._keys, "step", step_aside)
    assert libseal.unseal(sealed(), unwrap) == b"data"
    assert kms.count("GetPublicKey") == 1


def test_an_interrupt_is_for_one_thread_only() -> None:
    """The others do not hang, and one of them looks again."""
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a"])
    is_asked = threading.Event()

    def interrupt_the_first() -> None:
        if len(kms.calls) == 1:
            is_asked.set()
            time.sleep(0.2)
            raise KeyboardInterrupt

    kms.before = interrupt_the_first
    seen: list[object] = []

    def work() -> None:
        try:
            seen.append(libseal.unseal(sealed(), unwrap))
        except KeyboardInterrupt as interrupt:
            seen.append(type(interrupt))

    run_in_threads(4, work)
    assert sorted(map(str, seen)) == sorted(map(str, [KeyboardInterrupt] + [b"data"] * 3))
    assert kms.calls.count(("GetPublicKey", "a")) == 2


def test_an_interrupt_as_soon_as_a_lookup_is_registered() -> None:
    """Between any two lines: the next one to ask does not wait for what no one does."""
    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), ["a"])

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code.co_name != "_take":
            return trace
        if event == "line" and unwrap._process.flights:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            libseal.unseal(sealed(), unwrap)
    finally:
        sys.settrace(previous)
    assert not unwrap._process.flights
    found: list[bytes] = []
    run_in_threads(1, lambda: found.append(libseal.unseal(sealed(), unwrap)))
    assert found == [b"data"]


# ---- Who asks from within


def ask_from_within(unwrap: KmsUnwrapper, seen: list[str]) -> None:
    try:
        libseal.unseal(sealed(), unwrap)
    except libseal.StateError as error:
        seen.append(str(error))
        raise


def in_time(work: Callable[[], object]) -> object:
    """What it returns or raises, in another thread, as it may hang."""
    ends: list[object] = []

    def run() -> None:
        try:
            ends.append(work())
        except Exception as error:
            ends.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert ends, "it hangs"
    return ends[0]


def test_on_call_must_not_ask() -> None:
    seen: list[str] = []

    def on_call(call: KmsCall) -> None:
        if call.operation == "GetPublicKey":
            ask_from_within(unwrap, seen)

    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), "a", on_call=on_call)
    # What on_call raises is logged and no more.
    assert in_time(lambda: libseal.unseal(sealed(), unwrap)) == b"data"
    assert len(seen) == 1
    assert "on_call, the function that makes its client, and signal handlers" in seen[0]


def test_the_function_that_makes_the_client_must_not_ask() -> None:
    kms, seen = FakeKms(a="rsa-2048"), list[str]()

    def make() -> FakeKms:
        if not seen:
            ask_from_within(unwrap, seen)
        return kms

    unwrap = KmsUnwrapper(make, "a")
    end = in_time(lambda: libseal.unseal(sealed(), unwrap))
    assert isinstance(end, libseal.StateError)
    assert "would wait for itself" in str(end)
    # It is not remembered as a failure of the KMS.
    assert libseal.unseal(sealed(), unwrap) == b"data"


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there are no such signals")
def test_a_signal_handler_must_not_ask() -> None:
    kms, seen = FakeKms(a="rsa-2048"), list[str]()
    unwrap = KmsUnwrapper(kms, "a")

    def handle(*_: object) -> None:
        with pytest.raises(libseal.StateError):
            ask_from_within(unwrap, seen)

    previous = signal.signal(signal.SIGUSR1, handle)

    def interrupt_the_lookup() -> None:
        if len(kms.calls) == 1:
            signal.raise_signal(signal.SIGUSR1)

    kms.before = interrupt_the_lookup
    try:
        assert libseal.unseal(sealed(), unwrap) == b"data"
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert len(seen) == 1


# ---- A mapping


@pytest.mark.parametrize("kind", ["PublicKey", "bytes", "bytearray"])
@pytest.mark.parametrize("name", [arn(), "rsa-2048"])
def test_a_mapping_takes_decrypt_alone(kind: str, name: str) -> None:
    kms = FakeKms(a="rsa-2048")
    key = public_key()
    known: Any = {
        "PublicKey": key, "bytes": key.fingerprint, "bytearray": bytearray(key.fingerprint)
    }[kind]  # fmt: skip
    unwrap = KmsUnwrapper(kms, {name: known})
    assert unwrap.fingerprints() == [key.fingerprint]
    assert libseal.unseal(sealed(), unwrap) == b"data"
    assert outcome(unwrap, foreign(0)) is None
    assert kms.calls == [("Decrypt", name)]


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        (b"short", ValueError, "a fingerprint has 32"),
        (public_key().der, ValueError, "libseal.PublicKey reads a public key"),
        (public_key().fingerprint.hex(), TypeError, "maps .* to str"),
        (None, TypeError, "must be a libseal.PublicKey"),
    ],
)
def test_what_is_in_a_mapping(key: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        KmsUnwrapper(FakeKms(), {arn(): key})


@pytest.mark.parametrize("name", ["alias/x", "arn:aws:kms:us-east-1:1:alias/x"])
def test_an_alias_in_a_mapping(name: str) -> None:
    with pytest.raises(ValueError, match=r"maps the alias .* an alias may move"):
        KmsUnwrapper(FakeKms(), {name: public_key()})
