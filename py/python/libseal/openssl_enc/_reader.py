"""DecryptReader: a file object with the plaintext of what ``openssl enc`` wrote."""

import io
from typing import IO, Any

from .._arguments import check_source
from .._errors import StateError
from .._source import Source
from .._types import Buffer, Progress, SupportsRead
from ._base64 import Read
from ._decryption import decrypted
from ._key import KeyDerivation, password_bytes

__all__ = ["DecryptReader", "RawDecryptReader"]

# It stays in the processor's cache while it is decrypted and copied.
PIECE_LEN = 256 * 1024
BUFFER_LEN = 64 * 1024


class DecryptReader(io.BufferedReader):
    """A binary file object that reads a file of ``openssl enc`` and returns its plaintext.

    For pipes, and for what takes a file object. Nothing that it returns is authenticated, and with
    CTR a wrong password is no error: see the module, also for the arguments. With CBC the last 16
    bytes or fewer come only after the padding has been checked; a wrong password shows there, when
    all that comes before has been read.

    It works in constant memory and cannot seek. ``fileobj`` needs only a ``read`` method and has to
    block. More of it may be read than is needed at the moment. It is not closed with this object.
    The header is read when the object is made.

    Raises FormatError, TruncatedError, AuthenticationError and ImportError as ``decrypt_file``
    does, and StateError after that.
    """

    def __init__(
        self,
        fileobj: IO[bytes] | SupportsRead,
        password: Buffer,
        *,
        cipher: str = "aes-256-ctr",
        md: str = "sha256",
        pbkdf2: bool = False,
        iterations: int | None = None,
        base64: bool = False,
    ) -> None:
        check_source(fileobj)
        derivation = KeyDerivation.of(cipher, md, iterations, pbkdf2=pbkdf2)
        secret = password_bytes(password)
        readable = getattr(fileobj, "readable", None)
        if callable(readable) and not readable():
            raise io.UnsupportedOperation("fileobj is not open for reading")
        self._fileobj: Any = fileobj
        raw = RawDecryptReader(Source(fileobj).read, secret, derivation, base64=base64)
        super().__init__(raw, BUFFER_LEN)

    @property
    def name(self) -> Any:
        """The ``name`` of ``fileobj``, if it has one."""
        return self._fileobj.name


class RawDecryptReader(io.RawIOBase):
    """The plaintext, as much at a time as suits."""

    def __init__(
        self,
        read: Read,
        password: bytes,
        derivation: KeyDerivation,
        *,
        base64: bool,
        progress: Progress | None = None,
    ) -> None:
        self._parts = decrypted(
            read, password, derivation, base64=base64, progress=progress, piece_len=PIECE_LEN
        )
        self._plaintext = memoryview(b"")
        self._position = 0
        # Set while a call is under way: after one that failed, nothing must look like the end.
        self._is_lost = False

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        self._begin()
        with memoryview(buffer) as view, view.cast("B") as room:
            part = self._next()[: len(room)]
            room[: len(part)] = part
            self._advance(len(part))
            self._is_lost = False
            return len(part)

    def readall(self) -> bytes:
        self._begin()
        whole = io.BytesIO()
        while part := self._next():
            whole.write(part)
            self._advance(len(part))
        self._is_lost = False
        return whole.getvalue()

    def _begin(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        if self._is_lost:
            raise StateError("reading failed before, and the place is lost")
        self._is_lost = True

    def _next(self) -> memoryview:
        """What comes next; nothing at the end."""
        if not self._plaintext:
            self._plaintext = next(self._parts, memoryview(b""))
        return self._plaintext

    def _advance(self, count: int) -> None:
        self._plaintext = self._plaintext[count:]
        self._position += count
