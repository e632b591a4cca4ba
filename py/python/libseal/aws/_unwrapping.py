"""What both unwrappers do, step by step. They differ in whether they await."""

import os
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

from .._errors import (
    KeyUnwrapError,
    KmsRefusedError,
    KmsUnavailableError,
    StateError,
    WrappedKeyRejectedError,
)
from .._libseal import PublicKey, WrappedKey
from .._types import Buffer
from . import _keys
from ._calls import (
    Call,
    KmsCall,
    OnCall,
    Shared,
    Steps,
    read_data_key,
    read_plaintext,
    read_public_key,
    report,
)
from ._clients import Kind, is_coroutine_function, is_function, region_of
from ._failures import failure, is_absent, is_dry_run
from ._keys import Keys, Lookup, Search, Way

__all__ = ["Here", "Unwrapping"]

_ALGORITHMS: Final = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")
_METHODS: Final = {"GetPublicKey": "get_public_key", "Decrypt": "decrypt"}

T = TypeVar("T")


class Here:
    """What belongs to one process, or to one event loop: clients, and what is under way."""

    def __init__(self) -> None:
        self.clients: dict[int, Any] = {}
        self.flights: dict[object, Any] = {}


class Unwrapping:
    """The steps of unwrapping, and the knowledge about keys that they share."""

    _kind: Kind

    def __init__(
        self, client: object, keys: object, grant_tokens: Iterable[str], on_call: OnCall | None
    ) -> None:
        self._sources = self._kind.sources(client)
        self._makes = [is_function(source) for source in self._sources]
        regions = [
            None if makes else region_of(source)
            for source, makes in zip(self._sources, self._makes, strict=True)
        ]
        self._keys = Keys(keys, regions)
        self._grant_tokens = _grant_tokens(grant_tokens)
        _check_on_call(on_call)
        self._on_call = on_call
        self._is_in_child = False
        self._start_anew()
        _unwrappings.add(self)

    def fingerprints(self) -> list[bytes]:
        """Return the fingerprints of the keys, as far as they are known."""
        return self._keys.fingerprints()

    def _expect_no_later_messages(self) -> None:
        """All messages exist by now: for programs that end when they have read them.

        None of them can be for a key that an alias stands for later. So once the aliases were
        looked up, a message for no known key is for someone else's.
        """
        self._keys.expect_no_later_messages()

    def _here(self) -> Here:
        raise NotImplementedError

    # ---- Unwrapping

    def _unwrapping(self, wrapped_key: WrappedKey) -> Steps[bytes | None]:
        self._check_process()
        if wrapped_key.algorithm not in _ALGORITHMS:
            return None
        search = Search(wrapped_key)
        while True:
            step = self._keys.step(search)
            if isinstance(step, Lookup):
                yield Shared(step, partial(self._looking_up, step, search))
            elif step is not None:
                try:
                    data_key = yield from self._decrypting(step, wrapped_key)
                except (KmsUnavailableError, KmsRefusedError) as error:
                    search.failures.append(error)
                else:
                    if data_key is not None:
                        return data_key
                search.asked.add(step)
            elif search.failures:
                # The retryable one, as in the core, or else the first.
                raise min(search.failures, key=lambda error: not error.retryable)
            else:
                return None

    def _looking_up(self, lookup: Lookup, search: Search) -> Steps[None]:
        if not self._keys.is_due(lookup, search):
            return
        search.looked_up.add(lookup)
        began = _keys.now()
        try:
            yield from self._client(lookup.client)
            if self._keys.fits(lookup.name, lookup.client):
                key, arn = yield from self._get_public_key(lookup)
                self._keys.found(lookup, key.fingerprint, arn, began)
        except KeyUnwrapError as error:
            self._keys.failed(lookup, error, began)

    def _get_public_key(self, lookup: Lookup) -> Steps[tuple[PublicKey, str]]:
        return self._call(lookup.client, "GetPublicKey", lookup.name, {}, read_public_key)

    def _decrypting(self, way: Way, wrapped_key: WrappedKey) -> Steps[bytes | None]:
        """Returns None if the client turns out to be for another region."""
        yield from self._client(way.client)
        if not self._keys.fits(way.key_id, way.client):
            return None
        arguments = {
            "CiphertextBlob": wrapped_key.ciphertext,
            "EncryptionAlgorithm": wrapped_key.algorithm,
        }
        return (yield from self._call(way.client, "Decrypt", way.key_id, arguments, read_data_key))

    # ---- Decrypting what names no key

    def _decrypting_unnamed(self, ciphertext: Buffer, algorithm: str) -> Steps[bytes]:
        self._check_process()
        if not isinstance(ciphertext, Buffer):
            raise TypeError(f"ciphertext must be bytes-like, not {type(ciphertext).__name__}")
        if algorithm not in _ALGORITHMS:
            raise ValueError(
                f"algorithm must be one of {', '.join(_ALGORITHMS)}, not {algorithm!r}"
            )
        arguments = {"CiphertextBlob": bytes(ciphertext), "EncryptionAlgorithm": algorithm}
        failures: list[KeyUnwrapError] = []
        for name in self._keys.names:
            of_name: list[KeyUnwrapError] = []
            for client in range(len(self._sources)):
                try:
                    yield from self._client(client)
                    if self._keys.fits(name, client):
                        return (
                            yield from self._call(
                                client, "Decrypt", name, arguments, read_plaintext
                            )
                        )
                except KeyUnwrapError as error:
                    of_name.append(error)
            # An id is known to one region only, so that the others do not know it is no failure.
            known = [error for error in of_name if not is_absent(error)]
            failures += known or of_name or [self._keys.no_client(name)]
        # One that could not be asked may be the right one.
        raise min(
            failures,
            key=lambda error: (not error.retryable, isinstance(error, WrappedKeyRejectedError)),
        )

    # ---- Trying out

    def _checking(self) -> Steps[dict[str, KeyUnwrapError | None]]:
        self._check_process()
        answers: dict[str, KeyUnwrapError | None] = {}
        for name in self._keys.names:
            answers[name] = yield from self._checking_name(name)
        return answers

    def _checking_name(self, name: str) -> Steps[KeyUnwrapError | None]:
        """The first failure, or None. Only one region has to have the key."""
        is_good = False
        failures = []
        for client in range(len(self._sources)):
            try:
                yield from self._client(client)
                if self._keys.fits(name, client):
                    yield from self._checking_key(Lookup(name, client))
                    is_good = True
            except KeyUnwrapError as error:
                failures.append(error)
        if is_good:
            failures = [error for error in failures if not is_absent(error)]
        elif not failures:
            failures = [self._keys.no_client(name)]
        return failures[0] if failures else None

    def _checking_key(self, lookup: Lookup) -> Steps[None]:
        key, key_id = self._keys.mapped.get(lookup.name), lookup.name
        if key is None:
            began = _keys.now()
            found, key_id = yield from self._get_public_key(lookup)
            self._keys.found(lookup, found.fingerprint, key_id, began)
            key = found
        arguments = {
            "CiphertextBlob": _wrapped(key) if isinstance(key, PublicKey) else os.urandom(256),
            "EncryptionAlgorithm": _ALGORITHMS[0],
            "DryRun": True,
        }
        try:
            yield from self._call(lookup.client, "Decrypt", key_id, arguments, _read_nothing)
        except KeyUnwrapError as error:
            # Random bytes are rejected only after the caller's permission has been checked.
            is_random = not isinstance(key, PublicKey)
            if not is_dry_run(error) and not (
                is_random and isinstance(error, WrappedKeyRejectedError)
            ):
                raise

    # ---- The KMS

    def _call(
        self,
        client: int,
        operation: str,
        key_id: str,
        arguments: dict[str, Any],
        read: Callable[[object, str], T],
    ) -> Steps[T]:
        """Calls the KMS, and reports it. All that fails is a KeyUnwrapError."""
        method = getattr((yield from self._client(client)), _METHODS[operation])
        arguments = {"KeyId": key_id, **arguments}
        if self._grant_tokens:
            arguments["GrantTokens"] = self._grant_tokens
        started = perf_counter()
        try:
            answer = read((yield Call(method, arguments)), key_id)
        except StateError:
            raise  # asked by itself, which says nothing about the KMS
        except Exception as raised:
            error = failure(raised, f"KMS {operation} of {key_id}", f"kms:{operation}", key_id)
            outcome = None if is_dry_run(error) else error
            report(KmsCall(operation, key_id, perf_counter() - started, outcome), self._on_call)
            raise error  # noqa: B904 (it has its cause)
        report(KmsCall(operation, key_id, perf_counter() - started, None), self._on_call)
        return answer

    def _client(self, index: int) -> Steps[Any]:
        """The client, made by its function if need be. All that fails is a KeyUnwrapError."""
        if not self._makes[index]:
            return self._sources[index]
        clients = self._here().clients
        while index not in clients:
            try:
                yield Shared(index, partial(self._making, index))
            except StateError:
                raise  # asked by itself
            except Exception as error:
                raise failure(error, "the KMS client could not be made")  # noqa: B904
        return clients[index]

    def _making(self, index: int) -> Steps[None]:
        clients = self._here().clients
        if index in clients:
            return  # by another thread, just now
        client = yield Call(self._sources[index], {})
        self._kind.check(client, "what the function given as client returns")
        self._keys.regions[index] = region_of(client)
        clients[index] = client

    # ---- Other processes

    def _check_process(self) -> None:
        if self._is_in_child and not all(self._makes):
            raise StateError(
                "the KMS client was made before this process was forked, and processes that share "
                "one mix up its answers: give a function that makes a client instead of a client"
            )

    def _start_anew(self) -> None:
        """Forget what does not outlive a process: clients, and what is under way."""
        raise NotImplementedError

    def _after_fork(self) -> None:
        self._is_in_child = True
        self._keys.make_new_lock()
        self._start_anew()

    def __getstate__(self) -> dict[str, Any]:
        if not all(self._makes):
            raise TypeError(
                f"this {type(self).__name__} cannot be pickled, because it has a KMS client: give "
                "it a function that makes one, which is called again where it is unpickled"
            )
        return {name: self.__dict__[name] for name in _PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._is_in_child = False
        self._start_anew()
        _unwrappings.add(self)


_PICKLED: Final = ("_sources", "_makes", "_keys", "_grant_tokens", "_on_call")

_unwrappings: weakref.WeakSet[Unwrapping] = weakref.WeakSet()


def _after_fork() -> None:
    for unwrapping in _unwrappings:
        unwrapping._after_fork()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _check_on_call(on_call: Any) -> None:
    if on_call is not None and not callable(on_call):
        raise TypeError(f"on_call must be callable or None, not {type(on_call).__name__}")
    if is_coroutine_function(on_call):
        raise TypeError("on_call must not be asynchronous: it is called and not awaited")


def _grant_tokens(tokens: object) -> list[str]:
    if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
        raise TypeError(f"grant_tokens must be an iterable of str, not {type(tokens).__name__}")
    tokens = list(tokens)
    for token in tokens:
        if not isinstance(token, str):
            raise TypeError(f"each of grant_tokens must be str, not {type(token).__name__}")
    return tokens


def _wrapped(key: PublicKey) -> bytes:
    """A data key that no one knows, wrapped for the key."""
    from .._files import inspect  # noqa: PLC0415 (only a check needs it)
    from .._seal import seal  # noqa: PLC0415

    return inspect(seal(key, b"")).wrapped_keys[0].ciphertext


def _read_nothing(_response: object, _key_id: str) -> None:
    pass
