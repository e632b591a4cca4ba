"""The command where something around it is odd: closed streams, an umask, links, empty folders."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

import libseal
from cli_support import IO, OK, PROGRAM, USAGE, Command
from support import public_key

UNSEAL = ("unseal", "-i", "private.pem")
SEAL = ("seal", "-r", "public.pem")


def in_shell(command: Command, text: str) -> int:
    return subprocess.run(
        ["sh", "-c", f'"$0" {text}', PROGRAM],
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def test_plaintext_has_no_more_rights_than_the_umask_leaves(command: Command) -> None:
    command.path("log", b"a line\n")
    assert command(*SEAL, "log").code == OK
    (command.folder / "log.sealed").chmod(0o666)
    (command.folder / "log").unlink()
    before = os.umask(0o077)
    try:
        assert command(*UNSEAL, "log.sealed").code == OK
    finally:
        os.umask(before)
    assert stat.S_IMODE((command.folder / "log").stat().st_mode) == 0o600


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(command: Command, closed: str) -> None:
    command.path("log", b"a line\n")
    assert in_shell(command, f"seal -r public.pem log {closed}") == OK
    assert in_shell(command, f"verify -i private.pem log.sealed {closed}") == OK
    assert in_shell(command, f"inspect missing {closed}") == IO


def test_data_from_or_to_a_closed_stream_is_a_failure(command: Command) -> None:
    command.path("log", b"a line\n")
    assert in_shell(command, "seal -r public.pem -o out <&-") == IO
    assert in_shell(command, "seal -r public.pem -o - log >&-") == IO
    assert not (command.folder / "out").exists()


def test_nothing_to_verify_is_no_success(command: Command) -> None:
    command.path("backup/log", b"not sealed")
    result = command("verify", "-i", "private.pem", "--recursive", "backup")
    text = "libseal: nothing was done: in backup is no file whose name ends in .sealed\n"
    assert result == (IO, b"", text)


def test_a_folder_has_no_file_elsewhere_rewrapped(command: Command) -> None:
    command.path("log", b"a line\n")
    assert command(*SEAL, "log").code == OK
    message = command.read("log.sealed")
    (command.folder / "inbox").mkdir()
    (command.folder / "inbox/link.sealed").symlink_to("../log.sealed")
    rewrap = ("rewrap", "-i", "private.pem", "-r", "public.pem", "--recursive", "inbox")
    assert command(*rewrap).code == IO
    assert command.read("log.sealed") == message


def test_a_key_of_the_call_is_never_replaced(command: Command) -> None:
    command.path("log", b"a line\n")
    assert command(*SEAL, "log").code == OK
    keys = command.read("private.pem"), command.read("public.pem")
    assert command(*UNSEAL, "log.sealed", "--force", "-o", "./private.pem").code == USAGE
    assert command(*SEAL, "log", "--force", "-o", "public.pem").code == USAGE
    assert (command.read("private.pem"), command.read("public.pem")) == keys


def test_the_old_private_key_stays_if_the_new_pair_cannot_be_written(command: Command) -> None:
    command.path("xprivate.pem", b"an old key")
    (command.folder / "xpublic.pem").mkdir()
    assert command("keys", "local", "-o", "x", "--force").code == IO
    assert command.read("xprivate.pem") == b"an old key"


def test_text_that_steers_a_terminal_stays_away_from_it(command: Command) -> None:
    command.path("log", "a \u009b31mred line\n".encode())
    assert command(*SEAL, "log").code == OK
    result = command.in_terminal(*UNSEAL, "log.sealed", "-o", "-")
    assert result.code == USAGE
    assert b"\xc2\x9b" not in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        (*SEAL, "--context", b"device=\xff"),
        (*UNSEAL, "--require", b"\xff"),
        ("unseal", "--kms", b"alias/\xff"),
    ],
    ids=["context", "require", "kms"],
)
def test_text_that_is_no_utf_8_is_named(
    command: Command, arguments: tuple[str | bytes, ...]
) -> None:
    message = libseal.seal(public_key(), b"data")
    result = command(*arguments, stdin=message)
    assert (result.code, result.out) == (USAGE, b"")
    assert "\\xff' is not UTF-8: only names of files can have other bytes\n" in result.err


def test_a_key_without_a_name_is_refused(command: Command) -> None:
    result = command("unseal", "--kms", "", stdin=b"data")
    assert result.code == USAGE
    assert "'--kms': is empty: give an alias, an id or an ARN" in result.err


def test_a_signal_after_all_is_done_is_no_traceback(command: Command) -> None:
    """It may come while Python ends."""
    program = (
        "import signal; from libseal.cli import main;"
        "main(); signal.raise_signal(signal.SIGTERM); print('was ignored')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        env=command.environment,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGTERM
    assert ended.stderr == b""
