"""Sealed files where they are: an fsspec file system for pandas, pyarrow, DuckDB, Dask and others.

    pandas.read_parquet(
        "sealed::s3://bucket/log.parquet", storage_options={"kms": "alias/telemetry"}
    )

``sealed::`` goes in front of any URL that fsspec knows. This module need not be imported for that,
only installed: ``pip install 'libseal[fsspec]'``. See SealedFileSystem.

Importing this module also adds ``compression="sealed"`` to fsspec, for single files:

    import libseal.fsspec

    fsspec.config.conf["sealed"] = {"kms": "alias/telemetry"}
    with fsspec.open("s3://bucket/log.csv.sealed", "rt", compression="sealed") as file:
        ...

fsspec has no place for a package to announce a compression, so the import cannot be left out, and
no way to hand it options, so they come from fsspec's configuration: the entry ``sealed``, or the
variables ``FSSPEC_SEALED_KMS`` and so on. They are also the defaults of the file system.
"""

from ._compression import register
from ._file_system import SealedFileSystem

__all__ = ["SealedFileSystem"]

SealedFileSystem.__module__ = __name__
register()
