"""Whom the file system seals for, and with which data key."""

import os
from collections.abc import Sequence
from functools import partial

from .._errors import LimitError
from .._libseal import PublicKey, Recipient, SealingKey
from .._types import Buffer, Context
from .._writer import SealWriter
from ._draft import Draft


class Sealing:
    """Begins messages. Short ones share a data key, long ones have their own."""

    def __init__(
        self, recipients: Sequence[PublicKey | Recipient], context: Context | None
    ) -> None:
        self._recipients = recipients
        self._context = dict(context or {})
        # A forked child has to have its own, so the process goes with it.
        self._key: tuple[int, SealingKey] | None = None

    def draft(self) -> Draft:
        """Begin a message. Raises ValueError if there is no one to seal for."""
        if not self._recipients:
            raise ValueError(
                "there is no one to seal for: give recipients= to the file system, for example "
                'storage_options={"recipients": "public.pem"}'
            )
        begin = partial(
            SealWriter, recipients=self._recipients, context=self._context, close_inner=True
        )
        return Draft(self._seal_short, begin)

    def _seal_short(self, data: Buffer) -> bytes:
        try:
            return self._shared_key().seal(data)
        except LimitError:  # It has sealed enough.
            self._key = None
            return self._shared_key().seal(data)

    def _shared_key(self) -> SealingKey:
        process = os.getpid()
        if self._key is None or self._key[0] != process:
            self._key = process, SealingKey(self._recipients, context=self._context)
        return self._key[1]
