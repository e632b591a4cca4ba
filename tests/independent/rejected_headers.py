"""Headers that every reader must refuse, each for one reason."""

from collections.abc import Iterator
from dataclasses import replace

from . import writer
from .draft import Draft, flip
from .vector import Vector
from .writer import with_length


def cases() -> Iterator[Vector]:
    yield from prefixes()
    yield from malformed_contexts()
    yield from malformed_recipients()
    yield from too_large()
    yield from truncated_headers()
    yield from altered_headers()


def prefixes() -> Iterator[Vector]:
    draft = Draft("empty_message")
    yield draft.refused("EMPTY_MESSAGE", "no bytes at all", b"", unwraps=False)

    for name, comment, foreign in (
        ("three_bytes", "too short for the magic, and not its start", b"SEE"),
        ("lower_case", "the magic in lower case", b"seal\x01\x01" + bytes(90)),
        ("openssl", "a file of openssl enc", b"Salted__" + bytes(90)),
    ):
        yield Draft(f"not_sealed_{name}").refused("NOT_SEALED", comment, foreign, unwraps=False)

    for name, comment, expect, prefix in (
        ("not_sealed_last_letter", "the magic is SEAM", "NOT_SEALED", b"SEAM\x01\x01"),
        ("unsupported_version_0", "version 0", "UNSUPPORTED_VERSION", b"SEAL\x00\x01"),
        ("unsupported_version_2", "version 2", "UNSUPPORTED_VERSION", b"SEAL\x02\x01"),
        ("unsupported_suite_0", "suite 0", "UNSUPPORTED_SUITE", b"SEAL\x01\x00"),
        ("unsupported_suite_2", "suite 2", "UNSUPPORTED_SUITE", b"SEAL\x01\x02"),
    ):
        draft = Draft(name)
        message = draft.message(draft.draw("plaintext", 20), prefix=prefix)
        yield draft.refused(expect, comment, message)


def entry(key: bytes, value: bytes) -> bytes:
    return with_length(key) + with_length(value)


def malformed_contexts() -> Iterator[Vector]:
    device = entry(b"device", b"42")
    a, ab, b = (entry(key, b"1") for key in (b"a", b"ab", b"b"))
    u_fffd, u_10000 = (entry(key.encode(), b"1") for key in ("\ufffd", "\U00010000"))
    for name, comment, block in (
        ("8193_bytes", "the block is one byte too long", entry(b"a", b"v" * (8193 - 5))),
        ("key_overruns_block", "a key's length is one too many", b"\x00\x07device"),
        ("value_overruns_block", "a value's length is one too many", b"\x00\x01a\x00\x0342"),
        ("value_length_missing", "the block ends after a key", b"\x00\x06device"),
        ("value_length_cut", "the block ends inside a value's length", b"\x00\x06device\x00"),
        ("one_trailing_byte", "one zero byte stands after the last entry", device + b"\x00"),
        ("empty_key", "a key is empty", entry(b"", b"42")),
        ("keys_out_of_order", "'b' stands before 'a'", b + a),
        ("keys_ordered_by_length", "'b' stands before 'ab'", b + ab),
        ("keys_in_utf16_order", "U+10000 stands before U+FFFD", u_10000 + u_fffd),
        ("duplicate_key", "a key comes twice", device + entry(b"device", b"43")),
        ("duplicate_pair", "a pair comes twice", device + device),
        ("key_not_utf8", "a key is not UTF-8", entry(b"d\xffvice", b"42")),
        ("key_is_surrogate", "a key is an encoded surrogate", entry(b"\xed\xa0\x80", b"42")),
        ("value_not_utf8", "a value is not UTF-8", entry(b"device", b"4\xff")),
        ("value_overlong_utf8", "a value is overlong UTF-8", entry(b"device", b"\xc0\xaf")),
        ("value_cut_utf8", "a value ends inside a character", entry(b"device", b"4\xe2\x82")),
        ("reserved_key", "a key begins with 'libseal:'", entry(b"libseal:x", b"1")),
        ("reserved_key_bare", "a key is 'libseal:'", entry(b"libseal:", b"1")),
    ):
        draft = Draft(f"context_{name}")
        message = draft.message(draft.draw("plaintext", 20), context_block=with_length(block))
        yield draft.refused("HEADER_MALFORMED", comment, message)


def malformed_recipients() -> Iterator[Vector]:
    draft = Draft("recipients_none")
    message = writer.compose(draft.data_key, draft.salt, b"\x00\x00", b"\x00", b"plaintext")
    yield draft.refused("HEADER_MALFORMED", "the recipient count is 0", message, unwraps=False)

    draft = Draft("recipients_seventeen")
    yield malformed(draft, "there are 17 recipients", *(draft.recipient() for _ in range(17)))

    draft = Draft("recipient_of_kind_0")
    comment = "a recipient of kind 0 stands before the one held"
    yield malformed(draft, comment, draft.reserved_recipient(0, 256), draft.recipient())

    draft = Draft("key_id_2049_bytes")
    yield malformed(draft, "the key id is one byte too long", draft.recipient(key_id=b"k" * 2049))

    draft = Draft("key_id_not_utf8")
    yield malformed(draft, "the key id is not UTF-8", draft.recipient(key_id=b"k\xff"))

    draft = Draft("key_id_of_reserved_kind_not_utf8")
    comment = "the key id of a recipient of a reserved kind is not UTF-8"
    reserved = draft.reserved_recipient(3, 100, key_id=b"k\xff")
    yield malformed(draft, comment, draft.recipient(), reserved)

    for kind, lengths in (
        (1, (0, 128, 255, 257, 320, 1024)),
        (2, (0, 128, 255, 257, 320, 1024)),
        (3, (0, 6145)),
    ):
        for length in lengths:
            draft = Draft(f"wrapped_key_of_kind_{kind}_{length}_bytes")
            comment = f"a recipient of kind {kind} has a wrapped key of {length} bytes"
            odd = draft.reserved_recipient(kind, length)
            yield malformed(draft, comment, draft.recipient(), odd)


def malformed(draft: Draft, comment: str, *recipients: bytes) -> Vector:
    message = draft.message(draft.draw("plaintext", 20), *recipients)
    return draft.refused("HEADER_MALFORMED", comment, message)


def too_large() -> Iterator[Vector]:
    draft = Draft("header_65537_bytes")
    message = draft.message(draft.draw("plaintext", 20), *draft.recipients_of_header(65537))
    comment = "the header is one byte too large, its MAC included"
    yield draft.refused("HEADER_TOO_LARGE", comment, message)

    draft = Draft("header_of_largest_recipients")
    largest = [draft.reserved_recipient(kind, 6144) for kind in range(3, 18)]
    message = draft.message(draft.draw("plaintext", 20), *largest, draft.recipient())
    comment = "every field is within its limit, but the header is far too large"
    yield draft.refused("HEADER_TOO_LARGE", comment, message)


def truncated_headers() -> Iterator[Vector]:
    """Cut before any key can be unwrapped, so there is no data key."""
    context = 6 + len(Draft("any").usual().context)
    for name, comment, length in (
        ("inside_magic", "the first three bytes only", 3),
        ("before_version", "cut after the magic", 4),
        ("before_suite", "cut after the version", 5),
        ("after_prefix", "cut after the prefix", 6),
        ("inside_context_length", "cut inside the length of the context block", 7),
        ("after_context_length", "cut after the length of the context block", 8),
        ("inside_context", "cut inside the context block", context - 4),
        ("before_recipient_count", "cut after the context block", context),
        ("before_recipient", "cut after the recipient count", context + 1),
        ("inside_fingerprint", "cut inside a fingerprint", context + 12),
        ("inside_key_id_length", "cut inside the length of a key id", context + 35),
        ("inside_key_id", "cut inside a key id", context + 40),
        ("inside_wrapped_key", "cut inside a wrapped key", context + 148),
    ):
        draft = Draft(f"truncated_{name}")
        cut = bytes(draft.usual())[:length]
        yield draft.refused("TRUNCATED", comment, cut, unwraps=False)

    draft = Draft("truncated_before_second_recipient")
    recipients = [draft.recipient(), draft.recipient("rsa-2048-b")]
    message = draft.message(draft.draw("plaintext", 20), *recipients)
    cut = bytes(message)[: 6 + 2 + 1 + len(recipients[0])]
    comment = "cut after the first of two recipients, which is the one held"
    yield draft.refused("TRUNCATED", comment, cut, unwraps=False)


def altered_headers() -> Iterator[Vector]:
    draft = Draft("altered_context_value")
    message = draft.usual()
    changed = message.context.replace(b"42", b"43")
    yield draft.altered("a context value is altered", replace(message, context=changed))

    draft = Draft("altered_context_key")
    message = draft.usual()
    changed = message.context.replace(b"device", b"devicf")
    yield draft.altered("a context key is altered", replace(message, context=changed))

    draft = Draft("altered_context_dropped")
    message = draft.usual()
    comment = "the encryption context is dropped"
    yield draft.altered(comment, replace(message, context=b"\x00\x00"))

    draft = Draft("altered_key_id")
    message = draft.usual()
    changed = message.recipients.replace(b"alias/test", b"alias/tesu")
    yield draft.altered("the key id is altered", replace(message, recipients=changed))

    draft = Draft("altered_header_mac")
    message = draft.usual()
    comment = "the header MAC is altered in its last byte"
    yield draft.altered(comment, replace(message, mac=flip(message.mac, -1)))

    for name, field, offset in (
        ("kind", "kind", 0),
        ("fingerprint", "fingerprint", 1),
        ("wrapped_key", "wrapped key", -1),
    ):
        draft = Draft(f"altered_{name}_of_unused_recipient")
        held, unused = draft.recipient(), draft.recipient("rsa-2048-b", kind=2)
        message = draft.message(draft.draw("plaintext", 20), held, unused)
        block = writer.recipients_block([held, flip(unused, offset)])
        comment = f"the {field} of the recipient not used is altered"
        yield draft.altered(comment, replace(message, recipients=block))

    for name, comment, order in (
        ("recipient_added", "a recipient is added after sealing", (0, 1, 2)),
        ("recipient_removed", "a recipient is removed after sealing", (0,)),
        ("recipients_swapped", "the recipients are swapped after sealing", (1, 0)),
    ):
        draft = Draft(name)
        entries = [draft.recipient(key) for key in ("rsa-2048", "rsa-2048-b", "rsa-3072")]
        message = draft.message(draft.draw("plaintext", 20), *entries[:2])
        block = writer.recipients_block([entries[index] for index in order])
        yield draft.altered(comment, replace(message, recipients=block))

    other = Draft("other")
    draft = Draft("another_data_key_wrapped")
    recipient = draft.recipient(wrapped=draft.wrap(data_key=other.data_key))
    message = draft.message(draft.draw("plaintext", 20), recipient)
    yield draft.refused(
        "AUTHENTICATION_FAILED",
        "the wrapped key holds another data key, of the right length",
        message,
        data_key=other.data_key,
    )

    draft = Draft("another_data_key_wrapped_first")
    wrong = draft.recipient(wrapped=draft.wrap(data_key=other.data_key))
    message = draft.message(draft.draw("plaintext", 20), wrong, draft.recipient("rsa-3072"))
    yield draft.refused(
        "AUTHENTICATION_FAILED",
        "the first wrapped key holds another data key: that is final, though the second is right",
        message,
        keys=["rsa-2048", "rsa-3072"],
        data_key=other.data_key,
    )
