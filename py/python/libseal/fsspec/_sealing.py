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
        # A forked child has to have its own, so it is kept by process.
        self._keys: dict[int, SealingKey] = {}

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
        key = self._shared_key()
        try:
            return key.seal(data)
        except LimitError:  # It has sealed enough.
            if self._keys.get(os.getpid()) is key:
                self._keys.pop(os.getpid(), None)
            return self._shared_key().seal(data)

    def _shared_key(self) -> SealingKey:
        key = self._keys.get(os.getpid())
        if key is None:
            key = SealingKey(self._recipients, context=self._context)
            # Atomic, so that threads have one for all.
            key = self._keys.setdefault(os.getpid(), key)
        return key
