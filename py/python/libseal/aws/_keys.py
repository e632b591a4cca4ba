"""Which names stand for which keys, and what to look up next. Performs no I/O.

A message names its recipients by the fingerprint of the public key, and a KMS is asked by id or
ARN. GetPublicKey ties the two together.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from .._errors import KeyUnwrapError, KmsRefusedError, KmsUnavailableError
from .._libseal import PublicKey, WrappedKey
from ._failures import again, is_absent

__all__ = [
    "REFRESH_SECONDS",
    "RETRY_SECONDS",
    "Keys",
    "Lookup",
    "Search",
    "Way",
    "is_alias",
    "now",
    "region_of",
]

REFRESH_SECONDS: Final = 60.0
"""How long an alias stands for what it stood for, and how long a refusal is remembered."""

RETRY_SECONDS: Final = 5.0
"""How long it is remembered that the KMS was unavailable."""

# None younger than a refresh is forgotten unless there are 160 new ones in a second. 1.5 MB.
_MAX_STRANGERS: Final = 10_000

_FINGERPRINT_LENGTH: Final = 32

# arn:aws:kms:REGION:ACCOUNT:key/ID
_ARN_PARTS: Final = 6


def now() -> float:
    """The time in seconds, of a clock that is never set."""
    return time.monotonic()


class Lookup(NamedTuple):
    """GetPublicKey for a name, with one of the clients."""

    name: str
    client: int


class Way(NamedTuple):
    """How to decrypt for a fingerprint: with which client, and by which id or ARN."""

    client: int
    key_id: str


class Search:
    """What has been tried for one wrapped key."""

    def __init__(self, wrapped_key: WrappedKey) -> None:
        self.wrapped_key = wrapped_key
        self.fingerprint = wrapped_key.fingerprint
        self.hint = wrapped_key.key_id
        self.looked_up: set[Lookup] = set()
        self.asked: set[Way] = set()
        # Of the calls of Decrypt, and of lookups that might have found another way.
        self.failures: list[KeyUnwrapError] = []


class _Failure(NamedTuple):
    error: KeyUnwrapError
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it is remembered."""
        return RETRY_SECONDS if self.error.retryable else REFRESH_SECONDS

    def again(self, moment: float, addition: str = "") -> KeyUnwrapError:
        """The failure for another message, with its age."""
        ago = moment - self.ended
        wait = max(self.seconds - ago, 0)
        return again(self.error, f"{ago:.0f} s ago; asked again in {wait:.0f} s{addition}")


class Keys:
    """What is known about the keys that may be used. Threads share it.

    ``regions`` are those of the clients, None for one that is not known yet.
    """

    def __init__(self, keys: object, regions: list[str | None]) -> None:
        self.names: list[str] = []
        self.mapped: dict[str, PublicKey | bytes] = {}
        self.regions = regions
        self._ways: dict[bytes, tuple[Way, ...]] = {}
        # When what is known of a name was asked for; for aliases it grows old.
        self._resolved: dict[Lookup, float] = {}
        self._failures: dict[Lookup, _Failure] = {}
        # When a wrapped key whose fingerprint no key has was first seen. Not when the fingerprint
        # was: a message that came too early would speak for those that come after the alias moved.
        self._strangers: dict[bytes, float] = {}
        # When all messages existed, if that is known.
        self._last_given = float("inf")
        self._lock = threading.Lock()
        if isinstance(keys, Mapping):
            self._take_mapping(keys)
        else:
            self.names = _names(keys)
        for name in self.names:
            if not any(self.fits(name, client) for client in range(len(regions))):
                raise ValueError(str(self.no_client(name)))

    def _take_mapping(self, keys: Mapping[Any, Any]) -> None:
        self.names = _names(keys)
        for name in self.names:
            if is_alias(name):
                raise ValueError(
                    f"keys maps the alias {name} to a public key, but an alias may move: "
                    "give the id or ARN of the key"
                )
            key = self.mapped[name] = _known_key(name, keys[name])
            fingerprint = key.fingerprint if isinstance(key, PublicKey) else key
            for client in range(len(self.regions)):
                self._add(fingerprint, Way(client, name))

    # ---- What to do next

    def step(self, search: Search) -> Way | Lookup | None:
        """What to try next for a wrapped key, or None if there is nothing left.

        A way has the right fingerprint. Raises an error if the key might be one of ours all the
        same, but a lookup failed or has to wait.
        """
        with self._lock:
            if search.fingerprint in self._ways:
                return self._way(search)
            moment = now()
            first_seen = self._first_seen(search.wrapped_key, moment)
            due = [key for key in self._lookups() if self._is_due(key, search, moment)]
            if due:
                # The key id is a hint which key to look at first, and no more than that.
                return min(due, key=lambda key: (key.name != search.hint, key in self._resolved))
            self._raise_if_undecided(first_seen, moment)
            return None

    def is_due(self, lookup: Lookup, search: Search) -> bool:
        """Whether to make the lookup. (Another thread may have made it since ``step``.)"""
        with self._lock:
            return self._is_due(lookup, search, now())

    def fits(self, name: str, client: int) -> bool:
        """Whether the client is for the region that the name is of, as far as that is known."""
        region, of_client = region_of(name), self.regions[client]
        return region is None or of_client is None or region == of_client

    def no_client(self, name: str) -> KmsRefusedError:
        """The failure of a name whose region has no client."""
        regions = ", ".join(region for region in self.regions if region)
        return KmsRefusedError(
            f"no client is for the region of {name}: the clients' regions are {regions}; "
            f"give a client for {region_of(name)} too"
        )

    def _way(self, search: Search) -> Way | Lookup | None:
        ways = [way for way in self._ways[search.fingerprint] if self.fits(way.key_id, way.client)]
        if not ways:
            raise self.no_client(self._ways[search.fingerprint][0].key_id)
        for way in ways:
            if way not in search.asked:
                return way
        # All have failed. Another region may have a replica that was not looked up yet.
        asked, moment = {way.client for way in search.asked}, now()
        for lookup in self._lookups():
            if lookup.client in asked or lookup in self._resolved:
                continue
            if self._is_due(lookup, search, moment):
                return lookup
            failure = self._failures.get(lookup)
            if failure is not None and failure.error.retryable:
                search.failures.append(failure.again(moment))
        return None

    def _lookups(self) -> list[Lookup]:
        return [
            Lookup(name, client)
            for name in self.names
            if name not in self.mapped
            for client in range(len(self.regions))
            if self.fits(name, client)
        ]

    def _is_due(self, lookup: Lookup, search: Search, moment: float) -> bool:
        if lookup in search.looked_up:
            return False
        failure = self._failures.get(lookup)
        if failure is not None:
            return moment - failure.ended >= failure.seconds
        resolved = self._resolved.get(lookup)
        if resolved is not None:
            return is_alias(lookup.name) and moment - resolved >= REFRESH_SECONDS
        return True

    def _raise_if_undecided(self, first_seen: float, moment: float) -> None:
        """All that may be looked up has been; so the key is not ours, unless one of these holds."""
        lookups = self._lookups()
        found = {lookup.name for lookup in self._resolved.keys() - self._failures.keys()}
        failures = []
        waiting = []
        for lookup in lookups:
            failure = self._failures.get(lookup)
            # An id is known to one region only, so that the others do not know it is no failure.
            if failure is not None and not (is_absent(failure.error) and lookup.name in found):
                failures.append((failure, lookup.name))
                continue
            looked = (
                failure.began if failure is not None else self._resolved.get(lookup, first_seen)
            )
            if is_alias(lookup.name) and looked < first_seen:
                waiting.append((looked, lookup.name))
        # Retryable failures go first, as in the core.
        failures.sort(key=lambda failure: not failure[0].error.retryable)
        if waiting and not (failures and failures[0][0].error.retryable):
            looked, name = max(waiting)
            ago = moment - looked
            raise KmsUnavailableError(
                f"{name} was looked up {ago:.0f} s ago and stood for another key: the message may "
                f"be for a newer one, so try again in {max(REFRESH_SECONDS - ago, 0):.0f} s; if it "
                "is for an older one, list that key as well, by its id or ARN"
            )
        if failures:
            failure, name = failures[0]
            addition = "; the message may be for this key or for another one"
            if is_absent(failure.error):
                kind = "alias" if is_alias(name) else "key"
                addition = f"; the {kind} {name} does not exist, and the message may be for another"
            raise failure.again(moment, addition)
        known = {lookup.name for lookup in lookups} | self.mapped.keys()
        for name in self.names:
            if name not in known:
                raise self.no_client(name)

    def _first_seen(self, wrapped_key: WrappedKey, moment: float) -> float:
        from hashlib import blake2b  # noqa: PLC0415 (importing it takes 2 ms)

        whole = wrapped_key.fingerprint + wrapped_key.ciphertext
        digest = blake2b(whole, digest_size=16).digest()
        if digest not in self._strangers and len(self._strangers) >= _MAX_STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        return min(self._strangers.setdefault(digest, moment), self._last_given)

    def expect_no_later_messages(self) -> None:
        """All messages exist by now, so what is looked up from here on decides about them."""
        self._last_given = now()

    # ---- What was found

    def found(self, lookup: Lookup, fingerprint: bytes, arn: str, began: float) -> None:
        """A lookup that began then has found a key. Keys that it found before stay good."""
        with self._lock:
            # In this order: a fork in between leaves a child that looks it up again.
            self._add(fingerprint, Way(lookup.client, arn))
            self._resolved[lookup] = began
            self._failures.pop(lookup, None)

    def failed(self, lookup: Lookup, error: KeyUnwrapError, began: float) -> None:
        """A lookup that began then has failed."""
        with self._lock:
            self._failures[lookup] = _Failure(error, began, now())

    def fingerprints(self) -> list[bytes]:
        """The fingerprints that are known."""
        with self._lock:
            return list(self._ways)

    def _add(self, fingerprint: bytes, way: Way) -> None:
        ways = self._ways.get(fingerprint, ())
        if way not in ways:
            self._ways[fingerprint] = (*ways, way)

    # ---- Other processes

    def make_new_lock(self) -> None:
        """For a forked child: a thread that it does not have may hold the old one."""
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """What is public and true in any process: no times, as clocks differ, and no failures."""
        with self._lock:
            state = dict(self.__dict__)
            # An alias is looked up again when it is next needed.
            state["_resolved"] = dict.fromkeys(self._resolved, float("-inf"))
        del state["_lock"], state["_failures"], state["_strangers"], state["_last_given"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._failures, self._strangers, self._last_given = {}, {}, float("inf")
        self._lock = threading.Lock()


def _names(keys: object) -> list[str]:
    if isinstance(keys, str):
        keys = [keys]
    if isinstance(keys, (bytes, bytearray, memoryview)) or not isinstance(keys, Iterable):
        raise TypeError(
            "keys must be str, an iterable of str, or a mapping from ids or ARNs to public keys, "
            f"not {type(keys).__name__}"
        )
    names = list(dict.fromkeys(keys))
    if not names:
        raise ValueError("keys is empty: name the KMS keys that may be used")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"each of keys must be str, not {type(name).__name__}")
        if not name:
            raise ValueError("a key id in keys is empty")
    return names


def _known_key(name: str, key: object) -> PublicKey | bytes:
    if isinstance(key, PublicKey):
        return key
    if not isinstance(key, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"keys maps {name} to {type(key).__name__}; it must be a libseal.PublicKey, or its "
            "fingerprint as bytes"
        )
    fingerprint = bytes(key)
    if len(fingerprint) != _FINGERPRINT_LENGTH:
        raise ValueError(
            f"keys maps {name} to {len(fingerprint)} bytes; a fingerprint has "
            f"{_FINGERPRINT_LENGTH}, and libseal.PublicKey reads a public key"
        )
    return fingerprint


def is_alias(name: str) -> bool:
    """Whether the name can stand for another key later."""
    return name.startswith("alias/") or ":alias/" in name


def region_of(name: str) -> str | None:
    """The region that an ARN names: arn:aws:kms:REGION:ACCOUNT:key/ID."""
    parts = name.split(":")
    return parts[3] or None if len(parts) >= _ARN_PARTS and parts[0] == "arn" else None
