"""examples/jobs: Dask with the keys of a plan, and plain processes."""

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd

import libseal
from tests.engines.cloud import KEY, ROOT, Cloud


def run(cloud: Cloud, name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, ROOT / "examples/jobs" / name, *map(str, arguments)],
        env=cloud.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_dask_sums(cloud: Cloud) -> None:
    def parquet(number: int) -> bytes:
        buffer = io.BytesIO()
        pd.DataFrame({"sensor": ["a", "b"], "level": [number, 1]}).to_parquet(buffer)
        return buffer.getvalue()

    fleet = cloud.fleet(objects=6, keys=3, content=parquet)
    done = run(cloud, "dask_sums.py", fleet.url, "sensor", "level", KEY)
    assert done.stdout == "a\t15\nb\t6\n", done.stderr
    assert cloud.kms.requests["Decrypt"] == 3


def test_unseal_in_processes(cloud: Cloud, tmp_path: Path) -> None:
    fleet = cloud.fleet(objects=20, keys=4)
    altered = bytearray(libseal.seal(cloud.recipient, b"x" * 100_000))
    altered[50_000] ^= 1
    cloud.put(fleet.bucket, {"sub/altered.sealed": bytes(altered)})
    done = run(cloud, "unseal_in_processes.py", fleet.url, tmp_path, KEY)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{fleet.url_of('sub/altered.sealed')}: ")
    assert len(done.stdout.splitlines()) == 1
    files = {str(file.relative_to(tmp_path)): file for file in tmp_path.rglob("*")}
    expected = {name.removesuffix(".sealed"): data for name, data in fleet.contents.items()}
    assert {name: file.read_bytes() for name, file in files.items()} == expected
    assert cloud.kms.requests["Decrypt"] == 5

    files["000007"].unlink()
    (tmp_path / ".000007.part").write_bytes(b"half")
    cloud.put(fleet.bucket, {"sub/altered.sealed": libseal.seal(cloud.recipient, b"whole")})
    done = run(cloud, "unseal_in_processes.py", fleet.url, tmp_path, KEY)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "21 objects, 19 of them done" in done.stderr
    assert (tmp_path / "000007").read_bytes() == expected["000007"]
    assert (tmp_path / "sub/altered").read_bytes() == b"whole"
    assert not (tmp_path / ".000007.part").exists()
