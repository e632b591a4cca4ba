/* Parts of a message: where they lie, and how they are unsealed. */
#include "check.h"
#include "unseal.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define SEALED_CHUNK (CHUNK + 16)
#define START_LEN 56 /* salt and commitment */

static libseal_rsa_public_key key;
static libseal_unsealer *unsealer;

static uint8_t plaintext[4 * 16384];
static size_t plaintext_len;
static uint8_t message[5 * 16384];
static size_t message_len;
static uint64_t first_chunk; /* Its offset in the message. */

static uint8_t out[6 * 16384];
static size_t written;

static void seal(size_t len)
{
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_envelope envelope = ENVELOPE(.recipients = &to, .recipient_count = 1);
    plaintext_len = len;
    CHECK_STATUS(
        libseal_seal(&envelope, plaintext, len, message, sizeof message, &message_len), LIBSEAL_OK);
}

static libseal_status update(const uint8_t *in, size_t len)
{
    return libseal_unsealer_update(unsealer, in, len, NULL, out, sizeof out, &written);
}

static libseal_status seek(uint64_t position)
{
    uint64_t offset;
    libseal_status status = libseal_unsealer_seek(unsealer, position, &offset);
    CHECK(offset == (status == LIBSEAL_OK ? first_chunk + position / CHUNK * SEALED_CHUNK : 0));
    return status;
}

/* An unsealer that knows the message up to its first chunk. */
static void open_message(void)
{
    libseal_unsealer_free(unsealer);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_openssl, "rsa-2048"), LIBSEAL_OK);
    CHECK_STATUS(update(message, message_len < 1000 ? message_len : 1000), LIBSEAL_OK);
    const libseal_header *header = libseal_unsealer_header(unsealer);
    uint64_t len;
    CHECK_STATUS(libseal_header_ciphertext_range(header, 0, 0, &first_chunk, &len), LIBSEAL_OK);
    CHECK(first_chunk == libseal_header_len(header) + START_LEN && len == 0);
}

/* Unseals `len` bytes from `position` on, or as many as there are, as if from a server. Counts what
 * is wrong, because there are many parts. */
static int part(uint64_t position, uint64_t len)
{
    const libseal_header *header = libseal_unsealer_header(unsealer);
    uint64_t start, range_len, offset, back, back_len;
    int wrong = libseal_header_ciphertext_range(header, position, len, &start, &range_len) != 0;
    wrong += libseal_header_plaintext_range(header, start, range_len, &back, &back_len) != 0;
    wrong += len > 0 && (back > position || back + back_len < position + len);
    wrong += position - back >= CHUNK;

    wrong += libseal_unsealer_seek(unsealer, position, &offset) != LIBSEAL_OK || offset != start;
    size_t from = start < message_len ? (size_t)start : message_len;
    size_t left = message_len - from;
    bool to_end = range_len >= left;
    size_t take = to_end ? left : (size_t)range_len;
    size_t need = libseal_unsealer_update_len(unsealer, take);
    wrong += need > LIBSEAL_UNSEALER_UPDATE_BOUND(take);
    wrong += libseal_unsealer_update(unsealer, message + from, take, NULL, out, need, &written) !=
             LIBSEAL_OK;
    wrong += written != need;
    size_t found = written;
    if (to_end) {
        need = libseal_unsealer_finish_len(unsealer);
        wrong += need > LIBSEAL_UNSEALER_FINISH_BOUND;
        wrong += libseal_unsealer_finish(unsealer, out + found, need, &written) != LIBSEAL_OK;
        found += written;
    }
    size_t there = plaintext_len - (size_t)position;
    wrong += found < (len < there ? len : there) || found > there;
    wrong += memcmp(out, plaintext + position, found) != 0;
    return wrong;
}

/* From and to every place around every boundary of chunks; on one unsealer, which has reached the end
 * now and then. */
static void parts(size_t len)
{
    seal(len);
    open_message();
    int wrong = 0, count = 0;
    for (size_t boundary = 0; boundary <= len + CHUNK; boundary += CHUNK)
        for (size_t i = 0; i < 3; i++) {
            size_t position = boundary + i - 1;
            if (position > len) /* Or below 0. */
                continue;
            const uint64_t lens[] = {0,         1,     CHUNK - 1,
                                     CHUNK,     CHUNK + 1, len - position,
                                     2 * CHUNK, (uint64_t)1 << 50};
            for (size_t j = 0; j < ARRAY_LEN(lens); j++, count++)
                wrong += part(position, lens[j]);
        }
    CHECK(wrong == 0 && count >= 8);
}

static void ranges(void)
{
    libseal_header *header;
    uint64_t start, len;
    seal(3 * CHUNK + 5);
    CHECK_STATUS(libseal_header_parse(message, message_len, &header), LIBSEAL_OK);
    CHECK_STATUS(libseal_header_ciphertext_range(header, CHUNK, CHUNK, &start, &len), LIBSEAL_OK);
    CHECK(start == libseal_header_len(header) + START_LEN + SEALED_CHUNK && len == SEALED_CHUNK);
    CHECK_STATUS(libseal_header_ciphertext_range(header, CHUNK - 1, 2, &start, &len), LIBSEAL_OK);
    CHECK(start == libseal_header_len(header) + START_LEN && len == 2 * SEALED_CHUNK);
    CHECK_STATUS(libseal_header_ciphertext_range(header, UINT64_MAX, UINT64_MAX, &start, &len),
                 LIBSEAL_OK);
    CHECK(start + len == UINT64_MAX);
    CHECK_STATUS(libseal_header_plaintext_range(header, 0, message_len, &start, &len), LIBSEAL_OK);
    CHECK(start == 0 && len == plaintext_len);
    CHECK_STATUS(libseal_header_plaintext_range(header, libseal_header_len(header) + START_LEN + 1,
                                                2 * SEALED_CHUNK - 1, &start, &len),
                 LIBSEAL_OK);
    CHECK(start == CHUNK && len == CHUNK);

    libseal_status (*const list[])(const libseal_header *, uint64_t, uint64_t, uint64_t *,
                                   uint64_t *) = {libseal_header_ciphertext_range,
                                                  libseal_header_plaintext_range};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        start = len = 1;
        CHECK_STATUS(list[i](NULL, 0, 1, &start, &len), LIBSEAL_ERR_NULL_POINTER);
        CHECK(start == 0 && len == 0);
        len = 1;
        CHECK_STATUS(list[i](header, 0, 1, NULL, &len), LIBSEAL_ERR_NULL_POINTER);
        CHECK(len == 0);
        start = 1;
        CHECK_STATUS(list[i](header, 0, 1, &start, NULL), LIBSEAL_ERR_NULL_POINTER);
        CHECK(start == 0);
        CHECK_STATUS(list[i](header, 0, 1, (uint64_t *)(void *)((char *)&start + 1), &len),
                     LIBSEAL_ERR_INVALID_ARGUMENT);
    }
    libseal_header_free(header);
}

static void is_over(void)
{
    CHECK_STATUS(seek(0), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(update(message, 1), LIBSEAL_ERR_INVALID_STATE);
}

/* Refused until all before the first chunk is there; that does no harm. */
static void too_early(void)
{
    seal(CHUNK);
    open_message();
    size_t start = (size_t)first_chunk, consumed;
    vector v = accepted_vector("length_32768");
    libseal_unsealer_free(unsealer);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(seek(0), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message, v.message_len, &consumed, out,
                                         sizeof out, &written),
                 LIBSEAL_NEED_KEY);
    CHECK_STATUS(seek(0), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_OK);
    CHECK_STATUS(seek(0), LIBSEAL_ERR_INVALID_STATE);
    free_vector(&v);

    libseal_unsealer_free(unsealer);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_openssl, "rsa-2048"), LIBSEAL_OK);
    for (size_t i = 0; i < start; i++) {
        if (i % 50 == 0 || i > start - 3)
            CHECK_STATUS(seek(0), LIBSEAL_ERR_INVALID_STATE);
        CHECK_STATUS(update(message + i, 1), LIBSEAL_OK);
    }
    CHECK_STATUS(seek(CHUNK), LIBSEAL_OK);
    CHECK(part(0, CHUNK) == 0);
}

static void wrong_calls(void)
{
    uint64_t offset = 1;
    CHECK_STATUS(libseal_unsealer_seek(NULL, 0, &offset), LIBSEAL_ERR_NULL_POINTER);
    CHECK(offset == 0);
    seal(CHUNK);
    open_message();
    CHECK_STATUS(libseal_unsealer_seek(unsealer, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    is_over();
    open_message();
    CHECK_STATUS(seek((uint64_t)1 << 52), LIBSEAL_ERR_MESSAGE_TOO_LONG);
    is_over();
    open_message();
    CHECK_STATUS(seek(UINT64_MAX), LIBSEAL_ERR_MESSAGE_TOO_LONG);
    is_over();
}

/* Behind the end of the plaintext there is nothing, and then no message that goes on. */
static void behind_the_end(void)
{
    seal(CHUNK + 5);
    open_message();
    CHECK_STATUS(seek(CHUNK + 100), LIBSEAL_OK);
    CHECK_STATUS(update(message + first_chunk + SEALED_CHUNK, 5 + 16), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, NULL, 0, &written), LIBSEAL_OK);
    CHECK(written == 0);
    CHECK_STATUS(seek(((uint64_t)1 << 52) - 1), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_TRUNCATED);
    is_over();
}

/* A chunk that is altered, or another one in its place, spoils its own part and no other. */
static void altered(void)
{
    seal(3 * CHUNK + 5);
    const uint8_t *third = message + first_chunk + 2 * SEALED_CHUNK;
    message[first_chunk + SEALED_CHUNK] ^= 1;
    open_message();
    CHECK(part(0, CHUNK) == 0);
    CHECK(part(2 * CHUNK, CHUNK + 5) == 0);
    CHECK_STATUS(seek(2 * CHUNK - 1), LIBSEAL_OK);
    memset(out, 0xaa, sizeof out);
    CHECK_STATUS(update(message + first_chunk + SEALED_CHUNK, 2 * SEALED_CHUNK),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(written == 0 && is_untouched_or_wiped(out, sizeof out));
    is_over();

    open_message();
    CHECK_STATUS(seek(CHUNK), LIBSEAL_OK);
    CHECK_STATUS(update(third, SEALED_CHUNK), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    is_over();
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    static const size_t lens[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 1000};
    key = public_key("rsa-2048");
    fill(plaintext, sizeof plaintext);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++)
        parts(lens[i]);
    ranges();
    too_early();
    wrong_calls();
    behind_the_end();
    altered();
    libseal_unsealer_free(unsealer);
    return report();
}
