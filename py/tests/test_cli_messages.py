"""What the command says about messages, and what it makes of damaged ones."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import libseal
from cli_support import INCOMPLETE, NOT_AUTHENTIC, OK, PROGRAM, USAGE, Command
from support import CHUNK, public_key, unwrapper

DATA = os.urandom(5 * CHUNK)
UNSEAL = ("unseal", "-i", "private.pem")
MESSAGE_COMMANDS = ("seal", "unseal", "inspect", "verify", "rewrap", "salvage")
COMMANDS = (*MESSAGE_COMMANDS, "keys", "import-openssl", "completion")

QUICK_COMMANDS = """
import sys, libseal.cli

for arguments in ("--help", "inspect a.sealed", "seal -q -r public.pem b"):
    sys.argv[1:] = arguments.split()
    assert libseal.cli.main() == 0, arguments

heavy = {"boto3", "tqdm", "asyncio", "ssl", "logging", "cryptography"} & sys.modules.keys()
sys.exit(str(heavy) if heavy else 0)
"""


def test_inspecting_shows_what_anyone_can_see(command: Command) -> None:
    recipient = libseal.Recipient(public_key(), "alias/\x1b[31mred")
    message = libseal.seal(recipient, DATA, context={"device": "42", "name": "two\nlines"})
    command.path("a.sealed", message)
    shown = command("inspect", "a.sealed")
    assert (shown.code, shown.err) == (OK, "")
    assert shown.out.decode().splitlines() == [
        "a.sealed: a sealed message, not verified",
        "  plaintext   80.0 KiB, sealed in 80.5 KiB",
        "  context     device = 42",
        "              name = two\\nlines",
        f"  sealed for  {public_key().fingerprint.hex()} alias/\\x1b[31mred (RSAES_OAEP_SHA_256)",
    ]

    command.path("b.sealed", message)
    lines = command("inspect", "--json", "a.sealed", "b.sealed").out.splitlines()
    first, second = map(json.loads, lines)
    assert (first["file"], second["file"]) == ("a.sealed", "b.sealed")
    assert first["context"] == {"device": "42", "name": "two\nlines"}
    assert first["plaintext_length"] == len(DATA)
    assert first["length"] == len(message)
    assert first["recipients"][0]["fingerprint"] == public_key().fingerprint.hex()
    assert first["verified"] is False


def test_verifying_writes_nothing(command: Command) -> None:
    message = libseal.seal(public_key(), DATA)
    command.path("good.sealed", message)
    assert command("verify", "-i", "private.pem", "good.sealed") == (
        OK,
        b"",
        "verified good.sealed (80.0 KiB)\n",
    )
    command.path("cut.sealed", message[:-1])
    both = command("verify", "-i", "private.pem", "cut.sealed", "good.sealed")
    assert both.code == INCOMPLETE
    assert "verified 1 file (80.0 KiB); 1 failed\n" in both.err
    assert command.names() == ["cut.sealed", "good.sealed"]


def altered(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


def test_a_damaged_message_becomes_no_file(command: Command) -> None:
    message = libseal.seal(public_key(), DATA, context={"device": "42"})
    for damaged, code in [
        (b"hello", NOT_AUTHENTIC),
        (b"", INCOMPLETE),
        (altered(message, message.index(b"device")), NOT_AUTHENTIC),
        (altered(message, len(message) // 2), NOT_AUTHENTIC),
        (message[: len(message) // 2], INCOMPLETE),
        (message + b"more", INCOMPLETE),
    ]:
        command.path("a.sealed", damaged)
        refused = command(*UNSEAL, "a.sealed")
        assert (refused.code, refused.out) == (code, b""), refused.err
        assert refused.err.startswith("libseal: a.sealed: ")
        assert refused.err.count("\n") == 1
        assert command.names() == ["a.sealed"]


@pytest.mark.parametrize("pair", ["device=43", "place"])
def test_a_message_without_a_required_pair_is_refused(command: Command, pair: str) -> None:
    command.path("a.sealed", libseal.seal(public_key(), DATA, context={"device": "42"}))
    refused = command(*UNSEAL, "--require", pair, "a.sealed")
    assert refused.code == NOT_AUTHENTIC
    assert pair.partition("=")[0] in refused.err
    assert command.names() == ["a.sealed"]


def test_salvaging_keeps_the_verified_beginning_and_says_so(command: Command) -> None:
    message = libseal.seal(public_key(), DATA)
    command.path("cut.sealed", message[:-20_000])
    cut = command("salvage", "-i", "private.pem", "cut.sealed")
    assert (cut.code, cut.out) == (INCOMPLETE, b"")
    assert "cut.sealed: INCOMPLETE: cut.incomplete has the first 48.0 KiB" in cut.err
    assert command.read("cut.incomplete") == DATA[: 3 * CHUNK]

    command.path("bad.sealed", altered(message, len(message) // 2))
    bad = command("salvage", "-q", "-i", "private.pem", "bad.sealed", "-o", "part")
    assert bad.code == NOT_AUTHENTIC
    assert DATA.startswith(command.read("part"))

    command.path("good.sealed", message)
    good = command("salvage", "-i", "private.pem", "good.sealed")
    assert good.code == OK
    assert command.read("good") == DATA
    assert good.err == "complete after all: unsealed good.sealed -> good (80.0 KiB)\n"

    command.path("none.sealed", message[:300])
    assert command("salvage", "-i", "private.pem", "none.sealed").code == INCOMPLETE
    assert not (command.folder / "none.incomplete").exists()


def test_salvaging_by_force_keeps_a_message_of_another_name(command: Command) -> None:
    message = libseal.seal(public_key(), DATA)
    command.path("message", message)
    done = command("salvage", "-i", "private.pem", "--force", "message")
    assert done.code == OK
    assert command.read("message") == message
    assert command.read("message.incomplete") == DATA


def test_rewrapping_changes_the_recipients_in_place(command: Command) -> None:
    command.path("a.sealed", libseal.seal(public_key(), DATA))
    command.path("new.der", public_key("rsa-3072").der)
    done = command("rewrap", "-i", "private.pem", "-r", "new.der", "a.sealed")
    assert done == (OK, b"", "rewrapped a.sealed\n")
    assert libseal.unseal(command.read("a.sealed"), unwrapper("rsa-3072")) == DATA
    # Not one for whom it is not sealed.
    assert command("rewrap", "-i", "private.pem", "-r", "public.pem", "a.sealed").code != OK


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_teaches_with_an_example(command: Command, name: str) -> None:
    shown = command(name, "--help")
    assert shown.code == OK
    assert f"libseal {name} ".encode() in shown.out.partition(b"\n\n")[2]


def test_the_help_lists_commands_and_exit_codes(command: Command) -> None:
    shown = command("--help").out.decode()
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    for code in (*range(10), 130):
        assert f"\n  {code} " in shown
    without = command()
    assert without.code == USAGE
    assert without.out == b""
    assert "Usage: libseal" in without.err
    version = subprocess.check_output([sys.executable, "-m", "libseal", "--version"], text=True)
    assert version.strip() == libseal.__version__


def test_no_command_imports_what_it_does_not_need(command: Command) -> None:
    command.path("a.sealed", libseal.seal(public_key(), b""))
    command.path("b", b"")
    done = subprocess.run(
        [sys.executable, "-c", QUICK_COMMANDS],
        cwd=command.folder,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_click_it_says_what_to_install(command: Command) -> None:
    command.path("click.py", b"raise ModuleNotFoundError('click')")
    refused = command("seal", environment={"PYTHONPATH": str(command.folder)})
    assert refused.code == USAGE
    assert refused.err == "libseal: the command needs click: pip install 'libseal[cli]'\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(command: Command, shell: str) -> None:
    script = command("completion", shell)
    assert script.code == OK
    assert b"_LIBSEAL_COMPLETE" in script.out
    words = {"COMP_WORDS": "libseal un", "COMP_CWORD": "1" if shell != "fish" else "un"}
    completed = command(environment=words | {"_LIBSEAL_COMPLETE": f"{shell}_complete"})
    assert b"unseal" in completed.out
    assert b"inspect" not in completed.out


def test_the_first_minute_of_the_readme_runs(command: Command) -> None:
    """On a machine that has nothing but the command."""
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    first = readme.partition("```sh\n")[2].partition("```")[0]
    assert "libseal keys local" in first
    path = f"{shlex.quote(str(PROGRAM.parent))}:$PATH"
    shell = ["bash", "-euc", f"PATH={path}\nrm *.pem\n{first}"]
    done = subprocess.run(
        shell, cwd=command.folder, env=command.environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"a sealed message" in done.stdout
    assert command.read("log") == b"21.5 C\n"
