"""Measures libseal on microcontrollers: what `make firmware-report` prints and writes to
build/firmware.md.

Instructions are those that the emulator counted, not the cycles of a real processor.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.firmware.program import (
    BUILD,
    KEYS,
    ROOT,
    TARGETS,
    Program,
    binutils,
    library,
    run,
    symbols,
)
from tests.measure.firmware import flash

MEASURE = Path(__file__).with_name("measure.c")
CALIBRATION = 3_000_000
"""Instructions that measure.c counts first."""
KIB = 1024
KEY_SIZES = [2048, 3072, 4096]
PIECES = ["rsa_public_key_init", "sealer_start", "sealer_update", "sealer_finish"]
CALLS = {
    "piece by piece": PIECES,
    "in one call": ["rsa_public_key_init", "seal"],
    "under one data key": ["rsa_public_key_init", "sealing_key_init", "sealing_key_seal"],
    "piece by piece, and `libseal_status_text`": [*PIECES, "status_text"],
    "all functions": [],
}
STATES = ["libseal_rsa_public_key", "libseal_sealer", "libseal_sealing_key"]
OPERATIONS = {
    "`libseal_rsa_public_key_init`": "libseal_rsa_public_key_init",
    "`libseal_rsa_public_key_init_pinned`": "libseal_rsa_public_key_init_pinned",
    "`libseal_sealer_start`": "libseal_sealer_start",
    "1 KiB in pieces of 256 bytes": "1 KiB",
    "16 KiB in pieces of 256 bytes": "16 KiB",
    "`libseal_sealer_finish`": "libseal_sealer_finish",
    "`libseal_seal` of 64 bytes": "libseal_seal",
    "`libseal_sealing_key_init`: the RSA wrap": "libseal_sealing_key_init",
    "`libseal_sealing_key_seal` of 64 bytes": "libseal_sealing_key_seal",
    "`libseal_self_test`": "libseal_self_test",
}
WRAP = "libseal_sealing_key_init"
HEAP = {"malloc", "calloc", "realloc", "free", "sbrk", "_sbrk"}


@dataclass(frozen=True)
class Run:
    """What measure.c printed."""

    numbers: dict[str, int]

    def size_of(self, state: str) -> int:
        return self.numbers[f"sizeof {state}"]

    def instructions(self, operation: str) -> int:
        ticks = self.numbers[f"{operation} instructions"]
        return ticks * CALIBRATION // self.numbers["calibration"]

    def stack(self, operation: str) -> int:
        return self.numbers[f"{operation} stack"]

    @property
    def promised_stack(self) -> int:
        """What the header says."""
        return self.numbers["LIBSEAL_STACK_SIZE"]

    @property
    def peak_stack(self) -> int:
        return max(number for name, number in self.numbers.items() if name.endswith(" stack"))


@dataclass(frozen=True)
class Image:
    """A program that holds the functions of one of `CALLS`."""

    parts: dict[str, int]
    helpers: int
    """What the C library and the compiler add: memcpy and the like."""
    ram: int
    has_heap: bool

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def measure(target: str, bits: int, directory: Path) -> Run:
    """Runs measure.c with an RSA key of this size."""
    key = KEYS / f"rsa-{bits}.pub.der"
    program = Program(target, directory / str(bits), MEASURE, key)
    lines = (line.rpartition(" ") for line in program.run().splitlines())
    return Run({name: int(number) for name, _, number in lines})


class Board:
    def __init__(self, target: str, directory: Path) -> None:
        self.runs = {bits: measure(target, bits, directory) for bits in KEY_SIZES}
        self.images = {
            name: self._link(target, functions, directory) for name, functions in CALLS.items()
        }

    @staticmethod
    def _link(target: str, functions: Sequence[str], directory: Path) -> Image:
        main = directory / "nothing.c"
        main.write_text("int main(void) { return 0; }\n")
        names = [f"libseal_{name}" for name in functions] or public_symbols(target)
        wanted = [f"-Wl,--undefined={name}" for name in names]
        program = Program(target, directory, main, link_flags=wanted)
        program.image.unlink(missing_ok=True)
        program.build()
        found = list(flash.sections(program))
        return Image(
            parts=flash.by_part(program),
            helpers=sum(item.length for item in found if item.is_of_compiler and item.in_flash),
            ram=sum(item.length for item in found if item.is_of_libseal and item.in_ram),
            has_heap=bool(HEAP & set(program.symbols())),
        )


def public_symbols(target: str) -> list[str]:
    return symbols(binutils(target), library(target), "--extern-only", "--defined-only")


def thousands(number: int) -> str:
    return f"{number / 1000:,.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def goals(board: Board) -> Iterator[str]:
    image = board.images["piece by piece"]
    small, large = board.runs[2048], board.runs[4096]
    state = max(small.size_of(name) for name in STATES)
    rows = [
        ("flash, sealing piece by piece, in KiB", image.total / KIB, 14.0),
        ("static RAM, in bytes", image.ram, 0),
        ("functions of a heap", int(image.has_heap), 0),
        ("stack, RSA-2048, in KiB", small.peak_stack / KIB, 3.0),
        ("stack, RSA-4096, in KiB", large.peak_stack / KIB, 4.0),
        ("largest state, in KiB", state / KIB, 1.0),
        ("RSA-2048 wrap, in millions of instructions", small.instructions(WRAP) / 1e6, 1.4),
        ("16 KiB, in millions of instructions", small.instructions("16 KiB") / 1e6, 4.0),
    ]
    yield f"Goals for {next(iter(TARGETS.values()))}:"
    yield ""
    yield from table(
        ["", "measured", "at most", ""],
        [
            [what, f"{found:.4g}", f"{goal:g}", "reached" if found <= goal else "**not reached**"]
            for what, found, goal in rows
        ],
    )


def flash_tables(boards: dict[str, Board]) -> Iterator[str]:
    yield "Flash in bytes, by what a program calls:"
    yield ""
    rows = [[name, *(str(board.images[name].total) for board in boards.values())] for name in CALLS]
    yield from table(["", *boards], rows)
    yield "Flash in bytes, sealing piece by piece, by part:"
    yield ""
    images = [board.images["piece by piece"] for board in boards.values()]
    rows = [
        [name, *(str(image.parts.get(name, 0)) for image in images)]
        for name in [*flash.PARTS, flash.OTHER]
    ]
    rows = [row for row in rows if set(row[1:]) != {"0"}]
    rows.append(["**libseal.a**", *(f"**{image.total}**" for image in images)])
    rows.append(["C library, compiler's helpers", *(str(image.helpers) for image in images)])
    yield from table(["", *boards], rows)


def memory_tables(boards: dict[str, Board]) -> Iterator[str]:
    yield "RAM in bytes; libseal.a has no variables of its own, and takes nothing from a heap:"
    yield ""
    rows = [
        [f"`{name}`", *(str(board.runs[2048].size_of(name)) for board in boards.values())]
        for name in STATES
    ]
    for bits in KEY_SIZES:
        peaks = (str(board.runs[bits].peak_stack) for board in boards.values())
        rows.append([f"peak stack, RSA-{bits}", *peaks])
    yield from table(["", *boards], rows)


def operation_tables(boards: dict[str, Board]) -> Iterator[str]:
    for board, measured in boards.items():
        yield f"{board}, by size of the RSA key: thousands of instructions, bytes of stack:"
        yield ""
        head = ["", *(str(bits) for bits in KEY_SIZES), *(f"stack {bits}" for bits in KEY_SIZES)]
        runs = measured.runs.values()
        rows = [
            [
                name,
                *(thousands(run.instructions(operation)) for run in runs),
                *(str(run.stack(operation)) for run in runs),
            ]
            for name, operation in OPERATIONS.items()
        ]
        yield from table(head, rows)


def small_linux() -> Iterator[str]:
    """The library that only seals, for Linux, beside OpenSSL's of this machine."""
    archive = BUILD / "x86_64-unknown-linux-gnu-seal-only/libseal.a"
    program = BUILD / "firmware/seal_small"
    program.parent.mkdir(exist_ok=True)
    source = ROOT / "examples/c/seal_small.c"
    run("gcc", "-Os", "-s", "-Iinclude", source, archive, "-Wl,--gc-sections", "-o", program)
    loaded = {}
    for file in [archive, *Path("/usr/lib/x86_64-linux-gnu").glob("libcrypto.so.*")]:
        total = run("size", "--totals", file).splitlines()[-1].split()
        loaded[file.name] = sum(map(int, total[:3]))
    yield "Small Linux (x86-64), the library without Rust's std, in KiB:"
    yield ""
    rows = [
        [f"code and data of all of `{name}`", f"{size / KIB:,.0f}"] for name, size in loaded.items()
    ]
    rows.append(
        ["a program that seals (`seal_small`), stripped", f"{program.stat().st_size / KIB:.0f}"]
    )
    yield from table(["", "KiB"], rows)


def main() -> None:
    with TemporaryDirectory(dir=BUILD, prefix="firmware-") as directory:
        boards = {}
        for target, name in TARGETS.items():
            (folder := Path(directory, target)).mkdir()
            boards[name] = Board(target, folder)
    comment = run("arm-none-eabi-readelf", "--string-dump=.comment", library(next(iter(TARGETS))))
    compiler = re.findall(r"rustc version (\S+)", comment)[0]
    lines = [
        "Measured by `make firmware-report`: instructions as QEMU counts them, not cycles."
        f" Compiled by rustc {compiler}.",
        "",
        *goals(next(iter(boards.values()))),
        *flash_tables(boards),
        *memory_tables(boards),
        *operation_tables(boards),
        *small_linux(),
    ]
    text = "\n".join(lines)
    (BUILD / "firmware.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
