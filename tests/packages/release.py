"""Finishes `make release`: writes dist/SHA256SUMS and dist/README.md.

The README has a line for each artefact: its size, what it is for, and how it was tested. The tests
leave that in build/release/*.tsv, a line for each artefact: file name, target or policy, how it was
tested. What no line speaks of was not tested, and the table says so.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

SUMS = "SHA256SUMS"
README = "README.md"

# What no machine that makes a release can try.
NEVER_TRIED = """\
## Not tested

- macOS, FreeBSD and Windows as hosts: nothing here was built there. The library for Windows was
  linked on Linux.
- Boards: firmware ran in emulators only.
- AWS itself: the KMS and S3 of the tests run on loopback.
"""


@dataclass(frozen=True)
class Tested:
    target: str
    how: str


def tested(folder: Path) -> dict[str, Tested]:
    """What the tests wrote down, by the names of files."""
    found: dict[str, Tested] = {}
    for table in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(table.read_text().splitlines(), start=1):
            fields = line.split("\t")
            if len(fields) != 3:
                raise SystemExit(f"{table}:{number}: wanted three fields, not {len(fields)}")
            name, target, how = fields
            before = found.get(name)
            found[name] = Tested(target, f"{before.how}; {how}" if before else how)
    return found


def size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def artefacts(dist: Path) -> list[Path]:
    return sorted(path for path in dist.iterdir() if path.name not in {SUMS, README})


def table(files: list[Path], known: dict[str, Tested]) -> str:
    lines = ["| file | size | for | tested |", "|---|---|---|---|"]
    for path in files:
        found = known.get(path.name, Tested("", "**not tested**"))
        lines.append(
            f"| {path.name} | {size(path.stat().st_size)} | {found.target} | {found.how} |"
        )
    return "\n".join(lines)


def sums(files: list[Path]) -> str:
    """What `sha256sum --check` reads."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files
    )


def write(dist: Path, tests: Path, version: str, commit: str) -> int:
    """Returns how many artefacts were not tested."""
    files = artefacts(dist)
    if not files:
        raise SystemExit(f"{dist} is empty; `make release` builds what goes there")
    known = tested(tests)
    gone = sorted(set(known) - {path.name for path in files})
    if gone:
        raise SystemExit(f"tested, but not in {dist}: {', '.join(gone)}; run `make release` again")
    untested = [path.name for path in files if path.name not in known]
    title = f"# libseal {version}\n\nMade from commit {commit}."
    text = f"{title}\n\n{table(files, known)}\n\n{NEVER_TRIED}"
    (dist / README).write_text(text)
    (dist / SUMS).write_text(sums(artefacts(dist)))
    print(text)
    print(f"{len(files)} artefacts in {dist}, {len(untested)} of them not tested")
    return len(untested)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dist", type=Path, required=True, help="the folder with the artefacts")
    parser.add_argument("--tests", type=Path, required=True, help="the folder with what was tested")
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    options = parser.parse_args(arguments)
    write(options.dist, options.tests, options.version, options.commit)


if __name__ == "__main__":
    main(sys.argv[1:])
