"""The recipe for Yocto: read by a linter. It was never built."""

import re
import shutil
from hashlib import md5
from pathlib import Path

import pytest

from tests.ecosystems.package import ROOT, VERSION, attempt, compile_here, run

FOLDER = ROOT / "ffi-c/package/yocto"
RECIPE = FOLDER / "libseal.bb"


# There is no homepage yet; the linter does not know that `arm` is an override, as every
# architecture is; what was built elsewhere was stripped there.
NOT_OURS = ("var.mandatoryvar.HOMEPAGE", "vars.specific", "vars.insaneskip")


def lint(recipe: Path) -> str:
    suppressed = (f"--suppress=oelint.{rule}" for rule in NOT_OURS)
    process = attempt("oelint-adv", "--quiet", "--mode=fast", *suppressed, recipe)
    return "\n".join(line for line in process.stdout.splitlines() if ":error:" in line)


def test_a_linter_finds_no_error(tmp_path: Path) -> None:
    recipe = tmp_path / f"libseal_{VERSION}.bb"
    shutil.copy(RECIPE, recipe)
    assert lint(recipe) == ""
    recipe.write_text(RECIPE.read_text().replace("SUMMARY", "SUMARY"))
    assert "'SUMMARY' should be set" in lint(recipe)


def test_it_says_that_it_is_untested() -> None:
    assert "UNTESTED" in RECIPE.read_text().splitlines()[0]
    assert "**Untested**" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("licence", ["MIT", "APACHE"])
def test_the_licences_are_those(licence: str) -> None:
    found = re.search(rf"LICENSE-{licence};md5=([0-9a-f]{{32}})", RECIPE.read_text())
    content = (ROOT / f"LICENSE-{licence}").read_bytes()
    assert found
    assert found[1] == md5(content, usedforsecurity=False).hexdigest()


def test_each_target_is_in_the_table() -> None:
    targets = set(re.findall(r'^LIBSEAL_TARGET:\S+ = "(.+)"', RECIPE.read_text(), re.MULTILINE))
    table = (ROOT / "ffi-c/targets").read_text()
    assert targets <= {line.split()[0] for line in table.splitlines() if line.strip()}


def test_the_source_of_random_bytes_of_the_readme(tmp_path: Path) -> None:
    code = re.search(r"```c\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert code
    main = tmp_path / "main.c"
    main.write_text(
        code[1]
        + """
#include "seal_reading.h"
#include <stdio.h>
int main(void)
{
    static const libseal_random source = LIBSEAL_RANDOM_INIT(linux_random, NULL);
    static uint8_t message[SEALED_LEN];
    size_t len;
    libseal_status status = seal_reading(&source, "21.5 C", message, &len);
    puts(libseal_status_name(status));
    return status != LIBSEAL_OK;
}
"""
    )
    example = ROOT / "ffi-c/package/example"
    sources = [main, example / "seal_reading.c"]
    assert run(compile_here(tmp_path / "program", sources, [example, ROOT / "include"])) == "OK\n"
