from datetime import timedelta
from typing import Final, final

from typing_extensions import Buffer

from ._types import Context, Recipients, Unwrap

__all__ = [
    "Header",
    "WrappedKey",
    "parse_header",
    "PublicKey",
    "Recipient",
    "LocalUnwrapper",
    "Sealer",
    "seal",
    "seal_into",
    "sealed_len",
    "SealingKey",
    "Unsealer",
    "plaintext_len",
    "unseal",
    "unseal_into",
    "ERROR_KINDS",
    "MAX_HEADER_LEN",
    "__version__",
]

ERROR_KINDS: Final[list[tuple[int, str, str]]]
MAX_HEADER_LEN: Final[int]
__version__: Final[str]

def seal(
    key: Recipients,
    data: Buffer,
    key_id: str = "",
    context: Context | None = None,
    *,
    threads: int | None = 1,
) -> bytes:
    """Seals data, anything bytes-like, and returns the message as bytes.

    key is one PublicKey or Recipient, or several: each of them can unseal alone. key_id is a
    hint for whoever unseals, such as the alias or ARN of the KMS key. context are pairs of str
    that everybody can read and nobody can change, at most 8192 bytes. At most 16 recipients, and
    2048 bytes in a key id.

    threads are how many work on a message of 512 KiB or more; None for one on each core.

    data is read where it lies, without a copy: no other thread may change it in the meantime.

    Raises ContextError or LimitError.
    """

def seal_into(
    key: Recipients,
    data: Buffer,
    out: Buffer,
    key_id: str = "",
    context: Context | None = None,
    *,
    threads: int | None = 1,
) -> int:
    """Seals data into out, a writable buffer, and returns how many bytes it wrote: sealed_len of
    them.

    out may be longer, and must not overlap data. For the other arguments, and what it raises,
    see seal; LimitError too if out is too small.
    """

def sealed_len(
    key: Recipients, plaintext_len: int, key_id: str = "", context: Context | None = None
) -> int:
    """Length in bytes of the message that seal makes of plaintext_len bytes.

    Raises ContextError or LimitError, as seal does.
    """

def unseal(
    blob: Buffer, unwrap: Unwrap, context: Context | None = None, *, threads: int | None = 1
) -> bytes:
    """Unseals a message, anything bytes-like, and returns the data as bytes.

    unwrap is called with the WrappedKey of one recipient after the other, until it returns the
    data key: 32 bytes, or None for a key that it does not hold. Give it a
    libseal.aws.KmsUnwrapper, a LocalUnwrapper or a function of your own. Every pair of context
    has to be in the message's.

    threads are how many work on a message of 512 KiB or more; None for one on each core. blob is
    read where it lies, without a copy: no other thread may change it in the meantime.

    Raises FormatError if this is no message, TruncatedError or AuthenticationError if it is not
    whole or altered, ContextMismatchError, NoMatchingRecipientError if unwrap returned None for
    all recipients, or KeyUnwrapError, with the exception of unwrap as its cause.
    """

def unseal_into(
    blob: Buffer,
    out: Buffer,
    unwrap: Unwrap,
    context: Context | None = None,
    *,
    threads: int | None = 1,
) -> int:
    """Unseals a message into out, a writable buffer, and returns how many bytes it wrote:
    plaintext_len of them.

    out may be longer, and must not overlap blob. On any error it holds no plaintext: what was
    written is wiped. For the other arguments, and what it raises, see unseal; LimitError too if
    out is too small, before unwrap is called.
    """

def plaintext_len(blob: Buffer, /) -> int:
    """Length in bytes of the plaintext of a message, which is all there; no key is needed, and
    nothing is verified.

    Where there is only the header, plaintext_range of that and the length of the message tell
    too.

    Raises FormatError or TruncatedError.
    """

def parse_header(blob: Buffer, /) -> Header:
    """Reads the header that a message begins with."""

@final
class PublicKey:
    """An RSA public key of 2048, 3072 or 4096 bits.

    Takes a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, or in PEM, also as str.
    Raises InvalidKeyError for anything else, and says what it is: a private key, a certificate,
    a PKCS#1 key, a key that is not RSA or of a size that no KMS holds.

    Keys compare equal if they are the same key, can be hashed, and can be pickled.
    """

    def __new__(cls, der_or_pem: Buffer | str, /) -> PublicKey: ...
    @property
    def bits(self) -> int:
        """Size of the modulus in bits: 2048, 3072 or 4096."""
    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the DER SubjectPublicKeyInfo, 32 bytes: how a message names its recipients."""
    @property
    def der(self) -> bytes:
        """The SubjectPublicKeyInfo in DER, as bytes: to store the key or send it to a device."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[PublicKey], tuple[bytes]]: ...

@final
class Recipient:
    """A public key to seal for, with what the message says about it.

    key_id is a hint for whoever unseals, such as the alias or ARN of the KMS key: at most 2048
    bytes of UTF-8, readable by everybody. algorithm is a KMS EncryptionAlgorithm:
    RSAES_OAEP_SHA_256, or RSAES_OAEP_SHA_1 for an HSM that can do no other.
    """

    def __new__(
        cls, key: PublicKey, key_id: str = "", algorithm: str = "RSAES_OAEP_SHA_256"
    ) -> Recipient: ...
    @property
    def key(self) -> PublicKey:
        """The public key."""
    @property
    def key_id(self) -> str:
        """What the message calls the key."""
    @property
    def algorithm(self) -> str:
        """How the data key is wrapped: the name of a KMS EncryptionAlgorithm."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Recipient], tuple[PublicKey, str, str]]: ...

@final
class WrappedKey:
    """A data key as one recipient can unwrap it: what an unwrapper is asked.

    Untrusted: choose among keys that you allow, by fingerprint, and take the key id as a hint.
    """

    def __new__(
        cls, algorithm: str, fingerprint: Buffer, key_id: str, ciphertext: Buffer
    ) -> WrappedKey: ...
    @property
    def algorithm(self) -> str:
        """How the data key is wrapped, as KMS calls it: RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1.

        UNKNOWN_3, for example, if this version of libseal does not know how; unwrappers are not
        asked for those.
        """
    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the recipient's DER SubjectPublicKeyInfo, 32 bytes: which key it is."""
    @property
    def key_id(self) -> str:
        """What the sealer says that the key is called; may be empty."""
    @property
    def ciphertext(self) -> bytes:
        """The wrapped data key, for KMS Decrypt as CiphertextBlob."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[WrappedKey], tuple[str, bytes, str, bytes]]: ...

@final
class Header:
    """What a message says about itself, to anybody.

    A stranger's word, until a data key has been accepted: the header of an UnsealReader is
    verified, what inspect returns is not.
    """

    @property
    def context(self) -> dict[str, str]:
        """The encryption context, by ascending key; a new dict each time."""
    @property
    def wrapped_keys(self) -> tuple[WrappedKey, ...]:
        """The data key as each recipient can unwrap it, in the order of the message."""
    @property
    def length(self) -> int:
        """Length of the header in bytes: where the payload begins."""
    def ciphertext_range(self, start: int, length: int) -> range:
        """Which bytes of the message to get for length bytes of plaintext from start on; give them
        to Unsealer.update after Unsealer.seek. As an HTTP header:

            f"bytes={r.start}-{r.stop - 1}"

        They are whole chunks, so up to 32 KiB more. Where the plaintext ends before, so does the
        message: the end of the range may be beyond it.
        """
    def plaintext_range(self, start: int, length: int) -> range:
        """The inverse: which plaintext lies in length bytes of the message from start on.

        Chunks that begin before start do not count. One that does not end with the range is
        taken for the last one of the message, because only that is shorter than the others; so
        for a whole message, from 0 on, the end is the length of its plaintext.
        """

@final
class LocalUnwrapper:
    """Unwraps data keys with a private key in memory: for tests, and for those who hold their own
    key instead of leaving it in a KMS.

    Takes an RSA private key in PEM, PKCS#8 (encrypted or not) or PKCS#1. Raises InvalidKeyError if
    it is none, or if the password is missing or wrong.

    Do not let strangers time it over a network: its arithmetic is not of constant time.
    """

    def __new__(
        cls, private_pem: Buffer | str, password: Buffer | str | None = None
    ) -> LocalUnwrapper: ...
    @property
    def public_key(self) -> PublicKey:
        """The public key to seal for."""
    def __call__(self, wrapped_key: WrappedKey, /) -> bytes | None:
        """Call self as a function."""

@final
class Sealer:
    """Seals a message piece by piece, without I/O.

    What update and finish return, one after the other, is the message. Every byte of plaintext
    goes out at once; nothing is buffered. A message that is not finished is refused by every
    reader as truncated: that is the way to abandon one.

    Pieces of whole 16 KiB are the fastest, and of a few MiB with several threads. For the
    arguments, and what it raises, see seal.
    """

    def __new__(
        cls,
        key: Recipients,
        key_id: str = "",
        context: Context | None = None,
        *,
        threads: int | None = 1,
    ) -> Sealer: ...
    def update(self, data: Buffer, /) -> bytes:
        """Seals the next piece, anything bytes-like of any length, and returns the next bytes of
        the message: with the first piece, which may be empty, its header too.

        Raises StateError after the end, or if another thread is using this object.
        """
    def update_into(self, data: Buffer, out: Buffer, /) -> int:
        """As update, into out, a writable buffer; returns how many bytes it wrote:
        update_len(len(data)) of them.

        out may be longer, and must not overlap data. If it is too small, LimitError is raised,
        and nothing was sealed.
        """
    def update_len(self, data_len: int, /) -> int:
        """Exactly how many bytes update returns for data_len bytes now: as many, and 16 more for
        each 16 KiB of plaintext that they complete; with the first piece, the header too.

        Raises StateError as update does.
        """
    def finish(self) -> bytes:
        """Ends the message and returns its last bytes.

        Raises StateError as update does.
        """
    def finish_with(self, data: Buffer, /) -> bytes:
        """Takes the rest of the plaintext and ends the message: update and finish in one.

        Raises StateError as update does.
        """

@final
class SealingKey:
    """A data key that is wrapped once and seals many messages: for telemetry, where a device pays
    for RSA once and not for every reading, and the backend for one KMS call.

    The messages are like any others, and each opens alone. All have the same header, so
    everybody sees that they come from one device, and all have the same encryption context.
    Threads can share this object.

    max_messages and max_bytes, of plaintext, bound what is lost with one data key: a million and
    64 GiB unless told otherwise. max_age bounds it in time: seconds or a timedelta since this
    object was made, on a clock that nobody sets. For the other arguments, and what it raises,
    see seal.
    """

    def __new__(
        cls,
        key: Recipients,
        key_id: str = "",
        context: Context | None = None,
        *,
        max_messages: int = 1_048_576,
        max_bytes: int = 68_719_476_736,  # noqa: PYI054
        max_age: float | timedelta | None = None,
    ) -> SealingKey: ...
    def seal(self, data: Buffer, /) -> bytes:
        """Seals data, anything bytes-like, and returns the message as bytes.

        Raises LimitError if that is more than max_messages and max_bytes leave, or after
        max_age: time for another SealingKey.
        """
    def seal_into(self, data: Buffer, out: Buffer, /) -> int:
        """Seals data into out, a writable buffer, and returns how many bytes it wrote: sealed_len
        of them.

        out may be longer, and must not overlap data. Raises LimitError as seal does, and if out
        is too small; that takes nothing from the limits.
        """
    def sealed_len(self, plaintext_len: int, /) -> int:
        """Length in bytes of the message that seal makes of plaintext_len bytes.

        Raises LimitError from 4 PiB.
        """
    def sealer(self, max_len: int, /, *, threads: int | None = 1) -> Sealer:
        """Begins a message of at most max_len bytes of plaintext, to be sealed piece by piece.

        max_len counts at once, used up or not. A stream of unknown length is better off with a
        Sealer, which has a data key of its own.

        Raises LimitError as seal does. The Sealer's update raises it if the message gets longer;
        that piece is not sealed then.
        """
    @property
    def remaining_messages(self) -> int:
        """How many more messages it seals."""
    @property
    def remaining_bytes(self) -> int:
        """How many more bytes of plaintext it seals."""
    @property
    def remaining_age(self) -> float | None:
        """For how many more seconds it seals; None without max_age."""

@final
class Unsealer:
    """Unseals a message piece by piece, without I/O: for asyncio, queues, and keys that are
    unwrapped elsewhere.

    Call update with pieces of the message until needs_key is true. Have one of
    header.wrapped_keys unwrapped in whatever way and call provide_key; or let unwrap_with do
    both. Go on with update, and call finish at the end of the message:

        unsealer = libseal.Unsealer()
        async for piece in pieces:
            data += unsealer.update(piece)
            if unsealer.needs_key:
                unsealer.provide_key(await unwrap(unsealer.header.wrapped_keys[0]))
        data += unsealer.finish()

    Every byte that comes out is authentic. But until finish has returned, the message may still
    turn out to be cut short.

    Every chunk opens alone, so it can begin anywhere: see seek.

    context are pairs that have to be in the message's. threads are how many work on pieces of
    512 KiB or more; None for one on each core.
    """

    def __new__(cls, context: Context | None = None, *, threads: int | None = 1) -> Unsealer: ...
    @property
    def needs_key(self) -> bool:
        """Whether the header is complete and the data key is wanted now."""
    @property
    def header(self) -> Header | None:
        """The header, or None before it is complete; trusted once a data key has been accepted."""
    def update(self, data: Buffer, /) -> bytes:
        """Takes the next piece of the message, anything bytes-like of any length, and returns the
        plaintext of the 16 KiB chunks that are complete now.

        Raises FormatError, ContextMismatchError or AuthenticationError; then this object is of
        no more use. Raises StateError while the data key is wanted, after finish, after an
        error, or if another thread is using this object.
        """
    def update_into(self, data: Buffer, out: Buffer, /) -> int:
        """As update, into out, a writable buffer; returns how many bytes it wrote:
        update_len(len(data)) of them.

        out may be longer, and must not overlap data. If it is too small, LimitError is raised,
        and nothing was taken. After any other error it holds no plaintext: what was written is
        wiped.
        """
    def update_len(self, data_len: int, /) -> int:
        """Exactly how many bytes update returns for data_len bytes now: less than 16 KiB more. (The
        first time after the key was provided, what had to wait for that comes too.)
        """
    def seek(self, position: int, /) -> int:
        """Goes to another place in the plaintext, before or behind: the next byte that comes out is
        the one at position. Returns the offset in the message of the byte that update wants
        next, the beginning of a chunk; header.ciphertext_range says how far to go from there.

        With a header that was fetched before, this gets a part of an object in S3:

            beginning = get("bytes=0-4095")  # headers are shorter, unless there are many recipients
            unsealer = libseal.Unsealer()
            unsealer.update(beginning)
            unsealer.unwrap_with(unwrap)

            unsealer.seek(position)
            r = unsealer.header.ciphertext_range(position, length)
            data = unsealer.update(get(f"bytes={r.start}-{r.stop - 1}"))[:length]

        What comes out is authentic and in its place. Where the plaintext ends is known only
        after finish, as ever, and the last chunk is enough for that: the example leaves it
        pending if the part reaches to the end. After finish one can seek again.

        Raises StateError before ciphertext_range(0, 0).start bytes of the message are there and
        the key is provided, or after an error; LimitError for a position from 4 PiB on.
        """
    def provide_key(self, data_key: Buffer, /) -> None:
        """Goes on with the data key, 32 bytes, which one of header.wrapped_keys holds.

        Raises AuthenticationError if it is another key than this header was made with,
        KeyUnwrapError if it is not 32 bytes long, StateError unless needs_key.
        """
    def unwrap_with(self, unwrap: Unwrap, /) -> None:
        """Has unwrap unwrap the data key, and goes on with that; see unseal.

        Raises NoMatchingRecipientError, KeyUnwrapError, AuthenticationError, or StateError
        unless needs_key.
        """
    def finish(self) -> bytes:
        """Ends the message: confirms that it is complete and returns the last plaintext.

        Raises TruncatedError or AuthenticationError, or StateError as update does.
        """
    def finish_with(self, data: Buffer, /) -> bytes:
        """Takes the rest of the message and ends it: update and finish in one, which returns all of
        the plaintext that is left, or none of it.

        Raises what they do.
        """
