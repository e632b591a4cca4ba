"""The command where something around it is odd: closed streams, an umask, links, empty folders."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest

from cli_support import IO, OK, PROGRAM, Command

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
