/* Reading a message from a source: from the start, from any place, to its end. */
#include "check.h"
#include "unseal.h"

#include <libseal_stream.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define LEN (5 * CHUNK + 1000)
#define FAILURE 55

static libseal_rsa_public_key key;

static uint8_t plaintext[40 * 16384], message[41 * 16384], out[40 * 16384];
static size_t plaintext_len, message_len, written;

static void seal(size_t len)
{
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_context_pair pairs[] = {{"site", "7"}, {"device", "42"}};
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    envelope.context = pairs;
    envelope.context_count = 2;
    plaintext_len = len;
    CHECK_STATUS(
        libseal_seal(&envelope, plaintext, len, message, sizeof message, &message_len), LIBSEAL_OK);
}

/* A message in memory, which counts what is read of it. */
typedef struct {
    size_t len, most; /* Of each answer. */
    uint64_t bytes, furthest;
    int reads, lengths;
    int fails; /* Calls that fail first. */
} memory;

static memory memory_of(size_t len)
{
    memory m;
    memset(&m, 0, sizeof m);
    m.len = len;
    m.most = SIZE_MAX;
    return m;
}

static int read_memory(void *user_data, uint64_t offset, uint8_t *room, size_t len, size_t *filled)
{
    memory *m = user_data;
    m->reads++;
    if (m->fails > 0)
        return m->fails--, FAILURE;
    size_t left = offset < m->len ? m->len - (size_t)offset : 0;
    if (len > left)
        len = left;
    if (len > m->most)
        len = m->most;
    if (len > 0)
        memcpy(room, message + offset, len);
    *filled = len;
    m->bytes += len;
    if (offset + len > m->furthest)
        m->furthest = offset + len;
    return 0;
}

static int length_of_memory(void *user_data, uint64_t *len)
{
    memory *m = user_data;
    m->lengths++;
    if (m->fails > 0)
        return m->fails--, FAILURE;
    *len = m->len;
    return 0;
}

static libseal_source source_in(memory *m, bool knows_len)
{
    libseal_source source = LIBSEAL_SOURCE_INIT(read_memory, NULL, m);
    source.length = knows_len ? length_of_memory : NULL;
    return source;
}

static libseal_reader *open_message(memory *m, bool knows_len)
{
    const libseal_source source = source_in(m, knows_len);
    libseal_reader *reader;
    CHECK_STATUS(libseal_reader_new(&source, unwrap_openssl, "rsa-2048", NULL, 0, &reader),
                 LIBSEAL_OK);
    CHECK(m->reads == 0 && libseal_reader_header(reader) == NULL);
    return reader;
}

/* Reads up to `len` bytes in pieces; what comes is what belongs there. */
static libseal_status read_part(libseal_reader *reader, size_t len, size_t piece, size_t *found)
{
    uint64_t start = libseal_reader_position(reader);
    *found = 0;
    int wrong = 0;
    while (*found < len) {
        size_t cap = len - *found < piece ? len - *found : piece;
        libseal_status status = libseal_reader_read(reader, out, cap, &written);
        if (status != LIBSEAL_OK) {
            CHECK(written == 0);
            return status;
        }
        if (written == 0)
            break;
        wrong += written > cap || memcmp(out, plaintext + start + *found, written) != 0;
        *found += written;
        wrong += libseal_reader_position(reader) != start + *found;
    }
    CHECK(wrong == 0);
    return LIBSEAL_OK;
}

static void whole_messages(void)
{
    static const size_t lens[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, LEN, 33 * CHUNK + 7};
    static const size_t pieces[] = {1000, CHUNK, 100000, SIZE_MAX};
    static const size_t answers[] = {61, 4096, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        seal(lens[i]);
        for (size_t j = 0; j < ARRAY_LEN(pieces) * ARRAY_LEN(answers) * 2; j++) {
            memory m = memory_of(message_len);
            m.most = answers[j / 2 % ARRAY_LEN(answers)];
            libseal_reader *reader = open_message(&m, j % 2);
            size_t found;
            CHECK_STATUS(read_part(reader, sizeof out, pieces[j / 2 / ARRAY_LEN(answers)], &found),
                         LIBSEAL_OK);
            CHECK(found == lens[i] && m.bytes == message_len && m.lengths == (int)(j % 2));
            CHECK_STATUS(libseal_reader_read(reader, out, sizeof out, &written), LIBSEAL_OK);
            CHECK(written == 0);
            uint64_t len = 1;
            CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_OK);
            CHECK(len == lens[i]);
            libseal_reader_free(reader);
        }
    }
}

/* From and to every place around every boundary of chunks, on one reader. */
static void parts(bool knows_len)
{
    seal(LEN);
    memory m = memory_of(message_len);
    libseal_reader *reader = open_message(&m, knows_len);
    for (size_t boundary = 0; boundary <= LEN; boundary += CHUNK)
        for (size_t i = 0; i < 3; i++) {
            if (boundary + i == 0)
                continue;
            size_t position = boundary + i - 1, found;
            const size_t lens[] = {1, CHUNK, CHUNK + 1, LEN};
            for (size_t j = 0; j < ARRAY_LEN(lens); j++) {
                size_t there = LEN - position;
                CHECK_STATUS(libseal_reader_seek(reader, position), LIBSEAL_OK);
                CHECK_STATUS(read_part(reader, lens[j], SIZE_MAX, &found), LIBSEAL_OK);
                CHECK(found == (lens[j] < there ? lens[j] : there));
            }
        }
    libseal_reader_free(reader);
}

/* Only the header, the last chunk and the chunks that are wanted. */
static void little_is_read(void)
{
    size_t found;
    seal(33 * CHUNK + 7);
    memory m = memory_of(message_len);
    libseal_reader *reader = open_message(&m, true);
    CHECK_STATUS(libseal_reader_seek(reader, 20 * CHUNK + 5), LIBSEAL_OK);
    CHECK(m.reads == 0);
    CHECK_STATUS(read_part(reader, 1000, SIZE_MAX, &found), LIBSEAL_OK);
    CHECK(found == 1000 && m.bytes < 4096 + 2 * (CHUNK + 16) && m.furthest == message_len);
    libseal_reader_free(reader);
}

static void length(void)
{
    uint64_t len = 1;
    seal(LEN);
    memory m = memory_of(message_len);
    libseal_reader *reader = open_message(&m, true);
    size_t found;
    CHECK_STATUS(read_part(reader, 10, SIZE_MAX, &found), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_OK);
    CHECK(len == LEN && libseal_reader_position(reader) == 10);
    CHECK_STATUS(read_part(reader, LEN, SIZE_MAX, &found), LIBSEAL_OK);
    CHECK(found == LEN - 10 && m.lengths == 1);
    /* Beyond the end there is nothing. */
    CHECK_STATUS(libseal_reader_seek(reader, LEN + 100 * CHUNK), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), LIBSEAL_OK);
    CHECK(written == 0);
    CHECK_STATUS(libseal_reader_seek(reader, LEN - 1), LIBSEAL_OK);
    CHECK_STATUS(read_part(reader, 5, SIZE_MAX, &found), LIBSEAL_OK);
    CHECK(found == 1);
    libseal_reader_free(reader);

    m = memory_of(message_len);
    reader = open_message(&m, false);
    len = 1;
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_ERR_INVALID_STATE);
    CHECK(len == 0);
    CHECK_STATUS(read_part(reader, SIZE_MAX, sizeof out, &found), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_OK);
    CHECK(found == LEN && len == LEN);
    libseal_reader_free(reader);
}

/* Of a message that is cut, nothing out of the middle is released if the source knows how long it is. */
static void cut(void)
{
    seal(LEN);
    for (size_t missing = 1; missing <= LEN; missing += 999) {
        size_t found;
        memory m = memory_of(message_len - missing);
        libseal_reader *reader = open_message(&m, true);
        CHECK_STATUS(libseal_reader_seek(reader, 10), LIBSEAL_OK);
        libseal_status status = read_part(reader, 10, SIZE_MAX, &found);
        CHECK(status == LIBSEAL_ERR_TRUNCATED || status == LIBSEAL_ERR_END_NOT_AUTHENTIC);
        CHECK(found == 0);
        CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), LIBSEAL_ERR_INVALID_STATE);
        CHECK_STATUS(libseal_reader_read(reader, out, 0, &written), LIBSEAL_ERR_INVALID_STATE);
        libseal_reader_free(reader);

        m = memory_of(message_len - missing);
        reader = open_message(&m, false);
        status = read_part(reader, SIZE_MAX, sizeof out, &found);
        CHECK(status == LIBSEAL_ERR_TRUNCATED || status == LIBSEAL_ERR_END_NOT_AUTHENTIC);
        CHECK(found < LEN && found % CHUNK == 0);
        libseal_reader_free(reader);
    }
    static const struct {
        size_t len;
        libseal_status status;
    } beginnings[] = {{0, LIBSEAL_ERR_EMPTY_MESSAGE}, {1, LIBSEAL_ERR_TRUNCATED},
                      {300, LIBSEAL_ERR_TRUNCATED}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(beginnings); i++) {
        memory m = memory_of(beginnings[i / 2].len);
        libseal_reader *reader = open_message(&m, i % 2);
        CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), beginnings[i / 2].status);
        CHECK(libseal_reader_header(reader) == NULL);
        libseal_reader_free(reader);
    }
}

static void altered(void)
{
    size_t found;
    seal(LEN);
    message[message_len - LEN / 2] ^= 1;
    memory m = memory_of(message_len);
    libseal_reader *reader = open_message(&m, true);
    /* First, what verified. */
    CHECK_STATUS(read_part(reader, sizeof out, sizeof out, &found),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(found == 2 * CHUNK && libseal_reader_position(reader) == found);
    libseal_reader_free(reader);

    m = memory_of(message_len);
    reader = open_message(&m, true);
    CHECK_STATUS(libseal_reader_seek(reader, 2 * CHUNK + 5), LIBSEAL_OK);
    memset(out, 0xaa, sizeof out);
    CHECK_STATUS(libseal_reader_read(reader, out, sizeof out, &written),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(written == 0 && is_untouched_or_wiped(out, sizeof out));
    CHECK_STATUS(libseal_reader_read(reader, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    uint64_t len = 1;
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_ERR_INVALID_STATE);
    CHECK(len == 0);
    libseal_reader_free(reader);

    /* In another place, it does not matter. */
    m = memory_of(message_len);
    reader = open_message(&m, true);
    CHECK_STATUS(libseal_reader_seek(reader, LEN - 500), LIBSEAL_OK);
    CHECK_STATUS(read_part(reader, 500, SIZE_MAX, &found), LIBSEAL_OK);
    CHECK(found == 500);
    libseal_reader_free(reader);
}

/* A source that fails has lost nothing: each call is repeated until it goes on. */
static void failing_source(void)
{
    size_t found = 0;
    uint64_t len;
    seal(LEN);
    memory m = memory_of(message_len);
    libseal_reader *reader = open_message(&m, true);
    CHECK(libseal_reader_source_code(reader) == 0);
    m.fails = 3; /* `length`, and two times `read` */
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(libseal_reader_read(reader, out, 100, &written), LIBSEAL_ERR_IO_FAILED);
        CHECK(written == 0 && libseal_reader_source_code(reader) == FAILURE);
    }
    for (size_t position = 0; position < LEN; position += found) {
        m.fails = 1;
        libseal_status status = libseal_reader_read(reader, out, 5000, &written);
        if (status == LIBSEAL_ERR_IO_FAILED)
            status = libseal_reader_read(reader, out, 5000, &written);
        CHECK_STATUS(status, LIBSEAL_OK);
        CHECK(libseal_reader_source_code(reader) == 0 || m.fails == 1);
        found = written;
        if (found == 0)
            break;
        CHECK(memcmp(out, plaintext + position, found) == 0);
    }
    CHECK(libseal_reader_position(reader) == LEN);
    m.fails = 0;
    libseal_reader_free(reader);

    m = memory_of(message_len);
    reader = open_message(&m, true);
    CHECK_STATUS(libseal_reader_read(reader, NULL, 0, &written), LIBSEAL_OK);
    m.fails = 1;
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_ERR_IO_FAILED);
    CHECK_STATUS(libseal_reader_plaintext_len(reader, &len), LIBSEAL_OK);
    CHECK(len == LEN);
    libseal_reader_free(reader);
}

static int reads_too_much(void *user_data, uint64_t offset, uint8_t *room, size_t len,
                          size_t *filled)
{
    (void)user_data, (void)offset, (void)room;
    *filled = len + 1;
    return 0;
}

static void lying_source(void)
{
    const libseal_source source = LIBSEAL_SOURCE_INIT(reads_too_much, NULL, NULL);
    libseal_reader *reader;
    CHECK_STATUS(libseal_reader_new(&source, unwrap_openssl, "rsa-2048", NULL, 0, &reader),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), LIBSEAL_ERR_IO_FAILED);
    CHECK(libseal_reader_source_code(reader) == 0);
    libseal_reader_free(reader);
}

static int answer; /* of the callback; 0: unwraps */

static int unwrap_or_fail(void *user_data, const libseal_wrapped_key *wrapped, uint8_t data_key[32])
{
    return answer ? answer : unwrap_openssl(user_data, wrapped, data_key);
}

/* Unwrapping can be tried again. */
static void failing_unwrap(void)
{
    static const struct {
        int answer, code;
        libseal_status status;
    } list[] = {{7, 7, LIBSEAL_ERR_UNWRAP_FAILED},
                {LIBSEAL_UNWRAP_STOP, LIBSEAL_UNWRAP_STOP, LIBSEAL_ERR_UNWRAP_FAILED},
                {LIBSEAL_UNWRAP_UNAVAILABLE, LIBSEAL_UNWRAP_UNAVAILABLE,
                 LIBSEAL_ERR_KMS_UNAVAILABLE},
                {LIBSEAL_UNWRAP_NOT_MINE, 0, LIBSEAL_ERR_NO_MATCHING_RECIPIENT}};
    seal(100);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        memory m = memory_of(message_len);
        const libseal_source source = source_in(&m, false);
        libseal_reader *reader;
        CHECK_STATUS(libseal_reader_new(&source, unwrap_or_fail, "rsa-2048", NULL, 0, &reader),
                     LIBSEAL_OK);
        answer = list[i].answer;
        CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), list[i].status);
        CHECK(libseal_reader_unwrap_code(reader) == list[i].code);
        CHECK(libseal_reader_header(reader) != NULL);
        int reads = m.reads;
        CHECK_STATUS(libseal_reader_read(reader, out, 1, &written), list[i].status);
        CHECK(m.reads == reads);
        answer = 0;
        size_t found;
        CHECK_STATUS(read_part(reader, 200, SIZE_MAX, &found), LIBSEAL_OK);
        CHECK(found == 100);
        libseal_reader_free(reader);
    }
}

static void required(void)
{
    static const struct {
        libseal_context_pair pair;
        libseal_status status;
    } list[] = {{{"site", "7"}, LIBSEAL_OK},
                {{"site", NULL}, LIBSEAL_OK},
                {{"site", "8"}, LIBSEAL_ERR_CONTEXT_MISMATCH},
                {{"other", NULL}, LIBSEAL_ERR_CONTEXT_MISMATCH}};
    seal(100);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        memory m = memory_of(message_len);
        const libseal_source source = source_in(&m, true);
        libseal_reader *reader;
        CHECK_STATUS(libseal_reader_new(&source, unwrap_openssl, "rsa-2048", &list[i].pair, 1,
                                        &reader),
                     LIBSEAL_OK);
        CHECK_STATUS(libseal_reader_read(reader, out, 0, &written), list[i].status);
        libseal_reader_free(reader);
    }
}

static uint8_t data_key[LIBSEAL_DATA_KEY_LEN];

static int unwrap_and_remember(void *user_data, const libseal_wrapped_key *wrapped,
                               uint8_t unwrapped[32])
{
    int code = unwrap_openssl(user_data, wrapped, unwrapped);
    CHECK_STATUS(libseal_wrapped_key_data_key(wrapped, unwrapped, 32, data_key), LIBSEAL_OK);
    return code;
}

/* With a header and a data key that are known, neither is read again. */
static void with_key(void)
{
    size_t found;
    seal(LEN);
    memory m = memory_of(message_len);
    const libseal_source source = source_in(&m, true);
    libseal_reader *reader, *second;
    CHECK_STATUS(libseal_reader_new(&source, unwrap_and_remember, "rsa-2048", NULL, 0, &reader),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_read(reader, NULL, 0, &written), LIBSEAL_OK);
    const libseal_header *header = libseal_reader_header(reader);
    size_t header_len = libseal_header_len(header);
    CHECK(memcmp(libseal_header_bytes(header), message, header_len) == 0);
    CHECK_STATUS(libseal_reader_new_with_key(&source, header, data_key, &second), LIBSEAL_OK);
    libseal_reader_free(reader);

    m = memory_of(message_len);
    CHECK(libseal_reader_position(second) == 0);
    CHECK_STATUS(read_part(second, SIZE_MAX, sizeof out, &found), LIBSEAL_OK);
    CHECK(found == LEN && m.bytes == message_len - header_len);
    CHECK(libseal_header_len(libseal_reader_header(second)) == header_len);
    data_key[0] ^= 1;
    CHECK_STATUS(libseal_reader_new_with_key(&source, libseal_reader_header(second), data_key,
                                             &reader),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(reader == NULL);
    CHECK_STATUS(libseal_reader_new_with_key(&source, NULL, data_key, &reader),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(
        libseal_reader_new_with_key(&source, libseal_reader_header(second), NULL, &reader),
        LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(
        libseal_reader_new_with_key(NULL, libseal_reader_header(second), data_key, &reader),
        LIBSEAL_ERR_NULL_POINTER);
    libseal_reader_free(second);
}

static void wrong_calls(void)
{
    seal(100);
    memory m = memory_of(message_len);
    struct {
        libseal_source known;
        uint64_t unknown;
    } source;
    memset(&source, 0, sizeof source); /* Padding too. */
    source.known = source_in(&m, true);
    libseal_reader *reader = (libseal_reader *)&m;
    const libseal_context_pair pair = {"a", "\xff"};
    CHECK_STATUS(libseal_reader_new(NULL, unwrap_openssl, NULL, NULL, 0, &reader),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(reader == NULL);
    CHECK_STATUS(libseal_reader_new(&source.known, NULL, NULL, NULL, 0, &reader),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, NULL, 1, &reader),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, &pair, 1, &reader),
                 LIBSEAL_ERR_INVALID_UTF8);
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, &pair, SIZE_MAX, &reader),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, NULL, 0, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    source.known.size -= sizeof(size_t);
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, NULL, 0, &reader),
                 LIBSEAL_ERR_STRUCT_SIZE);
    source.known.size = sizeof source;
    source.unknown = 1;
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, NULL, 0, &reader),
                 LIBSEAL_ERR_STRUCT_SIZE);
    source.unknown = 0;
    source.known.read = NULL;
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, NULL, NULL, 0, &reader),
                 LIBSEAL_ERR_NULL_POINTER);
    source.known.read = read_memory;
    CHECK_STATUS(libseal_reader_new(&source.known, unwrap_openssl, "rsa-2048", NULL, 0, &reader),
                 LIBSEAL_OK);

    /* They change nothing. */
    CHECK_STATUS(libseal_reader_read(reader, NULL, 1, &written), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_read(reader, out, 1, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_plaintext_len(reader, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK(m.reads == 0);
    size_t found;
    CHECK_STATUS(libseal_reader_seek(reader, (uint64_t)1 << 52), LIBSEAL_OK);
    CHECK_STATUS(read_part(reader, 1, 1, &found), LIBSEAL_OK); /* beyond the end, which is known */
    CHECK_STATUS(libseal_reader_seek(reader, 40), LIBSEAL_OK);
    CHECK_STATUS(read_part(reader, 100, 7, &found), LIBSEAL_OK);
    CHECK(found == 60);
    libseal_reader_free(reader);

    written = 1;
    uint64_t len = 1;
    CHECK_STATUS(libseal_reader_read(NULL, out, 1, &written), LIBSEAL_ERR_NULL_POINTER);
    CHECK(written == 0);
    CHECK_STATUS(libseal_reader_seek(NULL, 0), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_plaintext_len(NULL, &len), LIBSEAL_ERR_NULL_POINTER);
    CHECK(len == 0 && libseal_reader_position(NULL) == 0 && libseal_reader_header(NULL) == NULL);
    CHECK(libseal_reader_source_code(NULL) == 0 && libseal_reader_unwrap_code(NULL) == 0);
    libseal_reader_free(NULL);

    m = memory_of(message_len);
    reader = open_message(&m, false);
    CHECK_STATUS(libseal_reader_seek(reader, (uint64_t)1 << 52), LIBSEAL_OK);
    CHECK_STATUS(read_part(reader, 1, 1, &found), LIBSEAL_ERR_MESSAGE_TOO_LONG);
    libseal_reader_free(reader);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    fill(plaintext, sizeof plaintext);
    whole_messages();
    parts(true);
    parts(false);
    little_is_read();
    length();
    cut();
    altered();
    failing_source();
    lying_source();
    failing_unwrap();
    required();
    with_key();
    wrong_calls();
    return report();
}
