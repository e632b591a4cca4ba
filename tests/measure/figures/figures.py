"""Measures what libseal costs: `make figures` prints it and writes it to build/figures.md.

FIGURES_SIZE is the size of the file to seal, 4 GiB unless set. Twice as much must be free on the
disk of build/.
"""

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import libseal
from tests.independent import reader

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build"
PUBLIC_KEY = ROOT / "tests/vectors/keys/rsa-2048.pub.der"
PRIVATE_KEY = ROOT / "tests/vectors/keys/rsa-2048.key.pem"

MIB = 1024 * 1024
SIZE = int(os.environ.get("FIGURES_SIZE", 4096 * MIB))
MEMORY_GOAL = 16 * MIB
OVERHEAD_GOAL = 410

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Face:
    name: str
    idle: Command
    """Starts and ends without doing anything."""
    seal: Command
    """From `source` to `sealed`."""
    unseal: Command
    """From `sealed` to `unsealed`."""


def python(code: str) -> Command:
    setup = (
        "import shutil, libseal; from pathlib import Path;"
        f"key = libseal.PublicKey(Path({str(PUBLIC_KEY)!r}).read_bytes());"
        f"unwrap = libseal.LocalUnwrapper(Path({str(PRIVATE_KEY)!r}).read_bytes())\n"
    )
    return [sys.executable, "-c", setup + code]


def faces(rust: Path, c: Path) -> Iterator[Face]:
    yield Face(
        "Rust: `SealWriter`, `UnsealReader`",
        [rust / "seal_file", "--help"],
        [rust / "seal_file", PUBLIC_KEY, "source", "sealed"],
        [rust / "unseal_file", "sealed", "unsealed", "--private-key", PRIVATE_KEY],
    )
    # The command that unwraps is not to weigh more than the program, so it has been told the key.
    yield Face(
        "C: `libseal_sealer_*`, `libseal_unsealer_*`",
        [c / "seal_file"],
        [c / "seal_file", PUBLIC_KEY, "source", "sealed"],
        [c / "unseal_file", "sealed", "unsealed", "cat data-key"],
    )
    yield Face(
        "Python: `seal_file`, `unseal_file`",
        python(""),
        python("libseal.seal_file(key, 'source', 'sealed')"),
        python("libseal.unseal_file('sealed', 'unsealed', unwrap)"),
    )
    yield Face(
        "Python: `SealWriter`, `UnsealReader`",
        python(""),
        python(
            "with open('source', 'rb') as source, open('sealed', 'wb') as sealed:\n"
            "    with libseal.SealWriter(sealed, key) as writer:\n"
            "        shutil.copyfileobj(source, writer)\n"
        ),
        python(
            "with open('sealed', 'rb') as sealed, open('unsealed', 'wb') as unsealed:\n"
            "    with libseal.UnsealReader(sealed, unwrap) as reader:\n"
            "        shutil.copyfileobj(reader, unsealed)\n"
        ),
    )


class Bench:
    """A directory with a large `source` and the programs that measure and are measured."""

    def __init__(self, directory: Path, release: Path) -> None:
        self.directory = directory
        self.rust = release / "examples"
        self.c = directory / "c"
        self.launcher = directory / "peak_memory"
        launcher_source = Path(__file__).with_name("peak_memory.c")
        subprocess.run(["cc", "-O2", launcher_source, "-o", self.launcher], check=True)
        options = [f"LIBSEAL_DIR={release}", f"BUILD_DIR={self.c}"]
        subprocess.run(["make", "-s", "-C", ROOT / "examples/c", *options], check=True)
        with self.path("source").open("wb") as source:
            source.truncate(SIZE)

    def path(self, name: str) -> Path:
        return self.directory / name

    def peak(self, command: Command, must_succeed: bool = True) -> int:
        """Runs a command; gives its peak of memory in bytes."""
        process = subprocess.run(
            [self.launcher, "peak", *command],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if must_succeed and process.returncode != 0:
            sys.exit(f"failed: {shlex.join(map(str, command))}\n{process.stderr}")
        return int(self.path("peak").read_text()) * 1024

    def measure(self, face: Face) -> tuple[int, int, int]:
        """The peaks of the idle process, of sealing and of unsealing."""
        idle = self.peak(face.idle, must_succeed=False)
        sealing = self.peak(face.seal)
        self.unwrap_data_key()
        unsealing = self.peak(face.unseal)
        if self.path("unsealed").stat().st_size != SIZE:
            sys.exit(f"{face.name}: unsealed something else")
        self.path("sealed").unlink()
        self.path("unsealed").unlink()
        return idle, sealing, unsealing

    def unwrap_data_key(self) -> None:
        with self.path("sealed").open("rb") as message:
            header = reader.parse_header(message.read(reader.MAX_HEADER_LENGTH))
        private_key = reader.load_private_key(PRIVATE_KEY.read_bytes())
        data_key = reader.unwrap_data_key(header, reader.private_key_unwrap(private_key))
        self.path("data-key").write_bytes(data_key)


def memory_table(bench: Bench) -> Iterator[str]:
    yield f"Peak of resident memory for a file of {SIZE / MIB / 1024:g} GiB; sealing and unsealing"
    yield f"over the idle process (goal: under {MEMORY_GOAL // MIB} MiB):"
    yield ""
    yield "| | idle | sealing | unsealing |"
    yield "|---|---|---|---|"
    for face in faces(bench.rust, bench.c):
        idle, *jobs = bench.measure(face)
        cells = [face.name, f"{idle / MIB:.1f} MiB", *(over_idle(peak - idle) for peak in jobs)]
        yield f"| {' | '.join(cells)} |"


def over_idle(length: int) -> str:
    return f"+{length / MIB:.1f} MiB" + ("" if length < MEMORY_GOAL else " **over the goal**")


def overhead() -> str:
    plaintext = bytes(1024)
    message = libseal.seal(libseal.PublicKey(PUBLIC_KEY.read_bytes()), plaintext)
    return (
        "Overhead of a message of 1 KiB for RSA-2048, without a context:"
        f" {len(message) - len(plaintext)} bytes (goal: at most {OVERHEAD_GOAL})."
    )


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"Measured by `make figures` on {len(os.sched_getaffinity(0))} cores of {model}."


def main() -> None:
    parser = argparse.ArgumentParser(description="What `make figures` runs.")
    parser.add_argument("--release", type=Path, required=True, help="directory of libseal.a")
    arguments = parser.parse_args()
    needed = 2 * SIZE + 64 * MIB
    if shutil.disk_usage(BUILD).free < needed:
        sys.exit(f"{BUILD} needs {needed // MIB} MiB of free disk; set FIGURES_SIZE for less")
    with TemporaryDirectory(dir=BUILD, prefix="figures-") as directory:
        lines = [
            machine(),
            "",
            overhead(),
            "",
            *memory_table(Bench(Path(directory), arguments.release)),
        ]
    text = "\n".join(lines) + "\n"
    (BUILD / "figures.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
