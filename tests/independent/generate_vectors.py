"""Makes tests/vectors, the same bytes each time: everything is drawn from the vectors' names."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from . import (
    accepted,
    dated_keys,
    key_forms,
    keys,
    rejected_headers,
    rejected_keys,
    rejected_payloads,
)
from .vector import KEYS, VECTORS


def expected() -> dict[Path, bytes]:
    files = {KEYS / name: data for name, data in keys.derived().items()}
    files |= {KEYS / name: data for name, data in key_forms.files().items()}
    files |= {KEYS / name: data for name, data in dated_keys.roots().items()}
    for dated in dated_keys.cases():
        assert dated.path not in files, f"two keys are named {dated.name}"
        files[dated.path] = dated.encode()
    for module in (accepted, rejected_headers, rejected_keys, rejected_payloads):
        for vector in module.cases():
            assert vector.path not in files, f"two vectors are named {vector.name}"
            files[vector.path] = vector.encode()
    return files


def missing() -> dict[Path, Callable[[], bytes]]:
    """What can only be made anew and is not there."""
    makers = keys.missing() | key_forms.missing()
    return {KEYS / name: make for name, make in makers.items() if not (KEYS / name).exists()}


def differences(files: dict[Path, bytes]) -> list[str]:
    present = set(VECTORS.glob("*/*.vector"))
    present |= set(KEYS.glob("*/*")) - {KEYS / name for name in key_forms.missing()}
    found = [f"{path.name}: missing" for path in files if not path.exists()]
    found += [f"{path.name}: not made by the generator" for path in present - files.keys()]
    found += [
        f"{path.name}: differs"
        for path, data in files.items()
        if path.exists() and path.read_bytes() != data
    ]
    return sorted(found)


def write(files: dict[Path, bytes]) -> None:
    for path in set(VECTORS.glob("*/*.vector")) - files.keys():
        path.unlink()
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.independent.generate_vectors",
        description="Write the test vectors in tests/vectors. Keys that are there are kept; "
        "vectors are replaced, and those that are no longer made are removed.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail unless the files are just what would be written",
    )
    arguments = parser.parse_args()
    if arguments.check:
        absent = [f"{path.name}: missing" for path in missing()]
        sys.exit("\n".join(absent or differences(expected())) or None)
    KEYS.mkdir(parents=True, exist_ok=True)
    for path, make in missing().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(make())
        print(f"made {path.name}")
    files = expected()
    write(files)
    for folder in ("accepted", "rejected"):
        print(f"wrote {sum(path.parent.name == folder for path in files)} {folder} vectors")


if __name__ == "__main__":
    main()
