"""A KMS and an S3 on this machine that count what they are asked, and fleets of sealed objects."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import libseal
from tests.kms.counting import CountedKms, counting
from tests.kms.counting_s3 import CountedS3, counting_s3
from tests.kms.ministack import ministack

ROOT = Path(__file__).parents[2]
KEY = "alias/example-rsa-key"
NEW_KEY = "alias/next-rsa-key"
UPLOADS = 8


@dataclass(frozen=True)
class Fleet:
    """Objects of one bucket, sealed under a few data keys."""

    bucket: str
    contents: dict[str, bytes]
    """The plaintext of each object, by its key in the bucket."""
    data_keys: list[bytes]
    """In the clear, to search for."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/"

    def url_of(self, name: str) -> str:
        return f"s3://{self.bucket}/{name}"


@dataclass(frozen=True)
class Cloud:
    kms: CountedKms
    s3: CountedS3
    public_key: libseal.PublicKey
    buckets: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """For drivers and workers: AWS SDKs use this machine, and ``tests`` can be imported."""
        return self.kms.environment | {
            "AWS_ENDPOINT_URL_S3": self.s3.endpoint,
            "PYTHONPATH": str(ROOT),
        }

    @property
    def recipient(self) -> libseal.Recipient:
        return libseal.Recipient(self.public_key, KEY)

    def reset(self) -> None:
        """Counts from 0 again."""
        self.kms.reset()
        self.s3.reset()

    def bucket(self) -> str:
        """A new and empty one."""
        name = f"fleet-{len(self.buckets)}"
        self.buckets.append(name)
        self.kms.kms.s3.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Uploads past the counters."""
        s3 = self.kms.kms.s3

        def put_one(item: tuple[str, bytes]) -> None:
            s3.put_object(Bucket=bucket, Key=item[0], Body=item[1])

        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(put_one, objects.items()))

    def fleet(
        self,
        objects: int,
        keys: int,
        content: Callable[[int], bytes] = lambda number: b"%d;21.5" % number,
        suffix: str = ".sealed",
        context: dict[str, str] | None = None,
    ) -> Fleet:
        """Seals objects under data keys in turn, into a bucket of their own: ``000007.sealed``."""
        sealing_keys = [libseal.SealingKey(self.recipient, context=context) for _ in range(keys)]
        bucket = self.bucket()
        contents = {f"{number:06}{suffix}": content(number) for number in range(objects)}
        messages = {
            name: sealing_keys[number % keys].seal(plaintext)
            for number, (name, plaintext) in enumerate(contents.items())
        }
        self.put(bucket, messages)
        headers = [libseal.Header(message) for message in list(messages.values())[:keys]]
        return Fleet(bucket, contents, [self.data_key(header) for header in headers])

    def data_key(self, header: libseal.Header) -> bytes:
        """Asks the KMS past the counter."""
        return self.kms.kms.client.decrypt(
            KeyId=KEY,
            CiphertextBlob=header.wrapped_keys[0].ciphertext,
            EncryptionAlgorithm="RSAES_OAEP_SHA_256",
        )["Plaintext"]


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    with ExitStack() as stack:
        local = stack.enter_context(ministack())
        local.create_key(KEY)
        local.create_key(NEW_KEY)
        kms = stack.enter_context(counting(local))
        s3 = stack.enter_context(counting_s3(local))
        yield Cloud(kms, s3, libseal.aws.public_key(local.client, KEY))
