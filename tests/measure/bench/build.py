"""Builds the programs of the bench in Rust and C, once for each provider."""

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.link import static_link_libs

from .workload import ROOT

# The features of the C library and of the crate that choose a provider.
PROVIDERS = {"portable": [], "aws-lc": ["aws-lc-rs"]}

Command = list[str | Path]


@dataclass(frozen=True)
class Program:
    name: str
    command: Command
    """Wants WORK, GROUP and ROUNDS as well."""


@dataclass(frozen=True)
class Cargo:
    command: str
    flags: str
    target: Path
    """A folder of its own: what `make install` would take is not to be on another provider."""

    def build(self, package: str, features: list[str], *options: str) -> list[dict[str, object]]:
        """Builds a package; returns what cargo says about it."""
        process = subprocess.run(
            [
                *(*shlex.split(self.command), "build", *shlex.split(self.flags), "--release"),
                *("--package", package, "--features", ",".join(features), *options),
                *("--target-dir", self.target, "--message-format=json-render-diagnostics"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            sys.exit(f"cannot build {package}")
        return [json.loads(line) for line in process.stdout.splitlines()]


def programs(cargo: Cargo, directory: Path) -> list[Program]:
    rust = [rust_program(cargo, provider) for provider in PROVIDERS]
    c = [c_program(cargo, directory, provider) for provider in PROVIDERS]
    python = [
        Program(
            f"Python {name}",
            [sys.executable, "-W", "ignore", "-m", f"tests.measure.bench.{module}"],
        )
        for name, module in {"libseal": "python_cases", "others": "competitors"}.items()
    ]
    return [*rust, *c, *python]


def rust_program(cargo: Cargo, provider: str) -> Program:
    features = ["local-unwrapper", "rayon", *PROVIDERS[provider]]
    messages = cargo.build("libseal", features, "--bench", "side_by_side")
    executables = [message["executable"] for message in messages if message.get("executable")]
    return Program(f"Rust {provider}", [str(executables[-1])])


def c_program(cargo: Cargo, directory: Path, provider: str) -> Program:
    cargo.build("libseal-c", PROVIDERS[provider])
    program = directory / f"bench-{provider}"
    sources = [Path(__file__).with_name("bench.c"), cargo.target / "release/libseal.a"]
    options = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    command: Command = ["cc", *options, *sources, "-o", program, *static_link_libs()]
    subprocess.run(command, check=True)
    return Program(f"C {provider}", [program, provider])
