"""KmsUnwrapper.decrypt: what names no key."""

from __future__ import annotations

from typing import Any

import pytest

import libseal
from fake_kms import OAEP, FakeKms, arn, error
from libseal.aws import KmsUnwrapper
from openssl_support import wrapped

SECRET = b"a secret of some length"


@pytest.mark.parametrize(("algorithm", "md"), [(OAEP[1], "sha256"), (OAEP[0], "sha1")])
def test_each_key_is_asked_until_one_can(algorithm: str, md: str) -> None:
    kms = FakeKms(a_x="rsa-2048", a_y="rsa-2048-b", a_z="rsa-3072")
    unwrap = KmsUnwrapper(kms, ["alias/x", "alias/y", "alias/z"], grant_tokens=["token"])
    ciphertext = wrapped(SECRET, "rsa-2048-b", md=md)
    assert unwrap.decrypt(ciphertext, algorithm) == SECRET
    assert kms.calls == [("Decrypt", "alias/x"), ("Decrypt", "alias/y")]
    assert all(call["GrantTokens"] == ["token"] for call in kms.arguments)
    assert all(call["EncryptionAlgorithm"] == algorithm for call in kms.arguments)


def test_all_of_them_reject_it() -> None:
    unwrap = KmsUnwrapper(FakeKms(a_x="rsa-2048", a_y="rsa-2048-b"), ["alias/x", "alias/y"])
    with pytest.raises(libseal.WrappedKeyRejectedError, match="another hash"):
        unwrap.decrypt(wrapped(SECRET, md="sha1"))
    with pytest.raises(libseal.WrappedKeyRejectedError):
        unwrap.decrypt(bytes(256))


def test_one_that_could_not_be_asked_may_be_the_right_one() -> None:
    kms = FakeKms(a_x="rsa-2048", a_y="rsa-2048-b", a_z="rsa-3072")
    unwrap = KmsUnwrapper(kms, ["alias/x", "alias/y", "alias/z", "alias/missing"])
    ciphertext = wrapped(SECRET, "rsa-2048-b")
    kms.failures = {("Decrypt", "alias/x"): TimeoutError()}
    assert unwrap.decrypt(ciphertext) == SECRET
    kms.failures["Decrypt", "alias/y"] = error("AccessDeniedException", "not you")
    with pytest.raises(libseal.KmsUnavailableError):
        unwrap.decrypt(ciphertext)
    del kms.failures["Decrypt", "alias/x"]
    with pytest.raises(libseal.KmsRefusedError, match="allow kms:Decrypt"):
        unwrap.decrypt(ciphertext)
    del kms.failures["Decrypt", "alias/y"]
    with pytest.raises(libseal.KmsRefusedError, match="does not exist"):
        unwrap.decrypt(wrapped(SECRET, "rsa-4096"))


def test_regions() -> None:
    west, east = FakeKms("us-west-2"), FakeKms("us-east-1")
    west.keys, east.keys = {"rsa-2048": "rsa-2048"}, {"rsa-2048-b": "rsa-2048-b"}
    unwrap = KmsUnwrapper([west, east], ["rsa-2048", "rsa-2048-b", arn("rsa-2048-b")])
    assert unwrap.decrypt(wrapped(SECRET)) == SECRET
    assert unwrap.decrypt(wrapped(SECRET, "rsa-2048-b")) == SECRET
    # That the other region does not know an id is no failure.
    with pytest.raises(libseal.WrappedKeyRejectedError):
        unwrap.decrypt(wrapped(SECRET, "rsa-3072"))
    assert ("Decrypt", arn("rsa-2048-b")) not in west.calls


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"Plaintext": None}, libseal.KmsUnavailableError),
        ({"Plaintext": "text"}, libseal.KmsUnavailableError),
        ({"KeyId": arn("rsa-3072")}, libseal.KmsRefusedError),
    ],
)
def test_answers_that_are_none(answers: dict[str, Any], kind: type[Exception]) -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = answers
    with pytest.raises(kind) as caught:
        KmsUnwrapper(kms, arn()).decrypt(wrapped(SECRET))
    assert SECRET.decode() not in str(caught.value)


def test_arguments_of_the_wrong_kind() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, "a")
    with pytest.raises(TypeError, match="ciphertext must be bytes-like"):
        unwrap.decrypt("text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="algorithm must be one of"):
        unwrap.decrypt(bytes(256), "RSAES_PKCS1_V1_5")
    assert not kms.calls


def test_calls_are_reported() -> None:
    calls: list[libseal.aws.KmsCall] = []
    unwrap = KmsUnwrapper(FakeKms(a_x="rsa-2048"), "alias/x", on_call=calls.append)
    unwrap.decrypt(bytearray(wrapped(SECRET)))
    assert [call[:2] for call in calls] == [("Decrypt", "alias/x")]
    assert calls[0].error is None
