"""Seal lines as they come, for the holder of the private key.

    journalctl -f | python seal_log.py public.pem today.sealed --device 42

Each line is sealed and written at once. If the program is killed, every reader will say that the
end of the log is missing.
"""

import argparse
import sys
from pathlib import Path

import libseal


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("key", type=Path, help="public key, PEM or DER")
    parser.add_argument("sealed", type=Path, help="file to write")
    parser.add_argument("--device", default="", help="name of this device, which anyone can read")
    args = parser.parse_args()

    key = libseal.PublicKey(args.key.read_bytes())
    context = {"device": args.device} if args.device else None
    with (
        args.sealed.open("wb") as file,
        libseal.SealWriter(file, key, context=context) as writer,
    ):
        for line in sys.stdin.buffer:
            writer.write(line)
            writer.flush()


if __name__ == "__main__":
    main()
