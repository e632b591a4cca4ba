"""Trying out a key with the caller's own credentials."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .._errors import AuthenticationError, KeyUnwrapError, SealError, make_error
from .._libseal import PublicKey, Recipient, WrappedKey
from ..aws._calls import read_data_key, read_public_key
from ..aws._clients import KmsClient
from ..aws._failures import is_denied
from ._key import ALGORITHM, KmsKey, algorithm_problem, described, spec_problem, usage_problem
from ._kms import call, check_name, client_of

__all__ = ["CheckStep", "KeyCheck", "check_key"]


class CheckStep(NamedTuple):
    """One step of a check."""

    name: str
    """What was checked: ``"usage"``, for example."""

    ok: bool | None
    """Whether that is as it should be, or None where it could not be found out and need not be."""

    why: str
    """What was found, or what is wrong and what to do about it."""

    permission: str | None = None
    """The permission that is missing: ``"kms:Decrypt"``, for example."""

    error: SealError | None = None
    """What is wrong, as an exception."""


class KeyCheck(NamedTuple):
    """What ``check_key`` found, step by step. Where a step fails, there are no more."""

    name: str
    """The alias, id or ARN that was asked for."""

    arn: str
    """The ARN of the key, or "" if it was not found."""

    steps: tuple[CheckStep, ...]

    @property
    def ok(self) -> bool:
        """Whether a probe was sealed and unsealed, and nothing is wrong."""
        return all(step.ok is not False for step in self.steps)

    @property
    def error(self) -> SealError | None:
        """What is wrong, or None."""
        return next((step.error for step in self.steps if step.ok is False), None)


def check_key(client: KmsClient | Callable[[], KmsClient], key: str) -> KeyCheck:
    """Try out whether what is sealed for a key could be unsealed, with the client's credentials.

    The steps are ``key``, ``usage``, ``spec``, ``algorithms``, ``state``, ``public key``, ``seal``
    and ``unseal``: a probe is sealed for the key and unsealed by the KMS. Takes
    ``kms:GetPublicKey`` and ``kms:Decrypt``. ``kms:DescribeKey`` is for the state: without it, only
    the probe shows that the key is enabled.

    Raises nothing for what is wrong with the key or with permissions: the steps say it.
    """
    kms = client_of(client)
    check = _Check(check_name(key))
    check.run(kms)
    return KeyCheck(key, check.arn, tuple(check.steps))


class _Check:
    def __init__(self, name: str) -> None:
        self.name = name
        self.arn = ""
        self.steps: list[CheckStep] = []

    def run(self, client: Any) -> None:
        key = self._describe(client)
        if self._has_failed():
            return
        public_key = self._get_public_key(client, key)
        if public_key is not None:
            self._try_out(client, public_key)

    def _has_failed(self) -> bool:
        return any(step.ok is False for step in self.steps)

    def _describe(self, client: Any) -> KmsKey | None:
        try:
            key = described(client, self.name)
        except KeyUnwrapError as error:
            if is_denied(error):
                why = "kms:DescribeKey is not allowed, so only the probe shows the state of the key"
                self.steps.append(CheckStep("key", None, why, "kms:DescribeKey", error))
            else:
                self._fail("key", error)
            return None
        self.arn = key.arn
        self._pass("key", key.arn)
        self._traits(key.usage, key.spec, key.algorithms)
        if not self._has_failed():
            if key.error is None:
                self._pass("state", key.state)
            else:
                self._fail("state", key.error)
        return key

    def _traits(self, usage: str, spec: str, algorithms: tuple[str, ...]) -> None:
        for name, found, problem, error in (
            ("usage", usage, usage_problem(usage), (119, "WRONG_KEY_USAGE")),
            ("spec", spec, spec_problem(spec), (114, "NOT_RSA")),
            ("algorithms", ALGORITHM, algorithm_problem(algorithms), (114, "NOT_RSA")),
        ):
            if problem is not None:
                message = f"the KMS key {self.name} cannot unseal: {problem}"
                self._fail(name, make_error(*error, message))
                return
            self._pass(name, found)

    def _get_public_key(self, client: Any, key: KmsKey | None) -> PublicKey | None:
        # By its ARN, so that an alias that moves meanwhile mixes nothing up.
        name = self.arn or self.name
        try:
            answer = call(client, "GetPublicKey", name, KeyId=name)
            if key is None:
                algorithms = tuple(answer.get("EncryptionAlgorithms", ()))
                self._traits(answer.get("KeyUsage", ""), answer.get("KeySpec", ""), algorithms)
                if self._has_failed():
                    return None
            public_key, self.arn = read_public_key(answer, name)
        except SealError as error:
            self._fail("public key", error, "kms:GetPublicKey")
            return None
        self._pass("public key", f"fingerprint {public_key.fingerprint.hex()}")
        return public_key

    def _try_out(self, client: Any, public_key: PublicKey) -> None:
        from .._seal import seal  # noqa: PLC0415 (only a check needs them)
        from .._unseal import unseal  # noqa: PLC0415

        # That the message is authentic says that the plaintext is the probe.
        probe = b"libseal probe"
        message = seal(Recipient(public_key, self.arn), probe)

        def unwrap(wrapped_key: WrappedKey) -> bytes:
            answer = call(
                client,
                "Decrypt",
                self.arn,
                KeyId=self.arn,
                CiphertextBlob=wrapped_key.ciphertext,
                EncryptionAlgorithm=wrapped_key.algorithm,
            )
            return read_data_key(answer, self.arn)

        self._pass("seal", f"a probe of {len(probe)} bytes, without the KMS")
        try:
            unseal(message, unwrap)
        except (KeyUnwrapError, AuthenticationError) as error:
            self._fail("unseal", error, "kms:Decrypt")
            return
        self._pass("unseal", "the KMS unwrapped the data key, and the probe came back")

    def _pass(self, name: str, why: str) -> None:
        self.steps.append(CheckStep(name, ok=True, why=why))

    def _fail(self, name: str, error: SealError, permission: str | None = None) -> None:
        missing = permission if isinstance(error, KeyUnwrapError) and is_denied(error) else None
        self.steps.append(
            CheckStep(name, ok=False, why=str(error), permission=missing, error=error)
        )
