"""Payloads that every reader must refuse, each for one reason."""

from collections.abc import Iterator
from dataclasses import replace

from . import writer
from .draft import Draft, flip
from .vector import Vector
from .writer import Message

CHUNK = writer.CHUNK_LENGTH + 16


def cases() -> Iterator[Vector]:
    yield from truncated_payloads()
    yield from altered_payloads()
    yield from misplaced_chunks()
    yield from mixed_messages()


def truncated_payloads() -> Iterator[Vector]:
    for name, comment, plaintext_length, length in (
        ("before_header_mac", "cut before the header MAC", 20, -32),
        ("inside_header_mac", "cut inside the header MAC", 20, -1),
        ("after_header", "cut after the header", 20, 0),
        ("inside_salt", "cut inside the salt", 20, 23),
        ("after_salt", "cut after the salt", 20, 24),
        ("inside_commitment", "cut inside the commitment", 20, 55),
        ("after_commitment", "cut before the first chunk", 20, 56),
        ("one_byte_into_first_chunk", "cut one byte into the only chunk", 20, 57),
        ("15_bytes_into_first_chunk", "cut 15 bytes into the only chunk", 20, 71),
        ("after_full_chunk", "cut after a full chunk", 16400, 56 + CHUNK),
        ("empty_final_chunk_dropped", "the empty final chunk is gone", 16384, 56 + CHUNK),
        ("15_bytes_into_second_chunk", "cut 15 bytes into the second chunk", 16400, 71 + CHUNK),
        ("inside_tag_of_empty_final_chunk", "the empty final chunk is cut", 16384, 57 + CHUNK),
    ):
        draft = Draft(f"truncated_{name}")
        message = draft.usual(plaintext_length)
        cut = bytes(message)[: len(message.header) + length]
        yield draft.refused("TRUNCATED", comment, cut)


def altered_payloads() -> Iterator[Vector]:
    draft = Draft("altered_salt")
    message = draft.usual()
    yield draft.altered("the salt is altered", replace(message, salt=flip(message.salt)))

    draft = Draft("altered_commitment")
    message = draft.usual()
    changed = flip(message.commitment, -1)
    yield draft.altered("the commitment is altered", replace(message, commitment=changed))

    draft = Draft("commitment_zero")
    message = replace(draft.usual(), commitment=bytes(32))
    yield draft.altered("the commitment is all zeros, and the chunks are right", message)

    for name, comment, length, index in (
        ("altered_ciphertext", "the ciphertext is altered", 20, 56),
        ("altered_tag", "the tag of the only chunk is altered", 20, -1),
        ("altered_tag_of_empty_chunk", "the tag of an empty plaintext is altered", 0, -1),
        ("altered_second_chunk", "the second, final chunk is altered", 16400, 56 + CHUNK),
    ):
        draft = Draft(name)
        message = draft.usual(length)
        yield draft.altered_end(comment, message.header + flip(message.payload, index))

    draft = Draft("altered_first_chunk")
    message = draft.usual(16400)
    yield draft.altered("the first chunk is altered", message.header + flip(message.payload, 56))

    draft = Draft("altered_first_chunk_then_truncated")
    message = draft.usual(16384)
    cut = message.payload[: 56 + CHUNK]
    comment = "the first chunk is altered and the final one gone: the alteration comes first"
    yield draft.altered(comment, message.header + flip(cut, -1))


def misplaced_chunks() -> Iterator[Vector]:
    for name, comment, order in (
        ("chunks_swapped", "the first two of three chunks are swapped", (1, 0, 2)),
        ("first_chunk_dropped", "the first of three chunks is gone", (1, 2)),
        ("chunk_duplicated", "the first of three chunks comes twice", (0, 0, 1, 2)),
        ("extended_by_full_chunk", "a full chunk stands before the final one", (0, 1, 1, 2)),
    ):
        draft = Draft(name)
        yield draft.altered(comment, in_order(draft.usual(32788), order))

    for name, comment, order in (
        ("chunk_dropped", "the second of three chunks is gone", (0, 2)),
        ("extended_by_final_chunk", "the final chunk comes twice", (0, 1, 2, 2)),
    ):
        draft = Draft(name)
        yield draft.altered_end(comment, in_order(draft.usual(32788), order))

    draft = Draft("final_chunk_only")
    comment = "only the final chunk of two is left"
    yield draft.altered_end(comment, in_order(draft.usual(16400), (1,)))

    for name, comment, length, extension in (
        ("extended_by_one_byte", "one byte stands after the final chunk", 20, 1),
        ("extended_by_16_bytes", "16 bytes stand after the final chunk", 20, 16),
        ("empty_final_chunk_extended", "one byte stands after an empty final chunk", 16384, 1),
    ):
        draft = Draft(name)
        message = draft.usual(length)
        yield draft.altered_end(comment, bytes(message) + draft.draw("extension", extension))

    draft = Draft("extended_to_full_chunk")
    comment = "the final chunk is filled up to a full one"
    filling = draft.draw("extension", CHUNK - 36)
    yield draft.altered(comment, bytes(draft.usual(20)) + filling)

    for name, comment, length, cut in (
        ("cut_by_one_byte", "the last byte is gone: no telling from an alteration", 20, 1),
        ("cut_to_16_bytes_of_final_chunk", "16 bytes of the final chunk are left", 20, 20),
        ("cut_inside_full_chunk", "cut 16 bytes into a full chunk", 16400, CHUNK - 16 + 32),
    ):
        draft = Draft(name)
        yield draft.altered_end(comment, bytes(draft.usual(length))[:-cut])

    draft = Draft("short_chunk_in_the_middle")
    message = draft.usual(20000)
    short = writer.payload(draft.data_key, message.prefix + message.context, draft.salt, b"short")
    comment = "a chunk that is not the last is short"
    yield draft.altered_end(comment, replace(message, chunks=short[1] + message.chunks[1:]))


def in_order(message: Message, order: tuple[int, ...]) -> Message:
    return replace(message, chunks=tuple(message.chunks[index] for index in order))


def mixed_messages() -> Iterator[Vector]:
    draft = Draft("header_of_message_with_other_context")
    one = draft.usual()
    context = writer.context_block({"device": "43"})
    other = writer.compose(draft.data_key, draft.salt, context, one.recipients, b"")
    message = replace(one, context=other.context, mac=other.mac)
    comment = "header and payload of two messages with one data key and two contexts"
    yield draft.altered(comment, message)

    draft = Draft("header_of_message_with_other_data_key")
    message = Draft("other").usual()
    comment = "header and payload of two messages with two data keys"
    yield draft.altered(comment, draft.usual().header + message.payload)

    draft = Draft("payload_without_context")
    message = draft.usual()
    yield sealed_with(draft, "the payload is sealed with an empty context", message, b"")

    draft = Draft("payload_without_prefix")
    message = draft.usual()
    comment = "the payload is sealed with the context block alone"
    yield sealed_with(draft, comment, message, message.context)

    draft = Draft("payload_bound_to_header")
    message = draft.usual()
    comment = "the payload is sealed with the whole header as context"
    yield sealed_with(draft, comment, message, message.header)


def sealed_with(draft: Draft, comment: str, message: Message, context: bytes) -> Vector:
    commitment, chunks = writer.payload(draft.data_key, context, draft.salt, b"plaintext")
    return draft.altered(comment, replace(message, commitment=commitment, chunks=chunks))
