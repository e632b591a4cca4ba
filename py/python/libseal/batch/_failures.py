"""What can go wrong with one file or one key among many."""

import pickle
from typing import Any, Literal, NamedTuple, TypeAlias

from .._libseal import Header

# stubtest does not know what Literal["raise", "keep"] is when it runs.
OnError: TypeAlias = Literal["raise"] | Literal["keep"]  # noqa: PYI030
"""Whether the first failure is raised, or failures are kept and the others go on."""


class Failure(NamedTuple):
    """A file that could not be scanned, or whose key was refused."""

    name: str
    """The name of the file."""

    error: Exception
    """Why: a SealError if it is no whole message, or its key was refused; otherwise an OSError, or
    another exception of the store.
    """


class Refused(NamedTuple):
    """A data key that could not be unwrapped."""

    header: Header
    """The header whose data key it is."""

    files: tuple[str, ...]
    """The names of the files that have this header."""

    error: Exception
    """Why: mostly a KeyUnwrapError, or an AuthenticationError for an altered header."""


def noted(error: Exception, name: str) -> Exception:
    """``error``, to be kept, with a note that names the file."""
    # A traceback would keep the data of each call in memory, and cannot be pickled.
    error = error.with_traceback(None)
    note = f"in {name}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return error


def portable(failure: Failure) -> Failure:
    """``failure``, with another exception if its own cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(failure.error))  # noqa: S301 (it was pickled here)
    except Exception:
        text = f"{type(failure.error).__name__}: {failure.error}"
        return failure._replace(error=noted(OSError(text), failure.name))
    return failure


def check_on_error(on_error: Any) -> None:
    """Refuse what is neither of the two."""
    if on_error not in {"raise", "keep"}:
        raise ValueError(f'on_error must be "raise" or "keep", not {on_error!r}')
