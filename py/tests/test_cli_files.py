"""The command with files and folders: what it makes, and what it refuses to touch."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import libseal
from cli_support import IO, NOT_AUTHENTIC, OK, USAGE, Command, seal_all
from support import public_key, unwrapper

DATA = bytes(range(256)) * 300
UNSEAL = ("unseal", "-i", "private.pem")
SEAL = ("seal", "-r", "public.pem")


def test_a_file_is_sealed_beside_and_unsealed_with_its_mode_and_times(command: Command) -> None:
    report = command.path("report.pdf", DATA)
    report.chmod(0o750)
    os.utime(report, (1_600_000_000, 1_500_000_000))

    sealed = command(*SEAL, "report.pdf", "--context", "device=42")
    assert sealed == (OK, b"", "sealed report.pdf -> report.pdf.sealed (75.5 KiB)\n")
    message = command.read("report.pdf.sealed")
    assert libseal.unseal(message, unwrapper(), require={"device": "42"}) == DATA

    report.unlink()
    unsealed = command(
        *UNSEAL, "--require", "device=42", "--require", "device", "report.pdf.sealed"
    )
    assert unsealed == (OK, b"", "unsealed report.pdf.sealed -> report.pdf (75.0 KiB)\n")
    assert report.read_bytes() == DATA
    for path in (report, command.folder / "report.pdf.sealed"):
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o750
        assert status.st_mtime == 1_500_000_000


def test_a_folder_is_mirrored_and_comes_back_the_same(command: Command) -> None:
    contents = {"a.log": b"a", "deep/er/b.log": DATA, "deep/c c": b""}
    for name, content in contents.items():
        command.path(f"data/{name}", content)
    command.path("data/done.sealed", b"left out")

    sealed = command("seal", "-r", "public.pem", "--recursive", "data/", "-o", "out")
    assert sealed.code == OK
    assert sealed.err == "sealed 3 files (76.3 KiB)\n"
    assert command.names("out") == [f"{name}.sealed" for name in sorted(contents)]

    assert command(*UNSEAL, "-q", "--recursive", "out", "-o", "back") == (OK, b"", "")
    for name, content in contents.items():
        assert command.read(f"back/{name}") == content


def test_files_of_one_call_share_a_data_key(command: Command) -> None:
    for name in ("a", "b"):
        command.path(name, DATA)
    seal_all(command, ["a", "b"])
    one, two = (libseal.inspect(command.folder / f"{name}.sealed") for name in ("a", "b"))
    assert one.wrapped_keys == two.wrapped_keys


def test_what_exists_is_kept_unless_forced(command: Command) -> None:
    command.path("a", b"new")
    old = command.path("a.sealed", b"old")
    refused = command(*SEAL, "a")
    assert refused == (IO, b"", "libseal: a: a.sealed exists: add --force to replace it\n")
    assert old.read_bytes() == b"old"

    old.chmod(0o600)
    assert command(*SEAL, "--force", "a").code == OK
    assert libseal.unseal(old.read_bytes(), unwrapper()) == b"new"
    assert stat.S_IMODE(old.stat().st_mode) == 0o600, "a file keeps its mode when it is replaced"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["a", "-o", "folder"], IO, "a: folder is a folder: end it with a slash to write into it"),
        (["a", "-o", "a"], USAGE, "a would replace itself, which is an input: give another -o"),
        (["a", "b", "-f", "-o", "b/.."], IO, "a: b/..: Not a directory"),
        (["folder"], IO, "folder: is a folder: add --recursive for what is in it"),
        (["nothing"], IO, "nothing: No such file or directory"),
        (["a", "-o", "no/where"], IO, "a: no/where: No such file or directory"),
        (["a", "-", "-o", "out"], USAGE, "- stands for standard input, which must be the only"),
        (["a", "folder/a", "-o", "out"], USAGE, "a and folder/a would both become out/a.sealed"),
        (["a", "b", "-o", "-"], USAGE, "standard output takes one message only"),
        (["a", "--context", "device"], USAGE, "'device' has no value: give KEY=VALUE"),
        (["a", "--context", "="], USAGE, "key"),
        (["a", "--no-such-option"], USAGE, "No such option"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    command: Command, arguments: list[str], code: int, sentence: str
) -> None:
    command.path("a", b"a")
    command.path("b", b"b")
    command.path("folder/a", b"other")
    before = command.names()
    refused = command(*SEAL, *arguments)
    assert (refused.code, refused.out) == (code, b"")
    assert sentence in refused.err
    assert refused.err.startswith("libseal: ")
    assert command.names() == before, "nothing is made, and nothing is left behind"


def test_one_file_that_fails_does_not_stop_the_others(command: Command) -> None:
    command.path("data/a", b"a")
    (command.folder / "data" / "gone").symlink_to("nowhere")
    os.mkfifo(command.folder / "data" / "pipe")
    command.path("data/z", b"z")
    sealed = command("seal", "-r", "public.pem", "--recursive", "data", "-o", "out")
    assert sealed.code == IO
    assert sealed.err.splitlines() == [
        "libseal: data/gone: No such file or directory",
        "libseal: data/pipe: is not a regular file: name it to have it read",
        "sealed 2 files (814 B); 2 failed",
    ]

    command.path("out/m.sealed", b"no message")
    command.path("out/n.sealed", b"")
    unsealed = command(*UNSEAL, "-q", "--recursive", "out", "-o", "back")
    assert unsealed.code == NOT_AUTHENTIC, "the code is that of the first failure"
    assert unsealed.err.count("libseal: out/") == 2
    assert command.names("back") == ["a", "z"]


@pytest.mark.parametrize("name", [b"two words", b"line\nbreak", b"\xff\xfe", b"\x1b[31mred"])
def test_names_may_have_any_bytes_and_are_shown_safely(command: Command, name: bytes) -> None:
    path = command.path(os.fsdecode(name), DATA)
    for arguments in ((*SEAL, name), (*UNSEAL, "--force", name + b".sealed")):
        done = command(*arguments)
        assert done.code == OK
        assert done.err.endswith(")\n")
        assert done.err.count("\n") == 1
        assert done.err[:-1].isprintable()
    assert path.read_bytes() == DATA
    again = command(*SEAL, name)
    assert again.code == IO
    assert again.err[:-1].isprintable()


def test_unsealing_refuses_a_name_that_tells_no_other(command: Command) -> None:
    command.path("message", libseal.seal(public_key(), DATA))
    refused = command(*UNSEAL, "message")
    assert refused.code == USAGE
    assert "message: has a name without .sealed: give -o" in refused.err
    assert command(*UNSEAL, "message", "-o", "data").code == OK
    assert command.read("data") == DATA


def test_a_name_of_nothing_but_the_suffix_has_no_other(command: Command) -> None:
    command.path("in/.sealed", libseal.seal(public_key(), DATA))
    assert command(*UNSEAL, "in/.sealed").code == USAGE
    assert command(*UNSEAL, "in/.sealed", "-o", "out").code == OK
    assert command.read("out") == DATA


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("...sealed", "would be called .. without .sealed"),
        ("..sealed", "would be called . without .sealed"),
        (".sealed", "would have no name without .sealed"),
    ],
)
def test_a_name_of_which_no_name_is_left_is_refused(command: Command, name: str, left: str) -> None:
    command.path(f"in/{name}", libseal.seal(public_key(), DATA))
    text = f"{left}: give -o for where to write\n"
    for output in ([], ["-o", "out/"]):
        refused = command(*UNSEAL, f"in/{name}", *output)
        assert refused == (USAGE, b"", f"libseal: in/{name}: {text}")
    if name != ".sealed":  # It is left out of folders.
        refused = command(*UNSEAL, "--recursive", "in", "-o", "out")
        assert (refused.code, text in refused.err) == (USAGE, True)
    assert command.names() == [f"in/{name}"]
    assert command(*UNSEAL, "-q", f"in/{name}", "-o", "out") == (OK, b"", "")
    assert command.read("out") == DATA


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["new", "by force"])
def test_what_is_no_file_is_written_to_as_standard_output(
    command: Command, force: list[str]
) -> None:
    command.path("a", DATA)
    command.path("a.sealed", libseal.seal(public_key(), DATA))
    os.mkfifo(command.folder / "pipe")
    (command.folder / "link").symlink_to("/dev/stdout")
    opened = "is an open file of a process: give -o - for standard output"
    piped = "is not a regular file: give -o - and redirect standard output to it"
    advice = {"/dev/stdout": opened, "/dev/fd/1": opened, "link": opened, "pipe": piped}
    for arguments in ([*SEAL, "a"], [*UNSEAL, "a.sealed"]):
        for name, text in advice.items():
            refused = command(*arguments, *force, "-o", name)
            assert refused == (IO, b"", f"libseal: {arguments[-1]}: {name} {text}\n")
    # Standard output may be a file.
    with (command.folder / "out").open("wb") as out:
        process = command.start(*UNSEAL, "a.sealed", *force, "-o", "/dev/stdout", stdout=out)
        _, err = process.communicate()
    assert (process.returncode, opened.encode() in err) == (IO, True)


def test_a_full_disk_is_named_and_leaves_nothing(command: Command) -> None:
    command.path("a", DATA)
    full = command(*SEAL, "a", "-o", "/dev/full", "--force")
    assert full.code == IO
    assert "a: /dev/full is not a regular file: give -o - and redirect" in full.err
    with Path("/dev/full").open("wb") as device:
        process = command.start(*SEAL, "a", "-o", "-", stdout=device)
        _, err = process.communicate()
    assert process.returncode == IO
    assert err == b"libseal: a: No space left on device\n"
