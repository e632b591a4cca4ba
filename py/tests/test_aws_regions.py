"""KmsUnwrapper with a client for each of several regions."""

from __future__ import annotations

import pytest

import libseal
from fake_kms import Clock, FakeKms, arn, error, sealed
from libseal.aws import KmsUnwrapper
from support import public_key


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def regions() -> tuple[FakeKms, FakeKms]:
    """A key in each, and one in both."""
    return (
        FakeKms("us-east-1", a="rsa-2048", both="rsa-4096", a_x="rsa-2048"),
        FakeKms("eu-west-1", b="rsa-3072", both="rsa-4096", a_x="rsa-3072"),
    )


def test_arns_go_to_their_regions() -> None:
    us, eu = regions()
    keys = [arn("rsa-2048"), arn("rsa-3072", "eu-west-1")]
    unwrap = KmsUnwrapper([us, eu], keys)
    for name in ("rsa-3072", "rsa-2048"):
        assert libseal.unseal(sealed(name), unwrap) == b"data"
    assert us.calls == [("GetPublicKey", keys[0]), ("Decrypt", keys[0])]
    assert eu.calls == [("GetPublicKey", keys[1]), ("Decrypt", keys[1])]


def test_ids_and_aliases_are_looked_up_with_each_client() -> None:
    us, eu = regions()
    unwrap = KmsUnwrapper((us, eu), "alias/x")
    for name in ("rsa-3072", "rsa-2048"):
        assert libseal.unseal(sealed(name), unwrap) == b"data"
    assert eu.calls[-1] == ("Decrypt", arn("rsa-3072", "eu-west-1"))
    # What only one region knows is no failure of the other.
    unwrap = KmsUnwrapper((us, eu), ["a", "b"])
    assert libseal.unseal(sealed("rsa-3072"), unwrap) == b"data"
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(sealed("rsa-2048-b"), unwrap)


def test_no_client_for_a_region() -> None:
    us, _ = regions()
    name = arn("rsa-3072", "eu-west-1")
    for keys in (name, {name: public_key()}):
        with pytest.raises(ValueError, match=r"no client is for the region of .*give .* eu-west-1"):
            KmsUnwrapper(us, keys)
        # With a function, that shows only when it is called.
        unwrap = KmsUnwrapper(lambda: us, keys)
        with pytest.raises(libseal.KmsRefusedError, match="no client is for the region of"):
            libseal.unseal(sealed("rsa-2048"), unwrap)
        assert isinstance(unwrap.check()[name], libseal.KmsRefusedError)
    assert not us.calls


def test_functions_for_several_regions() -> None:
    us, eu = regions()
    name = arn("rsa-3072", "eu-west-1")
    for keys in (name, {name: public_key("rsa-3072")}):
        unwrap = KmsUnwrapper([lambda: us, lambda: eu], keys)
        assert libseal.unseal(sealed("rsa-3072"), unwrap) == b"data"
    assert not us.calls


def test_a_replica_takes_over_if_one_is_unavailable(clock: Clock) -> None:
    us, eu = regions()
    keys = [arn("rsa-4096"), arn("rsa-4096", "eu-west-1")]
    unwrap = KmsUnwrapper([us, eu], keys)
    assert libseal.unseal(sealed("rsa-4096"), unwrap) == b"data"
    us.failures["Decrypt", "*"] = error("KMSInternalException", status=500)
    us.failures["GetPublicKey", "*"] = error("KMSInternalException", status=500)
    for _ in range(2):
        assert libseal.unseal(sealed("rsa-4096"), unwrap) == b"data"
    assert eu.calls == [("GetPublicKey", keys[1])] + [("Decrypt", keys[1])] * 2
    # The same from the start, by the id that both know, and with a mapping.
    for known in ("both", dict.fromkeys(keys, public_key("rsa-4096"))):
        us.calls.clear()
        unwrap = KmsUnwrapper([us, eu], known)
        assert libseal.unseal(sealed("rsa-4096"), unwrap) == b"data"
        assert len(us.calls) == 1
    eu.failures["Decrypt", "*"] = ConnectionError("no route")
    with pytest.raises(libseal.KmsUnavailableError, match="no route"):
        libseal.unseal(sealed("rsa-4096"), KmsUnwrapper([us, eu], keys))


def test_only_other_regions_are_searched_for_replicas() -> None:
    us = FakeKms("us-east-1", a="rsa-2048", b="rsa-3072")
    us.failures["Decrypt", "*"] = error("KMSInternalException", status=500)
    with pytest.raises(libseal.KmsUnavailableError):
        libseal.unseal(sealed(), KmsUnwrapper(us, ["a", "b"]))
    assert us.calls == [("GetPublicKey", "a"), ("Decrypt", arn())]


REFUSALS = [
    "AccessDeniedException",
    "DisabledException",
    "KMSInvalidStateException",
    "NotFoundException",
]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_replica_takes_over_if_one_is_refused(code: str) -> None:
    us, eu = regions()
    us.failures["Decrypt", "*"] = error(code)
    for keys in ("both", [arn("rsa-4096"), arn("rsa-4096", "eu-west-1")]):
        unwrap = KmsUnwrapper([us, eu], keys)
        assert libseal.unseal(sealed("rsa-4096"), unwrap) == b"data"
    assert eu.count("Decrypt") == 2


def test_of_the_failures_the_retryable_one_is_raised() -> None:
    us, eu = regions()
    keys = [arn("rsa-4096"), arn("rsa-4096", "eu-west-1")]
    us.failures["Decrypt", "*"] = error("DisabledException")
    eu.failures["Decrypt", "*"] = error("ThrottlingException")
    with pytest.raises(libseal.KmsUnavailableError, match="ThrottlingException"):
        libseal.unseal(sealed("rsa-4096"), KmsUnwrapper([us, eu], keys))
    eu.failures["Decrypt", "*"] = error("AccessDeniedException")
    with pytest.raises(libseal.KmsRefusedError, match="DisabledException"):
        libseal.unseal(sealed("rsa-4096"), KmsUnwrapper([us, eu], keys))
    # The replica could not even be looked up.
    eu.failures["GetPublicKey", "*"] = error("ThrottlingException")
    unwrap = KmsUnwrapper([us, eu], keys)
    for _ in range(2):
        with pytest.raises(libseal.KmsUnavailableError, match=r"GetPublicKey .*Throttling"):
            libseal.unseal(sealed("rsa-4096"), unwrap)


def test_a_replica_is_not_asked_if_the_wrapped_key_is_rejected() -> None:
    us, eu = regions()
    us.failures["Decrypt", "*"] = error("InvalidCiphertextException")
    unwrap = KmsUnwrapper([us, eu], [arn("rsa-4096"), arn("rsa-4096", "eu-west-1")])
    with pytest.raises(libseal.WrappedKeyRejectedError):
        libseal.unseal(sealed("rsa-4096"), unwrap)
    assert eu.count("Decrypt") == 0


def test_one_region_is_enough_to_pass_the_check() -> None:
    us, eu = regions()
    assert KmsUnwrapper([us, eu], ["a", "b", "both"]).check() == dict.fromkeys(["a", "b", "both"])
    eu.failures["Decrypt", "*"] = error("AccessDeniedException")
    answers = KmsUnwrapper([us, eu], ["a", "b", "both"]).check()
    assert answers["a"] is None
    assert isinstance(answers["b"], libseal.KmsRefusedError)
    assert isinstance(answers["both"], libseal.KmsRefusedError)
