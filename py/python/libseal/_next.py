"""What a Reading needs next."""

from enum import Enum


class Next(Enum):
    """What a Reading needs next, unless it is bytes of the message."""

    KEY = "key"
    """The data key: call ``unwrap_with`` or ``provide_key``."""

    PLAINTEXT = "plaintext"
    """Nothing: there is plaintext to ``read``."""

    END = "end"
    """Nothing: the plaintext ends here, and the end of the message has been verified."""
