"""The tables of bench.md."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import machine
from .goals import Goal
from .measure import GIB, KIB, MANY, MIB, SMALL, Record
from .results import Results


@dataclass(frozen=True)
class Column:
    head: str
    operations: Sequence[str]
    size: int = 0
    """0: of any."""

    def holds(self, record: Record) -> bool:
        return record.operation in self.operations and self.size in (0, record.size)


LARGE_COLUMNS = [
    Column("seal into a buffer", ["seal_into", "copy"]),
    Column("unseal into a buffer", ["unseal_into"]),
    Column("seal, returned", ["seal", "fill"]),
    Column("unseal, returned", ["unseal"]),
]


def stream_columns(writers: Sequence[str], readers: Sequence[str]) -> list[Column]:
    return [
        Column(f"{verb} {size} at a time", [f"{stream}, {size}" for stream in streams])
        for verb, streams in {"write": writers, "read": readers}.items()
        for size in ["4 KiB", "1 MiB"]
    ]


MEMORY_STREAM_COLUMNS = stream_columns(["SealWriter", "Sealer"], ["UnsealReader", "Unsealer"])
FILE_STREAM_COLUMNS = stream_columns(["SealWriter to a file"], ["UnsealReader of a file"])
FILE_COLUMNS = [
    Column("seal", ["seal a file", "copy a file"]),
    Column("unseal", ["unseal a file"]),
]


def name_of(record: Record) -> str:
    """Who did it: the same in all columns of a row."""
    if record.who != "libseal":
        is_everywhere = record.operation in ("copy", "fill")
        return f"{record.who}, {record.program}" if is_everywhere else record.who
    threads = f", {record.threads} threads" if record.threads > 1 else ""
    return f"libseal, {record.language}, {record.provider}{threads}"


def size_name(size: int) -> str:
    for unit, name in [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")]:
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} B"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def seconds(record: Record) -> str:
    """In a unit that suits it."""
    for unit, name in [(1.0, "s"), (1e-3, "ms")]:
        if record.median >= unit:
            return f"{record.median / unit:.2f} {name}"
    return f"{record.median * 1e6:.2f} µs"


def speed(record: Record) -> str:
    return f"{record.size / record.median / GIB:.2f} GiB/s"


def with_ratio(base: Callable[[Record], float]) -> Callable[[Record], str]:
    return lambda record: f"{speed(record)} ({base(record) / record.median:.2f})"


def pivot(
    records: Sequence[Record], columns: Sequence[Column], cell: Callable[[Record], str]
) -> Iterator[str]:
    """A row for everybody who did something in one of the columns."""
    rows: dict[str, dict[str, str]] = {}
    for record in records:
        for column in columns:
            if column.holds(record):
                rows.setdefault(name_of(record), {})[column.head] = cell(record)
    heads = [column.head for column in columns]
    yield from table(["", *heads], [[who, *in_order(row, heads)] for who, row in rows.items()])


def in_order(row: Mapping[str, str], heads: Sequence[str]) -> list[str]:
    return [row.get(head, "") for head in heads]


def goals_table(goals: Sequence[Goal]) -> Iterator[str]:
    rows = [
        [
            str(goal.number),
            goal.text,
            goal.wanted,
            "" if goal.ratio is None else f"{goal.ratio:.2f}",
            goal.verdict,
            goal.note,
        ]
        for goal in goals
    ]
    yield from table(["", "goal", "wanted", "measured", "", ""], rows)


def small_columns(*operations: str) -> list[Column]:
    return [
        Column(f"`{operation}` {size_name(size)}", [operation], size)
        for operation in operations
        for size in SMALL
    ]


def small_tables(results: Results) -> Iterator[str]:
    records = results.measured("small")
    yield "Sealing small messages, each with a data key of its own, wrapped under RSA-2048; and one"
    yield "bare wrap:"
    yield ""
    columns = [*small_columns("seal_into", "seal"), Column("wrap", ["wrap"])]
    yield from pivot(records, columns, seconds)
    yield "The same under a data key in use, with which pyca above is to be compared:"
    yield ""
    columns = small_columns("SealingKey.seal_into", "SealingKey.seal")
    yield from pivot(records, columns, seconds)
    yield "Unsealing small messages:"
    yield ""
    yield from pivot(records, small_columns("unseal_into", "unseal"), seconds)


def many_table(results: Results) -> Iterator[str]:
    operations = ["seal", "seal_many", "seal in a loop"]
    directions = {"seal": operations, "unseal": [f"un{name}" for name in operations]}
    for direction, names in directions.items():
        yield f"Small messages under data keys in use, to {direction}: thousands a second, and the"
        yield "time of one:"
        yield ""
        rows: dict[str, dict[str, str]] = {}
        for record in results.measured("many"):
            if record.operation in names:
                who = f"{name_of(record)}, `{record.operation}`"
                figure = f"{1e-3 / record.median:.1f} ({seconds(record)})"
                rows.setdefault(who, {})[size_name(record.size)] = figure
        heads = [size_name(size) for size in MANY]
        yield from table(["", *heads], [[who, *in_order(row, heads)] for who, row in rows.items()])


def middle_table(results: Results) -> Iterator[str]:
    rows = [
        [name_of(record), seconds(record), f"{record.count / KIB:.0f} KiB"]
        for record in results.measured("middle")
    ]
    yield from table(["", "time", "ciphertext read"], rows)


def notes(results: Results) -> Iterator[str]:
    yield "Unsealing leaves out the RSA of the private key, which is the KMS's: libseal is told the"
    yield "data key. AWS Encryption SDK asks a KMS on this machine, and JWE uses the private key,"
    yield "each time. age wraps for X25519. `openssl enc` authenticates nothing."
    yield ""
    yield f"Half of the rounds of a usual case lie within {results.noise():.0%} of each other."
    yield ""
    for who, reason in results.missing().items():
        yield f"Missing: {who}: {reason}"
        yield ""


def markdown(
    description: machine.Description,
    plan: Mapping[str, int],
    results: Results,
    goals: Sequence[Goal],
) -> str:
    memcpy = with_ratio(results.own_memcpy)
    cp = with_ratio(results.cp)
    lines = [
        "Measured by `make bench`: medians, in turn, of"
        f" {plan['passes'] * plan['rounds']} rounds, for files of"
        f" {plan['passes'] * plan['file_rounds']}.",
        "",
        *machine.lines(description),
        "",
        *goals_table(goals),
        "64 MiB in memory (in brackets: of memcpy in the same process):",
        "",
        *pivot(results.measured("large"), LARGE_COLUMNS, memcpy),
        "64 MiB through streams in memory (of memcpy):",
        "",
        *pivot(results.measured("streams"), MEMORY_STREAM_COLUMNS, memcpy),
        "64 MiB through streams to and from files (of memcpy in memory):",
        "",
        *pivot(results.measured("streams"), FILE_STREAM_COLUMNS, memcpy),
        *small_tables(results),
        *many_table(results),
        f"A file of {size_name(plan['file_size'])} (of cp):",
        "",
        *pivot(results.measured("file"), FILE_COLUMNS, cp),
        "1 MiB out of the middle of that file:",
        "",
        *middle_table(results),
        *notes(results),
    ]
    return "\n".join(lines).rstrip() + "\n"
