"""Messages refused for their context or because no data key can be had, each for one reason."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .draft import Draft, flip
from .vector import Vector
from .writer import Message


def cases() -> Iterator[Vector]:
    yield from context_mismatches()
    yield from no_matching_recipient()
    yield from failed_unwrappings()
    yield from data_key_lengths()


def context_mismatches() -> Iterator[Vector]:
    for name, comment, require in (
        ("missing", "a required pair is missing", (("site", "7"),)),
        ("missing_with_empty_value", "a required empty value is missing", (("site", ""),)),
        ("other_value", "a required pair has another value", (("device", "43"),)),
        ("value_is_prefix", "the value required is the start of the value", (("device", "4"),)),
        ("second", "the second required pair is missing", (("device", "42"), ("site", "7"))),
        ("case_of_key", "keys are compared with their case", (("Device", "42"),)),
    ):
        draft = Draft(f"require_{name}")
        yield draft.refused("CONTEXT_MISMATCH", comment, draft.usual(), require=require)

    draft = Draft("require_is_checked_before_unwrapping")
    yield draft.refused(
        "CONTEXT_MISMATCH",
        "a required pair is missing, and the key is not held either",
        draft.usual(),
        keys=[],
        unwraps=False,
        require=(("site", "7"),),
    )


def no_matching_recipient() -> Iterator[Vector]:
    def unmatched(
        draft: Draft, comment: str, message: Message, keys: Sequence[str] = ("rsa-2048",)
    ) -> Vector:
        return draft.refused("NO_MATCHING_RECIPIENT", comment, message, keys=keys, unwraps=False)

    draft = Draft("another_key_held")
    yield unmatched(draft, "the key held is not the recipient's", draft.usual(), ["rsa-2048-b"])
    draft = Draft("no_key_held")
    yield unmatched(draft, "no key is held", draft.usual(), [])

    draft = Draft("only_reserved_kinds")
    reserved = [draft.reserved_recipient(kind, 100) for kind in (3, 255)]
    message = draft.message(draft.draw("plaintext", 20), *reserved)
    yield unmatched(draft, "all recipients are of reserved kinds", message)

    draft = Draft("reserved_kind_with_known_fingerprint")
    reserved_kind = b"\x03" + draft.recipient()[1:]
    message = draft.message(draft.draw("plaintext", 20), reserved_kind)
    comment = "a recipient of a reserved kind has the fingerprint of the key held"
    yield unmatched(draft, comment, message)

    draft = Draft("altered_fingerprint")
    message = draft.usual()
    message = replace(message, recipients=flip(message.recipients, 2))
    yield unmatched(draft, "the fingerprint is altered; the key id is a hint only", message)


def failed_unwrappings() -> Iterator[Vector]:
    def failing(
        draft: Draft, comment: str, wrapped: bytes, kind: int = 1, key: str = "rsa-2048"
    ) -> Vector:
        recipient = bytes([kind]) + draft.recipient(key, wrapped=wrapped)[1:]
        message = draft.message(draft.draw("plaintext", 20), recipient)
        return draft.refused("UNWRAP_FAILED", comment, message, keys=[key], unwraps=False)

    draft = Draft("altered_wrapped_key")
    message = draft.usual()
    message = replace(message, recipients=flip(message.recipients, -1))
    comment = "the wrapped key is altered"
    yield draft.refused("UNWRAP_FAILED", comment, message, unwraps=False)

    draft = Draft("altered_kind")
    message = draft.usual()
    message = replace(message, recipients=b"\x01\x02" + message.recipients[2:])
    comment = "the kind is altered from RSAES_OAEP_SHA_256 to RSAES_OAEP_SHA_1"
    yield draft.refused("UNWRAP_FAILED", comment, message, unwraps=False)

    draft = Draft("oaep_sha_1_said_to_be_sha_256")
    yield failing(draft, "wrapped with SHA-1, the kind says SHA-256", draft.wrap(kind=2), 1)
    draft = Draft("oaep_sha_256_said_to_be_sha_1")
    yield failing(draft, "wrapped with SHA-256, the kind says SHA-1", draft.wrap(kind=1), 2)
    draft = Draft("oaep_mgf1_with_other_hash")
    comment = "OAEP is with SHA-256, but its MGF1 with SHA-1"
    yield failing(draft, comment, draft.wrap(mgf_digest="sha1"))
    draft = Draft("oaep_with_label")
    yield failing(draft, "the OAEP label is not empty", draft.wrap(label=b"libseal"))
    draft = Draft("wrapped_for_another_key")
    yield failing(draft, "the wrapped key is another key's", draft.wrap("rsa-2048-b"))
    draft = Draft("wrapped_key_not_below_modulus")
    yield failing(draft, "the wrapped key is a number above the modulus", b"\xff" * 256)
    draft = Draft("wrapped_key_shorter_than_modulus")
    comment = "a wrapped key of 256 bytes for an RSA-3072 key"
    yield failing(draft, comment, draft.wrap("rsa-2048"), key="rsa-3072")

    draft = Draft("first_failure_is_reported")
    recipients = [
        draft.recipient("rsa-2048", wrapped=flip(draft.wrap(), -1)),
        draft.recipient("rsa-3072", wrapped=draft.wrap("rsa-3072", data_key=bytes(31))),
    ]
    message = draft.message(draft.draw("plaintext", 20), *recipients)
    comment = "the first wrapped key is altered, the second holds 31 bytes"
    keys = ["rsa-2048", "rsa-3072"]
    yield draft.refused("UNWRAP_FAILED", comment, message, keys=keys, unwraps=False)


def data_key_lengths() -> Iterator[Vector]:
    for length in (0, 31, 33):
        draft = Draft(f"data_key_{length}_bytes")
        wrapped = draft.wrap(data_key=draft.draw("odd data key", length))
        message = draft.message(draft.draw("plaintext", 20), draft.recipient(wrapped=wrapped))
        comment = f"the wrapped key holds {length} bytes"
        yield draft.refused("DATA_KEY_LENGTH", comment, message, unwraps=False)
