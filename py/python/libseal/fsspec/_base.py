"""What SealedFileSystem is made from."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fsspec.asyn import AsyncFileSystem
from fsspec.config import apply_config
from fsspec.implementations.chained import ChainedFileSystem
from fsspec.spec import AbstractFileSystem

from ._options import hold

__all__ = ["Base", "synchronous"]

if TYPE_CHECKING:

    class Base:
        """Stands for the classes of fsspec, which have no types."""

        def __init__(self, **_: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

        _strip_protocol: Any

        def invalidate_cache(self, path: str | None = None) -> None: ...
        async def open_async(self, path: str, mode: str = "rb", **_: Any) -> Any: ...
        @classmethod
        def clear_instance_cache(cls) -> None: ...

else:

    class Instances(type(AbstractFileSystem)):
        """Has fsspec tell unwrappers apart: see Held."""

        def __call__(cls, *args, **options):
            options = apply_config(cls, options)
            if options.get("unwrap") is not None:
                options["unwrap"] = hold(options["unwrap"])
            return super().__call__(*args, **options)

    class Base(AsyncFileSystem, ChainedFileSystem, metaclass=Instances):
        pass


def synchronous(name: str) -> Callable[..., Any]:
    """The synchronous method for a coroutine method."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        return self._run(getattr(self, name), *args, **options)

    method.__name__ = name.removeprefix("_")
    method.__doc__ = f"See ``AbstractFileSystem.{method.__name__}``."
    return method
