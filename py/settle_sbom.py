"""Takes the folder that wheels were built in out of their SBOM, so that the same sources give the
same wheel wherever they are:

    python settle_sbom.py FOLDER WHEEL...

maturin names each package of the workspace by its path. Everything else stays as it was.
"""

import base64
import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path

HERE = "/libseal"


def settled(members: dict[str, bytes], folder: str) -> dict[str, bytes]:
    """The members of a wheel, with another SBOM and what RECORD says of it."""
    changed = {
        name: data.replace(f"file://{folder}/".encode(), f"file://{HERE}/".encode())
        for name, data in members.items()
        if ".dist-info/sboms/" in name
    }
    (record,) = (name for name in members if name.endswith(".dist-info/RECORD"))
    lines = []
    for name, digest, length in csv.reader(io.StringIO(members[record].decode())):
        if name in changed:
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest())
            lines.append((name, f"sha256={sha256.decode().rstrip('=')}", str(len(changed[name]))))
        else:
            lines.append((name, digest, length))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return members | changed | {record: text.getvalue().encode()}


def settle(wheel: Path, folder: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        infos = archive.infolist()
        members = settled({info.filename: archive.read(info) for info in infos}, folder)
    part = wheel.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for info in infos:
            archive.writestr(info, members[info.filename])
    part.replace(wheel)


if __name__ == "__main__":
    for path in sys.argv[2:]:
        settle(Path(path), sys.argv[1])
