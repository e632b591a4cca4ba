"""Checks that pyright knows the type of everything public: what editors show to users.

The bases of what is in libseal.spark and libseal.ray are those engines' own, which are in another
environment, so those two are left out.
"""

import json
import subprocess
import sys

ENGINES = ("libseal.ray.", "libseal.spark.")


def main() -> int:
    command = [sys.executable, "-m", "pyright", "--verifytypes", "libseal", "--outputjson"]
    done = subprocess.run(
        [*command, "--ignoreexternal"], capture_output=True, text=True, check=False
    )
    if not done.stdout.startswith("{"):
        sys.exit(done.stdout + done.stderr)
    symbols = [
        symbol
        for symbol in json.loads(done.stdout)["typeCompleteness"]["symbols"]
        if not symbol["name"].startswith(ENGINES)
    ]
    unknown = [
        symbol for symbol in symbols if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
    ]
    for symbol in unknown:
        print(symbol["name"], *(found["message"] for found in symbol["diagnostics"]), sep="\n  ")
    print(f"{len(symbols) - len(unknown)} of {len(symbols)} types are known")
    return bool(unknown) or not symbols


if __name__ == "__main__":
    sys.exit(main())
