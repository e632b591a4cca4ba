"""Compares libseal with what else seals on this machine: `make bench`.

Prints the tables and writes bench.md, bench.json and bench.svg to build/bench. With BENCH=quick
there are fewer rounds and a smaller file, and what would have to be installed is left out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import build, chart, goals, machine, report, workload
from .build import Program
from .measure import GROUPS, MIB, Record
from .results import Results
from .workload import ROOT, Workload

BUILD = ROOT / "build/bench"


@dataclass(frozen=True)
class Plan:
    file_size: int
    passes: int
    """Each program has its turn in each pass."""
    rounds: int
    file_rounds: int

    def rounds_of(self, group: str) -> int:
        return self.file_rounds if group == "file" else self.rounds


FULL = Plan(file_size=1024 * MIB, passes=3, rounds=5, file_rounds=2)
QUICK = Plan(file_size=128 * MIB, passes=1, rounds=5, file_rounds=3)


def run(program: Program, work: Workload, group: str, rounds: int) -> list[Record]:
    process = subprocess.run(
        [*program.command, work.directory, group, str(rounds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    for target in work.directory.glob("target-*"):
        target.unlink()
    if process.returncode != 0:
        sys.exit(f"{program.name}: failed at {group}")
    return [Record.from_json(line, program.name, group) for line in process.stdout.splitlines()]


def verify(programs: list[Program], work: Workload) -> None:
    """Has every program seal and unseal once, and look at what comes out."""
    print("verifying that every message opens", flush=True)
    from_c = work.path("from-c")
    for program in programs:
        from_c.mkdir()
        run(program, work, "verify", 0)
        workload.verify_sealed(work, from_c)
        shutil.rmtree(from_c)


def measure(programs: list[Program], work: Workload, plan: Plan) -> Results:
    results = Results()
    for group in GROUPS:
        start = time.monotonic()
        for _ in range(plan.passes):
            for program in programs:
                for record in run(program, work, group, plan.rounds_of(group)):
                    results.add(record)
        print(
            f"{group}: {results.count(group)} cases, {time.monotonic() - start:.0f} s", flush=True
        )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description="What `make bench` runs.")
    parser.add_argument("--cargo", default="cargo", help="command of cargo")
    parser.add_argument("--cargo-flags", default="", help="flags of cargo build")
    parser.add_argument("--target", type=Path, required=True, help="directory to build in")
    arguments = parser.parse_args()
    plan = QUICK if os.environ.get("BENCH") == "quick" else FULL

    BUILD.mkdir(parents=True, exist_ok=True)
    cargo = build.Cargo(arguments.cargo, arguments.cargo_flags, arguments.target)
    programs = build.programs(cargo, BUILD)
    needed = workload.room(plan.file_size)
    with workload.work_directory(needed, BUILD, "BENCH=quick") as directory:
        work = workload.create(directory, plan.file_size)
        verify(programs, work)
        description = machine.describe(directory)
        results = measure(programs, work, plan)
    reached = goals.evaluate(results)

    text = report.markdown(description, asdict(plan), results, reached)
    (BUILD / "bench.md").write_text(text)
    print(text, end="")
    everything = {
        "machine": description,
        "plan": asdict(plan),
        "goals": [asdict(goal) for goal in reached],
        "results": [asdict(record) | record.summary() for record in results],
    }
    (BUILD / "bench.json").write_text(json.dumps(everything, indent=1) + "\n")
    print(chart.draw(results, machine.short(description), BUILD / "bench.svg"))


if __name__ == "__main__":
    main()
