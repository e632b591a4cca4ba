"""Trying out permissions, and what is reported of calls."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import libseal
from fake_kms import FakeKms, arn, error, sealed
from libseal.aws import AsyncKmsUnwrapper, KmsCall, KmsUnwrapper
from support import data_key_of, public_key

# ---- check


def test_all_is_well() -> None:
    kms = FakeKms(a_x="rsa-2048", b="rsa-3072")
    unwrap = KmsUnwrapper(kms, ["alias/x", "b"], grant_tokens=["token"])
    assert unwrap.check() == {"alias/x": None, "b": None}
    assert [operation for operation, _ in kms.calls] == ["GetPublicKey", "Decrypt"] * 2
    assert all(arguments["GrantTokens"] == ["token"] for arguments in kms.arguments)
    assert kms.arguments[1]["DryRun"] is True
    # What it has learned need not be asked for again.
    assert libseal.unseal(sealed(), unwrap) == b"data"
    assert len(kms.calls) == 5


@pytest.mark.parametrize(
    "key", [public_key(), public_key().fingerprint], ids=["PublicKey", "fingerprint"]
)
def test_a_mapping_takes_decrypt_alone(key: Any) -> None:
    kms = FakeKms(a="rsa-2048")
    assert KmsUnwrapper(kms, {arn(): key}).check() == {arn(): None}
    assert kms.calls == [("Decrypt", arn())]


def test_a_kms_that_ignores_dry_runs() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.decrypt = lambda **_: {"Plaintext": b"", "KeyId": ""}  # type: ignore[method-assign]
    assert KmsUnwrapper(kms, ["a"]).check() == {"a": None}


def test_each_key_has_its_answer() -> None:
    kms = FakeKms(good="rsa-2048", denied="rsa-3072", blind="rsa-2048", down="rsa-2048")
    kms.failures = {
        ("Decrypt", arn("rsa-3072")): error("AccessDeniedException", "not you"),
        ("GetPublicKey", "blind"): error("AccessDeniedException"),
        ("GetPublicKey", "down"): TimeoutError(),
    }
    answers = KmsUnwrapper(kms, ["good", "denied", "blind", "down", "missing"]).check()
    assert {name: type(answer) for name, answer in answers.items()} == {
        "good": type(None),
        "denied": libseal.KmsRefusedError,
        "blind": libseal.KmsRefusedError,
        "down": libseal.KmsUnavailableError,
        "missing": libseal.KmsRefusedError,
    }
    assert "not you; allow kms:Decrypt" in str(answers["denied"])
    assert "allow kms:GetPublicKey" in str(answers["blind"])
    assert isinstance(answers["down"], libseal.SealError)
    assert isinstance(answers["down"].__cause__, TimeoutError)


def test_a_key_for_signing() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = {"KeyUsage": "SIGN_VERIFY"}
    answer = KmsUnwrapper(kms, "a").check()["a"]
    assert isinstance(answer, libseal.KmsRefusedError)
    assert "SIGN_VERIFY" in str(answer)


def test_a_mapping_to_the_wrong_key() -> None:
    answer = KmsUnwrapper(FakeKms(a="rsa-2048"), {arn(): public_key("rsa-2048-b")}).check()[arn()]
    assert isinstance(answer, libseal.WrappedKeyRejectedError)


# ---- on_call and the log


def test_calls_are_reported() -> None:
    kms = FakeKms(a_x="rsa-2048")
    calls: list[KmsCall] = []
    unwrap = KmsUnwrapper(kms, "alias/x", on_call=calls.append)
    assert libseal.unseal(sealed(), unwrap) == b"data"
    kms.failures["Decrypt", arn()] = error("ThrottlingException")
    with pytest.raises(libseal.KmsUnavailableError) as failed:
        libseal.unseal(sealed(), unwrap)
    assert [call[:2] for call in calls] == [
        ("GetPublicKey", "alias/x"),
        ("Decrypt", arn()),
        ("Decrypt", arn()),
    ]
    assert all(0 <= call.seconds < 10 for call in calls)
    assert [call.error for call in calls] == [None, None, failed.value]
    assert [call.error for call in calls if call.operation == "GetPublicKey"] == [None]


def test_a_dry_run_that_succeeds_is_no_failure() -> None:
    calls: list[KmsCall] = []
    KmsUnwrapper(FakeKms(a="rsa-2048"), "a", on_call=calls.append).check()
    assert [call.error for call in calls] == [None, None]


def test_an_answer_that_is_wrong_is_reported() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = {"Plaintext": b"short"}
    calls: list[KmsCall] = []
    with pytest.raises(libseal.KeyUnwrapError) as failed:
        libseal.unseal(sealed(), KmsUnwrapper(kms, "a", on_call=calls.append))
    assert calls[-1].error is failed.value


def test_a_hook_that_fails_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: KmsCall) -> None:
        raise ValueError("no metrics today")

    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), "a", on_call=fail)
    assert libseal.unseal(sealed(), unwrap) == b"data"
    assert "no metrics today" in caplog.text


@pytest.mark.parametrize("hook", [7, "print", [print]])
def test_hooks(hook: Any) -> None:
    with pytest.raises(TypeError, match="on_call must be callable or None, not"):
        KmsUnwrapper(FakeKms(), "a", on_call=hook)


def test_hooks_are_not_awaited() -> None:
    async def hook(_: KmsCall) -> None:
        pass

    for unwrapper in (KmsUnwrapper, AsyncKmsUnwrapper):
        with pytest.raises(TypeError, match="on_call must not be asynchronous"):
            unwrapper(FakeKms(), "a", on_call=hook)


def test_the_log(caplog: pytest.LogCaptureFixture) -> None:
    kms = FakeKms(a_x="rsa-2048")
    blob = sealed()
    unwrap = KmsUnwrapper(kms, "alias/x")
    assert libseal.unseal(blob, unwrap) == b"data"
    assert not caplog.records  # DEBUG is off
    caplog.set_level(logging.DEBUG, logger="libseal")
    assert libseal.unseal(blob, unwrap) == b"data"
    kms.failures["Decrypt", arn()] = error("ThrottlingException", "slow down")
    with pytest.raises(libseal.KmsUnavailableError):
        libseal.unseal(blob, unwrap)
    first, second = caplog.messages
    assert first.startswith(f"KMS Decrypt of {arn()}: ")
    assert first.endswith(" ms, done")
    assert "KmsUnavailableError" in second
    assert "slow down" in second
    assert {record.name for record in caplog.records} == {"libseal"}
    data_key = data_key_of(blob)
    for record in caplog.records:
        for secret in (repr(data_key), data_key.hex()):
            assert secret not in record.getMessage() + repr(record.args)
