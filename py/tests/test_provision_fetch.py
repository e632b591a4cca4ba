"""Public keys from a web server."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import libseal
from libseal import provision
from support import key_file, public_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIN = public_key().fingerprint


def bundle(days: int | None = None) -> bytes:
    not_after = None if days is None else datetime.now(UTC) + timedelta(days=days)
    made = provision.KeyBundle("arn", "", public_key(), datetime.now(UTC), not_after)
    return made.to_json().encode()


def certificate(days: int = 30) -> bytes:
    """A certificate of the public key."""
    issuer = ec.generate_private_key(ec.SECP256R1())
    subject = serialization.load_der_public_key(public_key().der)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "telemetry")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(subject)  # type: ignore[arg-type]
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .sign(issuer, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Handler(BaseHTTPRequestHandler):
    answers: dict[str, Any]

    def do_GET(self) -> None:
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(404)
        elif isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in http.server)
        """Keeps the log of the tests clean."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    return {
        "/key.der": public_key().der,
        "/key.pem": key_file("rsa-2048.pub.pem"),
        "/other.der": public_key("rsa-3072").der,
        "/bundle.json": bundle(),
        "/valid.json": bundle(days=1),
        "/expired.json": bundle(days=-1),
        "/certificate.pem": certificate(),
        "/expired.pem": certificate(days=-1),
        "/page.html": b"<html>It works!</html>",
        "/long": b"x" * 70_000,
        "/to-key": "/key.der",
        "/to-http": "http://example.com/key.der",
        "/to-file": "file:///etc/passwd",
    }


@pytest.fixture(scope="module")
def http(answers: dict[str, Any]) -> Iterator[str]:
    with serving(answers) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def https(answers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose certificate is in the environment."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("https")
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(made.public_bytes(encoding))
    (folder / "key.pem").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with serving(answers, context) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
        yield f"https://localhost:{server.server_port}"


class serving:  # noqa: N801 (a context manager)
    def __init__(self, answers: dict[str, Any], context: ssl.SSLContext | None = None) -> None:
        self.server = Server(("127.0.0.1", 0), type("Answering", (Handler,), {"answers": answers}))
        if context is not None:
            # Not in accept(), which would hold up the others.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )

    def __enter__(self) -> Server:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self.server

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    "path",
    [
        "/key.der",
        "/key.pem",
        "/bundle.json",
        "/valid.json",
        "/certificate.pem",
        "/to-key",
        "/key.der?token=x",
    ],
)
def test_every_form(https: str, path: str) -> None:
    assert provision.fetch_key(https + path, fingerprint=PIN) == public_key()


def test_the_pin_in_hexadecimal(https: str) -> None:
    for pin in (PIN.hex(), PIN.hex().upper()):
        assert provision.fetch_key(f"{https}/key.der", fingerprint=pin) == public_key()


@pytest.mark.parametrize("path", ["/other.der", "/bundle.json", "/certificate.pem"])
def test_another_key(https: str, path: str) -> None:
    with pytest.raises(libseal.InvalidKeyError) as error:
        provision.fetch_key(https + path, fingerprint=public_key("rsa-4096").fingerprint)
    assert error.value.name == "FINGERPRINT_MISMATCH"


@pytest.mark.parametrize("path", ["/expired.json", "/expired.pem"])
def test_expired(https: str, path: str) -> None:
    with pytest.raises(libseal.InvalidKeyError) as error:
        provision.fetch_key(https + path, fingerprint=PIN)
    assert error.value.name == "KEY_NOT_VALID_NOW"


def test_no_key(https: str) -> None:
    with pytest.raises(libseal.InvalidKeyError):
        provision.fetch_key(f"{https}/page.html", fingerprint=PIN)
    with pytest.raises(libseal.InvalidKeyError, match="longer than 64 KiB"):
        provision.fetch_key(f"{https}/long", fingerprint=PIN)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/missing?token=secret", "404"), ("/to-http", "HTTPS"), ("/to-file", "not allowed")],
)
def test_no_answer(https: str, path: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason) as error:
        provision.fetch_key(https + path, fingerprint=PIN)
    # What is after the question mark may be a secret.
    assert "secret" not in str(error.value)
    assert path.partition("?")[0] in str(error.value)


def test_loopback_needs_no_https(http: str) -> None:
    assert provision.fetch_key(f"{http}/key.der", fingerprint=PIN) == public_key()


def test_a_server_that_no_one_vouches_for(
    https: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_bytes(certificate())
    monkeypatch.setenv("SSL_CERT_FILE", str(nothing))
    with pytest.raises(OSError, match="verify failed"):
        provision.fetch_key(f"{https}/key.der", fingerprint=PIN)


def test_a_server_that_does_not_answer() -> None:
    import socket  # noqa: PLC0415

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/key"
        with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
            provision.fetch_key(url, fingerprint=PIN, timeout=0.05)
    with pytest.raises(OSError, match="refused"):
        provision.fetch_key(url, fingerprint=PIN)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/key", "without encryption"),
        ("http://127.0.0.1.example.com/key", "without encryption"),
        ("file:///etc/passwd", "https://"),
        ("example.com/key", "https://"),
        ("https:///key", "https://"),
        ("https://user:secret@example.com/key", "password"),
    ],
)
def test_no_such_url(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        provision.fetch_key(url, fingerprint=PIN)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("pin", ["", "00", "g" * 64, b"\0" * 31, PIN.hex() + "\n"])
def test_no_pin(pin: bytes | str) -> None:
    with pytest.raises(ValueError, match="fingerprint has"):
        provision.fetch_key("https://localhost:1/key", fingerprint=pin)
