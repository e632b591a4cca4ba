"""SealTextWriter."""

from __future__ import annotations

import csv
import gc
import io
import json
import logging
from typing import TYPE_CHECKING

import pytest

import libseal
from support import ShortWriter, assert_unfinished, plaintext_of, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_round_trip(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    with (
        sealed.open("wb") as target,
        libseal.SealTextWriter(target, public_key(), context={"a": "b"}) as text,
    ):
        assert isinstance(text, io.TextIOWrapper)
        assert text.writable()
        assert text.encoding == "utf-8"
        assert text.name == str(sealed)
        assert text.write("grüße\n") == 6
        print("zwei", file=text)
        csv.writer(text, lineterminator="\n").writerow([1, "drei"])
        json.dump({"a": 1}, text)
    assert text.closed
    with (
        sealed.open("rb") as source,
        libseal.UnsealReader(source, unwrapper(), require={"a": "b"}) as reader,
        io.TextIOWrapper(reader, encoding="utf-8") as lines,
    ):
        assert list(lines) == ["grüße\n", "zwei\n", "1,drei\n", '{"a": 1}']


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "latin-1", "utf-8-sig", None]
)
@pytest.mark.parametrize("newline", [None, "", "\n", "\r\n"])
def test_it_writes_what_open_writes(tmp_path: Path, encoding: str | None, newline: str) -> None:
    file, path = io.BytesIO(), tmp_path / "plain"
    with libseal.SealTextWriter(
        file, public_key(), encoding=encoding, errors="replace", newline=newline
    ) as text:
        text.writelines(["a\n", "b" * 20_000, "ü\n"])
    with path.open("w", encoding=encoding, errors="replace", newline=newline) as plain:
        plain.writelines(["a\n", "b" * 20_000, "ü\n"])
    assert plaintext_of(file) == path.read_bytes()


def test_finish() -> None:
    file = io.BytesIO()
    text = libseal.SealTextWriter(file, public_key())
    text.write("whole")
    text.finish()
    text.finish()
    text.close()
    assert text.closed
    assert not file.closed
    assert plaintext_of(file) == b"whole"


def test_finish_of_the_buffer() -> None:
    file = io.BytesIO()
    text = libseal.SealTextWriter(file, public_key())
    text.write("whole")
    assert isinstance(text.buffer, libseal.SealWriter)
    text.buffer.finish()
    assert text.closed
    assert plaintext_of(file) == b"whole"


def test_an_exception_in_the_block() -> None:
    file = io.BytesIO()
    with pytest.raises(ZeroDivisionError), libseal.SealTextWriter(file, public_key()) as text:
        text.write("half")
        raise ZeroDivisionError
    assert text.closed
    assert_unfinished(file)


def test_text_that_cannot_be_encoded() -> None:
    file = io.BytesIO()
    with (
        pytest.raises(UnicodeEncodeError),
        libseal.SealTextWriter(file, public_key(), encoding="ascii") as text,
    ):
        text.write("half")
        text.write("ü")
    assert_unfinished(file)


def test_abort() -> None:
    file = io.BytesIO()
    text = libseal.SealTextWriter(file, public_key())
    text.write("half")
    text.abort()
    text.close()
    assert text.closed
    with pytest.raises(libseal.StateError):
        text.finish()
    del text
    gc.collect()
    assert_unfinished(file)


def test_close() -> None:
    file = io.BytesIO()
    text = libseal.SealTextWriter(file, public_key())
    text.write("whole")
    with pytest.raises(libseal.StateError, match="unfinished"):
        text.close()
    assert text.closed
    assert_unfinished(file)


def test_close_in_the_block() -> None:
    file = io.BytesIO()
    with libseal.SealTextWriter(file, public_key()) as text:
        text.write("whole")
        text.close()
        with pytest.raises(ValueError, match="closed file"):
            text.write("x")
    assert plaintext_of(file) == b"whole"


def test_forgotten() -> None:
    file = io.BytesIO()
    text = libseal.SealTextWriter(file, public_key())
    text.write("half")
    with pytest.warns(RuntimeWarning, match="unfinished"):
        del text
    assert_unfinished(file)


def test_flush_hands_over_everything() -> None:
    file = io.BytesIO()
    with libseal.SealTextWriter(file, public_key()) as text:
        start = len(file.getvalue())
        text.write("line\n")
        assert len(file.getvalue()) == start
        text.flush()
        assert len(file.getvalue()) == start + 5


def test_logging() -> None:
    file = io.BytesIO()
    with libseal.SealTextWriter(file, public_key()) as text:
        logger = logging.Logger("test")
        logger.addHandler(logging.StreamHandler(text))
        logger.warning("line")
    assert plaintext_of(file) == b"line\n"


def test_wrong_arguments_leave_nothing_behind() -> None:
    file = io.BytesIO()
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (LookupError, lambda: libseal.SealTextWriter(file, public_key(), encoding="klingon")),
        (ValueError, lambda: libseal.SealTextWriter(file, public_key(), newline="x")),
        (TypeError, lambda: libseal.SealTextWriter(file, b"pem", close_inner=True)),  # type: ignore[arg-type]
        (OSError, lambda: libseal.SealTextWriter(ShortWriter(10), public_key())),
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()
    gc.collect()
    assert file.getvalue() == b""
    assert not file.closed


def test_detaching_is_not_supported() -> None:
    with (
        libseal.SealTextWriter(io.BytesIO(), public_key()) as text,
        pytest.raises(io.UnsupportedOperation),
    ):
        text.detach()


def test_close_inner() -> None:
    file = io.BytesIO()
    with libseal.SealTextWriter(file, public_key(), close_inner=True):
        assert not file.closed
    assert file.closed
