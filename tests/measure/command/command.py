"""Measures the command: `make command-figures` prints it and writes it to build/command.md.

Everything is timed from the start of a process to its end, in turn with what it is compared with.
COMMAND=quick takes fewer rounds and smaller files.
"""

import argparse
import base64
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

import libseal
from tests.kms.counting import counting
from tests.kms.ministack import ministack
from tests.measure.bench import machine
from tests.measure.bench.goals import Goal
from tests.measure.bench.measure import GIB, MIB, Record
from tests.measure.bench.report import goals_table, seconds, size_name, speed, table
from tests.measure.bench.workload import KEYS, ROOT, work_directory

BUILD = ROOT / "build"
PUBLIC_KEY = KEYS / "rsa-2048.pub.der"
PRIVATE_KEY = KEYS / "rsa-2048.key.pem"
PASSWORD = base64.b64encode(bytes(range(32))) + b"\n"

KMS_KEY = "alias/telemetry"
FILES = 500
DEVICES = 20

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Plan:
    file_size: int
    file_rounds: int
    start_rounds: int


FULL = Plan(file_size=GIB, file_rounds=7, start_rounds=25)
QUICK = Plan(file_size=128 * MIB, file_rounds=3, start_rounds=7)


@dataclass(frozen=True)
class Run:
    """A command that is timed."""

    who: str
    operation: str
    command: Command
    target: Path | None = None
    """What it writes, and what is not there when it starts."""

    def time(self, clock: Callable[[], float]) -> float:
        if self.target is not None:
            # Not within the time: to give back the memory of a large file takes long.
            self.target.unlink(missing_ok=True)
        start = clock()
        process = subprocess.run(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        taken = clock() - start
        if process.returncode != 0:
            sys.exit(f"failed: {shlex.join(map(str, self.command))}\n{process.stderr}")
        return taken


def cpu_of_children() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_turn(
    runs: Sequence[Run], rounds: int, size: int = 0, clock: Callable[[], float] = time.perf_counter
) -> list[Record]:
    """Each once in a round, after one that does not count: it reads the files of the program."""
    records = [Record("", run.who, run.operation, size) for run in runs]
    for run in runs:
        run.time(clock)
    for _ in range(rounds):
        for run, record in zip(runs, records, strict=True):
            record.seconds.append(run.time(clock))
    return records


class Bench:
    """The command, and a directory with a large file, also sealed in each way."""

    def __init__(self, command: Path, directory: Path, plan: Plan) -> None:
        self.command, self.directory, self.plan = command, directory, plan
        self.source = directory / "source"
        piece = os.urandom(MIB)
        with self.source.open("wb") as source:
            for _ in range(plan.file_size // MIB):
                source.write(piece)
        self.password = self.path("key.b64")
        self.password.write_bytes(PASSWORD)

    def path(self, name: str) -> Path:
        return self.directory / name

    def libseal(self, operation: str, *arguments: str | Path) -> Command:
        return [self.command, operation, "--quiet", *arguments]

    def files(self, runs: Sequence[Run]) -> list[Record]:
        """What each has written last is compared with the source, where it should be the same."""
        records = in_turn(runs, self.plan.file_rounds, self.plan.file_size)
        for run in runs:
            if run.operation != "seal" and run.target is not None:
                subprocess.run(["cmp", self.source, run.target], check=True)
                run.target.unlink()
        return records


def start_records(bench: Bench) -> list[Record]:
    message = bench.path("small.sealed")
    message.write_bytes(libseal.seal(libseal.PublicKey(PUBLIC_KEY.read_bytes()), b"21.5 C"))
    runs = [
        Run("python", "-c pass", [sys.executable, "-c", "pass"]),
        Run("python", "-c 'import libseal'", [sys.executable, "-c", "import libseal"]),
        Run("libseal", "--help", [bench.command, "--help"]),
        Run("libseal", "inspect", [bench.command, "inspect", message]),
    ]
    return in_turn(runs, bench.plan.start_rounds, clock=cpu_of_children)


def file_records(bench: Bench) -> list[Record]:
    source, path = bench.source, bench.path
    sealing = [
        copying(bench, "seal"),
        Run(
            "libseal",
            "seal",
            bench.libseal("seal", "-r", PUBLIC_KEY, "-o", path("sealed"), source),
            path("sealed"),
        ),
    ]
    unsealing = [
        copying(bench, "unseal"),
        Run(
            "libseal",
            "unseal",
            bench.libseal("unseal", "-i", PRIVATE_KEY, "-o", path("plain"), path("sealed")),
            path("plain"),
        ),
    ]
    if shutil.which("age"):
        identity = path("age-key")
        subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", identity], check=True, capture_output=True, text=True
        ).stdout.strip()
        sealed, plain = path("age-sealed"), path("age-plain")
        encrypt: Command = ["age", "-r", recipient, "-o", sealed, source]
        decrypt: Command = ["age", "-d", "-i", identity, "-o", plain, sealed]
        sealing.append(Run("age", "seal", encrypt, sealed))
        unsealing.append(Run("age", "unseal", decrypt, plain))
    sealed, plain = path("openssl-sealed"), path("openssl-plain")
    sealing.append(Run("openssl enc", "seal", old_recipe(bench, "ctr", source, sealed), sealed))
    decrypt = old_recipe(bench, "ctr", sealed, plain, "-d")
    unsealing.append(Run("openssl enc", "unseal", decrypt, plain))

    records = bench.files(sealing) + bench.files(unsealing)
    for run in sealing:
        if run.target is not None:
            run.target.unlink(missing_ok=True)
    return records


def copying(bench: Bench, operation: str) -> Run:
    """In turn with the operation, since what else the machine does slows down both."""
    target = bench.path("copy")
    return Run("cp", f"copy, beside {operation}", ["cp", bench.source, target], target)


def old_recipe(bench: Bench, mode: str, source: Path, target: Path, *options: str) -> Command:
    password = f"file:{bench.password}"
    cipher = f"-aes-256-{mode}"
    files: list[str | Path] = ["-in", source, "-out", target]
    return ["openssl", "enc", *options, cipher, "-md", "sha256", "-pass", password, *files]


def import_records(bench: Bench) -> list[Record]:
    wrapped = bench.path("key.b64.enc")
    wrap: list[str | Path] = ["-pubin", "-keyform", "DER", "-inkey", PUBLIC_KEY]
    oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]
    files: list[str | Path] = ["-in", bench.password, "-out", wrapped]
    subprocess.run(["openssl", "pkeyutl", "-encrypt", *wrap, *oaep, *files], check=True)

    records = []
    for mode in ("ctr", "cbc"):
        encrypted, plain = bench.path("encrypt.me.enc"), bench.path("plain")
        encrypt = old_recipe(bench, mode, bench.source, encrypted)
        subprocess.run(encrypt, check=True, capture_output=True)
        cipher = f"aes-256-{mode}"
        decrypt = old_recipe(bench, mode, encrypted, bench.path("openssl-plain"), "-d")
        options: list[str | Path] = ["-i", PRIVATE_KEY, "--cipher", cipher, "-o", plain]
        command = bench.libseal("import-openssl", *options, wrapped, encrypted)
        runs = [
            Run("openssl enc", f"{cipher} -d", decrypt, bench.path("openssl-plain")),
            Run("libseal", f"import-openssl, {cipher}", command, plain),
        ]
        records += bench.files(runs)
        encrypted.unlink()
    return records


def fleet_requests(command: Path, directory: Path) -> Mapping[str, int]:
    """What the KMS is asked for when a folder of messages is unsealed, by operation."""
    sealed, plain = directory / "fleet", directory / "fleet-plain"
    with ministack() as kms, counting(kms) as counted:
        kms.create_key(KMS_KEY)
        key = libseal.aws.public_key(kms.client, KMS_KEY)
        for device in range(DEVICES):
            folder = sealed / f"device-{device}"
            folder.mkdir(parents=True)
            sealing_key = libseal.SealingKey(libseal.Recipient(key, KMS_KEY))
            for number in range(FILES // DEVICES):
                message = sealing_key.seal(f"{device} {number}".encode())
                (folder / f"{number}.sealed").write_bytes(message)
        unseal: Command = [command, "unseal", "--quiet", "--recursive", "--kms", KMS_KEY]
        subprocess.run([*unseal, "-o", plain, sealed], env=counted.environment, check=True)
    unsealed = sorted(path.read_text() for path in plain.rglob("*") if path.is_file())
    numbers = range(FILES // DEVICES)
    if unsealed != sorted(f"{device} {number}" for device in range(DEVICES) for number in numbers):
        raise RuntimeError(f"unsealed {len(unsealed)} files, or something else than was sealed")
    return counted.requests


class Figures:
    """All records, and the requests of the fleet."""

    def __init__(self, records: Sequence[Record], requests: Mapping[str, int]) -> None:
        self.records, self.requests = records, requests

    def median(self, who: str, operation: str) -> float | None:
        for record in self.records:
            if (record.who, record.operation) == (who, operation):
                return record.median
        return None

    def ratio(self, slower: tuple[str, str], faster: tuple[str, str]) -> float | None:
        times = self.median(*slower), self.median(*faster)
        return None if times[0] is None or times[1] is None else times[0] / times[1]

    def goals(self) -> Iterator[Goal]:
        for operation in ("--help", "inspect"):
            median = self.median("libseal", operation)
            milliseconds = None if median is None else median * 1e3
            text = f"`libseal {operation}`, milliseconds of CPU"
            yield Goal(1, text, 120, at_least=False, ratio=milliseconds)
        for operation in ("seal", "unseal"):
            command = ("libseal", operation)
            copy = self.ratio(command, ("cp", f"copy, beside {operation}"))
            yield Goal(2, f"`libseal {operation}`, in times of `cp`", 1.3, False, copy)
            age = self.ratio(("age", operation), command)
            note = "" if age else "age is not installed"
            yield Goal(2, f"`libseal {operation}`, in speeds of `age`", 2, True, age, note)
            other = self.ratio(("openssl enc", operation), command)
            yield Goal(2, f"`libseal {operation}`, in speeds of `openssl enc`", 1, True, other)
        text = f"Decrypts for {FILES} files of {DEVICES} devices, `unseal --recursive`"
        others = ", ".join(f"{n} {name}" for name, n in self.requests.items() if name != "Decrypt")
        yield Goal(3, text, DEVICES, False, self.requests["Decrypt"], f"and {others}")
        for cipher in ("aes-256-ctr", "aes-256-cbc"):
            command = ("libseal", f"import-openssl, {cipher}")
            ratio = self.ratio(command, ("openssl enc", f"{cipher} -d"))
            text = f"`libseal import-openssl`, {cipher}, in times of `openssl enc -d`"
            yield Goal(4, text, 1.2, False, ratio)


def report(figures: Figures, plan: Plan, directory: Path) -> Iterator[str]:
    yield "Measured by `make command-figures`: medians of whole processes, in turn, of"
    yield f"{plan.start_rounds} rounds, for files of {plan.file_rounds}."
    if plan == QUICK:
        yield "A quick run: its files are so small that the start of the process counts, too."
    yield ""
    yield from machine.lines(machine.describe(directory))
    yield ""
    yield from goals_table(list(figures.goals()))
    yield "CPU time of commands that do little:"
    yield ""
    small = [record for record in figures.records if not record.size]
    rows = [[f"`{record.who} {record.operation}`", seconds(record)] for record in small]
    yield from table(["", "CPU"], rows)
    yield f"A file of {size_name(plan.file_size)}, and the spread of the middle half of the rounds:"
    yield ""
    large = [record for record in figures.records if record.size]
    rows = [
        [record.who, record.operation, seconds(record), speed(record), f"{record.spread:.0%}"]
        for record in large
    ]
    yield from table(["", "", "time", "speed", "spread"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="What `make command-figures` runs.")
    parser.add_argument("--command", type=Path, required=True, help="the command libseal")
    arguments = parser.parse_args()
    plan = QUICK if os.environ.get("COMMAND") == "quick" else FULL
    with TemporaryDirectory(dir=BUILD, prefix="command-") as folder:
        requests = fleet_requests(arguments.command, Path(folder))
    # The source, sealed by each, and what each unseals.
    needed = 8 * plan.file_size
    with work_directory(needed, BUILD, "COMMAND=quick") as directory:
        bench = Bench(arguments.command, directory, plan)
        records = []
        for part in (start_records, file_records, import_records):
            start = time.monotonic()
            records += part(bench)
            print(f"{part.__name__}: {time.monotonic() - start:.0f} s", flush=True)
        text = "\n".join(report(Figures(records, requests), plan, directory)).rstrip() + "\n"
    (BUILD / "command.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
