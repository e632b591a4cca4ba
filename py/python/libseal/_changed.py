"""The error for a file that was replaced, for ``libseal.batch`` and ``libseal.fsspec``."""

import errno


class ChangedError(OSError):
    """A file is not the one that was scanned or opened: it was replaced, cut or extended since.

    ``filename`` is its name. Scan it again, ``plan + scan(error.filename)``, or open it again.
    """

    @classmethod
    def since(cls, done: str, name: str) -> "ChangedError":
        """The error for the file ``name``; ``done`` is what was done with it before."""
        text = f"the file has changed since it was {done}: {_AGAIN[done]} it again"
        return cls(errno.ESTALE, text, name)


_AGAIN = {"scanned": "scan", "opened": "open"}

# Tracebacks and pickles name classes by where users find them.
ChangedError.__module__ = "libseal.batch"
