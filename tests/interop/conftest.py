import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.faces import ROOT, KmsKey, Programs
from tests.kms.ministack import ministack
from tests.link import static_link_libs

KEY = "alias/interop"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The C programs, built here, and the Rust examples that `make interop` has built."""
    release = Path(os.environ.get("LIBSEAL_RELEASE", ROOT / "target/release"))
    c = tmp_path_factory.mktemp("c")
    make: list[str | Path] = ["make", "-C", ROOT / "examples/c"]
    subprocess.run([*make, f"LIBSEAL_DIR={release}", f"BUILD_DIR={c}"], check=True)
    source = Path(__file__).with_name("c_seal.c")
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    library: list[str | Path] = [release / "libseal.a", *static_link_libs()]
    include = f"-I{ROOT / 'include'}"
    subprocess.run(["cc", *warnings, include, source, *library, "-o", c / "c_seal"], check=True)
    return Programs(c=c, rust=release / "examples")


@pytest.fixture(scope="session")
def kms_key() -> Iterator[KmsKey]:
    with ministack() as kms:
        kms.create_key(KEY)
        yield KmsKey(kms, KEY)


@pytest.fixture(scope="session")
def kms_public_key(kms_key: KmsKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kms") / "device.pub.der"
    path.write_bytes(kms_key.kms.client.get_public_key(KeyId=kms_key.key)["PublicKey"])
    return path
