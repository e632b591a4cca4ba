"""The command in pipes and terminals, and when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

import libseal
from cli_support import (
    INCOMPLETE,
    INTERRUPTED,
    IO,
    NOT_AUTHENTIC,
    OK,
    PIPE_CLOSED,
    PROGRAM,
    TERMINATED,
    USAGE,
    Command,
    stop,
)
from support import CHUNK, public_key, unwrapper

TEXT = b"".join(b"line %d\n" % number for number in range(100_000))
SEAL = ("seal", "-r", "public.pem")
UNSEAL = ("unseal", "-i", "private.pem")


def test_data_goes_through_pipes(command: Command) -> None:
    sealed = command(*SEAL, stdin=TEXT)
    assert sealed.code == OK
    assert sealed.err == "sealed standard input -> standard output (1.0 MiB)\n"
    assert libseal.unseal(sealed.out, unwrapper()) == TEXT

    assert command(*UNSEAL, "-q", "-", stdin=sealed.out) == (OK, TEXT, "")
    assert command("verify", "-q", "-i", "private.pem", stdin=sealed.out) == (OK, b"", "")
    assert json.loads(command("inspect", "--json", stdin=sealed.out).out)["length"] is None

    command.path("other.der", public_key("rsa-3072").der)
    rewrapped = command(
        "rewrap", "-i", "private.pem", "--keep", "-r", "other.der", stdin=sealed.out
    )
    assert len(libseal.inspect(rewrapped.out).wrapped_keys) == 2
    assert libseal.unseal(rewrapped.out, unwrapper()) == TEXT

    assert command(*SEAL, "-o", "kept", stdin=TEXT).code == OK
    assert command(*UNSEAL, "-q", "kept", "-o", "-") == (OK, TEXT, "")


def test_several_messages_become_one_stream(command: Command) -> None:
    for name in ("a", "b"):
        command.path(f"{name}.sealed", libseal.seal(public_key(), name.encode()))
    assert command(*UNSEAL, "-q", "a.sealed", "b.sealed", "-o", "-") == (OK, b"ab", "")


def test_a_pipe_gets_only_what_is_verified_and_the_exit_code_tells_the_rest(
    command: Command,
) -> None:
    message = libseal.seal(public_key(), TEXT)
    cut = command(*UNSEAL, stdin=message[: len(message) // 2])
    assert cut.code == INCOMPLETE
    assert len(cut.out) % CHUNK == 0
    assert TEXT.startswith(cut.out)
    assert cut.out

    middle = len(message) // 2
    altered = message[:middle] + bytes([message[middle] ^ 1]) + message[middle + 1 :]
    refused = command(*UNSEAL, stdin=altered)
    assert refused.code == NOT_AUTHENTIC
    assert TEXT.startswith(refused.out)
    # To a file, all or nothing.
    assert command(*UNSEAL, "-o", "out", stdin=altered).code == NOT_AUTHENTIC
    assert command.names() == []


def test_a_reader_that_has_enough_ends_it_quietly(command: Command) -> None:
    command.path("a.sealed", libseal.seal(public_key(), TEXT * 10))
    with command.start(*UNSEAL, "a.sealed", "-o", "-") as process:
        assert process.stdout
        assert process.stdout.read(7) == b"line 0\n"
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == PIPE_CLOSED

    shell = ["bash", "-c", f"'{PROGRAM}' --help | true"]
    helped = subprocess.run(shell, capture_output=True, check=False)
    assert helped.stderr == b""


def test_a_terminal_gets_no_binary_data(command: Command) -> None:
    command.path("a", TEXT[:70])
    refused = command.in_terminal(*SEAL, "a", "-o", "-")
    assert refused.code == USAGE
    assert b"the output is binary, and would go to a terminal: give -o FILE" in refused.out
    assert b"SEAL" not in refused.out
    command.path("text.sealed", libseal.seal(public_key(), TEXT[:70]))
    command.path("binary.sealed", libseal.seal(public_key(), b"\x1b[31mred\0"))
    shown = command.in_terminal(*UNSEAL, "text.sealed", "-o", "-")
    assert shown.code == OK
    assert shown.out.startswith(b"line 0\r\nline 1\r\n")
    refused = command.in_terminal(*UNSEAL, "binary.sealed", "-o", "-")
    assert refused.code == USAGE
    assert b"red" not in refused.out

    waiting = command.in_terminal(*SEAL)
    assert waiting.code == USAGE
    assert b"is a terminal: name a file, or pipe the data into this" in waiting.out


def test_a_terminal_shows_how_far_it_is(command: Command) -> None:
    """What takes its time: a pipe that gives little at a time."""
    pipe = command.folder / "slow"
    os.mkfifo(pipe)
    script = f"for i in 1 2 3 4 5 6 7 8; do head -c 3M /dev/zero; sleep 0.1; done > '{pipe}'"
    with subprocess.Popen(["bash", "-c", script]):
        shown = command.in_terminal(*SEAL, "slow", "-o", "out")
    assert shown.code == OK
    assert b"B/s" in shown.out


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)],
)
def test_stopping_it_cleans_up(command: Command, number: signal.Signals, code: int) -> None:
    old = command.path("out", b"old")
    process = command.start(*SEAL, "-f", "-o", "out")
    assert process.stdin
    # More than a pipe holds, so it is at work when this returns.
    process.stdin.write(bytes(1 << 20))
    process.stdin.flush()
    assert stop(process, number) == (code, "libseal: interrupted\n")
    assert old.read_bytes() == b"old"
    left = sorted(path.name for path in command.folder.iterdir())
    assert left == ["other.pem", "out", "private.pem", "public.pem"]


@pytest.mark.parametrize("verb", ["seal", "unseal", "salvage"])
def test_a_file_that_appears_meanwhile_is_kept(command: Command, verb: str) -> None:
    os.mkfifo(command.folder / "pipe")
    key = SEAL[1:] if verb == "seal" else UNSEAL[1:]
    process = command.start(verb, *key, "pipe", "-o", "out")
    with (command.folder / "pipe").open("wb") as pipe:
        # It has opened the pipe, so it has looked for the file before.
        command.path("out", b"first")
        pipe.write(libseal.seal(public_key(), TEXT))
    _, err = process.communicate()
    assert (process.returncode, err) == (
        IO,
        b"libseal: pipe: out exists: add --force to replace it\n",
    )
    assert command.read("out") == b"first"
    assert command.names() == ["out"]


def test_a_second_ctrl_c_and_one_at_the_start_are_no_traceback(command: Command) -> None:
    process = command.start(*SEAL, "-o", "out")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    # So early, it may be Python itself that the signal ends.
    assert process.returncode in {INTERRUPTED, -signal.SIGINT}
    assert b"libseal" not in err.replace(b"libseal: interrupted\n", b"")
    assert command.names() == []
