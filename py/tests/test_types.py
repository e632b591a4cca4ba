"""Signatures and types: what tools and people see of the arguments."""

from __future__ import annotations

import array
import inspect
import io
import os
import subprocess
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import pytest

import libseal
from libseal import batch, openssl_enc
from support import holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def public_callables() -> Iterator[tuple[str, Any]]:
    """Every public function, and every method of the public classes."""
    for owner in (libseal, libseal.aws, batch, openssl_enc):
        for name in owner.__all__:
            value = getattr(owner, name)
            yield name, value
            if isinstance(value, type):
                for attribute in vars(value):
                    if attribute.startswith("_") and not attribute.startswith("__"):
                        continue
                    member = inspect.getattr_static(value, attribute)
                    if isinstance(member, classmethod):
                        yield f"{name}.{attribute}", member.__func__
                    elif isinstance(member, property):
                        yield f"{name}.{attribute}", member.fget
                    else:
                        yield f"{name}.{attribute}", member


# Those of Protocol and Enum are not ours.
FUNCTIONS = {
    name: value
    for name, value in public_callables()
    if isinstance(value, types.FunctionType) and value.__module__.startswith("libseal")
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_annotations_resolve(name: str) -> None:
    hints = typing.get_type_hints(FUNCTIONS[name])
    signature = inspect.signature(FUNCTIONS[name])
    annotated = [p.name for p in signature.parameters.values() if p.name not in {"self", "cls"}]
    assert set(hints) == {*annotated, "return"}


def test_there_are_annotations() -> None:
    assert {"seal", "unseal_file", "SealWriter.__init__", "UnsealReader.with_key"} <= set(FUNCTIONS)
    hints = typing.get_type_hints(libseal.seal)
    assert hints["recipients"] == libseal.Recipients
    assert hints["data"] == libseal.Buffer
    assert hints["return"] is bytes
    assert typing.get_type_hints(libseal.unseal)["unwrap"] == libseal.Unwrap


KEY_IDS = {"Recipient", "WrappedKey", "public_key", "KmsCall", "KmsCall.__new__"}


@pytest.mark.parametrize("name", [name for name, value in public_callables() if callable(value)])
def test_options_are_keyword_only(name: str) -> None:
    value = dict(public_callables())[name]
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return
    options = {"context", "require", "threads", "progress", "close_inner", "piece_len", "max_age"}
    for option in options & set(parameters):
        assert parameters[option].kind is inspect.Parameter.KEYWORD_ONLY, option
    assert "key_id" not in parameters or name in KEY_IDS


def test_main_arguments_can_be_named() -> None:
    message = libseal.seal(recipients=public_key(), data=b"data")
    assert libseal.unseal(message=message, unwrap=unwrapper()) == b"data"
    with pytest.raises(TypeError):
        libseal.seal(public_key(), b"data", {"a": "b"})  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        libseal.unseal(message, unwrapper(), {"a": "b"})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), memoryview(b"x"), array.array("i"), np.zeros(3)]
)
def test_buffer(value: object) -> None:
    assert isinstance(value, libseal.Buffer)


@pytest.mark.parametrize("value", ["x", 7, None, [1], io.BytesIO()])
def test_no_buffer(value: object) -> None:
    assert not isinstance(value, libseal.Buffer)


class AllKeys:
    def unwrap_keys(self, wrapped_keys: tuple[libseal.WrappedKey, ...]) -> bytes | None:
        return unwrapper()(wrapped_keys[0])


def test_supports_unwrap_keys() -> None:
    assert isinstance(AllKeys(), libseal.SupportsUnwrapKeys)
    assert not isinstance(unwrapper(), libseal.SupportsUnwrapKeys)


def validated(function: Callable[..., Any]) -> Callable[..., Any]:
    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    return pydantic.validate_call(config=config)(function)


def test_pydantic_validates_arguments(tmp_path: Path) -> None:
    seal, unseal = validated(libseal.seal), validated(libseal.unseal)
    recipient = libseal.Recipient(public_key(), "id")
    data = bytearray(b"data")
    for recipients in (public_key(), recipient, [recipient, public_key()], {public_key()}):
        blob = seal(recipients, data, context={"a": "b"}, threads=None)
        for unwrap in (unwrapper(), AllKeys(), [holds_nothing, unwrapper()], (AllKeys(),)):
            assert unseal(memoryview(blob), unwrap, require={"a": None}) == data

    plain, sealed, back = (tmp_path / name for name in ("plain", "sealed", "back"))
    plain.write_bytes(data)
    counts: list[int] = []
    seal_file, unseal_file = validated(libseal.seal_file), validated(libseal.unseal_file)
    seal_file(public_key(), str(plain), sealed, progress=counts.append)
    assert unseal_file(sealed, os.fspath(back), unwrapper(), require={}) == len(data)
    assert back.read_bytes() == data
    assert counts == [len(data)]

    inspected = validated(libseal.inspect)
    assert inspected(sealed) == inspected(sealed.read_bytes())


def test_pydantic_refuses_arguments(tmp_path: Path) -> None:
    seal, unseal = validated(libseal.seal), validated(libseal.unseal)
    blob = libseal.seal(public_key(), b"")
    refused: list[Callable[[], object]] = [
        lambda: seal("pem", b"data"),
        lambda: seal(public_key(), "text"),
        lambda: seal(public_key(), b"data", context={"a": 1}),
        lambda: seal(public_key(), b"data", context={"a": None}),
        lambda: seal(public_key(), b"data", {"a": "b"}),
        lambda: seal(public_key(), b"data", key_id="id"),
        lambda: unseal(blob, 7),
        lambda: unseal(blob, [7]),
        lambda: unseal(blob, unwrapper(), require={"a": 1}),
        lambda: unseal(blob, unwrapper(), threads="many"),
        lambda: validated(libseal.seal_file)(public_key(), 7, tmp_path),
        lambda: validated(libseal.unseal_file)(tmp_path, tmp_path, unwrapper(), progress=7),
        lambda: validated(libseal.inspect)(7),
    ]
    for call in refused:
        with pytest.raises(pydantic.ValidationError):
            call()


def test_importing_it_imports_nothing_that_only_some_calls_need() -> None:
    program = """
import sys, libseal
needless = {"boto3", "concurrent.futures", "numpy", "pydantic", "tempfile", "typing_extensions"}
sys.exit(" ".join(needless & set(sys.modules)) or None)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
