"""Python processes read a plan with the keys that were unwrapped before."""

import functools
import multiprocessing
import os
import pickle
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from typing import Any

import boto3
import pytest

import libseal
from libseal import batch
from tests.engines.cloud import KEY, Cloud, Fleet
from tests.engines.search import count_secrets

PROCESSES = 2


@pytest.fixture
def job_key(monkeypatch: pytest.MonkeyPatch) -> batch.JobKey:
    key = batch.JobKey.generate()
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", key.to_text())
    return key


def kms_unwrapper() -> libseal.aws.KmsUnwrapper:
    return libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), [KEY])


def work(plan: batch.Plan, keys: libseal.Unwrap) -> dict[str, bytes]:
    return {file.name: plaintext for file, plaintext in plan.unseal(keys)}


def run(plan: batch.Plan, keys: libseal.Unwrap, method: str = "spawn") -> dict[str, bytes]:
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context(method)) as pool:
        parts = plan.partitions(2 * PROCESSES)
        results: dict[str, bytes] = {}
        for result in pool.map(work, parts, [keys] * len(parts)):
            results |= result
        return results


def expected(fleet: Fleet) -> dict[str, bytes]:
    return {fleet.url_of(name): content for name, content in fleet.contents.items()}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_keys_of_a_plan(cloud: Cloud, job_key: batch.JobKey, method: str) -> None:
    fleet = cloud.fleet(objects=40, keys=5)
    plan = batch.scan(fleet.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    assert run(plan, keys, method) == expected(fleet)
    assert cloud.kms.requests["Decrypt"] == 5


def test_keys_that_stay_together_need_few_calls_in_the_workers(cloud: Cloud) -> None:
    """For those who do not want to send keys: each worker asks for its own."""
    fleet = cloud.fleet(objects=40, keys=8)
    plan = batch.scan(fleet.url)
    parts = plan.partitions(4)
    assert sum(len(part.headers) for part in parts) <= 8 + 3
    assert run(plan, kms_unwrapper()) == expected(fleet)
    assert cloud.kms.requests["Decrypt"] <= 8 + 3


def test_no_key_is_in_what_is_sent(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(objects=10, keys=5)
    plan = batch.scan(fleet.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    sent = [pickle.dumps(each) for each in [plan, keys, *plan.partitions(4)]]
    assert count_secrets([*fleet.data_keys, job_key.to_text().encode()], *sent) == 0


def failing_work(plan: batch.Plan, keys: libseal.Unwrap) -> Any:
    return [(file.name, str(result)) for file, result in plan.unseal(keys, on_error="keep")]


def test_bad_objects_are_named_and_the_others_read(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(objects=20, keys=2)
    whole = libseal.seal(cloud.recipient, b"x" * 1000)
    altered = bytearray(whole)
    altered[-100] ^= 1
    cloud.put(fleet.bucket, {"altered": bytes(altered), "cut": whole[:-1], "plain": b"21.5;" * 99})
    plan = batch.scan(fleet.url, on_error="keep")
    assert [failure.name for failure in plan.failures] == [fleet.url_of("plain")]
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        parts = plan.partitions(PROCESSES)
        found = dict(chain.from_iterable(pool.map(failing_work, parts, [keys] * len(parts))))
    good = {name: str(content) for name, content in expected(fleet).items()}
    assert good.items() <= found.items()
    assert set(found) - set(good) == {fleet.url_of("altered"), fleet.url_of("cut")}
    with pytest.raises(libseal.SealError):
        run(plan, keys)


def die(_: batch.Plan) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_and_a_job_that_goes_on(
    cloud: Cloud, job_key: batch.JobKey
) -> None:
    fleet = cloud.fleet(objects=40, keys=5)
    plan = batch.scan(fleet.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    results: dict[str, bytes] = {}
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        first, second = plan.partitions(2)
        results |= pool.submit(work, first, keys).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(die, second).result()
    rest = plan.select(lambda file: file.name not in results)
    assert len(rest) == len(second)
    assert results | run(rest, keys) == expected(fleet)
    assert cloud.kms.requests["Decrypt"] == 5


def test_a_job_key_that_is_not_there_or_another(
    cloud: Cloud, job_key: batch.JobKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = cloud.fleet(objects=2, keys=1)
    plan = batch.scan(fleet.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    pickled = pickle.dumps(keys)
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", batch.JobKey.generate().to_text())
    with pytest.raises(libseal.AuthenticationError, match="LIBSEAL_JOB_SECRET"):
        pickle.loads(pickled)
    monkeypatch.delenv("LIBSEAL_JOB_SECRET")
    with pytest.raises(libseal.StateError, match="LIBSEAL_JOB_SECRET"):
        pickle.loads(pickled)


def test_nothing_to_read(cloud: Cloud) -> None:
    with pytest.raises(FileNotFoundError):
        batch.scan(f"s3://{cloud.bucket()}/*.sealed")
