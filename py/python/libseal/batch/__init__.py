"""Many files at once: plan, unwrap, run.

>>> from libseal import batch
>>> plan = batch.scan("s3://example-bucket/logs/*.sealed")
>>> plan.cost()
Cost(decrypts=50, get_requests=2000, dollars=0.00095, seconds=0.41)
>>> keys, refused = plan.unwrap(unwrap, rate=200)
>>> for file, plaintext in plan.unseal(keys):
...     print(file.name, len(plaintext))

- ``scan`` reads the beginnings of files, and makes a ``Plan``: which files there are, how long
  they are, and which data keys they need. It takes no key. Plans can be pickled, added and divided.
- ``Plan.unwrap`` asks a KMS once for each data key. The ``DataKeys`` are an unwrapper for
  everything that unseals. They are pickled only under a ``JobKey``, and then as ciphertext.
- ``Plan.unseal`` fetches and unseals the files, in this process. ``Plan.partitions`` divides them
  among several.

Files are read through fsspec: ``pip install 'libseal[fsspec]'``, and what fsspec needs for the
store, such as ``s3fs``.

Arguments that several calls share:

- ``on_error``: with ``"raise"``, the first failure is raised. With ``"keep"``, the others go on,
  and failures are part of the result. In both cases a note on the exception names the file.
- ``storage_options``: what fsspec needs to open the store, such as an endpoint or credentials.
  They hold for all the files, and are not kept in the plan: give them again to read the files.
- ``fs``: an fsspec file system to use instead of ``storage_options``. The names of files are then
  paths in it; otherwise they are URLs. It must not be one made with ``asynchronous=True``.
- ``concurrency``: how many requests are under way at once. Each has a thread that waits for it.
- ``progress``: called with the number of files, or of keys in ``Plan.unwrap``, that were done since
  the last call; ``tqdm.update`` fits.
"""

from .._changed import ChangedError
from .._libseal import DataKeys, JobKey
from ._cost import Cost
from ._failures import Failure, OnError, Refused
from ._plan import Plan, PlannedFile
from ._scan import Files, scan
from ._unwrapping import Unwrapped

__all__ = [
    "scan",
    "Plan",
    "PlannedFile",
    "Cost",
    "Unwrapped",
    "Refused",
    "Failure",
    "ChangedError",
    "DataKeys",
    "JobKey",
    "Files",
    "OnError",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    _value = globals()[_name]
    if _value.__module__.startswith("libseal.batch."):
        _value.__module__ = "libseal.batch"
del _name, _value
