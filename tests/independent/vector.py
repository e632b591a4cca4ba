"""The vector file: header lines, an empty line, the message. See tests/vectors/README.md."""

from dataclasses import dataclass
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors"
KEYS = VECTORS / "keys"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Vector:
    name: str
    comment: str
    message: bytes
    expect: str = "OK"
    keys: tuple[str, ...] = ("rsa-2048",)
    data_key: bytes | None = None
    require: Pairs = ()
    context: Pairs = ()
    plaintext_length: int | None = None
    plaintext_sha256: str | None = None

    @property
    def path(self) -> Path:
        folder = "accepted" if self.expect == "OK" else "rejected"
        return VECTORS / folder / f"{self.name}.vector"

    def encode(self) -> bytes:
        lines = [("comment", self.comment), ("expect", self.expect)]
        lines += [("key", key) for key in self.keys]
        if self.data_key is not None:
            lines.append(("data-key", self.data_key.hex()))
        lines += [("require", f"{key}={value}") for key, value in self.require]
        lines += [("context", f"{key}={value}") for key, value in self.context]
        if self.plaintext_length is not None and self.plaintext_sha256 is not None:
            lines.append(("plaintext-length", str(self.plaintext_length)))
            lines.append(("plaintext-sha256", self.plaintext_sha256))
        head = "".join(f"{name}: {value}\n" for name, value in lines)
        return head.encode() + b"\n" + self.message


def parse(path: Path) -> Vector:
    head, _, message = path.read_bytes().partition(b"\n\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\n")]

    def every(wanted: str) -> tuple[str, ...]:
        return tuple(value for name, value in lines if name == wanted)

    def only(wanted: str) -> str | None:
        values = every(wanted)
        assert len(values) <= 1, f"{path}: more than one {wanted}"
        return values[0] if values else None

    def pairs(wanted: str) -> Pairs:
        return tuple((key, value) for key, _, value in (v.partition("=") for v in every(wanted)))

    data_key, length = only("data-key"), only("plaintext-length")
    return Vector(
        name=path.stem,
        comment=only("comment") or "",
        message=message,
        expect=only("expect") or "",
        keys=every("key"),
        data_key=None if data_key is None else bytes.fromhex(data_key),
        require=pairs("require"),
        context=pairs("context"),
        plaintext_length=None if length is None else int(length),
        plaintext_sha256=only("plaintext-sha256"),
    )
