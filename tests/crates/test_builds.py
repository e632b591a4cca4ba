"""The packed crate builds and tests itself, also with the oldest Rust and dependencies."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.crates.packed import EVERY_FEATURE, CargoFailed, Packed, unpack
from tests.packages.quick import not_quick

#: What the documentation and the README propose.
FEATURES = {
    "default": "",
    "servers": "--features=aws-lc-rs",
    "everything": f"--features={EVERY_FEATURE}",
    "everything-portable": "--features=local-unwrapper,rayon,tokio",
    "tokio": "--features=tokio",
    "rayon": "--features=rayon",
    "trying-out": "--features=local-unwrapper",
    "no-std": "--no-default-features --features=rustcrypto",
    "no-std-random": "--no-default-features --features=rustcrypto,getrandom",
    "firmware": "--no-default-features --features=compact",
    "firmware-sha1": "--no-default-features --features=compact,oaep-sha1",
    "firmware-random": "--no-default-features --features=compact,getrandom",
    "compact-unseals": "--no-default-features --features=compact,alloc",
    "compact-std": "--no-default-features --features=compact,std,local-unwrapper",
}

#: Those that pull in all dependencies between them, on two providers, and the one without any.
WIDEST = ["everything", "everything-portable", "firmware"]


def options(features: str) -> list[str]:
    return FEATURES[features].split()


@not_quick
@pytest.mark.tries("its own tests and documentation examples")
def test_it_runs_its_own_tests_and_examples(crate: Packed) -> None:
    said = crate.cargo("test", "--locked", f"--features={EVERY_FEATURE}")
    assert "Doc-tests libseal" in said
    assert "README.md" in said


@pytest.mark.tries(f"{len(FEATURES)} sets of features without a warning")
@pytest.mark.parametrize(
    "features",
    [pytest.param(name, marks=not_quick if "aws" in FEATURES[name] else ()) for name in FEATURES],
)
def test_it_builds_with_the_features_that_are_documented(crate: Packed, features: str) -> None:
    said = crate.cargo("check", "--locked", *options(features))
    assert "warning" not in said, said


def test_without_a_provider_it_says_which_there_are(crate: Packed) -> None:
    with pytest.raises(CargoFailed, match="turn on the feature `rustcrypto`, or `compact`"):
        crate.cargo("check", "--locked", "--no-default-features")


@not_quick
@pytest.mark.tries("documentation without a warning")
def test_its_documentation_has_no_warning(crate: Packed) -> None:
    """As a documentation service builds it, with what only a nightly Rust does."""
    features = ",".join(crate.manifest["package"]["metadata"]["docs"]["rs"]["features"])
    assert features == EVERY_FEATURE
    flags = {"RUSTDOCFLAGS": "--cfg docsrs -D warnings", "RUSTC_BOOTSTRAP": "1"}
    crate.cargo("doc", "--locked", "--no-deps", f"--features={features}", **flags)
    page = (crate.target / "doc/libseal/struct.AsyncSealWriter.html").read_text()
    assert "Available on" in page
    assert "tokio" in page


def oldest_rust(crate: Packed) -> str:
    """The toolchain of rustup, or what to do to have it."""
    install = f"install it: rustup toolchain install {crate.minimum}"
    try:
        listed = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"no rustup, so no Rust {crate.minimum}")
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]
    found = [name for name in names if name.startswith((f"{crate.minimum}.", f"{crate.minimum}-"))]
    if not found:
        pytest.skip(f"no Rust {crate.minimum}; {install}")
    return found[0]


@not_quick
@pytest.mark.tries("the oldest Rust")
@pytest.mark.parametrize("features", WIDEST)
def test_the_oldest_rust_builds_it(crate: Packed, features: str) -> None:
    rustup = {"RUSTUP_TOOLCHAIN": oldest_rust(crate)}
    assert f"cargo {crate.minimum}." in crate.cargo("--version", **rustup)
    crate.cargo("check", "--locked", *options(features), **rustup)


@not_quick
@pytest.mark.tries("the oldest dependencies")
@pytest.mark.parametrize("which", ["direct-minimal-versions", "minimal-versions"])
def test_the_oldest_dependencies_are_enough(crate: Packed, tmp_path: Path, which: str) -> None:
    """Those that the manifest names, and then also theirs."""
    # Another copy, without what only the tests need.
    user = unpack(crate.archive, tmp_path / "user", crate.target)
    manifest = user.folder / "Cargo.toml"
    sections = r"^\[[^\n]*dev-dependencies[^\n]*\]\n(?:(?!\[).*\n)*"
    manifest.write_text(re.sub(sections, "", manifest.read_text(), flags=re.M))
    (user.folder / "Cargo.lock").unlink()
    # Only a nightly cargo chooses them. What builds with them is the usual one.
    user.cargo("-Z", which, "generate-lockfile", RUSTC_BOOTSTRAP="1")
    for features in WIDEST:
        user.cargo("check", "--locked", *options(features))
