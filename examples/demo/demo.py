"""The main job, told step by step: `make demo` runs it.

A device seals a file with nothing but a public key, in C; a backend unseals it through KMS, in
Python; and the same message is opened once more without libseal.

The KMS is MiniStack, started here, unless LIBSEAL_DEMO_KEY names a key (alias, id or ARN): then it
is AWS with the credentials that the AWS SDK finds. The key must be RSA, ENCRYPT_DECRYPT; nothing is
created or changed. DEMO_FILE names another file to seal.
"""

import argparse
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

import libseal
from libseal.aws import KmsUnwrapper
from tests.kms.ministack import ministack

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ALIAS = "alias/example-rsa-key"
ROOT = Path(__file__).parents[2]
LARGEST_FILE = 64 * 1024 * 1024

numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description="What `make demo` runs.")
    parser.add_argument("--library", type=Path, required=True, help="directory of libseal.a")
    parser.add_argument("--build", type=Path, required=True, help="directory for the C example")
    parser.add_argument("--bare-python", type=Path, required=True, help="Python without libseal")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        with TemporaryDirectory(prefix="libseal-demo-") as directory, kms() as (client, key, env):
            work = Path(directory)
            tell(client, key, env, work, arguments)
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; all that the demo made is gone")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"KMS: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"failed: {error}")


@contextmanager
def kms() -> Iterator[tuple["KMSClient", str, Mapping[str, str]]]:
    """A KMS client, the key to use, and the environment for a child that talks to that KMS."""
    key = os.environ.get("LIBSEAL_DEMO_KEY")
    if key:
        with step("AWS KMS"):
            client = boto3.client("kms")
            say(f"{client.meta.endpoint_url}, {key}")
        yield client, key, os.environ
        return
    started = time.monotonic()
    with ministack() as local:
        with step("A KMS on this machine, with an RSA key", started):
            local.create_key(ALIAS)
            say(f"MiniStack at {local.endpoint}: {ALIAS}, RSA_2048, ENCRYPT_DECRYPT")
        yield local.client, ALIAS, local.environment


def tell(
    client: "KMSClient",
    key: str,
    kms_environment: Mapping[str, str],
    work: Path,
    arguments: argparse.Namespace,
) -> None:
    public_key = work / "device.pub.der"
    with step("Its public key, all that the device gets"):
        answer = client.get_public_key(KeyId=key)
        if answer["KeyUsage"] != "ENCRYPT_DECRYPT" or not answer["KeySpec"].startswith("RSA_"):
            sys.exit(f"{key} is {answer['KeySpec']}, {answer['KeyUsage']}: not a key to seal for")
        public_key.write_bytes(answer["PublicKey"])
        fingerprint = hashlib.sha256(answer["PublicKey"]).hexdigest()
        say(f"{public_key.name}: {answer['KeySpec']}, DER, {size(public_key)}")
        say(f"fingerprint {fingerprint}")

    with step("The device's program, in C"):
        say("$ make -C examples/c")
        directories = [f"LIBSEAL_DIR={arguments.library}", f"BUILD_DIR={arguments.build}"]
        run("make", "-s", "-C", ROOT / "examples/c", *directories)
        program = arguments.build / "seal_file"
        say(f"{program.name}: {size(program)}, with libseal.a in it")

    original = file_to_seal()
    before = sha256(original)
    message = work / "upload.sealed"
    with step("Seal, on the device: no credentials, no network, no secret"):
        say(f"{original.name}: {size(original)}")
        say(f"sha256 {before}")
        files = [public_key, original, message]
        say("$ env -i " + shlex.join([program.name, *(file.name for file in files), key]))
        run(program, *files, key, environment={})
        overhead = message.stat().st_size - original.stat().st_size
        say(f"{message.name}: {size(message)}, {overhead:,} more")

    with step("What travels, as anyone can read it"):
        about = libseal.inspect(message)
        say(f"encryption context {about.context}")
        for wrapped in about.wrapped_keys:
            say(f"data key for {wrapped.key_id}, wrapped with {wrapped.algorithm}")
            say(f"fingerprint {wrapped.fingerprint.hex()}")

    unsealed = work / "unsealed"
    with step("Unseal, in the backend: Python, and one kms:Decrypt"):
        unwrap = KmsUnwrapper(client, keys=[key])
        with tqdm(
            total=message.stat().st_size, unit="B", unit_scale=True, ncols=76, desc="   unseal_file"
        ) as bar:
            libseal.unseal_file(message, unsealed, unwrap, progress=bar.update)
        compare(before, unsealed)

    opened = work / "opened"
    with step("Open the same message without libseal: kms:Decrypt and pyca/cryptography"):
        python = arguments.bare_python
        if (
            subprocess.run([python, "-c", "import libseal"], stderr=subprocess.DEVNULL).returncode
            == 0
        ):
            sys.exit(f"{python} has libseal, and would prove nothing")
        script = Path(__file__).with_name("open_without_libseal.py")
        say(f"$ python {script.name} {shlex.quote(key)} < {message.name} > {opened.name}")
        with message.open("rb") as stdin, opened.open("wb") as stdout:
            run(python, script, key, environment=kms_environment, stdin=stdin, stdout=stdout)
        compare(before, opened)

    print("\nSealed once, opened twice, the same bytes each time.")


def file_to_seal() -> Path:
    """DEMO_FILE, or else a file that every machine with Rust has."""
    chosen = os.environ.get("DEMO_FILE")
    if chosen:
        return Path(chosen)
    command = ["rustc", "--print", "target-libdir"]
    libraries = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    files = [path for path in Path(libraries.strip()).iterdir() if path.is_file()]
    fitting = [path for path in files if path.stat().st_size <= LARGEST_FILE]
    return max(fitting, key=lambda path: path.stat().st_size)


@contextmanager
def step(title: str, started: float | None = None) -> Iterator[None]:
    """Prints a numbered title before, and the time it took after."""
    print(f"\n{next(numbers)}. {title}", flush=True)
    started = started or time.monotonic()
    yield
    say(f"{time.monotonic() - started:.2f} s")


def say(text: str) -> None:
    print(f"   {text}", flush=True)


def run(
    *command: str | Path,
    environment: Mapping[str, str] = os.environ,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> None:
    subprocess.run(command, env=environment, stdin=stdin, stdout=stdout, check=True)


def size(path: Path) -> str:
    length = path.stat().st_size
    mebibytes = f"{length / 1024 / 1024:.1f} MiB, " if length >= 1024 * 1024 else ""
    return f"{mebibytes}{length:,} bytes"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compare(before: str, path: Path) -> None:
    after = sha256(path)
    if after != before:
        sys.exit(f"DIFFERENT: sha256 of {path.name} is {after}")
    say(f"sha256 {after}: the same")


if __name__ == "__main__":
    main()
