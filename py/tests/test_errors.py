"""The exceptions: one for each of the core's errors, under one root."""

import ast
import copy
import inspect
import pickle
import re
import types
from pathlib import Path

import pytest

import libseal
from libseal import _libseal
from libseal._errors import CLASSES, make_error

ROOT = Path(__file__).parents[2]


def test_every_error_of_the_core_has_a_class_and_no_other_has() -> None:
    assert {code for code, *_ in _libseal.ERROR_KINDS} == set(CLASSES)


@pytest.mark.parametrize(
    ("code", "name", "message", "retryable", "never_opens"), _libseal.ERROR_KINDS
)
def test_error(code: int, name: str, message: str, retryable: bool, never_opens: bool) -> None:
    error = make_error(code, name, message)
    assert (error.retryable, error.never_opens) == (retryable, never_opens)
    assert (error.code, error.name, str(error)) == (code, name, message)
    assert isinstance(error, libseal.SealError)
    assert isinstance(error, ValueError) == (102 <= code < 210)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (again.code, again.name, str(again)) == (code, name, message)


@pytest.mark.parametrize("error", dict.fromkeys(CLASSES.values()), ids=lambda error: error.__name__)
def test_class(error: type[libseal.SealError]) -> None:
    assert getattr(libseal, error.__name__) is error
    assert error.__module__ == "libseal"
    assert error.__doc__
    # So that an unwrapper can raise one.
    assert (error.code, error.name) in {(code, name) for code, name, *_ in _libseal.ERROR_KINDS}
    assert CLASSES[error.code] is error


def test_a_code_from_the_future_is_still_a_seal_error() -> None:
    assert type(make_error(777, "NEW", "new")) is libseal.InternalError


def test_everything_public_is_documented_and_says_where_it_is() -> None:
    for name in libseal.__all__:
        value = getattr(libseal, name)
        # Since Python 3.12, Buffer is the one of the standard library.
        if isinstance(value, type) and value.__module__ != "collections.abc":
            assert value.__module__ == "libseal", name
            assert value.__doc__, name
            for attribute, member in vars(value).items():
                if not attribute.startswith("_"):
                    # A method without one of its own has that of its io class.
                    assert getattr(value, attribute).__doc__ or isinstance(member, int | str)
        elif isinstance(value, types.FunctionType):
            assert value.__doc__, name


def test_stub_has_the_docstrings_of_the_extension_module() -> None:
    """Editors show the stub's."""
    stub = ast.parse((ROOT / "py/python/libseal/_libseal.pyi").read_text())
    scopes: list[tuple[object, list[ast.stmt]]] = [(_libseal, stub.body)]
    seen = 0
    while scopes:
        owner, body = scopes.pop()
        for node in body:
            if isinstance(node, ast.ClassDef):
                scopes.append((getattr(owner, node.name), node.body))
            is_setter = isinstance(node, ast.FunctionDef) and any(
                isinstance(decorator, ast.Attribute) for decorator in node.decorator_list
            )
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not is_setter:
                documented = ast.get_docstring(node)
                if documented is not None or not node.name.startswith("__"):
                    value = inspect.getattr_static(owner, node.name)
                    if isinstance(value, staticmethod):
                        value = value.__func__
                    assert documented == inspect.getdoc(value), node.name
                    seen += 1
    assert seen > 30


def test_version() -> None:
    cargo = (ROOT / "Cargo.toml").read_text()
    version = re.search(r'^version = "(.*)"', cargo, re.MULTILINE)
    assert version is not None
    assert libseal.__version__ == version[1]
