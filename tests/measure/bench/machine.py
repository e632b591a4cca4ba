"""Describes the machine: figures mean nothing without it."""

import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from .workload import ROOT

FLAGS = ["aes", "vaes", "pclmulqdq", "vpclmulqdq", "avx2", "avx512f", "sha_ni", "pmull", "sha2"]
PACKAGES = ["libseal", "cryptography", "aws-encryption-sdk", "pyrage", "jwcrypto"]
CRATES = ["aws-lc-rs", "aws-lc-sys", "aes-gcm", "rsa"]

Description = dict[str, str | int | list[str] | dict[str, str]]


def describe(directory: Path) -> Description:
    """`directory` is where the files are."""
    return {
        "cpu": cpu_field("model name") or platform.machine(),
        "flags": [flag for flag in FLAGS if flag in cpu_flags()],
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{memory_kib() / 1024 / 1024:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "files": file_system(directory),
        "versions": versions(),
    }


def cpu_field(name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else ""


def cpu_flags() -> list[str]:
    return (cpu_field("flags") or cpu_field("Features")).split()


def memory_kib() -> int:
    match = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(match[1]) if match else 0


def file_system(directory: Path) -> str:
    return output("stat", "--file-system", "--format=%T", str(directory))


def versions() -> dict[str, str]:
    return {
        "rustc": output("rustc", "--version").removeprefix("rustc "),
        "cc": output("cc", "--version").splitlines()[0],
        "Python": sys.version.split()[0],
        "openssl": output("openssl", "version").removeprefix("OpenSSL "),
        "cp": output("cp", "--version").splitlines()[0],
        **{package: package_version(package) for package in PACKAGES},
        **{crate: crate_version(crate) for crate in CRATES},
    }


def package_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def crate_version(name: str) -> str:
    lock = (ROOT / "Cargo.lock").read_text()
    match = re.search(rf'^name = "{name}"\nversion = "(.*)"$', lock, re.MULTILINE)
    return match[1] if match else "not in Cargo.lock"


def output(*command: str) -> str:
    """What a command prints, or that it is missing."""
    try:
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "missing"
    return process.stdout.strip()


def short(machine: Description) -> str:
    return f"{machine['cpu']}, {machine['cores']} cores"


def lines(machine: Description) -> list[str]:
    """For people."""
    flags, versions = machine["flags"], machine["versions"]
    assert isinstance(flags, list)
    assert isinstance(versions, dict)
    return [
        f"{short(machine)} ({' '.join(flags)}),"
        f" {machine['memory']} of memory, {machine['kernel']}, files on {machine['files']}.",
        "",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
    ]
