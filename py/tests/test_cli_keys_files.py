"""``libseal keys local`` and ``libseal keys fetch``: no KMS is needed."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

import libseal
from cli_support import IO, KEY_REFUSED, PROGRAM, USAGE
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "keys", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


# ---- local


def test_a_key_pair(tmp_path: Path) -> None:
    # Not even for a moment may others read it, whatever the umask.
    before = os.umask(0)
    try:
        done = run(tmp_path, "local")
    finally:
        os.umask(before)
    assert (done.returncode, done.stdout) == (0, "")
    assert "for trying out" in done.stderr
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    key = libseal.PublicKey(public.read_bytes())
    assert key.bits == 3072
    message = libseal.seal(key, b"data")
    assert libseal.unseal(message, libseal.LocalUnwrapper(private.read_bytes())) == b"data"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["private.pem", "public.pem"]


def test_names_and_sizes(tmp_path: Path) -> None:
    assert run(tmp_path, "local", "-o", "try-", "--bits", "2048", "--quiet").stderr == ""
    assert libseal.PublicKey((tmp_path / "try-public.pem").read_bytes()).bits == 2048
    assert run(tmp_path, "local", "--bits", "1024").returncode == USAGE
    assert run(tmp_path, "local", "--bits", "2048", "-o", "missing/").returncode == IO


@pytest.mark.parametrize("name", ["private.pem", "public.pem"])
def test_nothing_is_lost(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    done = run(tmp_path, "local", "--bits", "2048")
    assert done.returncode == IO
    assert f"{name} exists" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_by_force(tmp_path: Path) -> None:
    private = tmp_path / "private.pem"
    private.write_text("mine")
    private.chmod(0o644)
    done = run(tmp_path, "local", "--bits", "2048", "--force")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    key = libseal.PublicKey((tmp_path / "public.pem").read_bytes())
    assert libseal.LocalUnwrapper(private.read_bytes()).public_key == key
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["new", "by force"])
def test_a_full_disk_leaves_both_or_neither(tmp_path: Path, force: list[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # One page, which the private key takes.
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk takes root")
    try:
        done = run(disk, "local", "--bits", "2048", *force)
        assert done.returncode == IO
        assert done.stderr == "libseal: public.pem: No space left on device\n"
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_pair_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    for name in ("private.pem", "public.pem"):
        (tmp_path / name).write_text(f"my {name}")
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 1; "$0" keys local --bits 2048 --force', PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr[:22]) == (IO, b"libseal: private.pem: ")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {name: f"my {name}" for name in ("private.pem", "public.pem")}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "private.pem").symlink_to(target)
    assert run(tmp_path, "local", "--bits", "2048").returncode == IO
    assert run(tmp_path, "local", "--bits", "2048", "--force").returncode == 0
    assert not target.exists()


# ---- fetch


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/key":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(public_key().der)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in http.server)
        """Keeps the log of the tests clean."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_fetch(tmp_path: Path, url: str) -> None:
    pin = public_key().fingerprint.hex()
    done = run(tmp_path, "fetch", f"{url}/key", "--pin", pin)
    assert done.returncode == 0, done.stderr
    assert libseal.PublicKey(done.stdout) == public_key()
    assert pin in done.stderr
    assert run(tmp_path, "fetch", f"{url}/key", "--pin", pin, "--der", "-o", "k").stdout == ""
    assert (tmp_path / "k").read_bytes() == public_key().der
    exists = run(tmp_path, "fetch", f"{url}/key", "--pin", pin, "-o", "k")
    assert (exists.returncode, "--force" in exists.stderr) == (IO, True)


def test_nothing_is_written_for_a_wrong_key(tmp_path: Path, url: str) -> None:
    other = public_key("rsa-3072").fingerprint.hex()
    done = run(tmp_path, "fetch", f"{url}/key", "--pin", other, "-o", "k")
    assert done.returncode == KEY_REFUSED
    assert other in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("{url}/key",), USAGE, "--pin"),
        (("{url}/key", "--pin", "00"), USAGE, "64 hexadecimal digits"),
        (("{url}/missing", "--pin", "00" * 32), IO, "404"),
        (("http://example.com/key", "--pin", "00" * 32), USAGE, "https"),
    ],
)
def test_no_key(
    tmp_path: Path, url: str, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    done = run(tmp_path, "fetch", *(argument.format(url=url) for argument in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("libseal: ")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
