"""Ray on this machine, with two workers and little memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

# Before Ray is imported: it tells no one about its use, and keeps no token in the home folder.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"

import ray
from ray.data import DataContext

# As little as Ray takes.
STORE_LEN = 80 << 20


@contextmanager
def running_ray(workers: int = 2) -> Iterator[Path]:
    """Starts Ray; the folder is the one of its logs and of what does not fit into its memory.

    Workers have the environment of this process.
    """
    # Not pytest's folder: the path of a socket is no longer than 107 bytes.
    with TemporaryDirectory(prefix="ray-") as folder:
        ray.init(
            num_cpus=workers,
            object_store_memory=STORE_LEN,
            include_dashboard=False,
            log_to_driver=False,
            _temp_dir=folder,
        )
        try:
            context = DataContext.get_current()
            context.enable_progress_bars = False
            yield Path(folder)
        finally:
            ray.shutdown()
