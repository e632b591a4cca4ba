"""SealReader: the message of plaintext that is read asynchronously."""

from .._errors import StateError
from .._libseal import Writing
from .._types import Context, Recipients
from ._source import PIECE_LEN, Readable, SourceReader, give_way
from ._types import Source


class SealReader(Readable):
    """Reads plaintext from an asynchronous source and gives the message while it is made.

    ::

        await http.post(url, data=aio.SealReader(source, key))

    ``source`` is an asyncio.StreamReader, another object with an async method ``read``, or an async
    iterable of bytes. Its end is the end of the message, and it stays open. If it fails, or a call
    is cancelled, the message can never be ended: StateError is raised from then on.

    Where the length has to be known before, ``libseal.sealed_len`` says how long the message will
    be. Only one task at a time may read.

    For ``recipients``, ``context`` and what is raised see ``libseal.seal``.
    """

    def __init__(
        self, source: Source, recipients: Recipients, *, context: Context | None = None
    ) -> None:
        super().__init__()
        self._source = SourceReader(source)
        self._writing = Writing(recipients, context=context)
        # Plaintext for the next piece.
        self._rest = memoryview(b"")
        self._is_finished = False
        # Set while a call is under way: after one that was interrupted, the source may seem to end.
        self._is_lost = False

    async def _next_piece(self, wanted: int) -> bytes:  # noqa: ARG002 (pieces have their length)
        if self._is_lost:
            raise StateError("a call failed or was cancelled before, so the message cannot go on")
        self._is_lost = True
        while not (sealed := self._writing.sealed()) and not self._is_finished:
            self._rest = self._rest or await self._source.read(PIECE_LEN)
            if self._rest:
                self._rest = self._rest[self._writing.write(self._rest) :]
            else:
                self._writing.finish()
                self._is_finished = True
        await give_way(len(sealed))
        self._writing.advance(len(sealed))
        self._is_lost = False
        return sealed
