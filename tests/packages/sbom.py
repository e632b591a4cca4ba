"""What the C library is made of: an SBOM in CycloneDX, and the licences of all that is in it.

    python -m tests.packages.sbom --library libseal.a --target TARGET --sbom FILE --licences FILE

The same library and Cargo.lock give the same bytes, with SOURCE_DATE_EPOCH as the time.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import ziglang
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).parents[2]
CARGO = os.environ.get("CARGO", "cargo")
# zig links it into libraries for Linux.
UNWINDER = Path(ziglang.__file__).parent / "lib/libunwind"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:libseal:sbom")


@dataclass
class Package:
    name: str
    version: str
    licence: str
    needs: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"


def cargo(*arguments: str) -> str:
    return subprocess.check_output([CARGO, *arguments, "--locked"], cwd=ROOT, text=True)


def linked(target: str, features: Iterable[str]) -> dict[str, Package]:
    """What is linked into the library, the library itself first."""
    tree = cargo(
        *("tree", "--package=libseal-c", f"--target={target}", "--edges=normal,no-proc-macro"),
        *("--prefix=depth", "--no-dedupe", "--format=\t{p}\t{l}", *features),
    )
    packages: dict[str, Package] = {}
    above: list[Package] = []
    for line in tree.splitlines():
        depth, package, licence = line.split("\t")
        name, version = package.split()[:2]
        found = Package(name, version.removeprefix("v"), licence)
        found = packages.setdefault(found.id, found)
        del above[int(depth) :]
        if above:
            above[-1].needs.add(found.id)
        above.append(found)
    return packages


def rust_version(library: Path) -> str:
    """The compiler that made a library, whose standard library is in it."""
    return library.with_name("rustc-version").read_text().strip()


def unwinder() -> Package:
    """What zig links into libraries for Linux, where Rust would take libgcc_s of the machine."""
    said = subprocess.check_output([sys.executable, "-m", "ziglang", "cc", "--version"], text=True)
    version = re.search(r"clang version (\S+)", said)
    if version is None:
        raise SystemExit("zig does not say which LLVM it is made of")
    return Package("libunwind", version[1], "Apache-2.0 WITH LLVM-exception")


def component(package: Package, checksums: dict[str, str]) -> Component:
    checksum = checksums.get(package.id)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=package.id,
        purl=PackageURL("cargo", None, package.name, package.version) if checksum else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
        licenses=[LicenseExpression(package.licence)],
    )


def sbom(packages: dict[str, Package], target: str) -> str:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {f"{p['name']}@{p['version']}": p["checksum"] for p in lock if "checksum" in p}
    components = {key: component(package, checksums) for key, package in packages.items()}
    root, *others = components.values()
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, f"{target} {' '.join(packages)}"), components=others
    )
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    for key, package in packages.items():
        bom.register_dependency(components[key], [components[need] for need in package.needs])
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    return text + "\n"


def licences(packages: dict[str, Package]) -> str:
    """The texts that have to be passed on with the library."""
    metadata = json.loads(cargo("metadata", "--format-version=1"))["packages"]
    folders = {f"{p['name']}@{p['version']}": Path(p["manifest_path"]).parent for p in metadata}
    folders |= {key: UNWINDER for key in packages if key.startswith("libunwind@")}
    others = {key: p for key, p in packages.items() if not p.name.startswith("libseal")}
    texts: dict[str, str] = {}
    owners: dict[str, list[str]] = {}
    for key in others:
        files = [
            file
            for file in sorted(folders[key].iterdir() if key in folders else [])
            if re.match(r"(?i)(licen[sc]e|copying|notice|copyright|unlicense)", file.name)
        ]
        for file in files:
            text = file.read_text().strip()
            words = " ".join(text.split())
            texts.setdefault(words, text)
            owners.setdefault(words, []).append(key)
    parts = ["What libseal.a and the shared library contain beside libseal, and its licences:\n"]
    parts += [f"    {package.id}: {package.licence}" for package in others.values()]
    for words, text in texts.items():
        parts += ["", "-" * 80, ", ".join(owners[words]), "-" * 80, "", text]
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--seal-only", action="store_true")
    parser.add_argument("--sbom", type=Path, required=True)
    parser.add_argument("--licences", type=Path, required=True)
    arguments = parser.parse_args()

    features = ["--no-default-features"] if arguments.seal_only else []
    packages = linked(arguments.target, features)
    std = Package(
        "core" if arguments.seal_only else "std",
        rust_version(arguments.library),
        "MIT OR Apache-2.0",
    )
    below = [std]
    if not arguments.seal_only and "-linux-" in arguments.target:
        below.append(unwinder())
    next(iter(packages.values())).needs.update(package.id for package in below)
    packages |= {package.id: package for package in below}
    arguments.sbom.write_text(sbom(packages, arguments.target))
    arguments.licences.write_text(licences(packages))


if __name__ == "__main__":
    main()
