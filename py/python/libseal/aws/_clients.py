"""What may be given as a client, and how to recognise it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = ["AsyncKmsClient", "AsyncKmsClients", "KmsClient", "KmsClients"]


@runtime_checkable
class KmsClient(Protocol):
    """What is needed of a client: ``boto3.client("kms")`` is one."""

    @property
    def get_public_key(self) -> Callable[..., Mapping[str, Any]]:
        """The KMS operation GetPublicKey."""

    @property
    def decrypt(self) -> Callable[..., Mapping[str, Any]]:
        """The KMS operation Decrypt."""


@runtime_checkable
class AsyncKmsClient(Protocol):
    """What is needed of an asynchronous client: aiobotocore's for ``"kms"`` is one."""

    @property
    def get_public_key(self) -> Callable[..., Awaitable[Mapping[str, Any]]]:
        """The KMS operation GetPublicKey."""

    @property
    def decrypt(self) -> Callable[..., Awaitable[Mapping[str, Any]]]:
        """The KMS operation Decrypt."""


_Source: TypeAlias = KmsClient | Callable[[], KmsClient]
KmsClients: TypeAlias = _Source | Sequence[_Source]
"""A client or a function that makes one, or several of them, for several regions."""

_AsyncSource: TypeAlias = (
    AsyncKmsClient | Callable[[], AsyncKmsClient] | Callable[[], Awaitable[AsyncKmsClient]]
)
AsyncKmsClients: TypeAlias = _AsyncSource | Sequence[_AsyncSource]
"""The same for asynchronous clients. The function may be asynchronous too."""


class Kind:
    """Which clients are expected, synchronous or asynchronous ones, and the words for them."""

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async
        if is_async:
            self._wanted = "an asynchronous KMS client, such as one of aiobotocore that is entered"
            self._instead = "libseal.aws.KmsUnwrapper takes synchronous clients"
        else:
            self._wanted = 'a KMS client, such as boto3.client("kms")'
            self._instead = "libseal.aws.AsyncKmsUnwrapper takes asynchronous clients"

    def sources(self, given: object) -> list[Any]:
        """Each client or function in what was given. Raises TypeError for what is neither."""
        if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
            self.check_source(given, "client")
            return [given]
        if not given:
            raise ValueError("client is empty: give a KMS client for each region")
        for each in given:
            self.check_source(each, "each of client")
        return list(given)

    def check_source(self, source: Any, name: str) -> None:
        """Raise TypeError unless this is such a client, or a function that may make one."""
        if not is_function(source):
            self.check(source, name)
            return
        import inspect  # noqa: PLC0415 (importing it takes 5 ms)

        given = getattr(source, "__name__", type(source).__name__)
        if not self.is_async and is_coroutine_function(source):
            raise TypeError(
                f"{name} must be synchronous, not the async function {given}: {self._instead}"
            )
        try:
            inspect.signature(source).bind()
        except ValueError:
            pass  # It has no signature that can be read.
        except TypeError as error:
            raise TypeError(
                f"{name} must be {self._wanted}, or a function without arguments that makes one, "
                f"not {given}: as a function it is {error}"
            ) from None

    def check(self, client: object, name: str) -> None:
        """Raise TypeError unless this is a KMS client of the kind that is expected."""
        given = type(client).__name__
        for method in ("get_public_key", "decrypt"):
            if not callable(getattr(client, method, None)):
                hint = f"it has no method {method}"
                if hasattr(client, "__aenter__"):
                    hint = "enter it first: async with ... as client"
                raise TypeError(
                    f"{name} must be {self._wanted}, or a function that makes one, not {given}: "
                    f"{hint}"
                )
        is_async = _is_async(client)
        if is_async is not None and is_async != self.is_async:
            kind = "asynchronous" if self.is_async else "synchronous"
            raise TypeError(f"{name} must be {kind}, not {given}: {self._instead}")


SYNC = Kind(is_async=False)
ASYNC = Kind(is_async=True)


def is_function(source: Any) -> bool:
    """Whether it makes a client. Some clients, such as mocks, are callable as well."""
    return callable(source) and not all(
        callable(getattr(source, name, None)) for name in ("get_public_key", "decrypt")
    )


def region_of(client: object) -> str | None:
    """The region that the client is for, or None where that is not known."""
    region = getattr(getattr(client, "meta", None), "region_name", None)
    return region if isinstance(region, str) else None


def _is_async(client: Any) -> bool | None:
    """Whether the client is asynchronous, or None where that shows only when it is called."""
    import inspect  # noqa: PLC0415 (importing it takes 5 ms)

    # In aiobotocore, it is not decrypt that is an async function, but what that calls.
    call = getattr(client, "_make_api_call", None)
    if any(map(is_coroutine_function, (client.decrypt, call))):
        return True
    return False if inspect.ismethod(call) else None


def is_coroutine_function(value: object) -> bool:
    """Whether calling it gives a coroutine, as far as that shows before."""
    import inspect  # noqa: PLC0415 (importing it takes 5 ms)

    # An object with an asynchronous __call__ counts as well.
    call = getattr(type(value), "__call__", None)  # noqa: B004 (it is not called)
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(call)
