"""What an exception went through, or no one has ended, is never a valid message."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gc
import io
import os
import subprocess
import sys
import tempfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, Self

import pytest

import libseal
from support import assert_unfinished, plaintext_of, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable


def text_around(writer: Any) -> Any:
    return io.TextIOWrapper(writer, encoding="utf-8")


def text_around_bytes(writer: Any) -> Any:
    return io.TextIOWrapper(io.BufferedWriter(writer), encoding="utf-8")


def bytes_around_bytes(writer: Any) -> Any:
    return Bytes(io.BufferedWriter(io.BufferedWriter(writer)))


def text_through_bytes(writer: Any) -> Any:
    return io.TextIOWrapper(io.BufferedWriter(writer), encoding="utf-8", write_through=True)


def text_through(writer: Any) -> Any:
    return io.TextIOWrapper(writer, encoding="utf-8", write_through=True)


def codec(writer: Any) -> Any:
    return codecs.getwriter("utf-8")(writer)


class Bytes:
    """Takes text, for a file object that takes bytes."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, text: str) -> None:
        self.file.write(text.encode())

    def __enter__(self) -> Self:
        self.file.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.file.__exit__(*exception)


def bytes_around(writer: Any) -> Any:
    return Bytes(io.BufferedWriter(writer))


def pair(writer: Any) -> Any:
    return Bytes(io.BufferedRWPair(io.BytesIO(), writer))


class Closing:
    """Text for a writer that contextlib.closing closes."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer
        self.closing = contextlib.closing(writer)

    def write(self, text: str) -> None:
        self.writer.write(text.encode())

    def __enter__(self) -> Self:
        self.closing.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.__exit__(*exception)


WRAPPERS = [
    text_around,
    text_through,
    codec,
    bytes_around,
    pair,
    text_around_bytes,
    text_through_bytes,
    bytes_around_bytes,
    Closing,
]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_an_exception_in_both_blocks(wrapper: Callable[[Any], Any]) -> None:
    file = io.BytesIO()
    with (
        pytest.raises(ZeroDivisionError),
        libseal.SealWriter(file, public_key()) as writer,
        wrapper(writer) as outer,
    ):
        outer.write("half")
        raise ZeroDivisionError
    assert_unfinished(file)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_both_blocks_left_normally(wrapper: Callable[[Any], Any]) -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer, wrapper(writer) as outer:
        outer.write("whole")
    assert plaintext_of(file) == b"whole"


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_only_the_block_of_the_wrapper_and_an_exception(wrapper: Callable[[Any], Any]) -> None:
    file = io.BytesIO()

    def fail() -> None:
        with wrapper(libseal.SealWriter(file, public_key())) as outer:
            outer.write("half")
            raise ZeroDivisionError

    with (
        pytest.warns(RuntimeWarning, match=r"SealWriter.*unfinished"),
        pytest.raises(ZeroDivisionError),
    ):
        fail()
    assert_unfinished(file)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_only_the_block_of_the_wrapper(wrapper: Callable[[Any], Any]) -> None:
    file = io.BytesIO()
    with (
        pytest.raises(libseal.StateError, match=r"unfinished.*call finish\(\)"),
        wrapper(libseal.SealWriter(file, public_key())) as outer,
    ):
        outer.write("whole")
    assert_unfinished(file)


@pytest.mark.parametrize("wrapper", WRAPPERS[:-1])
def test_what_a_wrapper_holds_becomes_part_of_the_message(wrapper: Callable[[Any], Any]) -> None:
    for in_block in (True, False):
        file = io.BytesIO()
        if in_block:
            with libseal.SealWriter(file, public_key()) as writer:
                outer = wrapper(writer)
                outer.write("held")
        else:
            writer = libseal.SealWriter(file, public_key())
            outer = wrapper(writer)
            outer.write("held")
            writer.finish()
        assert plaintext_of(file) == b"held"
        del outer


def test_csv() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        rows = csv.writer(text_around(writer), lineterminator="\n")
        rows.writerow([1, "zwei"])
    assert plaintext_of(file) == b"1,zwei\n"


def test_two_wrappers_of_which_one_closes() -> None:
    for wrapper in (text_around, bytes_around, text_around_bytes):
        file = io.BytesIO()
        with libseal.SealWriter(file, public_key()) as writer:
            other = text_around(writer)
            with wrapper(writer) as outer:
                outer.write("one ")
                other.write("two")
        assert plaintext_of(file) in {b"one two", b"twoone "}


@pytest.mark.parametrize("outermost", [text_around, bytes_around])
def test_a_wrapper_that_is_closed_under_another_one(outermost: Callable[[Any], Any]) -> None:
    for holds in (True, False):
        file = io.BytesIO()
        with contextlib.ExitStack() as stack:
            if holds:
                stack.enter_context(pytest.raises(libseal.StateError, match="was closed before"))
            writer = stack.enter_context(libseal.SealWriter(file, public_key()))
            inner = stack.enter_context(io.BufferedWriter(writer))
            outer = outermost(inner)
            outer.write("lost" if holds else "whole")
            if not holds:
                getattr(outer, "file", outer).flush()
        if holds:
            assert_unfinished(file)
        else:
            assert plaintext_of(file) == b"whole"


def test_a_wrapper_that_cannot_write_what_it_holds() -> None:
    class Broken(io.TextIOWrapper):
        def flush(self) -> None:
            raise OSError("broken")

    file = io.BytesIO()
    with pytest.raises(OSError, match="broken"), libseal.SealWriter(file, public_key()) as writer:
        outer = Broken(writer, encoding="utf-8")
        outer.write("lost")
    assert_unfinished(file)


def test_what_is_lost_is_lost_even_if_the_exception_is_hidden() -> None:
    file = io.BytesIO()
    with (
        pytest.raises(libseal.StateError, match="was lost before"),
        libseal.SealWriter(file, public_key()) as writer,
    ):
        inner = io.BufferedWriter(writer)
        outer = text_around(inner)
        outer.write("lost")
        with contextlib.suppress(libseal.StateError):
            inner.close()
        with contextlib.suppress(ValueError):
            outer.close()
        del outer, inner
    assert_unfinished(file)


@pytest.mark.parametrize("wrapper", [text_around, text_around_bytes, text_through, bytes_around])
def test_a_forgotten_wrapper(wrapper: Callable[[Any], Any]) -> None:
    file = io.BytesIO()
    outer = wrapper(libseal.SealWriter(file, public_key()))
    outer.write("half")
    with pytest.warns(RuntimeWarning, match=r"SealWriter.*unfinished"):
        del outer
    assert_unfinished(file)


def test_a_forgotten_wrapper_in_the_block_has_written_everything() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        text_around(writer).write("whole")
        gc.collect()
    assert plaintext_of(file) == b"whole"


def test_close_in_finally() -> None:
    file = io.BytesIO()
    writer = libseal.SealWriter(file, public_key())

    def fail() -> None:
        try:
            writer.write(b"half")
            raise ZeroDivisionError
        finally:
            writer.close()

    with pytest.warns(RuntimeWarning, match="unfinished"), pytest.raises(ZeroDivisionError):
        fail()
    assert_unfinished(file)


def test_close_alone() -> None:
    file = io.BytesIO()
    writer = libseal.SealWriter(file, public_key())
    writer.write(b"whole")
    with pytest.raises(libseal.StateError, match="unfinished"):
        writer.close()
    assert writer.closed
    writer.close()
    assert_unfinished(file)
    with pytest.raises(libseal.StateError, match="given up"):
        writer.finish()


def test_after_a_close_in_the_block_nothing_can_be_written() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        with text_around(writer) as text:
            text.write("whole")
        assert writer.closed
        assert text.closed
        writer.close()
        calls: list[Callable[[], object]] = [
            lambda: writer.write(b"x"),
            writer.flush,
            writer.tell,
            lambda: text.write("x"),
            lambda: writer.raw.write(b"x"),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="closed file"):
                call()
    assert plaintext_of(file) == b"whole"


def test_finish_in_the_block() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        with text_around(writer) as text:
            text.write("whole")
        writer.finish()
        length = len(file.getvalue())
        writer.finish()
    assert len(file.getvalue()) == length
    assert plaintext_of(file) == b"whole"


def test_abort_in_the_block() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        writer.write(b"half")
        writer.abort()
        with pytest.raises(libseal.StateError, match="given up"):
            writer.finish()
    assert_unfinished(file)


def test_closing_the_raw_file_object_ends_nothing() -> None:
    file = io.BytesIO()
    with (
        pytest.raises(libseal.StateError),
        libseal.SealWriter(file, public_key()) as writer,
    ):
        writer.write(b"half")
        writer.raw.close()
    assert_unfinished(file)


def test_archives() -> None:
    for ends in (True, False):
        file = io.BytesIO()
        with (
            contextlib.suppress(ZeroDivisionError),
            libseal.SealWriter(file, public_key()) as writer,
            zipfile.ZipFile(writer, "w") as archive,
            archive.open("name", "w") as member,
        ):
            member.write(b"data")
            if not ends:
                raise ZeroDivisionError
        if ends:
            with zipfile.ZipFile(io.BytesIO(plaintext_of(file))) as archive:
                assert archive.read("name") == b"data"
        else:
            assert_unfinished(file)


def test_close_inner_waits_for_the_end() -> None:
    with tempfile.TemporaryFile() as file:
        with libseal.SealWriter(file, public_key(), close_inner=True) as writer:
            with text_around(writer) as text:
                text.write("whole")
            assert not file.closed
        assert file.closed


def test_looking_for_wrappers_costs_nothing_if_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[object] = []

    def get_referrers(inner: object) -> list[object]:
        calls.append(inner)
        return []

    monkeypatch.setattr(gc, "get_referrers", get_referrers)
    with libseal.SealWriter(io.BytesIO(), public_key()) as writer:
        writer.write(b"data")
    with libseal.SealTextWriter(io.BytesIO(), public_key()) as text:
        text.write("data")
    assert not calls
    with libseal.SealWriter(io.BytesIO(), public_key()) as writer, text_around(writer):
        pass
    assert calls


def test_warnings_are_seen_without_any_option() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        # What Python ignores if it is not told.
        for category in (DeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        libseal.SealWriter(io.BytesIO(), public_key())
        gc.collect()
    assert len(caught) == 1
    assert "truncated" in str(caught[0].message)


def test_a_wrapper_that_the_collector_hides_is_not_overlooked() -> None:
    program = """
import gc, io, libseal
from support import public_key
inner = io.BytesIO()
writer = libseal.SealWriter(inner, public_key())
text = io.TextIOWrapper(writer)
text.write("text")
gc.freeze()
try:
    writer.finish()
except libseal.StateError as error:
    assert "gc.freeze()" in str(error)
else:
    raise AssertionError
# One that is made later is found.
with libseal.SealWriter(io.BytesIO(), public_key()) as writer:
    text = io.TextIOWrapper(writer)
    text.write("text")
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


@pytest.mark.parametrize("method", ["write", "flush"])
def test_text_that_an_exception_took_away_is_missed(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a handler of signals raises one, where text passes from one file object to the other."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    inner = io.BytesIO()
    text = libseal.SealTextWriter(inner, public_key())
    text.write("a line\n")
    with monkeypatch.context() as patched:
        patched.setattr(libseal.SealWriter, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            text.write("x" * 10_000) if method == "write" else text.flush()
    with pytest.raises(libseal.StateError):
        text.finish()
    with pytest.raises(libseal.TruncatedError):
        libseal.unseal(inner.getvalue(), unwrapper())


def test_text_that_was_refused_is_not_missed() -> None:
    inner = io.BytesIO()
    with libseal.SealTextWriter(inner, public_key(), encoding="ascii") as text:
        text.write("a line\n")
        with pytest.raises(UnicodeEncodeError):
            text.write("\u00e4")
        with pytest.raises(TypeError):
            text.write(b"bytes")  # type: ignore[arg-type]
    assert libseal.unseal(inner.getvalue(), unwrapper()) == b"a line\n"
