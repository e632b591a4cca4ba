"""Messages that every reader must open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from . import writer
from .draft import Draft, flip
from .vector import Pairs, Vector


def cases() -> Iterator[Vector]:
    yield worked_example()
    yield from algorithms()
    yield from lengths()
    yield from contexts()
    yield from required_pairs()
    yield from key_ids()
    yield from recipients()
    yield from reserved_kinds()
    yield from failed_unwrappings()
    yield largest_header()
    yield from data_key_reuse()


def worked_example() -> Vector:
    draft = Draft("worked_example")
    plaintext, context = b"temperature=21.5", {"device": "42"}
    message = draft.message(plaintext, draft.recipient(key_id=b"example"), context=context)
    return draft.opens("the worked example of FORMAT.md", message, plaintext, context=context)


def opens(
    draft: Draft,
    comment: str,
    *recipients: bytes,
    length: int = 20,
    context: Mapping[str, str] | None = None,
    keys: Sequence[str] = ("rsa-2048",),
    require: Pairs = (),
) -> Vector:
    plaintext = draft.draw("plaintext", length)
    message = draft.message(plaintext, *recipients, context=context)
    return draft.opens(comment, message, plaintext, keys=keys, require=require, context=context)


def algorithms() -> Iterator[Vector]:
    for bits in (2048, 3072, 4096):
        for kind, algorithm in ((1, "sha_256"), (2, "sha_1")):
            draft, key = Draft(f"rsa_{bits}_oaep_{algorithm}"), f"rsa-{bits}"
            comment = f"RSA-{bits}, RSAES_OAEP_{algorithm.upper()}"
            yield opens(draft, comment, draft.recipient(key, kind), keys=[key])

    draft, key = Draft("rsa_2048_exponent_3"), "rsa-2048-e3"
    yield opens(draft, "an RSA key with public exponent 3", draft.recipient(key), keys=[key])


def lengths() -> Iterator[Vector]:
    for length, comment in (
        (0, "an empty plaintext is one empty chunk"),
        (1, "a plaintext of one byte"),
        (16383, "the longest single chunk"),
        (16384, "a full chunk is followed by an empty one"),
        (16385, "a full chunk and one byte"),
        (32768, "two full chunks are followed by an empty one"),
    ):
        yield opens(Draft(f"length_{length}"), comment, length=length)


def contexts() -> Iterator[Vector]:
    for name, comment, context in (
        ("empty", "no pairs: the context block is its length alone", {}),
        ("one_pair", "one pair", {"device": "42"}),
        ("several_pairs", "several pairs", {"device": "42", "fleet": "north", "kind": "log"}),
        ("empty_value", "a value may be empty", {"device": ""}),
        (
            "order_is_by_key_bytes",
            "'ab' comes before 'b', though not by their entries, which begin with a length",
            {"ab": "1", "b": "2"},
        ),
        ("key_is_prefix_of_next", "'a' comes before 'ab'", {"a": "1", "ab": "2"}),
        ("order_upper_case_first", "'B' comes before 'a'", {"B": "1", "a": "2"}),
        (
            "non_ascii_order",
            "U+FFFD comes before U+10000 by UTF-8 bytes, though not by UTF-16 units",
            {"z": "1", "\u00e9": "2", "\ufffd": "3", "\U00010000": "4"},
        ),
        (
            "unicode_not_normalised",
            "composed and decomposed forms of a letter are two keys",
            {"e\u0301": "decomposed", "\u00e9": "composed"},
        ),
        ("value_with_equals_sign", "a value may hold '='", {"query": "a=b=c"}),
        (
            "key_almost_reserved",
            "only keys that begin with exactly 'libseal:' are reserved",
            {"Libseal:x": "1", "libseal": "2", "libseal;": "3"},
        ),
        ("8192_bytes", "the largest context block", {"a": "v" * (8192 - 5)}),
    ):
        yield opens(Draft(f"context_{name}"), comment, context=context)

    vector = opens(
        Draft("context_value_with_nul_and_newline"),
        r"the one pair is key 'note', value 'a\0b\nc' (NUL, newline), so no context line is here",
        context={"note": "a\0b\nc"},
    )
    yield replace(vector, context=())


def required_pairs() -> Iterator[Vector]:
    context = {"device": "42", "empty": "", "fleet": "north"}
    for name, comment, require in (
        ("one_of_several", "one required pair among others", (("fleet", "north"),)),
        ("all", "every pair is required, in another order", tuple(reversed(context.items()))),
        ("empty_value", "a pair with an empty value is required and there", (("empty", ""),)),
    ):
        yield opens(Draft(f"require_{name}"), comment, context=context, require=require)


def key_ids() -> Iterator[Vector]:
    arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    for name, comment, key_id in (
        ("empty", "the key id may be empty", ""),
        ("ascii", "the key id is an ARN", arn),
        ("non_ascii", "the key id is any UTF-8", "Schl\u00fcssel \u9375"),
        ("2048_bytes", "the longest key id", "k" * 2048),
    ):
        draft = Draft(f"key_id_{name}")
        yield opens(draft, comment, draft.recipient(key_id=key_id.encode()))


def recipients() -> Iterator[Vector]:
    for position, key in (("first", "rsa-2048"), ("second", "rsa-3072")):
        draft = Draft(f"recipients_two_{position}_held")
        comment = f"two recipients; only the key of the {position} is held"
        two = draft.recipient("rsa-2048"), draft.recipient("rsa-3072")
        yield opens(draft, comment, *two, keys=[key])

    draft = Draft("recipients_both_algorithms")
    comment = "RSAES_OAEP_SHA_256 for a key not held, RSAES_OAEP_SHA_1 for the one held"
    yield opens(draft, comment, draft.recipient("rsa-2048-b", 1), draft.recipient("rsa-2048", 2))

    draft = Draft("recipients_sixteen_last_held")
    others = [draft.recipient("rsa-2048-b") for _ in range(15)]
    comment = "the most recipients; the key of the last is held"
    yield opens(draft, comment, *others, draft.recipient())


def reserved_kinds() -> Iterator[Vector]:
    for kind, length in ((3, 1088), (255, 1)):
        draft = Draft(f"recipient_of_reserved_kind_{kind}_skipped")
        comment = f"a recipient of kind {kind}, reserved, with {length} bytes, before an RSA one"
        reserved = draft.reserved_recipient(kind, length, key_id=b"later")
        yield opens(draft, comment, reserved, draft.recipient())

    draft = Draft("recipient_of_reserved_kind_longest")
    comment = "a recipient of a reserved kind with the longest wrapped key, after an RSA one"
    yield opens(draft, comment, draft.recipient(), draft.reserved_recipient(3, 6144))


def failed_unwrappings() -> Iterator[Vector]:
    both = ["rsa-2048", "rsa-3072"]

    draft = Draft("first_unwrapping_fails_second_opens")
    garbage = draft.recipient(wrapped=b"\x00" + draft.draw("garbage", 255))
    comment = "both keys are held; the first wrapped key is garbage, the second unwraps"
    yield opens(draft, comment, garbage, draft.recipient("rsa-3072"), keys=both)

    draft = Draft("first_unwrapping_fails_second_of_same_key_opens")
    changed = draft.recipient(wrapped=flip(draft.wrap(), -1))
    comment = "two recipients of one key; the first wrapped key is altered, the second unwraps"
    yield opens(draft, comment, changed, draft.recipient())

    draft = Draft("first_data_key_length_wrong_second_opens")
    short = draft.recipient(wrapped=draft.wrap(data_key=bytes(31)))
    comment = "both keys are held; the first gives 31 bytes, which counts as a failed unwrapping"
    yield opens(draft, comment, short, draft.recipient("rsa-3072"), keys=both)


def largest_header() -> Vector:
    draft = Draft("header_65536_bytes")
    return opens(draft, "the largest header", *draft.recipients_of_header(65536))


def data_key_reuse() -> Iterator[Vector]:
    draft = Draft("data_key_reused")
    plaintext = draft.draw("plaintext", 100)
    context = {"device": "42"}
    first = draft.message(plaintext, context=context)
    comment = "the first of two messages with one data key"
    yield draft.opens(comment, first, plaintext, name="data_key_reused_first", context=context)

    other, salt = draft.draw("second plaintext", 50), draft.draw("second salt", 24)
    second = writer.compose(draft.data_key, salt, first.context, first.recipients, other)
    comment = "the header of data_key_reused_first to the byte, with another salt and plaintext"
    yield draft.opens(comment, second, other, name="data_key_reused_second", context=context)

    entries = [draft.recipient("rsa-3072"), draft.recipient("rsa-2048-b", 2)]
    block = writer.recipients_block(entries)
    mac = writer.header_mac(draft.data_key, first.prefix + first.context + block)
    yield draft.opens(
        "the payload of data_key_reused_first to the byte, behind a header for other keys",
        replace(first, recipients=block, mac=mac),
        plaintext,
        name="rewrapped_for_other_keys",
        keys=["rsa-3072"],
        context=context,
    )
