"""GET over HTTPS: a short answer, in a limited time. A module of its own, as urllib takes 60 ms."""

import time
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .._errors import make_error

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def get(url: str, *, max_len: int, timeout: float) -> bytes:
    """What the server answers.

    Raises OSError if it answers nothing or an error, InvalidKeyError if it is longer than
    ``max_len``, and ValueError for a URL that is none or not safe.
    """
    name = _check_url(url)
    deadline = time.monotonic() + timeout
    try:
        with build_opener(_Redirects).open(url, timeout=timeout) as response:
            return _read(response, name, max_len, deadline)
    except HTTPError as error:
        error.close()
        raise OSError(f"{name}: the server answers {error.code} {error.reason}") from None
    except TimeoutError:
        raise TimeoutError(f"{name} cannot be fetched: no answer within {timeout:g} s") from None
    except URLError as error:
        raise OSError(f"{name} cannot be fetched: {_text_of(error.reason)}") from error
    except (OSError, HTTPException) as error:
        raise OSError(f"{name} cannot be fetched: {_text_of(error)}") from error


def _check_url(url: str) -> str:
    """What to call the URL in errors: without its query, which may be a secret."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL has a password in it: a public key needs none, so leave it out")
    name = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ValueError(f"{url!r} is not a URL that begins with https://")
    if not _is_safe(url):
        raise ValueError(f"{name} is not fetched without encryption: give a URL with https")
    return name


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


class _Redirects(HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917 (as in the base class)
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if not _is_safe(newurl):
            fp.close()
            raise URLError("the server redirects to a place without HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(response: HTTPResponse, name: str, max_len: int, deadline: float) -> bytes:
    content = b""
    # read1() returns what there is, so that a server which is slow on purpose holds up no one.
    while piece := response.read1(max_len + 1 - len(content)):
        content += piece
        if len(content) > max_len:
            message = f"{name} is longer than {max_len // 1024} KiB: this is no public key"
            raise make_error(110, "NOT_A_PUBLIC_KEY", message)
        if time.monotonic() > deadline:
            raise TimeoutError
    return content


def _text_of(reason: object) -> str:
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
