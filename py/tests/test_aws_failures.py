"""What the KMS's errors mean: unavailable, refused, rejected, or unknown; and what to check."""

from __future__ import annotations

import errno
import re
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import botocore.parsers
import pytest
from botocore.config import Config
from botocore.stub import Stubber

import libseal
from fake_kms import FakeKms, arn, error, sealed
from libseal.aws import KmsUnwrapper
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kms import KMSClient

UNAVAILABLE = libseal.KmsUnavailableError
REFUSED = libseal.KmsRefusedError
REJECTED = libseal.WrappedKeyRejectedError

CODES: list[tuple[str, int, type[libseal.KeyUnwrapError], str]] = [
    ("ThrottlingException", 400, UNAVAILABLE, "quota of the account and region"),
    ("Throttling", 400, UNAVAILABLE, "quota"),
    ("TooManyRequestsException", 429, UNAVAILABLE, "quota"),
    ("RequestLimitExceeded", 503, UNAVAILABLE, "quota"),
    ("KeyUnavailableException", 500, UNAVAILABLE, "try again later"),
    ("DependencyTimeoutException", 503, UNAVAILABLE, "try again later"),
    ("KMSInternalException", 500, UNAVAILABLE, "try again later"),
    ("InternalFailure", 500, UNAVAILABLE, "try again later"),
    ("ServiceUnavailable", 503, UNAVAILABLE, "try again later"),
    ("Unheard", 502, UNAVAILABLE, "try again later"),
    ("Unheard", 429, UNAVAILABLE, "quota"),
    ("Unheard", 408, UNAVAILABLE, "try again later"),
    ("301", 301, UNAVAILABLE, "endpoint and the proxy, and try again later"),
    ("Unheard", 307, UNAVAILABLE, "endpoint and the proxy"),
    ("AccessDeniedException", 400, REFUSED, "allow kms:Decrypt"),
    ("DisabledException", 400, REFUSED, "must be enabled"),
    ("KMSInvalidStateException", 400, REFUSED, "pending deletion"),
    ("NotFoundException", 400, REFUSED, "region and account"),
    ("InvalidKeyUsageException", 400, REFUSED, "usage ENCRYPT_DECRYPT"),
    ("UnsupportedOperationException", 400, REFUSED, "RSA key"),
    ("InvalidArnException", 400, REFUSED, "check the ARN"),
    ("UnrecognizedClientException", 403, REFUSED, "check the credentials"),
    ("ExpiredTokenException", 400, REFUSED, "whether they have expired"),
    ("InvalidSignatureException", 403, REFUSED, "the clock"),
    ("InvalidGrantTokenException", 400, REFUSED, "check grant_tokens"),
    ("Unheard", 403, REFUSED, "endpoint and credentials"),
    ("InvalidCiphertextException", 400, REJECTED, "altered or forged, .* another key, .* hash"),
    ("IncorrectKeyException", 400, REJECTED, "wrapped for another key"),
]


def client(endpoint: str | None = None, **settings: Any) -> KMSClient:
    settings = {"retries": {"total_max_attempts": 1}, **settings}
    return boto3.client(
        "kms",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="SECRETSECRET",
        endpoint_url=endpoint,
        config=Config(**settings),
    )


def refusal(client: Any) -> libseal.KeyUnwrapError:
    """What comes of a Decrypt."""
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(sealed(), KmsUnwrapper(client, {arn(): public_key()}))
    assert refused.value.retryable == isinstance(refused.value, UNAVAILABLE)
    assert "SECRETSECRET" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(("code", "status", "kind", "advice"), CODES)
def test_codes(code: str, status: int, kind: type, advice: str) -> None:
    kms = client()
    with Stubber(kms) as stubber:
        stubber.add_client_error("decrypt", code, "the reason", status)
        failure = refusal(kms)
    assert type(failure) is kind
    text = str(failure)
    assert text.startswith(f"KMS Decrypt of {arn()}: {code}: the reason; ")
    assert re.search(advice, text)
    assert isinstance(failure.__cause__, botocore.exceptions.ClientError)


def test_the_empty_message() -> None:
    kms = client()
    with Stubber(kms) as stubber:
        stubber.add_client_error("decrypt", "InvalidCiphertextException", "")
        failure = refusal(kms)
    assert f"{arn()}: InvalidCiphertextException; the wrapped key was altered" in str(failure)


NOT_THERE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)
DENIALS = [
    ("because no identity-based policy allows the kms:Decrypt action", "caller's IAM policy"),
    ("because no resource-based policy allows the kms:Decrypt action", "in the key policy"),
    ("with an explicit deny in a service control policy", "a policy denies kms:Decrypt"),
    (NOT_THERE, "region and account"),
    ("", "IAM policy, where the key policy leaves that to IAM, or in the key policy"),
]


@pytest.mark.parametrize(("message", "advice"), DENIALS)
def test_who_has_to_allow_it(message: str, advice: str) -> None:
    kms = FakeKms(a="rsa-2048")
    kms.failures["Decrypt", arn()] = error("AccessDeniedException", message)
    text = str(refusal(kms))
    assert text.partition(message + ";")[2].find(advice) > 0


def test_the_permission_that_is_missing() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.failures["GetPublicKey", "a"] = error("AccessDeniedException")
    words = "KMS GetPublicKey of a: .* allow kms:GetPublicKey"
    with pytest.raises(REFUSED, match=words):
        libseal.unseal(sealed(), KmsUnwrapper(kms, "a"))
    with pytest.raises(REFUSED, match=words) as refused:
        libseal.aws.public_key(kms, "a")
    assert isinstance(refused.value.__cause__, botocore.exceptions.ClientError)


EXCEPTIONS: list[tuple[Exception, type[libseal.KeyUnwrapError]]] = [
    (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), UNAVAILABLE),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="x"), UNAVAILABLE),
    (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), UNAVAILABLE),
    (botocore.exceptions.ConnectionClosedError(endpoint_url="x"), UNAVAILABLE),
    (botocore.exceptions.HTTPClientError(error="x"), UNAVAILABLE),
    (botocore.exceptions.ProxyConnectionError(proxy_url="x"), UNAVAILABLE),
    (botocore.exceptions.SSLError(endpoint_url="x", error=OSError("x")), UNAVAILABLE),
    (ConnectionResetError("reset"), UNAVAILABLE),
    (TimeoutError(), UNAVAILABLE),
    (botocore.exceptions.NoCredentialsError(), REFUSED),
    (botocore.exceptions.PartialCredentialsError(provider="x", cred_var="x"), REFUSED),
    (botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="x"), REFUSED),
    (botocore.exceptions.UnauthorizedSSOTokenError(), REFUSED),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), UNAVAILABLE),
    (OSError(errno.EMFILE, "Too many open files"), UNAVAILABLE),
    (socket.gaierror(-3, "Temporary failure in name resolution"), UNAVAILABLE),
    (MemoryError(), UNAVAILABLE),
    (RuntimeError("can't start new thread"), UNAVAILABLE),
    (botocore.parsers.ResponseParserError("x"), UNAVAILABLE),
    (botocore.exceptions.NoRegionError(), REFUSED),
    (botocore.exceptions.ProfileNotFound(profile="x"), REFUSED),
    (botocore.exceptions.ConfigNotFound(path="x"), REFUSED),
    (botocore.exceptions.ParamValidationError(report="x"), REFUSED),
    (RuntimeError("Session is closed"), REFUSED),
    (ValueError("words"), REFUSED),
    (AssertionError(), REFUSED),
]


@pytest.mark.parametrize(("raised", "kind"), EXCEPTIONS)
def test_exceptions(raised: Exception, kind: type) -> None:
    kms = FakeKms(a="rsa-2048")
    kms.failures["Decrypt", arn()] = raised
    failure = refusal(kms)
    assert type(failure) is kind
    assert failure.__cause__ is raised
    text = f"KMS Decrypt of {arn()}: {type(raised).__name__}"
    assert str(failure).startswith(f"{text}: {raised}" if str(raised) else text)


@pytest.mark.parametrize(("raised", "kind"), EXCEPTIONS)
def test_exceptions_of_the_function_that_makes_a_client(raised: Exception, kind: type) -> None:
    def make() -> Any:
        raise raised

    failure = refusal(make)
    assert type(failure) is kind
    assert failure.__cause__ is raised
    assert str(failure).startswith(f"the KMS client could not be made: {type(raised).__name__}")


def test_an_answer_about_another_key() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = {"KeyId": arn("rsa-3072")}
    failure = refusal(kms)
    assert type(failure) is REFUSED
    assert "answered about" in str(failure)
    assert "check the client's endpoint" in str(failure)


def test_what_is_ours_stays_what_it_is() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.failures["Decrypt", arn()] = stop = libseal.StopUnwrap("enough")
    with pytest.raises(libseal.StopUnwrap) as stopped:
        libseal.unseal(sealed(), KmsUnwrapper(kms, {arn(): public_key()}))
    assert stopped.value is stop


def test_a_forged_wrapped_key() -> None:
    blob = bytearray(sealed())
    blob[-120] ^= 1
    with pytest.raises(REJECTED):
        libseal.unseal(blob, KmsUnwrapper(FakeKms(a="rsa-2048"), "a"))


def test_the_next_unwrapper_is_tried() -> None:
    bad, good = FakeKms(a="rsa-2048"), FakeKms(a="rsa-2048")
    bad.failures["Decrypt", "*"] = error("AccessDeniedException")
    unwrap = [KmsUnwrapper(bad, "a"), KmsUnwrapper(good, "a")]
    assert libseal.unseal(sealed(), unwrap) == b"data"


# ---- Over the network


@contextmanager
def server(status: int, body: bytes, seconds: float = 0) -> Iterator[tuple[str, list[str]]]:
    """Answers every request so. The list has what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["X-Amz-Target"])
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # It did not wait for the answer.

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", asked
        finally:
            http.shutdown()


def test_connection_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = refusal(client(f"http://127.0.0.1:{port}"))
    assert type(failure) is UNAVAILABLE
    assert isinstance(failure.__cause__, botocore.exceptions.EndpointConnectionError)
    assert "check the network" in str(failure)


def test_a_slow_kms() -> None:
    with server(200, b"{}", seconds=1) as (endpoint, asked):
        failure = refusal(client(endpoint, read_timeout=0.2))
    assert type(failure) is UNAVAILABLE
    assert isinstance(failure.__cause__, botocore.exceptions.ReadTimeoutError)
    assert asked == ["TrentService.Decrypt"]


@pytest.mark.parametrize("attempts", [1, 3])
def test_the_clients_own_retries_decide(attempts: int) -> None:
    body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
    with server(400, body) as (endpoint, asked):
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        failure = refusal(client(endpoint, retries=retries))
    assert type(failure) is UNAVAILABLE
    assert "ThrottlingException: Rate exceeded" in str(failure)
    assert asked == ["TrentService.Decrypt"] * attempts


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>", UNAVAILABLE),
        (200, b"", UNAVAILABLE),
        (200, b"\xff\xfe", UNAVAILABLE),
        (200, b'{"KeyId": 7, "Plaintext": "????"}', UNAVAILABLE),
        # botocore stumbles over these itself, with a ValueError or an AttributeError.
        (200, b'{"KeyId": 7, "Plaintext": "A"}', REFUSED),
        (200, b"[1, 2]", REFUSED),
        # The KMS's, and there was something else than a data key in it.
        (200, b'{"KeyId": "%s", "Plaintext": "AAAA"}' % arn().encode(), REJECTED),
        (200, b"[1, 2", UNAVAILABLE),
        (301, b"Moved", UNAVAILABLE),
        (502, b"<html>Bad gateway", UNAVAILABLE),
        (403, b"<html>Blocked by the proxy", REFUSED),
    ],
)
def test_garbage(status: int, body: bytes, kind: type) -> None:
    with server(status, body) as (endpoint, _):
        failure = refusal(client(endpoint))
    assert type(failure) is kind
