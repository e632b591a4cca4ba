"""SealedFileSystem: the plaintext of sealed files in another file system of fsspec."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from glob import has_magic
from pathlib import Path
from shutil import copyfileobj
from typing import Any, ClassVar

from fsspec import filesystem
from fsspec.asyn import get_loop, sync
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
from fsspec.utils import isfilelike

from .._errors import FormatError, TruncatedError
from .._replace import replacing
from .._types import Context, Require, Unwrap
from ._base import Base, synchronous
from ._draft import Draft
from ._inner import Inner, is_async, run_to_end
from ._known import SEALED_CHUNK_LEN
from ._opened import AsyncSealedFile, Deferred, SealedReader, SealedWriter
from ._options import FileRecipient, KmsKeys, caching_unwrapper, read_recipients
from ._reading import Bounds, Reading, all_of
from ._sealing import Sealing

# How much of a local file is sealed at a time.
PIECE_LEN = 1024 * 1024
# Ranges that are no farther apart are fetched with one request.
MAX_GAP = SEALED_CHUNK_LEN


class SealedFileSystem(Base):
    """The plaintext of sealed files in another file system: ``sealed::s3://bucket/log.parquet``.

    Arguments, which are ``storage_options`` elsewhere:

    - ``kms``: ids, ARNs or aliases of keys in AWS KMS, one or several, to unseal with. Each process
      makes a client of boto3 as boto3 does by default, in the region of an ARN.
    - ``unwrap``: in the place of ``kms``, any unwrapper: see ``libseal.Unwrapper``.
    - ``require``: which pairs the encryption context of each file must have: see ``unseal``.
    - ``recipients``: whom to seal for: a PublicKey, a Recipient, the bytes of a public key, the
      path of its file, or a list of these. ``context`` is what is bound to each file: see ``seal``.
    - ``fs``, or ``target_protocol`` and ``target_options``: the file system below. A URL gives it.

    **Names** are those of the file system below. Files that are not sealed are listed too, with
    their own size and ``"sealed": False``; to read them raises FormatError. Of sealed files,
    ``size`` is the length of the plaintext, and ``message_len`` that of the file. A file that ends
    too early has the size None. To know sizes takes no key and verifies nothing, but takes a
    request for the beginning of each file; ``ls(detail=False)``, ``find``, ``glob`` and ``exists``
    take none.

    **Reading** fetches the chunks of 16 KiB that hold what is read, in one request where they are
    near each other. The first time, the last chunk of the file is among them: nothing is returned
    before it is verified where the file ends. What is known of a file, none of it secret, is kept
    for later, for 10,000 files. A file that others replaced is noticed when it is read. Data keys
    are kept as in a CachingUnwrapper; give one as ``unwrap`` to set its limits.

    **Writing** makes a file when it is complete, and not before: until then the message is in
    memory, or from 5 MiB on in the folder for temporary files. What is written by an object of this
    class, up to 5 MiB per file, shares a data key, so that reading it takes one call of the KMS;
    longer files have one each. A file that is left by an exception is not made. Files cannot be
    appended to. ``cp``, ``mv`` and ``rm`` work on sealed files as they are, without any key.

    Pickles have neither data keys nor clients. With ``kms`` or an unwrapper that can be pickled,
    the copy reads in another process.

    It is asynchronous if the file system below is.
    """

    protocol: ClassVar[str] = "sealed"
    # The path in the URL, which is not what it depends on.
    _strip_tokenize_options = ("fo",)

    def __init__(
        self,
        fs: Any = None,
        fo: str | None = None,  # noqa: ARG002 (a path in the URL)
        target_protocol: str | None = None,
        target_options: Mapping[str, Any] | None = None,
        *,
        kms: KmsKeys | None = None,
        unwrap: Unwrap | None = None,
        require: Require | None = None,
        recipients: FileRecipient | Iterable[FileRecipient] | None = None,
        context: Context | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        batch_size: int | None = None,
        **storage_options: Any,
    ) -> None:
        if fs is None:
            if target_protocol is None:
                raise ValueError(
                    "there is no file system below: write sealed:: before a whole URL, as in "
                    "sealed::file:///tmp/log, or give fs= or target_protocol="
                )
            options = dict(target_options or {})
            if asynchronous:
                options["asynchronous"] = True
            fs = filesystem(target_protocol, **options)
        self.async_impl: bool = is_async(fs)
        if asynchronous and not self.async_impl:
            raise ValueError("asynchronous=True needs an asynchronous file system below")
        if self.async_impl and bool(fs.asynchronous) != asynchronous:
            raise ValueError("this file system and the one below must both be asynchronous or not")
        # A synchronous one needs no event loop, and so no thread for one.
        loop = loop or (getattr(fs, "_loop", None) or get_loop() if self.async_impl else object())
        super().__init__(
            asynchronous=asynchronous, loop=loop, batch_size=batch_size, **storage_options
        )
        self.fs: Any = fs
        self._inner = Inner(fs, batch_size)
        self._reading = Reading(self._inner, caching_unwrapper(unwrap, kms), require)
        self._sealing = Sealing(read_recipients(recipients), context)
        # Paths are those of the file system below.
        self.root_marker: str = fs.root_marker
        self.sep: str = fs.sep
        self._parent: Callable[[str], str] = fs._parent  # noqa: SLF001
        self._strip_protocol = self._path_below

    def _path_below(self, path: Any) -> Any:
        if isinstance(path, list):
            return [self._path_below(one) for one in path]
        # That of the class: this is that of the object.
        strip: Any = super()._strip_protocol
        return self.fs._strip_protocol(strip(path))  # noqa: SLF001

    def _run(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self.async_impl:
            return sync(self.loop, method, *args, **options)
        return run_to_end(method(*args, **options))

    @property
    def fsid(self) -> str:
        """The id of the file system below, after ``sealed_``."""
        return f"sealed_{self.fs.fsid}"

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what is known of the file or folder at a path, or everything, here and below."""
        self._reading.forget(None if path is None else self._strip_protocol(path))
        super().invalidate_cache(path)

    # What there is

    async def _info(self, path: str, **options: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        return await self._reading.with_info(path, self._described, **options)

    async def _ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        entries = await self._inner.call("ls", self._strip_protocol(path), detail=detail, **options)
        return await self._all_described(entries) if detail else entries

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **options: Any,
    ) -> Any:
        found = await self._inner.call(
            "find",
            self._strip_protocol(path),
            maxdepth=maxdepth,
            withdirs=withdirs,
            detail=detail,
            **options,
        )
        return await self._by_name(found) if detail else found

    async def _glob(
        self, path: str, maxdepth: int | None = None, detail: bool = False, **options: Any
    ) -> Any:
        is_folder = path.endswith("/")
        pattern = self._strip_protocol(path) + ("/" if is_folder else "")
        found = await self._inner.call("glob", pattern, maxdepth=maxdepth, detail=detail, **options)
        return await self._by_name(found) if detail else found

    async def _du(
        self, path: str, total: bool = True, maxdepth: int | None = None, **options: Any
    ) -> Any:
        found = await self._find(path, maxdepth=maxdepth, detail=True, **options)
        sizes = {name: info["size"] or 0 for name, info in found.items()}
        return sum(sizes.values()) if total else sizes

    async def _by_name(self, found: Mapping[str, Any]) -> dict[str, Any]:
        described = await self._all_described([*found.values()])
        return dict(zip(found, described, strict=True))

    async def _all_described(self, entries: Sequence[Any]) -> list[dict[str, Any]]:
        described = await self._inner.gather([self._listed(entry) for entry in entries])
        return all_of(described)

    async def _listed(self, info: Mapping[str, Any]) -> dict[str, Any]:
        try:
            try:
                return await self._described(info)
            except OSError:
                # Replaced since it was listed?
                self._reading.forget_file(info["name"])
                return await self._info(info["name"])
        except (FileNotFoundError, PermissionError):
            # Deleted meanwhile, or not to be read: no reason to fail for a whole folder.
            return {**info, "size": None, "sealed": None}

    async def _described(self, info: Mapping[str, Any]) -> dict[str, Any]:
        if info.get("type") != "file":
            return dict(info)
        try:
            known, _ = await self._reading.look_at(info["name"], info)
            size: int | None = known.plaintext_len
        except FormatError:
            return {**info, "sealed": False}
        except TruncatedError:
            size = None
        return {**info, "size": size, "sealed": True, "message_len": info["size"]}

    async def _exists(self, path: str, **options: Any) -> bool:
        there: bool = await self._inner.call("exists", self._strip_protocol(path), **options)
        return there

    async def _isfile(self, path: str) -> bool:
        is_file: bool = await self._inner.call("isfile", self._strip_protocol(path))
        return is_file

    async def _isdir(self, path: str) -> bool:
        is_folder: bool = await self._inner.call("isdir", self._strip_protocol(path))
        return is_folder

    def walk(self, path: str, *args: Any, detail: bool = False, **options: Any) -> Iterator[Any]:
        """See ``AbstractFileSystem.walk``."""
        folders: Iterator[Any]
        if detail:
            folders = AbstractFileSystem.walk(self, path, *args, detail=True, **options)
        else:
            folders = self.fs.walk(self._strip_protocol(path), *args, **options)
        return folders

    async def _walk(
        self, path: str, *args: Any, detail: bool = False, **options: Any
    ) -> AsyncIterator[Any]:
        path = self._strip_protocol(path)
        below: Any = super() if detail else self.fs
        async for folder in below._walk(path, *args, detail=detail, **options):  # noqa: SLF001
            yield folder

    def modified(self, path: str) -> datetime:
        """When the file was changed."""
        time: datetime = self.fs.modified(self._strip_protocol(path))
        return time

    def created(self, path: str) -> datetime:
        """When the file was made."""
        time: datetime = self.fs.created(self._strip_protocol(path))
        return time

    def checksum(self, path: str) -> Any:
        """What changes when the file does."""
        return self.fs.checksum(self._strip_protocol(path))

    def ukey(self, path: str) -> Any:
        """What changes when the file does."""
        return self.fs.ukey(self._strip_protocol(path))

    # Reading

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        path = self._strip_protocol(path)
        if start in {None, 0} and end is None:
            return await self._reading.read_whole(path)
        return (await self._reading.read(path, [(start, end)], MAX_GAP))[0]

    async def _cat_ranges(  # noqa: PLR0917 (as in fsspec)
        self,
        paths: Sequence[str],
        starts: Sequence[int | None] | int | None,
        ends: Sequence[int | None] | int | None,
        max_gap: int | None = None,
        batch_size: int | None = None,  # noqa: ARG002 (that of the file system holds)
        on_error: str = "return",
    ) -> list[bytes | Exception]:
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        starts, ends = (
            [*each] if isinstance(each, Iterable) else [each] * len(paths)
            for each in (starts, ends)
        )
        wanted: dict[str, list[Bounds]] = {}
        for path, start, end in zip(paths, starts, ends, strict=True):
            wanted.setdefault(self._strip_protocol(path), []).append((start, end))
        gap = MAX_GAP if max_gap is None else max_gap
        reading = [self._reading.read(path, each, gap) for path, each in wanted.items()]
        read = dict(zip(wanted, await self._inner.gather(reading), strict=True))
        if on_error != "return":
            all_of([*read.values()])
        left: dict[str, Iterator[bytes | Exception]] = {
            path: iter([result] * len(wanted[path]) if isinstance(result, Exception) else result)
            for path, result in read.items()
        }
        return [next(left[self._strip_protocol(path)]) for path in paths]

    async def _get_file(
        self,
        rpath: str,
        lpath: Any = None,
        callback: Any = DEFAULT_CALLBACK,
        outfile: Any = None,
        **_: Any,
    ) -> None:
        rpath = self._strip_protocol(rpath)
        out = lpath if outfile is None and isfilelike(lpath) else outfile
        if out is None and await self._isdir(rpath):
            Path(lpath).mkdir(parents=True, exist_ok=True)
            return
        if out is not None:
            await self._read_into(out, rpath, callback)
            return
        Path(lpath).parent.mkdir(parents=True, exist_ok=True)
        with replacing(lpath, survives_power_loss=False) as new:
            await self._read_into(new, rpath, callback)

    async def _read_into(self, out: Any, path: str, callback: Any) -> None:
        async for piece in self._reading.read_pieces(path):
            out.write(piece)
            callback.relative_update(len(piece))

    async def open_async(self, path: str, mode: str = "rb", **options: Any) -> AsyncSealedFile:
        """Open a file to read it with ``await``."""
        if mode != "rb":
            raise ValueError("open_async only reads: to write, await _pipe_file or _put_file")
        path = self._strip_protocol(path)
        known, _ = await self._reading.with_info(path, partial(self._reading.look_at, path))
        return AsyncSealedFile(self, path, self._reading, known, **options)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        path = self._strip_protocol(path)
        if mode == "rb":
            options.pop("size", None)
            looked = self._run(self._reading.open, path)
            return SealedReader(
                self,
                path,
                self._reading,
                looked,
                block_size=block_size,
                cache_options=cache_options,
                **options,
            )
        if mode not in {"wb", "xb"}:
            raise ValueError(
                f"a sealed file cannot be opened with mode {mode!r}: a message is written as a "
                "whole, with wb or xb"
            )
        if mode == "xb" and self.fs.exists(path):
            raise FileExistsError(path)
        return SealedWriter(self, path, mode, self._sealing.draft(), autocommit)

    def open_many(self, open_files: Iterable[Any], **_: Any) -> list[Any]:
        """Open what ``fsspec.open_files`` returns.

        Without this, fsspec would look for a file system below that can, such as ``simplecache``,
        and open its files in the place of these: messages, or worse, plaintext to be written there.
        """
        return [file.open() for file in open_files]

    def commit_many(self, open_files: Iterable[Any], **_: Any) -> None:
        """Nothing: they were made when they were closed."""

    # Writing

    async def _store(self, path: str, message: bytes | Path, is_new: bool = False) -> None:
        """Make a file of a message, which is in memory or in a local file."""
        options = {"mode": "create"} if is_new else {}
        try:
            if isinstance(self.fs, LocalFileSystem):
                if self.fs.auto_mkdir:
                    Path(path).parent.mkdir(parents=True, exist_ok=True)
                with replacing(path, overwrite=not is_new, survives_power_loss=False) as new:
                    if isinstance(message, bytes):
                        new.write(message)
                    else:
                        with message.open("rb") as file:
                            copyfileobj(file, new)
            elif isinstance(message, bytes):
                await self._inner.call("pipe_file", path, message, **options)
            else:
                await self._inner.call("put_file", os.fspath(message), path, **options)
        finally:
            self._reading.known.forget_file(path)

    async def _finish(self, path: str, draft: Draft, mode: str) -> None:
        """Make a file of what was written, or have it made at the end of the transaction."""
        try:
            message = await self._inner.work(draft.finish)
            if self._intrans:
                self.transaction.files.append(Deferred(self, path, draft, message, mode))
                return
            await self._store(path, message, mode == "xb")
        except BaseException:
            draft.drop()
            raise
        draft.drop()

    async def _new_draft(self, path: str, mode: str) -> tuple[Draft, str]:
        if mode == "create" and await self._exists(path):
            raise FileExistsError(path)
        return self._sealing.draft(), "xb" if mode == "create" else "wb"

    async def _pipe_file(self, path: str, value: Any, mode: str = "overwrite", **_: Any) -> None:
        path = self._strip_protocol(path)
        draft, mode = await self._new_draft(path, mode)
        draft.write(value)
        await self._finish(path, draft, mode)

    async def _put_file(
        self,
        lpath: Any,
        rpath: str,
        callback: Any = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **_: Any,
    ) -> None:
        rpath = self._strip_protocol(rpath)
        source = Path(lpath)
        if source.is_dir():
            await self._inner.call("makedirs", rpath, exist_ok=True)
            return
        draft, mode = await self._new_draft(rpath, mode)
        try:
            with source.open("rb") as file:
                callback.set_size(os.fstat(file.fileno()).st_size)
                while piece := file.read(PIECE_LEN):
                    await self._inner.work(draft.write, piece)
                    callback.relative_update(len(piece))
        except BaseException:
            draft.drop()
            raise
        if not self.async_impl:
            # As others do: object stores have no folders, and the asynchronous ones are all that.
            self.fs.makedirs(self._parent(rpath), exist_ok=True)
        await self._finish(rpath, draft, mode)

    def touch(self, path: str, truncate: bool = True, **options: Any) -> None:
        """Make an empty file, sealed, or with ``truncate=False`` mark an old one as changed."""
        path = self._strip_protocol(path)
        if truncate or not self.fs.exists(path):
            self.pipe_file(path, b"")
        else:
            self.fs.touch(path, truncate=False, **options)

    # What works on files as they are

    async def _cp_file(self, path1: str, path2: str, **options: Any) -> None:
        path2 = self._strip_protocol(path2)
        await self._inner.call("cp_file", self._strip_protocol(path1), path2, **options)
        self._reading.known.forget(path2)

    async def _rm_file(self, path: str, **options: Any) -> None:
        path = self._strip_protocol(path)
        await self._inner.call("rm_file", path, **options)
        self._reading.known.forget_file(path)

    async def _rm(self, path: Any, *args: Any, **options: Any) -> None:
        path = self._strip_protocol(path)
        await self._inner.call("rm", path, *args, **options)
        for each in path if isinstance(path, list) else [path]:
            # A pattern may stand for anything.
            self._reading.known.forget(None if has_magic(each) else each)

    async def _mkdir(self, path: str, *args: Any, **options: Any) -> None:
        await self._inner.call("mkdir", self._strip_protocol(path), *args, **options)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        await self._inner.call("makedirs", self._strip_protocol(path), exist_ok=exist_ok)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        self.fs.rmdir(self._strip_protocol(path))

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        """Move files, as they are."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        self.fs.mv(path1, path2, **options)
        self._reading.known.forget(path1)
        self._reading.known.forget(path2)

    info: Callable[..., Any] = synchronous("_info")
    ls: Callable[..., Any] = synchronous("_ls")
    find: Callable[..., Any] = synchronous("_find")
    glob: Callable[..., Any] = synchronous("_glob")
    du: Callable[..., Any] = synchronous("_du")
    exists: Callable[..., Any] = synchronous("_exists")
    isfile: Callable[..., Any] = synchronous("_isfile")
    isdir: Callable[..., Any] = synchronous("_isdir")
    cat_file: Callable[..., Any] = synchronous("_cat_file")
    cat_ranges: Callable[..., Any] = synchronous("_cat_ranges")
    get_file: Callable[..., Any] = synchronous("_get_file")
    pipe_file: Callable[..., Any] = synchronous("_pipe_file")
    put_file: Callable[..., Any] = synchronous("_put_file")
    cp_file: Callable[..., Any] = synchronous("_cp_file")
    rm_file: Callable[..., Any] = synchronous("_rm_file")
    rm: Callable[..., Any] = synchronous("_rm")
    mkdir: Callable[..., Any] = synchronous("_mkdir")
    makedirs: Callable[..., Any] = synchronous("_makedirs")
