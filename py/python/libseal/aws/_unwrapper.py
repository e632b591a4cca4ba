"""``KmsUnwrapper``, for synchronous clients."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .._errors import KeyUnwrapError, StateError
from .._libseal import PublicKey, WrappedKey
from .._types import Buffer
from ._calls import Call, OnCall, Shared, Steps, read_public_key
from ._clients import SYNC, KmsClient, KmsClients, is_function
from ._failures import failure
from ._unwrapping import Here, Unwrapping

__all__ = ["KmsUnwrapper", "public_key"]

T = TypeVar("T")


class KmsUnwrapper(Unwrapping):
    """Unwraps data keys with RSA keys in AWS KMS: for ``unseal`` and everything else that unseals.

    ``client`` is a KMS client, such as ``boto3.client("kms")``, or a function without arguments
    that makes one. The function is called when a client is first needed, once in each process. With
    a function the unwrapper can be pickled and works in forked children, which can do neither with
    a client: there, it raises StateError. For several regions, give a sequence of clients or
    functions.

    ``keys`` are the ids, ARNs or aliases of the KMS keys that may be used: one or several. A
    message names its recipients by the fingerprint of the public key, so each of ``keys`` is asked
    for its public key (``kms:GetPublicKey``) when a message first needs it. Then it takes one
    ``kms:Decrypt`` for each message; a cache around the unwrapper makes it one for each data key.
    ``keys`` may also be a mapping from ids or ARNs to a PublicKey or its fingerprint. Then
    ``kms:Decrypt`` is the only permission that is needed.

    **Rotation.** An id or ARN is looked up once. An alias is looked up again when a message names a
    key that is not known, at most once in 60 seconds. Keys that it stood for before stay good as
    long as this object lives; list the old key by its id or ARN for programs that start later. So
    for up to a minute after a rotation, messages for the new key raise KmsUnavailableError: try
    them again later. Messages for strangers' keys do the same once, and are known to be for someone
    else after that. (The last 10,000 such wrapped keys are remembered. Messages of one SealingKey
    share theirs, so move the alias before any device seals for the new key.)

    **What strangers can cause.** No one can make this object call ``Decrypt`` for other keys,
    whatever a message says. Messages for other keys cause at most one ``GetPublicKey`` in 60
    seconds for each alias and each name that could not be looked up, in each region; for a name
    that could not be looked up because the KMS was unavailable, one in 5 seconds. In between, the
    failure is raised again, as the message may be for that name: while an alias is deleted, all
    messages for keys that are not known raise KmsRefusedError, which says so. Threads that need the
    same lookup share it, and messages for known keys do not wait for it.

    **Regions.** An ARN is looked up with the clients of its region, ids and aliases with every
    client. If a multi-region key is unavailable or refused in one region, its replica in the next
    one is asked, but not if the wrapped key was rejected. If all fail, a failure that is retryable
    is raised, or else the first.

    **Failures** are KmsUnavailableError, KmsRefusedError or WrappedKeyRejectedError, with the
    client's exception as the cause. A wrapped key is rejected only if the KMS says so, or if what
    it unwrapped is no data key. Trouble with the machine or the network counts as unavailable, and
    an exception that is not known as refused. Nothing is tried again here: retries and timeouts are
    the client's, ``botocore.config.Config`` sets them.

    ``grant_tokens`` are passed on to the KMS. ``on_call`` is called with a ``KmsCall`` after each
    call of the KMS, in the same thread. Several threads may use the unwrapper if the client allows
    it, as those of boto3 do. ``on_call``, the function that makes a client, and signal handlers
    must not unseal with the same unwrapper: while it looks up a key, they get StateError.
    """

    _kind = SYNC

    def __init__(
        self,
        client: KmsClients,
        keys: str | Iterable[str] | Mapping[str, PublicKey | bytes],
        *,
        grant_tokens: Iterable[str] = (),
        on_call: OnCall | None = None,
    ) -> None:
        super().__init__(client, keys, grant_tokens, on_call)

    def __call__(self, wrapped_key: WrappedKey) -> bytes | None:
        """Return the data key, or None if it is wrapped for none of the keys."""
        return self._run(self._unwrapping(wrapped_key))

    def decrypt(self, ciphertext: Buffer, algorithm: str = "RSAES_OAEP_SHA_256") -> bytes:
        """Decrypt what was not wrapped by libseal, of any length: what the KMS returns for it.

        Nothing says which key it was encrypted for, so each of ``keys`` is asked to decrypt it, one
        after the other, until one can. ``algorithm`` is a KMS EncryptionAlgorithm. An alias is what
        it stands for now.

        Raises WrappedKeyRejectedError if all of ``keys`` reject it. If one of them could not be
        asked, it may be the right one, and that failure is raised.
        """
        return self._run(self._decrypting_unnamed(ciphertext, algorithm))

    def check(self) -> dict[str, KeyUnwrapError | None]:
        """Try out whether each of ``keys`` could unseal now, without any message: at start, say.

        Returns for each name what an unwrapping would raise, or None if it would succeed. Takes a
        ``GetPublicKey``, except with a mapping, and a ``Decrypt`` with ``DryRun`` of a new data
        key, or of random bytes if only the fingerprint is known. With several regions, one is
        enough.
        """
        return self._run(self._checking())

    def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._take(step)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _take(self, step: Call | Shared) -> Any:
        if isinstance(step, Call):
            return step.function(**step.arguments)
        flights = self._process.flights
        mine = _Flight()
        try:
            # Atomic, so one thread takes the steps and the others wait for it.
            flight = flights.setdefault(step.key, mine)
            if flight is mine:
                self._run(step.steps())
                return None
        except Exception as error:
            # StateError is for this thread alone, and so is an interrupt: the others start again.
            mine.failure = None if isinstance(error, StateError) else error
            raise
        finally:
            # Nothing is called before the release, so an interrupt cannot come in between.
            if step.key in flights and flights[step.key] is mine:
                del flights[step.key]
            mine.under_way.release()
        if flight.thread == threading.get_ident():
            raise StateError(
                "this KmsUnwrapper was asked by what it has called itself, and would wait for "
                "itself: on_call, the function that makes its client, and signal handlers must "
                "use another one"
            )
        with flight.under_way:
            pass
        if flight.failure is not None:
            raise flight.failure
        return None

    def _here(self) -> Here:
        return self._process

    def _start_anew(self) -> None:
        self._process = Here()


class _Flight:
    """What one thread does for all that wait for it: they wait for the lock."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.failure: Exception | None = None
        self.under_way = threading.Lock()
        self.under_way.acquire()


def public_key(client: KmsClient | Callable[[], KmsClient], key_id: str) -> PublicKey:
    """Fetch the public key of the KMS key ``key_id``, to seal for it; ``.der`` is what to store.

    Raises InvalidKeyError for a key that could seal but never unseal: one that is there to sign,
    or is not RSA. KMS refuses itself to give out the public keys of those it is about to delete:
    KmsRefusedError, which says what to check, as for everything else that it refuses.
    """
    if not isinstance(key_id, str):
        raise TypeError(f"key_id must be str, not {type(key_id).__name__}")
    SYNC.check_source(client, "client")
    kms: Any = client
    if is_function(kms):
        kms = kms()
        SYNC.check(kms, "what the function given as client returns")
    try:
        response = kms.get_public_key(KeyId=key_id)
    except Exception as error:
        what = f"KMS GetPublicKey of {key_id}"
        raise failure(error, what, "kms:GetPublicKey", key_id)  # noqa: B904 (it has its cause)
    return read_public_key(response, key_id)[0]
