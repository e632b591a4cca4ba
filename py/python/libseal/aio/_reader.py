"""UnsealReader: the plaintext of a message that is read asynchronously."""

from typing import Self

from .._libseal import Header, Reading
from .._next import Next
from .._types import Require
from .._types import Unwrapper as SyncUnwrapper
from ._source import PIECE_LEN, Readable, SourceReader, give_way
from ._types import Source, Unwrap
from ._unwrap import Unwrapping

# For which room of its own pays.
LONG_LEN = 32 * 1024


class UnsealReader(Readable):
    """Reads a message from an asynchronous source and returns its plaintext.

    ``await UnsealReader.open(source, unwrap)`` makes one::

        reader = await aio.UnsealReader.open(stream, unwrap)
        async for piece in reader:
            await target.write(piece)

    The end of the plaintext is reported only after the end of the message has been verified: a
    truncated message ends in TruncatedError. What was read before that is authentic, but may not be
    all, so keep it apart until the end is reached.

    The message ends where ``source`` ends, which stays open. More of it may be read than is needed
    at the moment. Only one task at a time may read. After a call that was cancelled, and after an
    error of ``source``, reading can go on if ``source`` has lost nothing; if it has, the message is
    refused.
    """

    def __init__(self) -> None:
        raise TypeError("await libseal.aio.UnsealReader.open(source, unwrap) makes an UnsealReader")

    @classmethod
    async def open(cls, source: Source, unwrap: Unwrap, *, require: Require | None = None) -> Self:
        """Read the header, unwrap the data key, and return a reader.

        ``source`` is an asyncio.StreamReader, another object with an async method ``read``, or an
        async iterable of bytes. For ``unwrap``, ``require`` and what is raised see ``unseal``.
        """
        unwrapping = Unwrapping(unwrap)
        source_reader = SourceReader(source)
        reading = Reading(require=require)
        header = await _unwrapped(reading, source_reader, unwrapping)
        reader = cls.__new__(cls)
        reader._begin(reading, source_reader, header)  # noqa: SLF001
        return reader

    def _begin(self, reading: Reading, source: SourceReader, header: Header) -> None:
        super().__init__()
        self._reading = reading
        self._source = source
        self._header = header
        # For plaintext that the Reading would copy twice.
        self._room = memoryview(b"")
        self._worked_on = 0

    @property
    def header(self) -> Header:
        """The header of the message, verified."""
        return self._header

    async def _next_piece(self, wanted: int) -> bytes:
        while True:
            match self._reading.next(wanted):
                case range() as offsets:
                    # Here, because a cancellation would lose what has been read and unsealed.
                    await give_way(self._worked_on)
                    piece = await self._source.read(len(offsets))
                    self._worked_on = len(piece)
                    if plaintext := self._unseal(piece):
                        return plaintext
                case Next.PLAINTEXT:
                    return self._reading.read(wanted)
                case _:
                    return b""

    def _unseal(self, piece: memoryview) -> bytes:
        """Feed a piece, and return plaintext of it, unless it is best read from the Reading."""
        if len(piece) < LONG_LEN:
            self._reading.feed(piece)
            return b""
        if not self._room:
            self._room = memoryview(bytearray(PIECE_LEN))
        length = self._reading.feed_into(piece, self._room)
        return bytes(self._room[:length])


async def _unwrapped(reading: Reading, source: SourceReader, unwrapping: Unwrapping) -> Header:
    while (header := reading.header) is None:
        match reading.next(1):
            case range() as offsets:
                reading.feed(await source.read(len(offsets)))

    async def core(stand_ins: list[SyncUnwrapper]) -> None:
        reading.unwrap_with(stand_ins)

    await unwrapping.run(core)
    return header
