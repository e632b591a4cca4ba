"""UnsealReader: the plaintext of a message that is read asynchronously."""

from typing import Self

from .._libseal import Header, Reading
from .._next import Next
from .._types import Require
from .._types import Unwrapper as SyncUnwrapper
from ._source import Readable, SourceReader, give_way
from ._types import Source, Unwrap
from ._unwrap import Unwrapping


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
    at the moment. Only one task at a time may read. After an error of ``source`` one can go on
    reading if ``source`` can.
    """

    _reading: Reading
    _source: SourceReader
    _header: Header

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
        Readable.__init__(reader)
        reader._reading, reader._source, reader._header = reading, source_reader, header  # noqa: SLF001
        return reader

    @property
    def header(self) -> Header:
        """The header of the message, verified."""
        return self._header

    async def _next_piece(self, wanted: int) -> bytes:
        while True:
            match self._reading.next(wanted):
                case range() as offsets:
                    piece = await self._source.read(len(offsets))
                    self._reading.feed(piece)
                    await give_way(len(piece))
                case Next.PLAINTEXT:
                    return self._reading.read(wanted)
                case _:
                    return b""


async def _unwrapped(reading: Reading, source: SourceReader, unwrapping: Unwrapping) -> Header:
    while (header := reading.header) is None:
        match reading.next(1):
            case range() as offsets:
                reading.feed(await source.read(len(offsets)))

    async def core(stand_ins: list[SyncUnwrapper]) -> None:
        reading.unwrap_with(stand_ins)

    await unwrapping.run(core)
    return header
