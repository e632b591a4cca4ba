"""What a vector is made of: everything random is drawn from the vector's name."""

from collections.abc import Mapping, Sequence
from hashlib import new, sha256, shake_256

from . import writer
from .keys import private_key
from .vector import Pairs, Vector


def oaep_encode(
    message: bytes, length: int, digest: str, seed: bytes, mgf_digest: str = "", label: bytes = b""
) -> bytes:
    """EME-OAEP, RFC 8017 section 7.1.1, with the seed given."""
    label_hash = new(digest, label).digest()
    padding = bytes(length - len(message) - 2 * len(label_hash) - 2)
    block = label_hash + padding + b"\x01" + message
    masked_block = _xor(block, _mgf1(seed, len(block), mgf_digest or digest))
    masked_seed = _xor(seed, _mgf1(masked_block, len(seed), mgf_digest or digest))
    return b"\x00" + masked_seed + masked_block


def _mgf1(seed: bytes, length: int, digest: str) -> bytes:
    blocks = (new(digest, seed + counter.to_bytes(4)).digest() for counter in range(length))
    mask = b""
    while len(mask) < length:
        mask += next(blocks)
    return mask[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def flip(data: bytes, index: int = 0) -> bytes:
    """The same with the lowest bit of one byte changed."""
    changed = bytearray(data)
    changed[index] ^= 1
    return bytes(changed)


class Draft:
    def __init__(self, name: str) -> None:
        self.name = name
        self.data_key = self.draw("data key", 32)
        self.salt = self.draw("salt", 24)
        self._wrapped = 0

    def draw(self, what: str, length: int) -> bytes:
        return shake_256(f"libseal test vector {self.name}: {what}".encode()).digest(length)

    def wrap(
        self,
        key: str = "rsa-2048",
        kind: int = 1,
        data_key: bytes | None = None,
        *,
        mgf_digest: str = "",
        label: bytes = b"",
    ) -> bytes:
        self._wrapped += 1
        numbers = private_key(key).public_key().public_numbers()
        length = (numbers.n.bit_length() + 7) // 8
        digest = {1: "sha256", 2: "sha1"}[kind]
        seed = self.draw(f"seed {self._wrapped}", new(digest).digest_size)
        secret = self.data_key if data_key is None else data_key
        encoded = oaep_encode(secret, length, digest, seed, mgf_digest, label)
        return pow(int.from_bytes(encoded), numbers.e, numbers.n).to_bytes(length)

    def recipient(
        self,
        key: str = "rsa-2048",
        kind: int = 1,
        *,
        key_id: bytes = b"",
        wrapped: bytes | None = None,
    ) -> bytes:
        fingerprint = writer.fingerprint(private_key(key).public_key())
        if wrapped is None:
            wrapped = self.wrap(key, kind)
        return writer.recipient(kind, fingerprint, key_id, wrapped)

    def reserved_recipient(self, kind: int, length: int, *, key_id: bytes = b"") -> bytes:
        """A recipient of a kind that is not known yet."""
        fingerprint = self.draw(f"fingerprint of kind {kind}", 32)
        wrapped = self.draw(f"wrapped key of kind {kind}", length)
        return writer.recipient(kind, fingerprint, key_id, wrapped)

    def recipients_of_header(self, length: int) -> list[bytes]:
        """One RSA recipient and reserved ones, with which the header has this length."""
        entries = [self.recipient()]
        entries += [self.reserved_recipient(kind, 6144) for kind in range(3, 13)]
        room = length - len(writer.PREFIX) - 2 - 1 - 32 - sum(map(len, entries))
        return [*entries, self.reserved_recipient(13, room - 37)]

    def message(
        self,
        plaintext: bytes,
        *recipients: bytes,
        context: Mapping[str, str] | None = None,
        context_block: bytes | None = None,
        prefix: bytes = writer.PREFIX,
    ) -> writer.Message:
        """A message that is right in all but what is given wrong."""
        if context_block is None:
            context_block = writer.context_block(context or {})
        block = writer.recipients_block(recipients or [self.recipient()])
        return writer.compose(self.data_key, self.salt, context_block, block, plaintext, prefix)

    def usual(self, length: int = 20) -> writer.Message:
        """A message with nothing wrong, for one key, with a context."""
        recipient = self.recipient(key_id=b"alias/test")
        context = {"device": "42", "fleet": "north"}
        return self.message(self.draw("plaintext", length), recipient, context=context)

    def opens(
        self,
        comment: str,
        message: writer.Message,
        plaintext: bytes,
        *,
        name: str = "",
        keys: Sequence[str] = ("rsa-2048",),
        require: Pairs = (),
        context: Mapping[str, str] | None = None,
    ) -> Vector:
        """The vector of a message that must be opened."""
        stored = sorted((context or {}).items(), key=lambda pair: pair[0].encode())
        return Vector(
            name or self.name,
            comment,
            bytes(message),
            keys=tuple(keys),
            data_key=self.data_key,
            require=require,
            context=tuple(stored),
            plaintext_length=len(plaintext),
            plaintext_sha256=sha256(plaintext).hexdigest(),
        )

    def altered(self, comment: str, message: writer.Message | bytes) -> Vector:
        return self.refused("AUTHENTICATION_FAILED", comment, message)

    def altered_end(self, comment: str, message: writer.Message | bytes) -> Vector:
        """All is right before the final chunk, which is not."""
        return self.refused("END_NOT_AUTHENTIC", comment, message)

    def refused(
        self,
        expect: str,
        comment: str,
        message: writer.Message | bytes,
        *,
        keys: Sequence[str] = ("rsa-2048",),
        unwraps: bool = True,
        data_key: bytes | None = None,
        require: Pairs = (),
    ) -> Vector:
        """The vector of a message that must be refused.

        `unwraps` tells whether the keys unwrap to a data key, which is the draft's own unless
        another is given.
        """
        return Vector(
            self.name,
            comment,
            bytes(message),
            expect=expect,
            keys=tuple(keys),
            data_key=(data_key or self.data_key) if unwraps else None,
            require=require,
        )
