"""Files that others replace, while SealedFileSystem or the store remembers what there was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import libseal
from fsspec_support import Store, sealed, store_of
from libseal.batch import ChangedError
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from libseal.fsspec import SealedFileSystem

# What is longer than one request reads, and less than that.
LONG, SHORT = 3_000_000, 30


class RemembersListings(Store):
    """A store that says of a file what it was when it was listed, as s3fs does."""

    def __init__(self) -> None:
        super().__init__()
        self.remembered: dict[str, Any] = {}

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path not in self.remembered:
            self.remembered[path] = dict(super().info(path, **options))
        info: dict[str, Any] = self.remembered[path]
        return info

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        entries = super().ls(path, detail=False, **options)
        return [self.info(entry) for entry in entries] if detail else entries

    def invalidate_cache(self, path: str | None = None) -> None:
        super().invalidate_cache(path)
        self.remembered.clear()


def read_opened(fs: SealedFileSystem) -> bytes:
    with fs.open("/d/a") as file:
        return bytes(file.read())


READS: dict[str, Callable[[SealedFileSystem], object]] = {
    "open": read_opened,
    "cat": lambda fs: fs.cat_file("/d/a"),
    "range": lambda fs: fs.cat_file("/d/a", 0, LONG),
    "from the end": lambda fs: fs.cat_file("/d/a", -2 * LONG),
}


@pytest.fixture(params=[*READS])
def read(request: pytest.FixtureRequest) -> Callable[[SealedFileSystem], object]:
    return READS[request.param]


@pytest.mark.parametrize("before", [SHORT, LONG])
@pytest.mark.parametrize("after", [SHORT - 1, SHORT, SHORT + 1, LONG - 1_000_000, LONG + 1])
def test_an_old_listing_does_not_matter(
    before: int, after: int, read: Callable[[SealedFileSystem], object]
) -> None:
    store = RemembersListings()
    store.place("/d/a", libseal.seal(public_key(), b"a" * before))
    fs = sealed(store)
    store.ls("/d")
    data = b"b" * after
    store.place("/d/a", libseal.seal(public_key(), data))

    try:
        found = read(fs)
    except ChangedError:  # It was opened already.
        found = read(fs)

    assert found == (data if read is not READS["range"] else data[:LONG])


def test_a_file_that_was_not_sealed_when_it_was_listed() -> None:
    store = RemembersListings()
    store.place("/d/a", b"not sealed")
    fs = sealed(store)
    assert fs.ls("/d")[0]["sealed"] is False
    store.place("/d/a", libseal.seal(public_key(), b"data"))

    assert read_opened(fs) == b"data"


def test_one_that_changes_does_not_fail_the_listing() -> None:
    store = RemembersListings()
    for path in ("/d/a", "/d/b"):
        store.place(path, libseal.seal(public_key(), b"a" * 1000))
    fs = sealed(store)
    store.ls("/d")
    store.place("/d/a", libseal.seal(public_key(), b"b"))

    assert [info["size"] for info in fs.ls("/d")] == [1, 1000]
    assert fs.info("/d/a")["size"] == 1


def test_what_was_added_since_is_read() -> None:
    store, fs = store_of(b"a" * 100)
    assert fs.cat_file("/a", 0, 100) == b"a" * 100
    store.place("/a", libseal.seal(public_key(), b"b" * 300))

    assert fs.cat_file("/a", 200, 210) == b"b" * 10


def test_a_strangers_file_that_was_replaced_is_read() -> None:
    stranger = libseal.LocalUnwrapper(libseal.generate_private_key()).public_key
    store = Store()
    store.place("/a", libseal.seal(stranger, b"a"))
    fs = sealed(store)
    fs.info("/a")
    store.place("/a", libseal.seal(public_key(), b"b" * 1000))

    assert fs.cat_file("/a", 0, 1) == b"b"


def test_a_file_that_is_replaced_between_two_requests() -> None:
    store, fs = store_of(b"a" * LONG)
    ask = store.info

    def replace_first(path: str, **options: Any) -> dict[str, Any]:
        store.info = ask  # type: ignore[method-assign]
        store.place("/a", libseal.seal(public_key(), b"b" * (LONG + 1)))
        return ask(path, **options)

    store.info = replace_first  # type: ignore[method-assign]

    assert fs.cat_file("/a") == b"b" * (LONG + 1)


@pytest.mark.parametrize("read", ["open", "range"], indirect=True)
def test_a_file_that_changes_all_the_time(read: Callable[[SealedFileSystem], object]) -> None:
    """The message that was there last is not called altered."""
    store = RemembersListings()
    fs = sealed(store)
    length = 0

    def replace() -> None:
        nonlocal length
        length += 1
        store.place("/d/a", libseal.seal(public_key(), b"a" * length))

    def ask(path: str, **options: Any) -> dict[str, Any]:
        info = Store.info(store, path, **options)
        replace()
        return info

    replace()
    store.info = ask  # type: ignore[method-assign]

    with pytest.raises(ChangedError, match="open it again"):
        read(fs)
