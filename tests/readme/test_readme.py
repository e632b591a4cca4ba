"""Runs the code blocks of the pages as they stand there, with their line numbers.

All of them find two files in the current directory: `log`, and `device.pub.der`, the public key of
`alias/example-rsa-key`. That is in a KMS which `boto3.client("kms")` reaches without arguments.

- A C block with a main() is a program that seals `log` as `log.sealed`. Any other is the body of a
  function that has `der`, `der_len`, `data`, `data_len` (the files) and the array `sealed`, and
  declares `libseal_status status` and `size_t sealed_len`: see surroundings.c. Each runs alone.
- A Rust block is the body of a main() that returns a Result, and seals `log` as `log.sealed`, with
  `device` = `42` for its encryption context. Each runs alone.
- The Python blocks of a page are one program, in their order. They find `log.sealed`, which has
  `{"device": "42"}` for its encryption context, and no `log`, and unseal the one as the other.
- The shell blocks of py/OPERATING.md run where they stand between those. They find `libseal`.

Code that readers need not see is in a comment that begins with the language, and runs where it
stands; for C and Rust, that is at the beginning of the block that follows:

    <!-- python
    assert plaintext == b"21.5 C"
    -->

The policies in JSON are for test_policies.py.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import libseal
from libseal.aws import KmsUnwrapper
from tests.kms.ministack import LocalKms, ministack
from tests.link import rust_flags, static_link_libs

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
OPERATING = ROOT / "py/OPERATING.md"
SURROUNDINGS = Path(__file__).with_name("surroundings.c")
RELEASE = Path(os.environ.get("LIBSEAL_RELEASE", ROOT / "target/release"))
KEY = "alias/example-rsa-key"
LOG = os.urandom(50_000)

FRAGMENT = re.compile(
    r"^(?P<opening>```|<!-- )(?P<language>c|python|rust|sh)\n(?P<code>.*?)^(?:```|-->)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Fragment:
    language: str
    hidden: bool
    code: str
    line: int
    """Of the first line of the code, counted from 1."""


def fragments(*languages: str, page: Path = README) -> Iterator[Fragment]:
    text = page.read_text() if page.exists() else ""
    for match in FRAGMENT.finditer(text):
        if match["language"] in languages:
            line = text.count("\n", 0, match.start("code")) + 1
            yield Fragment(match["language"], match["opening"] != "```", match["code"], line)


def blocks(language: str) -> Iterator[tuple[int, str]]:
    """Line and code of each block, with the hidden code before it."""
    code = ""
    for fragment in fragments(language):
        if language == "c":
            code += f'#line {fragment.line} "{README.name}"\n'
        code += fragment.code
        if not fragment.hidden:
            yield fragment.line, code
            code = ""


@pytest.fixture(scope="module")
def kms() -> Iterator[LocalKms]:
    with ministack() as kms:
        kms.create_key(KEY)
        yield kms


@pytest.fixture
def directory(kms: LocalKms, tmp_path: Path) -> Path:
    public_key = kms.client.get_public_key(KeyId=KEY)["PublicKey"]
    (tmp_path / "device.pub.der").write_bytes(public_key)
    (tmp_path / "log").write_bytes(LOG)
    return tmp_path


def every_block(language: str) -> pytest.MarkDecorator:
    codes = [pytest.param(code, id=f"line{line}") for line, code in blocks(language)]
    return pytest.mark.parametrize("code", codes)


@every_block("c")
def test_c(code: str, kms: LocalKms, directory: Path) -> None:
    block = directory / "block.c"
    block.write_text(code)
    source = block if re.search(r"\bmain\(", code) else SURROUNDINGS
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f'-DBLOCK="{block}"']
    library: list[str | Path] = [RELEASE / "libseal.a", *static_link_libs()]
    include = f"-I{ROOT / 'include'}"
    program = directory / "program"
    subprocess.run(["cc", *warnings, include, source, *library, "-o", program], check=True)
    subprocess.run([program], cwd=directory, check=True)

    message = (directory / "log.sealed").read_bytes()
    assert libseal.unseal(message, KmsUnwrapper(kms.client, keys=[KEY])) == LOG


@every_block("rust")
def test_rust(code: str, kms: LocalKms, directory: Path) -> None:
    source = directory / "block.rs"
    main = "fn main() -> Result<(), Box<dyn std::error::Error>>"
    source.write_text(f"{main} {{\n{code}\nOk(())\n}}")
    program = directory / "program"
    subprocess.run(["rustc", *rust_flags(RELEASE), source, "-o", program], check=True)
    subprocess.run([program], cwd=directory, check=True)

    message = (directory / "log.sealed").read_bytes()
    unwrap = KmsUnwrapper(kms.client, keys=[KEY])
    assert libseal.unseal(message, unwrap, require={"device": "42"}) == LOG


@pytest.mark.parametrize("page", [README, OPERATING], ids=lambda page: page.name)
def test_python(page: Path, kms: LocalKms, directory: Path) -> None:
    log = directory / "log"
    key = libseal.PublicKey((directory / "device.pub.der").read_bytes())
    libseal.seal_file(key, log, directory / "log.sealed", context={"device": "42"})
    log.unlink()

    lines: list[str] = []
    languages = ["python", "sh"] if page == OPERATING else ["python"]
    for fragment in fragments(*languages, page=page):
        lines += [""] * (fragment.line - 1 - len(lines))
        if fragment.language == "python":
            lines += fragment.code.splitlines()
        else:
            command = ["sh", "-eu", "-c", fragment.code]
            lines.append(f"__import__('subprocess').run({command!r}, check=True)")
    program = directory / page.name
    program.write_text("\n".join(lines))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = kms.environment | {"PATH": path}
    subprocess.run([sys.executable, program.name], cwd=directory, env=environment, check=True)
    assert log.read_bytes() == LOG


@pytest.mark.parametrize(
    ("page", "language"),
    [(README, "c"), (README, "rust"), (README, "python"), (OPERATING, "python")],
)
def test_there_is_code(page: Path, language: str) -> None:
    assert any(not fragment.hidden for fragment in fragments(language, page=page))


def test_all_of_the_code_for_operators_runs() -> None:
    languages = re.findall(r"^```(.+)$", OPERATING.read_text(), re.MULTILINE)
    assert set(languages) == {"python", "sh", "json policy", "json key-policy"}


def test_the_first_minute(tmp_path: Path) -> None:
    """As someone sees it who has the command and nothing else."""
    (code,) = (code for _, code in blocks("sh") if "libseal keys local" in code)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        ["sh", "-eu", "-c", code], cwd=tmp_path, env=os.environ | {"PATH": path}, check=True
    )
    assert (tmp_path / "log").read_text() == "21.5 C\n"
    assert (tmp_path / "private.pem").stat().st_mode & 0o077 == 0
