"""``Plan``: files, how long they are, and which data keys they need."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias, overload

from .._errors import TruncatedError
from .._libseal import Header, JobKey
from .._libseal import Plan as Table
from .._types import Buffer, Progress, Require, Unwrap
from ._cost import DECRYPT_RATE, GET_DOLLARS, GET_RATE, Cost, cost_of
from ._failures import Failure, OnError, Refused, portable
from ._unsealing import read, unseal
from ._unwrapping import Unwrapped, unwrap

# The salt of the payload follows the header: 24 random bytes, other ones in each message.
SALT_LEN = 24

_State: TypeAlias = tuple[Table, list[Any], list[Failure]]


class PlannedFile(NamedTuple):
    """A file of a plan."""

    name: str
    """Its URL, or its path if ``scan`` was given a file system."""

    message_len: int
    """How long it is, in bytes."""

    plaintext_len: int
    """How long the plaintext is, in bytes, unless the file is cut short or was tampered with."""

    etag: str | None
    """The ETag that the store had for it, without quotes; None if the store has none."""

    modified: datetime | None
    """When it was last changed, with a time zone; None if the store does not say."""

    header: Header
    """Its header, which is not verified."""

    salt: bytes
    """The 24 random bytes after the header. A file that was replaced has others."""


class Plan:
    """Files, how long they are, and which data keys they need: what ``scan`` makes.

    ``len(plan)`` is the number of files, ``plan[0]`` the first PlannedFile, and ``for file in
    plan`` goes through all of them. ``a + b`` has the files of both; for a file that both know,
    failed or not, ``b`` counts. Plans can be pickled: there is no key in one, and no credentials.

    ``failures`` lists the files that are not in the plan, with the reason.
    """

    def __init__(self) -> None:
        """Make a plan without files."""
        self.failures: list[Failure] = []
        self._table = Table()
        # For each file: name, ETag, time of change, salt.
        self._rows: list[tuple[str, str | None, datetime | None, bytes]] = []

    def add(
        self,
        name: str,
        beginning: Buffer,
        message_len: int,
        *,
        etag: str | None = None,
        modified: datetime | None = None,
    ) -> None:
        """Add a file by its ``beginning``, which must contain the header and the salt after it.

        It is for stores that fsspec does not reach; ``scan`` does this for others. Raises
        FormatError if it is no message, and TruncatedError if no message is ``message_len`` bytes
        long, or the beginning is too short.
        """
        length = Header(beginning).length
        salt = bytes(memoryview(beginning)[length : length + SALT_LEN])
        if len(salt) < SALT_LEN:
            raise TruncatedError("the beginning does not contain the header and the salt after it")
        self._table.add(beginning, message_len)
        self._rows.append((name, etag, modified, salt))

    @property
    def headers(self) -> list[Header]:
        """The distinct headers. Each has a data key of its own."""
        return self._table.headers

    @property
    def message_len(self) -> int:
        """The length of all files together, in bytes."""
        return sum(map(self._table.message_len, range(len(self))))

    @property
    def plaintext_len(self) -> int:
        """The length of all plaintexts together, in bytes."""
        return sum(map(self._table.plaintext_len, range(len(self))))

    def cost(
        self,
        *,
        decrypt_dollars: float | None = None,
        get_dollars: float = GET_DOLLARS,
        decrypt_rate: float = DECRYPT_RATE,
        get_rate: float = GET_RATE,
    ) -> Cost:
        """What the rest costs on AWS: one call of KMS Decrypt for each data key, and one request
        for each file.

        The defaults are the prices of us-east-1 in 2026, in dollars for one request: for Decrypt
        0.000003 with a key of RSA-2048 and 0.000015 with a longer one, for reading from S3
        0.0000004. The quotas are 1,000 requests per second for RSA keys, for one account and
        region, and 5,500 for reading, for one prefix of S3. Yours may differ.
        """
        return cost_of(
            self.headers,
            len(self),
            decrypt_dollars=decrypt_dollars,
            get_dollars=get_dollars,
            decrypt_rate=decrypt_rate,
            get_rate=get_rate,
        )

    def unwrap(
        self,
        unwrapper: Unwrap,
        *,
        rate: float | None = None,
        concurrency: int = 8,
        job_key: JobKey | None = None,
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> Unwrapped:
        """Unwrap the data key of each distinct header, once: ``keys, refused = plan.unwrap(kms)``.

        ``rate`` bounds how many headers are asked about per second, tries included, to leave the
        rest of the account's quota to others. A client of boto3 has connections for a
        ``concurrency`` of 10 unless its Config says more.

        What is ``retryable`` is tried up to seven times, after random pauses of some six seconds in
        all. After that, each of the other keys is tried only once until the KMS answers again, so
        that an outage ends soon.

        If this is left by an exception, Ctrl-C included, no more keys are asked for. A process then
        ends when the calls under way do, for which the client's timeouts count.

        Every data key is checked against its header. With ``on_error="keep"``, those that could not
        be unwrapped are in ``refused``, and the plan goes on without their files:

            keys, refused = plan.unwrap(kms, on_error="keep")
            plan = plan.without(refused)

        To ask again for the refused ones alone: ``plan.unwrap([keys, kms])``.

        With a ``job_key`` the keys can be pickled, as ciphertext; see DataKeys. For the other
        arguments see the module.
        """
        return unwrap(
            self.headers,
            self._names,
            unwrapper,
            rate=rate,
            concurrency=concurrency,
            job_key=job_key,
            on_error=on_error,
            progress=progress,
        )

    @overload
    def unseal(
        self,
        unwrap: Unwrap,
        *,
        storage_options: Mapping[str, Any] | None = None,
        fs: Any = None,
        require: Require | None = None,
        concurrency: int = 32,
        threads: int | None = None,
        on_error: Literal["raise"] = "raise",
        progress: Progress | None = None,
    ) -> Iterator[tuple[PlannedFile, bytes]]: ...

    @overload
    def unseal(
        self,
        unwrap: Unwrap,
        *,
        storage_options: Mapping[str, Any] | None = None,
        fs: Any = None,
        require: Require | None = None,
        concurrency: int = 32,
        threads: int | None = None,
        on_error: OnError,
        progress: Progress | None = None,
    ) -> Iterator[tuple[PlannedFile, bytes | Exception]]: ...

    def unseal(
        self,
        unwrap: Unwrap,
        *,
        storage_options: Mapping[str, Any] | None = None,
        fs: Any = None,
        require: Require | None = None,
        concurrency: int = 32,
        threads: int | None = None,
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> Iterator[tuple[PlannedFile, bytes | Exception]]:
        """Fetch and unseal each file, in the order of the plan, and yield it with its plaintext.

        ``unwrap`` is what ``Plan.unwrap`` returned as keys, or any unwrapper; each data key is
        asked for once. With ``on_error="keep"``, the exception of a file that fails stands in the
        place of its plaintext: a SealError, a ChangedError, another OSError, or what the store
        raises.

        A file that is not the one that was scanned raises ChangedError. It is recognised by its
        length, its header and the salt after it, which differs between any two messages: this takes
        no request, and any store will do. A store that does not answer, or not in full, is asked
        four times, over about a second.

        Files are fetched ahead of their turn: at most 64 MiB and one file. For files that do not
        fit into memory use ``libseal.UnsealReader`` on a file of fsspec.

        For ``require`` see ``libseal.unseal``, and for ``threads`` the module libseal.
        """
        return unseal(
            self,
            unwrap,
            storage_options=storage_options,
            fs=fs,
            require=require,
            concurrency=concurrency,
            threads=threads,
            on_error=on_error,
            progress=progress,
        )

    def read(
        self,
        file: PlannedFile,
        unwrap: Unwrap,
        *,
        storage_options: Mapping[str, Any] | None = None,
        fs: Any = None,
        require: Require | None = None,
    ) -> bytes:
        """Fetch and unseal one file of the plan, as ``unseal`` does, and return its plaintext."""
        return read(file, unwrap, storage_options, fs, require)

    def partitions(self, count: int) -> "list[Plan]":
        """Divide the plan into up to ``count`` plans of about the same number of bytes.

        Files with the same data key stay together as far as that permits, so that processes that
        each unwrap for their own plan make few calls more. No plan is empty, and ``failures`` are
        in none of them.
        """
        return [self._part(files) for files in self._table.partitions(count)]

    def select(self, chooses: Callable[[PlannedFile], object]) -> "Plan":
        """The plan for those files for which ``chooses`` returns something true.

        To go on with a job that was interrupted, leave out what it has done. ``failures`` stay.
        """
        part = self._part([number for number, file in enumerate(self) if chooses(file)])
        part.failures = [*self.failures]
        return part

    def without(self, refused: Iterable[Refused]) -> "Plan":
        """The plan without the files whose keys were refused, which are in its failures instead."""
        errors = {one.header: one.error for one in refused}
        part = self.select(lambda file: file.header not in errors)
        for file in self:
            if file.header in errors:
                part.failures.append(Failure(file.name, errors[file.header]))
        return part

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._rows)

    def __getitem__(self, number: int) -> PlannedFile:
        """The file with this number, from 0 on; from -1 down from the end."""
        number = range(len(self))[number]
        return self._file(number, self._table.header_of(number))

    def __iter__(self) -> Iterator[PlannedFile]:
        """Go through the files, in the order in which they were found."""
        headers = self.headers
        for number in range(len(self)):
            yield self._file(number, headers[self._table.header_number_of(number)])

    def __add__(self, other: "Plan") -> "Plan":
        """A plan with the files of both."""
        if not isinstance(other, Plan):
            return NotImplemented
        newer = {row[0] for row in other._rows} | {failure.name for failure in other.failures}
        both = self._part([n for n, row in enumerate(self._rows) if row[0] not in newer])
        both._table.extend(other._table)
        both._rows += other._rows
        both.failures = [failure for failure in self.failures if failure.name not in newer]
        both.failures += other.failures
        return both

    def __repr__(self) -> str:
        """How much there is of everything."""
        return (
            f"<libseal.batch.Plan: {len(self)} files, {len(self.headers)} data keys, "
            f"{self.message_len} bytes, {len(self.failures)} failures>"
        )

    def __getstate__(self) -> _State:
        """What is pickled."""
        return self._table, self._rows, [portable(failure) for failure in self.failures]

    def __setstate__(self, state: _State) -> None:
        """Take what was pickled."""
        self._table, self._rows, self.failures = state
        if len(self._rows) != len(self._table):
            raise ValueError("this is not the pickle of a plan: its tables differ in length")

    def _part(self, files: list[int]) -> "Plan":
        part = Plan()
        part._table = self._table.part(files)
        part._rows = [self._rows[number] for number in files]
        return part

    def _file(self, number: int, header: Header) -> PlannedFile:
        name, etag, modified, salt = self._rows[number]
        lengths = self._table.message_len(number), self._table.plaintext_len(number)
        return PlannedFile(name, *lengths, etag, modified, header, salt)

    def _names(self, headers: Iterable[Header]) -> dict[Header, tuple[str, ...]]:
        """For each of ``headers``, the names of the files that have it."""
        names: dict[Header, list[str]] = {header: [] for header in headers}
        for file in self:
            if file.header in names:
                names[file.header].append(file.name)
        return {header: tuple(files) for header, files in names.items()}
