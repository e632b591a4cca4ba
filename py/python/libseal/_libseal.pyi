from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn, Self, final

from . import aio
from ._next import Next
from ._types import Buffer, CacheStatistics, Context, Recipients, Require, Unwrap

__all__ = [
    "sealed_view",
    "CachingUnwrapper",
    "DataKeys",
    "unpickle_data_keys",
    "Header",
    "JobKey",
    "LocalUnwrapper",
    "ManyUnsealer",
    "UnknownKey",
    "seal_window",
    "take_window",
    "Plan",
    "thread_count",
    "generate_private_key",
    "PublicKey",
    "Reading",
    "Recipient",
    "seal",
    "seal_into",
    "sealed_len",
    "Sealer",
    "SealingKey",
    "plaintext_len",
    "unseal",
    "unseal_into",
    "Unsealer",
    "check_unwrap",
    "each_unwrapper",
    "unwrap_keys",
    "WrappedKey",
    "Writing",
    "ERROR_KINDS",
    "MAX_HEADER_LEN",
    "__version__",
]

ERROR_KINDS: Final[list[tuple[int, str, str, bool, bool]]]
MAX_HEADER_LEN: Final[int]
__version__: Final[str]

def sealed_view(writing: Writing, /) -> Buffer:
    """What a Writing has sealed, as a buffer: to hand it on without a copy.

    While there is a memoryview of it, the Writing seals nothing more: it raises StateError.
    """

def check_unwrap(unwrap: Unwrap, /) -> None:
    """Refuses what is no unwrapper, before there is anything to unwrap."""

def each_unwrapper(unwrap: aio.Unwrap, /) -> list[tuple[aio.Unwrapper, bool]]:
    """The unwrappers in the argument unwrap of libseal.aio, and for each whether it is async."""

def unwrap_keys(wrapped_keys: Sequence[WrappedKey], unwrap: Unwrap, /) -> bytes | None:
    """The data key of one of wrapped_keys, for what libseal.aio caches."""

def take_window(
    iterator: Iterator[object],
    load: Callable[[int, Any], tuple[Any, int]],
    most: int,
    most_bytes: int,
    /,
) -> tuple[list[Any], int, bool, BaseException | None]:
    """Takes the next messages from an iterator: up to most, until they have most_bytes, and only as
    long as they come fast. What is not bytes is given to load with its number.

    Returns the messages, their length in all, whether the iterator has ended, and the exception
    that it ended with.
    """

def seal_window(
    key: SealingKey, items: list[Any], threads: int | None, /
) -> list[bytes | Exception]:
    """Seals each of items under key, and returns the messages."""

@final
class ManyUnsealer:
    """Unseals window after window, and keeps the data keys in between."""
    def __new__(
        cls, unwrap: Unwrap, require: Require | None, threads: int | None, *, keeps: bool
    ) -> ManyUnsealer: ...
    def unseal_window(
        self,
        messages: list[Any],
        ask: Callable[[list[UnknownKey], list[int]], object],
        /,
    ) -> list[bytes | Exception]:
        """Unseals each of messages. ask is given the UnknownKeys that they need, in the order of
        the messages, and a list with the number of the first message that has failed, if any has;
        it unwraps them.
        """

@final
class UnknownKey:
    """A header that messages of a window have, and whose data key is not known yet."""
    @property
    def number(self) -> int:
        """The number of the first message that has it."""
    def unwrap(self) -> bool:
        """Unwraps the data key, and returns whether that went well. Raises only what is no
        Exception, such as KeyboardInterrupt.
        """

def thread_count(threads: int | None, /) -> int:
    """How many threads work on long data with this value of threads."""

def seal(
    recipients: Recipients, data: Buffer, context: Context | None, threads: int | None, /
) -> bytes:
    """See libseal.seal."""

def seal_into(
    recipients: Recipients,
    data: Buffer,
    out: Buffer,
    context: Context | None,
    threads: int | None,
    /,
) -> int:
    """See libseal.seal_into."""

def sealed_len(recipients: Recipients, plaintext_len: int, context: Context | None, /) -> int:
    """See libseal.sealed_len."""

def unseal(
    message: Buffer, unwrap: Unwrap, require: Require | None, threads: int | None, /
) -> bytes:
    """See libseal.unseal."""

def unseal_into(
    message: Buffer,
    out: Buffer,
    unwrap: Unwrap,
    require: Require | None,
    threads: int | None,
    /,
) -> int:
    """See libseal.unseal_into."""

def plaintext_len(message: Buffer, /) -> int:
    """See libseal.plaintext_len."""

@final
class PublicKey:
    """An RSA public key of 2048, 3072 or 4096 bits.

    PublicKey(encoded) reads a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, in PEM,
    and what ``aws kms get-public-key`` prints: JSON, or the DER in base64. Text may be str. For
    anything else it raises InvalidKeyError and says what it is, and how to get the key out of it: a
    private key, a certificate (see from_certificate), a key bundle that expires (see from_bundle),
    a PKCS#1 key, a key for signatures, a key that is not RSA or has a size that no KMS holds.

    With a fingerprint, it refuses every other key, with the name FINGERPRINT_MISMATCH: for a key
    from a place that others can write to. The fingerprint is 32 bytes, or 64 hexadecimal digits in
    a str, as ``openssl pkey -pubin -outform DER | sha256sum`` prints them.

    Keys can be compared, hashed, copied and pickled.
    """
    def __new__(
        cls, encoded: Buffer | str, /, *, fingerprint: Buffer | str | None = None
    ) -> PublicKey: ...
    @staticmethod
    def from_bundle(bundle: Buffer | str, /, *, at: datetime | None = None) -> PublicKey:
        """Reads a key bundle, and refuses it if it has expired.

        A bundle is the JSON of ``aws kms get-public-key`` with more members, of which each may be
        missing: Alias, Fingerprint, Created and NotAfter. What they say about the key must be
        true. The time at, or now, must not be later than NotAfter, nor more than a day earlier
        than Created. Nothing in a bundle says who made it.

        Raises InvalidKeyError: KEY_NOT_VALID_NOW, FINGERPRINT_MISMATCH, and those of PublicKey().
        Raises ValueError if at has no time zone.
        """
    @staticmethod
    def from_certificate(
        certificate: Buffer | str,
        /,
        *,
        roots: Buffer | str | None = None,
        at: datetime | None = None,
    ) -> PublicKey:
        """Reads the key in an X.509 certificate in PEM or DER.

        In PEM, the first certificate is that of the key, and those after it are intermediates.
        Refused are a certificate that is not valid at the time at, or now, and one whose KeyUsage
        lacks keyEncipherment.

        With roots, certificates in PEM or one in DER, it must be one of them or lead to one of
        them. Without roots, anyone can have made the certificate: get it from a place you trust,
        or compare the fingerprint of the key. It is not asked whether a certificate was revoked,
        and names in it are not compared with anything.

        Raises InvalidKeyError: KEY_NOT_VALID_NOW, WRONG_KEY_USAGE, CERTIFICATE_NOT_TRUSTED, and
        those of PublicKey(). Raises ValueError if at has no time zone.
        """
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
    """A public key to seal for, with what the header says about it.

    key_id is a hint for the backend, such as the alias or ARN of the KMS key: at most 2048 bytes
    of UTF-8, which anyone can read. algorithm is a KMS EncryptionAlgorithm: RSAES_OAEP_SHA_256, or
    RSAES_OAEP_SHA_1 for a KMS or HSM that can do no other.
    """
    def __new__(
        cls, key: PublicKey, key_id: str = "", algorithm: str = "RSAES_OAEP_SHA_256"
    ) -> Recipient: ...
    @property
    def key(self) -> PublicKey:
        """The public key."""
    @property
    def key_id(self) -> str:
        """What the header calls the key."""
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

        UNKNOWN_3, for example, for a kind that this version of libseal does not know. Unwrappers
        are not asked for those.
        """
    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the recipient's DER SubjectPublicKeyInfo, 32 bytes: which key it is."""
    @property
    def key_id(self) -> str:
        """What the sealer calls the key; may be empty."""
    @property
    def ciphertext(self) -> bytes:
        """The wrapped data key, for KMS Decrypt as CiphertextBlob."""
    def data_key(self, unwrapped: Buffer, /) -> bytes:
        """Makes the data key, 32 bytes, of what the KMS or HSM returned for ciphertext.

        For RSA that is the data key itself. Other kinds, such as ML-KEM, will have more to do
        here. What an unwrapper function returns goes through this; call it for
        Unsealer.provide_key, and in unwrap_keys.

        Raises KeyUnwrapError unless unwrapped is 32 bytes long, and InvalidKeyError for a kind
        that this version of libseal does not know.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[WrappedKey], tuple[str, bytes, str, bytes]]: ...

@final
class Header:
    """The header of a message: what it says about itself, without any key.

    Header(message) reads the header that message, a bytes-like object, begins with; the rest of
    the message need not be there. Raises FormatError or TruncatedError.

    Untrusted until a data key has been accepted: the header of an UnsealReader is verified, what
    inspect returns is not.

    bytes(header) is what to store. Headers can be compared, hashed, copied and pickled. With the
    data key, Unsealer.with_key and UnsealReader.with_key start from one.
    """
    def __new__(cls, message: Buffer, /) -> Header: ...
    @property
    def context(self) -> dict[str, str]:
        """The encryption context, by ascending key; a new dict each time."""
    @property
    def wrapped_keys(self) -> tuple[WrappedKey, ...]:
        """The wrapped data key of every recipient, in the order of the message."""
    @property
    def length(self) -> int:
        """Length of the header in bytes: where the payload begins."""
    def ciphertext_range(self, start: int, length: int) -> range:
        """Which bytes of the message hold length bytes of plaintext from start on. Give them to
        Unsealer.update after Unsealer.seek. As an HTTP header:

            f"bytes={r.start}-{r.stop - 1}"

        The range covers whole chunks, so it can be up to 32 KiB longer than length. If the
        plaintext ends earlier, so does the message: the end of the range may lie beyond it.
        """
    def plaintext_range(self, start: int, length: int) -> range:
        """The inverse: which plaintext lies in length bytes of the message from start on.

        Chunks that begin before start do not count. A chunk that goes on after the range is taken
        for the last one of the message, because only the last is shorter than the others. So for
        a whole message, from 0 on, the end is the length of its plaintext.
        """
    def ciphertext_ranges(
        self, ranges: Sequence[tuple[int, int]], *, max_gap: int = 0
    ) -> list[range]:
        """Which bytes of the message hold several ranges of plaintext, each of them a start and a
        stop: sorted, and merged where they touch or lie at most max_gap bytes apart. A gap of some
        hundred KiB is usually read sooner than another request is answered.

        An empty range needs no bytes. As with ciphertext_range, the end of the last one may lie
        beyond the message.
        """
    def plaintext_len(self, message_len: int, /) -> int:
        """Length of the plaintext of a message with this header that is message_len bytes long.
        Needs no key and verifies nothing.

        Raises TruncatedError if no whole message has this length.
        """
    def rewrap(
        self,
        unwrap: Unwrap,
        recipients: Recipients = (),
        *,
        keep: bool | Callable[[WrappedKey], object] = False,
    ) -> Header:
        """The header of the same message for other recipients: to rotate keys, or to share a
        message. Put it in the place of this one and leave the rest of the message as it is; the
        encryption context stays too.

        unwrap is asked for the data key, once. The data key is wrapped for recipients: a PublicKey,
        a Recipient, or an iterable of them. keep says which recipients keep their wrapped keys and
        stand first: True for all, False for none, or a callable that is given each WrappedKey. To
        replace all, to add some, to remove one:

            header.rewrap(unwrap, new_key)
            header.rewrap(unwrap, new_key, keep=True)
            header.rewrap(unwrap, keep=lambda key: key.fingerprint != old_key.fingerprint)

        Whoever could open the old message still can, with a copy of the old header.

        For what unwrap is and what is raised see unseal. LimitError if no recipient is left, or too
        many.
        """
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Header], tuple[bytes]]: ...

@final
class LocalUnwrapper:
    """Unwraps data keys with a private key in memory: for tests, and for private keys that are not
    in a KMS.

    LocalUnwrapper(private_key, password=None) reads an RSA private key in PEM or DER: PKCS#8,
    encrypted or not, or PKCS#1. For anything else it raises InvalidKeyError and says what it is. So
    it does, with the name PRIVATE_KEY_PASSWORD, if the password is missing or wrong, or if there is
    one and the key is not encrypted.

    Its arithmetic is not proven constant-time: do not let strangers time it over a network.
    """
    def __new__(
        cls, private_key: Buffer | str, password: Buffer | str | None = None
    ) -> LocalUnwrapper: ...
    @property
    def public_key(self) -> PublicKey:
        """The public key to seal for."""
    def decrypt(self, ciphertext: Buffer, algorithm: str = "RSAES_OAEP_SHA_256") -> bytes:
        """Decrypts what RSA-OAEP holds, of any length: for what libseal has not wrapped, such as
        the files of another tool. No message needs it.

        algorithm is a KMS EncryptionAlgorithm: RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1. Raises
        WrappedKeyRejectedError if ciphertext was altered, or encrypted for another key or with
        another algorithm.
        """
    def __call__(self, wrapped_key: WrappedKey, /) -> bytes | None:
        """Call self as a function."""
    def fingerprints(self) -> list[bytes]:
        """The fingerprint of the key, in a list."""

def generate_private_key(bits: int = 3072) -> bytes:
    """Generates a private RSA key of 2048, 3072 or 4096 bits, for trying out and for tests.

    Returns a PKCS#8 in PEM, as bytes, which LocalUnwrapper reads. It is not encrypted: real keys
    stay in a KMS, and this one is as safe as the place where you keep it.

    Takes some tenths of a second to some seconds. Raises InvalidKeyError for another size.
    """

@final
class CachingUnwrapper:
    """Keeps the data keys that another unwrapper has unwrapped, so the KMS is called once for each
    data key and not for each message. Messages of one SealingKey have one data key.

        unwrap = libseal.CachingUnwrapper(libseal.aws.KmsUnwrapper(client, keys))

    unwrap is any unwrapper, or a sequence of them: see unseal. If it is asynchronous, the functions
    of libseal.aio take this object.

    - Threads or tasks that want the same data key at the same time cause one call. The others wait
      for it, and get its data key or its exception.
    - Only data keys are kept. After a failure, or for a key that unwrap does not hold, the next
      caller asks again. So strangers fill the cache only with messages for your own keys.
    - unwrap is asked about one recipient at a time, so no message can put a wrong data key in the
      place of the right one.

    A data key is kept for max_age, in seconds or as a timedelta, from when the call for it began;
    None is no limit. At most max_entries are kept; a further one takes the place of the one that
    was not used for longest. Each is handed out at most max_uses times; those who waited for one
    call all get its data key.

    Data keys lie in memory of Rust and are wiped when they leave the cache. While one is there,
    this process can unseal its messages without the KMS, whatever has been revoked since.

    Threads can share this object. A forked child begins with an empty cache, and so does a copy or
    an unpickled object, which have the same unwrap and limits.
    """

    def __new__(
        cls,
        unwrap: Unwrap | aio.Unwrap,
        *,
        max_age: float | timedelta | None = 300.0,
        max_entries: int = 1000,
        max_uses: int | None = None,
    ) -> Self: ...
    def __call__(self, wrapped_key: WrappedKey, /) -> bytes | None: ...
    @property
    def unwrap(self) -> Unwrap | aio.Unwrap:
        """The unwrapper, or the sequence of them, that is asked for what is not in the cache."""
    @property
    def statistics(self) -> CacheStatistics:
        """What the cache did in this process, for a dashboard: a CacheStatistics."""
    def clear(self) -> None:
        """Wipes all data keys. Callers that wait get theirs; it is not kept."""
    def fingerprints(self) -> list[bytes]:
        """The fingerprints of the keys that unwrap holds, as far as it knows them."""
    def _get(self, wrapped_key: WrappedKey, /) -> bytes | None:
        """The data key, if it is in the cache; for libseal.aio."""
    def _put(self, wrapped_key: WrappedKey, data_key: Buffer, /) -> None:
        """Keeps a data key; for libseal.aio."""
    def __getnewargs_ex__(self) -> tuple[tuple[Unwrap | aio.Unwrap], dict[str, Any]]: ...

@final
class DataKeys:
    """Data keys that were unwrapped already: an unwrapper that asks no one.

    Plan.unwrap makes one. Give it as unwrap wherever messages are read: what it does not have is
    not its own, so in front of a KMS it saves the calls.

    It pickles if a job key is bound, with bound_to for example, and then to ciphertext. What
    unpickles it takes the job key from its process: the one that was installed with JobKey.install,
    or else LIBSEAL_JOB_SECRET. The encryption is that of a message's payload, Cobblestone-256
    (c2sp.org/chunked-encryption), with a context of its own and a fresh salt. Without a bound job
    key, pickling raises TypeError.

    Data keys lie in memory of Rust, are wiped when the last object that has them is gone, and are
    never shown: repr says how many they are. Threads can share this object, and a forked child can
    go on with it.
    """
    def __new__(cls) -> DataKeys: ...
    def unwrap(self, header: Header, unwrap: Unwrap, /) -> None:
        """Unwraps the data key of a Header with unwrap, verifies the header with it, and keeps it.
        A key that is here already is not asked for again.

        unwrap is asked about one recipient at a time, so no message can put a wrong data key in the
        place of the right one. Threads may call this at the same time.

        For what unwrap is and what is raised see unseal. AuthenticationError if the header was
        altered or this is not its data key; nothing is kept then.
        """
    def insert(self, wrapped_key: WrappedKey, data_key: Buffer, /) -> None:
        """Keeps the data key, 32 bytes, of a WrappedKey: for one that was unwrapped in another
        way.
        """
    def extend(self, other: DataKeys, /) -> None:
        """Takes over the data keys of other too, which stays as it is."""
    def for_headers(self, headers: Iterable[Header], /) -> DataKeys:
        """The part that messages with these headers need, with the same job key: what a worker is
        sent. headers is an iterable of Header.
        """
    @property
    def job_key(self) -> JobKey | None:
        """The job key that it pickles under; None if it does not pickle."""
    def bound_to(self, job_key: JobKey, /) -> DataKeys:
        """The same data keys, as they are now, that pickle under job_key."""
    def encrypt(self, job_key: JobKey, /) -> bytes:
        """Encrypts them under a JobKey, for a way to the workers that is not pickle. Each takes 64
        bytes.
        """
    @staticmethod
    def decrypt(job_key: JobKey, encrypted: Buffer, /) -> DataKeys:
        """Decrypts what encrypt returned; the job key is bound.

        Raises AuthenticationError if it was encrypted under another job key, or altered.
        """
    def __call__(self, wrapped_key: WrappedKey, /) -> bytes | None: ...
    def __len__(self) -> int: ...
    def __contains__(self, header: object, /) -> bool: ...
    def __copy__(self) -> DataKeys: ...
    def __deepcopy__(self, _memo: object, /) -> DataKeys: ...
    def __reduce__(self) -> tuple[Callable[[Buffer], DataKeys], tuple[bytes]]: ...

def unpickle_data_keys(encrypted: Buffer, /) -> DataKeys:
    """Decrypts pickled DataKeys with the job key of this process."""

@final
class JobKey:
    """The key of one job: DataKeys are encrypted under it on their way to the workers.

    JobKey.generate() makes one. Give its text to the workers through what the engine has for
    secrets, as the variable LIBSEAL_JOB_SECRET of their environment. Whoever has it and the pickled
    DataKeys can read all messages of the job, so make one for each job.

    It is 32 bytes in memory of Rust, wiped when the last object that has it is gone. Its repr does
    not show them, and it does not pickle.
    """
    @staticmethod
    def generate() -> JobKey:
        """Makes a new one, of random bytes of the operating system."""
    @staticmethod
    def from_text(text: str, /) -> JobKey:
        """Reads what to_text returned; white space around it does not matter.

        Raises InvalidKeyError, which does not show the text.
        """
    @staticmethod
    def from_env() -> JobKey:
        """Reads the variable LIBSEAL_JOB_SECRET.

        Raises InvalidKeyError if it does not hold the text of a job key, and StateError if there is
        no such variable.
        """
    def to_text(self) -> str:
        """The secret as text: 43 letters, digits, - and _, for the environment of a worker."""
    def install(self) -> None:
        """Makes this the job key of the process, in the place of LIBSEAL_JOB_SECRET: pickled
        DataKeys are decrypted with it. For workers that get it in another way than in their
        environment.
        """
    def __copy__(self) -> JobKey: ...
    def __deepcopy__(self, _memo: object, /) -> JobKey: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Plan:
    """A table of messages for a job on many of them: how long each is, and which header it has.
    Files are numbered from 0 in the order of adding.

    Plan(bytes(plan)) is the same plan. Threads can share this object.
    """
    def __new__(cls, encoded: Buffer | None = None, /) -> Plan: ...
    def add(self, beginning: Buffer, message_len: int, /) -> int:
        """Adds the message that begins with beginning and is message_len bytes long, and returns
        its number.

        Raises FormatError; TruncatedError if the header goes on after beginning, or if no whole
        message is message_len bytes long.
        """
    def extend(self, other: Plan, /) -> None:
        """Adds the files of other after those of this plan, in their order; other stays as it
        is.
        """
    @property
    def headers(self) -> list[Header]:
        """The headers of all files, each once, in the order in which they were first added; a new
        list each time.
        """
    def header_of(self, file: int, /) -> Header:
        """The header of a file."""
    def header_number_of(self, file: int, /) -> int:
        """Which of headers a file has."""
    def message_len(self, file: int, /) -> int:
        """Length of the message in bytes."""
    def plaintext_len(self, file: int, /) -> int:
        """Length of the plaintext in bytes, if the message is whole."""
    def partitions(self, count: int, /) -> list[list[int]]:
        """Divides the files among count workers: at most as many lists, none of them empty, of the
        numbers of files in ascending order.

        The files of one header stay together. Only a header whose messages are longer than a fair
        share is divided, into as few pieces as possible. The longest part is at most two fair
        shares and one file long.
        """
    def part(self, files: Sequence[int], /) -> Plan:
        """The plan for some of the files, which get new numbers in the order of files, and the
        headers that they need.
        """
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __reduce__(self) -> tuple[type[Plan], tuple[bytes]]: ...

@final
class Sealer:
    """Seals a message piece by piece, without I/O.

    Concatenate what update and finish return: that is the message. Every byte of plaintext goes
    out at once; nothing is buffered. A message that is not finished is refused by every reader as
    truncated, so just drop the object to abandon one.

    A message cannot go on in a forked child, which would encrypt with the same key stream as its
    parent: there, calls raise StateError. The parent goes on.

    Pieces that are multiples of 16 KiB are the fastest. For recipients and context see seal; for
    threads see the module. Raises ContextError or LimitError.
    """
    def __new__(
        cls, recipients: Recipients, *, context: Context | None = None, threads: int | None = 1
    ) -> Sealer: ...
    def update(self, data: Buffer, /) -> bytes:
        """Seals the next piece, a bytes-like object of any length, and returns the next bytes of
        the message. The first piece, which may be empty, brings the header too.

        Raises StateError after the end, in a forked child, or while another thread uses it.
        """
    def update_into(self, data: Buffer, out: Buffer, /) -> int:
        """Like update, but writes to out, a writable buffer, and returns how many bytes it wrote:
        update_len(len(data)).

        out may be longer, and must not overlap data. If it is too small, LimitError is raised and
        nothing was sealed.
        """
    def update_len(self, data_len: int, /) -> int:
        """The exact number of bytes that update will return for data_len bytes of plaintext:
        data_len, and 16 more for each 16 KiB chunk that it completes. The first time, the length
        of the header comes on top.

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
    """A data key that is wrapped once and seals many messages. For telemetry: a device pays for RSA
    once and not for every reading, and the backend for one KMS call.

    Each message is complete in itself and opens alone. All have the same header, so anyone can
    see that they come from one device, and all have the same encryption context. Threads can
    share this object.

    The limits bound what is lost with one data key. max_messages is a million (2**20) by default,
    max_bytes, of plaintext, 64 GiB. max_age, in seconds or as a timedelta, counts from when this
    object was made, on a clock that goes on while the machine sleeps; by default age does not
    matter.

    A forked child cannot seal with it: the limits would not hold if both processes could. There,
    calls that seal raise StateError. Make one in each process, such as each worker of a pool.

    For recipients and context see seal. Raises ContextError or LimitError.
    """
    def __new__(
        cls,
        recipients: Recipients,
        *,
        context: Context | None = None,
        max_messages: int = 1_048_576,
        max_bytes: int = 68_719_476_736,  # noqa: PYI054
        max_age: float | timedelta | None = None,
    ) -> SealingKey: ...
    def seal(self, data: Buffer, /) -> bytes:
        """Seals data, a bytes-like object, and returns the message.

        Raises LimitError if the limits allow no more: it is time for another SealingKey. Raises
        StateError in a forked child.
        """
    def seal_into(self, data: Buffer, out: Buffer, /) -> int:
        """Like seal, but writes to out, a writable buffer, and returns how many bytes it wrote:
        sealed_len(len(data)).

        out may be longer, and must not overlap data. If it is too small, LimitError is raised and
        nothing is taken from the limits.
        """
    def sealed_len(self, plaintext_len: int, /) -> int:
        """Length of a sealed message with plaintext_len bytes of plaintext.

        Raises LimitError from 4 PiB.
        """
    def sealer(self, max_len: int, /, *, threads: int | None = 1) -> Sealer:
        """Begins a message of at most max_len bytes of plaintext, to seal piece by piece.

        max_len is taken from the limits at once, used up or not. A stream of unknown length is
        better off with a data key of its own: Sealer(recipients).

        Raises LimitError as seal does. Sealer.update raises it for a piece that would make the
        message longer, and does not seal that piece.
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
class Writing:
    """Writes a message without I/O: takes plaintext in pieces of any length, and has bytes of the
    message to hand on.

    It is what SealWriter is made of. A Sealer turns every piece into ciphertext at once; this
    gathers small pieces into large ones first, which is faster. A driver for another target:

        async def hand_on():
            await send(writing.sealed())
            writing.advance(len(writing.sealed()))

        writing = libseal.Writing(key)
        async for piece in pieces:
            while piece:
                await hand_on()
                piece = piece[writing.write(piece):]
        await hand_on()
        writing.finish()
        await hand_on()

    A message is complete only after finish, and when all of sealed() has been handed on. It cannot
    go on in a forked child, where calls raise StateError; the parent goes on.

    Pieces are piece_len bytes long, rounded down to chunks of 16 KiB: 256 KiB by default, and
    1 MiB for each thread if there are several. For recipients and context see seal; for threads
    see the module. Raises ContextError or LimitError.
    """
    def __new__(
        cls,
        recipients: Recipients,
        *,
        context: Context | None = None,
        threads: int | None = 1,
        piece_len: int | None = None,
    ) -> Writing: ...
    def sealed(self) -> bytes:
        """The bytes of the message to hand on next. After some of them are, call advance.

        Raises StateError in a forked child.
        """
    def advance(self, count: int, /) -> None:
        """The first count bytes of sealed() have been handed on."""
    def write(self, data: Buffer, /) -> int:
        """Takes plaintext, a bytes-like object: all of it, or as much as completes a piece. Returns
        how many bytes it took.

        Raises StateError while there are bytes to hand on, after the end, and in a forked child;
        LimitError at 4 PiB.
        """
    def flush(self) -> None:
        """Seals everything that was taken, even if it does not fill a chunk.

        Raises StateError and LimitError as write does.
        """
    def finish(self) -> None:
        """Ends the message: its last bytes are the last that are sealed().

        Raises StateError and LimitError as write does.
        """

@final
class Unsealer:
    """Unseals a message piece by piece, without I/O.

    Call update with pieces of the message until needs_key is true. Unwrap one of
    header.wrapped_keys in any way you like and call provide_key, or let unwrap_with do both. Go
    on with update, and call finish at the end of the message:

        unsealer = libseal.Unsealer()
        async for piece in pieces:
            data += unsealer.update(piece)
            if unsealer.needs_key:
                wrapped_key = unsealer.header.wrapped_keys[0]
                unsealer.provide_key(wrapped_key.data_key(await decrypt(wrapped_key)))
        data += unsealer.finish()

    Every byte that comes out is authentic. But until finish has returned, the message may still
    turn out to be truncated. Each chunk can be decrypted on its own, so an unsealer can start
    anywhere: see seek.

    For require see unseal; for threads see the module.
    """
    def __new__(cls, *, require: Require | None = None, threads: int | None = 1) -> Unsealer: ...
    @classmethod
    def with_key(cls, header: Header, data_key: Buffer, *, threads: int | None = 1) -> Unsealer:
        """Begins a message whose header and data key are known. update goes on right after the
        header.

        Raises AuthenticationError if the header was not made with this data key, and
        KeyUnwrapError if the data key is not 32 bytes long.
        """
    @property
    def needs_key(self) -> bool:
        """Whether the header is complete and the data key is needed now."""
    @property
    def header(self) -> Header | None:
        """The header, or None before it is complete; trusted once a data key has been accepted."""
    def update(self, data: Buffer, /) -> bytes:
        """Takes the next piece of the message, a bytes-like object of any length, and returns the
        plaintext of the 16 KiB chunks that are complete now.

        Raises FormatError, ContextMismatchError or AuthenticationError; the object cannot be used
        after that. Raises StateError while the data key is needed, after finish, after an error,
        or if another thread is using this object.
        """
    def update_into(self, data: Buffer, out: Buffer, /) -> int:
        """Like update, but writes to out, a writable buffer, and returns how many bytes it wrote:
        update_len(len(data)).

        out may be longer, and must not overlap data. If it is too small, LimitError is raised and
        nothing was taken. After any other error it holds no plaintext.
        """
    def update_len(self, data_len: int, /) -> int:
        """The exact number of bytes that update will return for data_len bytes of the message: less
        than 16 KiB more. The first time after the key was provided, the plaintext of what came
        before it is included.
        """
    def seek(self, position: int, /) -> int:
        """Moves to position in the plaintext, forwards or backwards. The next byte released is the
        one at position. Returns the offset in the message of the next byte to give to update,
        where a chunk begins; header.ciphertext_range says how far to go from there.

            unsealer = libseal.Unsealer()
            unsealer.update(get("bytes=0-4095"))  # most headers are shorter
            unsealer.unwrap_with(unwrap)

            unsealer.seek(position)
            r = unsealer.header.ciphertext_range(position, length)
            data = unsealer.update(get(f"bytes={r.start}-{r.stop - 1}"))[:length]

        What comes out is authentic and in its place. Where the plaintext ends is known only after
        finish; the last chunk is enough for that. After finish one can seek again. A Reading does
        all this.

        Raises StateError before the first ciphertext_range(0, 0).start bytes of the message and
        the key are there, or after an error; LimitError for a position from 4 PiB on.
        """
    def provide_key(self, data_key: Buffer, /) -> None:
        """Goes on with the data key, 32 bytes, which one of header.wrapped_keys holds.

        Raises AuthenticationError if the header was not made with this data key, KeyUnwrapError
        if the key is not 32 bytes long, StateError unless needs_key.
        """
    def unwrap_with(self, unwrap: Unwrap, /) -> None:
        """Unwraps the data key and goes on with it; for unwrap see unseal.

        Raises NoMatchingRecipientError or KeyUnwrapError, after which another unwrapper can be
        tried; AuthenticationError; StateError unless needs_key.
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

@final
class Reading:
    """Reads a message from the start, from any place, to its end, without I/O: says which bytes of
    the message to give it next, takes them, and has plaintext.

    It is what UnsealReader and libseal.aio are made of. A driver for another source, such as HTTP
    range requests, is a loop. This one reads length bytes from position on:

        reading = libseal.Reading()
        reading.seek(position)
        data = b""
        while len(data) < length:
            match reading.next(length - len(data)):
                case range() as r:
                    reading.feed(await get(r.start, r.stop))
                case libseal.Next.KEY:
                    reading.unwrap_with(unwrap)
                case libseal.Next.PLAINTEXT:
                    data += reading.read(length - len(data))
                case libseal.Next.END:
                    break

    Every byte of plaintext is authentic and in its place. Where the plaintext ends is verified
    before Next.END. If the length of the message is known, set message_len: then the end is
    verified before anything is read out of the middle.

    Where a message is cut short or altered, every chunk before that comes out before the error is
    raised, so position is the end of what verified.

    While reading goes on, the message is asked for in pieces of piece_len bytes of plaintext,
    rounded down to chunks of 16 KiB: 256 KiB by default, and 1 MiB for each thread if there are
    several. For require see unseal; for threads see the module.

    After an error of the message, every further call raises StateError. An error of the source
    changes nothing: ask again.
    """
    def __new__(
        cls,
        *,
        require: Require | None = None,
        threads: int | None = 1,
        piece_len: int | None = None,
    ) -> Reading: ...
    @classmethod
    def with_key(
        cls,
        header: Header,
        data_key: Buffer,
        *,
        threads: int | None = 1,
        piece_len: int | None = None,
    ) -> Reading:
        """Begins a message whose header and data key are known: the header is not read again.

        Raises AuthenticationError if the header was not made with this data key, and
        KeyUnwrapError if the data key is not 32 bytes long.
        """
    @property
    def header(self) -> Header | None:
        """The header, or None before it is complete; trusted once a data key has been accepted."""
    @property
    def needs_key(self) -> bool:
        """Whether the header is complete and the data key is needed now."""
    @property
    def position(self) -> int:
        """The byte of plaintext that is read next."""
    @property
    def plaintext_len(self) -> int | None:
        """Length of the plaintext, or None until the end of the message has been verified."""
    @property
    def message_len(self) -> int | None:
        """Length of the message, or None while it is not known.

        Set it if the source knows it before it is read to its end. From then on, the last chunk is
        read and verified before the first byte that comes after a seek, so that nothing depends on
        an end that is not the true one.
        """
    @message_len.setter
    def message_len(self, length: int, /) -> None: ...
    def next(self, wanted: int, /) -> range | Next:
        """Says what to do next to read wanted bytes of plaintext, or as many as there are.

        A range means bytes of the message: get them from the source, by their offsets, and give
        them to feed. Fewer will do. If there are none, the message ends there: feed b"". For the
        rest see Next.

        Raises TruncatedError or AuthenticationError where the message ends, LimitError for a
        position from 4 PiB on, and StateError after an error.
        """
    def feed(self, data: Buffer, /) -> None:
        """Takes bytes of the message, a bytes-like object, as many as next asked for or fewer; none
        at its end. The plaintext is for read.

        Raises FormatError, TruncatedError, ContextMismatchError or AuthenticationError. If chunks
        before an altered one have verified, next raises it after them. Raises StateError for bytes
        that were not asked for, which are not taken.
        """
    def feed_into(self, data: Buffer, out: Buffer, /) -> int:
        """Like feed, but writes plaintext to out, a writable buffer, in whole chunks that fit, and
        keeps only the rest for read. Returns how many bytes it wrote.

        out must not overlap data. After an error it holds no plaintext.
        """
    def read(self, size: int = -1, /) -> bytes:
        """Returns up to size bytes of plaintext that is unsealed already, all of it if size is
        negative. b"" if there is none.
        """
    def read_into(self, out: Buffer, /) -> int:
        """Like read, but writes to out, a writable buffer, and returns how many bytes it wrote."""
    def seek(self, position: int, /) -> None:
        """Moves to position in the plaintext, forwards or backwards; also beyond its end, where
        there is nothing to read.
        """
    def confirm_end(self) -> None:
        """Verifies the end of the message next: go on with next until plaintext_len is known.

        Raises StateError before message_len is set.
        """
    def provide_key(self, data_key: Buffer, /) -> None:
        """As Unsealer.provide_key."""
    def unwrap_with(self, unwrap: Unwrap, /) -> None:
        """As Unsealer.unwrap_with."""
