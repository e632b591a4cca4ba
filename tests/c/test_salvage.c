/* What is left of a message that was cut short or altered: tests/vectors/salvage.txt, sources and sinks
 * that fail. */
#include "check.h"
#include "unseal.h"

#include <libseal_stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define SEALED_CHUNK (CHUNK + 16)
#define MOST ((size_t)1000000)
#define FAILURE 55

static libseal_rsa_public_key key;

static uint8_t plaintext[MOST], message[MOST + 70000], damaged[sizeof message], found[MOST];
static size_t plaintext_len = SIZE_MAX, message_len, header_len;
static uint8_t data_key[LIBSEAL_DATA_KEY_LEN];

static int unwrap_and_remember(void *user_data, const libseal_wrapped_key *wrapped,
                               uint8_t unwrapped[32])
{
    int code = unwrap_openssl(user_data, wrapped, unwrapped);
    memcpy(data_key, unwrapped, sizeof data_key);
    return code;
}

/* Without RSA. */
static int remembered(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    (void)user_data, (void)wrapped;
    memcpy(unwrapped, data_key, sizeof data_key);
    return 0;
}

static void seal(size_t len)
{
    if (len == plaintext_len)
        return;
    plaintext_len = len;
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    CHECK_STATUS(
        libseal_seal(&envelope, plaintext, len, message, sizeof message, &message_len), LIBSEAL_OK);
    size_t written;
    CHECK_STATUS(libseal_unseal(message, message_len, unwrap_and_remember, "rsa-2048", NULL, 0,
                                found, sizeof found, &written),
                 LIBSEAL_OK);
    libseal_header *header;
    CHECK_STATUS(libseal_header_parse(message, message_len, &header), LIBSEAL_OK);
    header_len = libseal_header_len(header);
    libseal_header_free(header);
}

/* The damaged message. */
static struct {
    size_t len, most; /* Of each answer. */
    size_t fails_at; /* Where reading fails; SIZE_MAX: nowhere. */
} memory;

static int read_memory(void *user_data, uint64_t offset, uint8_t *room, size_t len, size_t *filled)
{
    (void)user_data;
    if (offset >= memory.fails_at)
        return FAILURE;
    size_t end = memory.len < memory.fails_at ? memory.len : memory.fails_at;
    size_t left = offset < end ? end - (size_t)offset : 0;
    if (len > left)
        len = left;
    if (len > memory.most)
        len = memory.most;
    if (len > 0)
        memcpy(room, damaged + offset, len);
    *filled = len;
    return 0;
}

static struct {
    size_t len, fails; /* Calls that fail first. */
} sunk;

static int sink_bytes(void *user_data, const uint8_t *data, size_t len)
{
    (void)user_data;
    if (sunk.fails > 0)
        return sunk.fails--, FAILURE;
    CHECK(len > 0 && sunk.len + len <= sizeof found);
    memcpy(found + sunk.len, data, len);
    sunk.len += len;
    return 0;
}

static const libseal_sink sink = LIBSEAL_SINK_INIT(sink_bytes, NULL);

static libseal_reader *open_with(libseal_unwrap_fn unwrap, void *user_data)
{
    const libseal_source source = LIBSEAL_SOURCE_INIT(read_memory, NULL, NULL);
    libseal_reader *reader;
    CHECK_STATUS(libseal_reader_new(&source, unwrap, user_data, NULL, 0, &reader), LIBSEAL_OK);
    return reader;
}

static void start(size_t len)
{
    memcpy(damaged, message, message_len);
    memory.len = len;
    memory.most = SIZE_MAX;
    memory.fails_at = SIZE_MAX;
    sunk.len = sunk.fails = 0;
}

static bool is_beginning(const libseal_reader *reader, size_t len)
{
    return sunk.len == len && libseal_reader_position(reader) == len &&
           memcmp(found, plaintext, len) == 0;
}

static bool damage(const char *kind, size_t number)
{
    start(message_len);
    if (strcmp(kind, "cut") == 0)
        memory.len = header_len + number;
    else if (strcmp(kind, "flip") == 0)
        damaged[header_len + number] ^= 1;
    else if (strcmp(kind, "extend") == 0) {
        memset(damaged + message_len, 0, number);
        memory.len += number;
    } else
        return strcmp(kind, "none") == 0;
    return true;
}

static void table(void)
{
    char path[1000], line[200], kind[20], expect[40];
    snprintf(path, sizeof path, "%s/salvage.txt", vectors_dir);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fatal("cannot open", path);
    libseal_pool *pool;
    CHECK_STATUS(libseal_pool_new(2, &pool), LIBSEAL_OK);
    static const size_t answers[] = {SIZE_MAX, 4096, 100000};
    size_t count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len, number, left;
        if (line[0] == '#')
            continue;
        if (sscanf(line, "%zu %19s %zu %39s %zu", &len, kind, &number, expect, &left) != 5)
            fatal("cannot read the line", line);
        seal(len);
        CHECK(damage(kind, number));
        memory.most = answers[count++ % ARRAY_LEN(answers)];
        libseal_reader *reader = open_with(remembered, NULL);
        if (len == MOST)
            CHECK_STATUS(libseal_reader_set_pool(reader, pool), LIBSEAL_OK);
        libseal_status status = libseal_reader_salvage(reader, &sink);
        bool ok = strcmp(libseal_status_name(status), expect) == 0 && is_beginning(reader, left);
        if (!ok)
            fprintf(stderr, "%s found %s, %zu\n", line, libseal_status_name(status), sunk.len);
        CHECK(ok);
        libseal_reader_free(reader);
    }
    CHECK(count >= 200);
    libseal_pool_free(pool);
    fclose(file);
}

static void failing_source(void)
{
    seal(3 * CHUNK + 100);
    for (size_t chunks = 0; chunks <= 3; chunks++) {
        start(message_len);
        memory.fails_at = header_len + 56 + chunks * SEALED_CHUNK + 50;
        libseal_reader *reader = open_with(remembered, NULL);
        for (int i = 0; i < 2; i++) {
            CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_ERR_IO_FAILED);
            CHECK(is_beginning(reader, chunks * CHUNK));
            CHECK(libseal_reader_source_code(reader) == FAILURE);
        }
        /* It comes back. */
        memory.fails_at = SIZE_MAX;
        CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_OK);
        CHECK(is_beginning(reader, plaintext_len));
        libseal_reader_free(reader);
    }
}

static void failing_sink(void)
{
    seal(3 * CHUNK + 100);
    for (int altered = 0; altered < 2; altered++) {
        start(message_len);
        damaged[header_len + 56 + 2 * SEALED_CHUNK] ^= (uint8_t)altered;
        libseal_reader *reader = open_with(remembered, NULL);
        sunk.fails = 2;
        for (int i = 0; i < 2; i++) {
            CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_ERR_IO_FAILED);
            CHECK(libseal_reader_position(reader) == 0 && libseal_reader_source_code(reader) == 0);
            CHECK(strstr(libseal_last_error(), "writes") != NULL);
        }
        CHECK_STATUS(libseal_reader_salvage(reader, &sink),
                     altered ? LIBSEAL_ERR_AUTHENTICATION_FAILED : LIBSEAL_OK);
        CHECK(is_beginning(reader, altered ? 2 * CHUNK : plaintext_len));
        libseal_reader_free(reader);
    }
}

static int holds_nothing(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    (void)user_data, (void)wrapped, (void)unwrapped;
    return LIBSEAL_UNWRAP_NOT_MINE;
}

static int wrong_key(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    (void)user_data, (void)wrapped;
    memset(unwrapped, 7, 32);
    return 0;
}

static void nothing(void)
{
    seal(50000);
    const struct {
        size_t len;
        libseal_unwrap_fn unwrap;
        libseal_status status;
    } list[] = {{0, remembered, LIBSEAL_ERR_EMPTY_MESSAGE},
                {header_len - 1, remembered, LIBSEAL_ERR_TRUNCATED},
                {message_len, holds_nothing, LIBSEAL_ERR_NO_MATCHING_RECIPIENT},
                {message_len, wrong_key, LIBSEAL_ERR_AUTHENTICATION_FAILED}};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        start(list[i].len);
        libseal_reader *reader = open_with(list[i].unwrap, NULL);
        CHECK_STATUS(libseal_reader_salvage(reader, &sink), list[i].status);
        CHECK(is_beginning(reader, 0));
        libseal_reader_free(reader);
    }
    start(message_len);
    damaged[0] = 'x';
    libseal_reader *reader = open_with(remembered, NULL);
    CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_ERR_NOT_SEALED);
    CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_reader_salvage(reader, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_salvage(NULL, &sink), LIBSEAL_ERR_NULL_POINTER);
    CHECK(sunk.len == 0);
    libseal_reader_free(reader);

    const libseal_source source = LIBSEAL_SOURCE_INIT(read_memory, NULL, NULL);
    const libseal_context_pair pair = {"device", "42"};
    start(message_len);
    CHECK_STATUS(libseal_reader_new(&source, remembered, NULL, &pair, 1, &reader), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_salvage(reader, &sink), LIBSEAL_ERR_CONTEXT_MISMATCH);
    CHECK(is_beginning(reader, 0));
    libseal_reader_free(reader);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    fill(plaintext, sizeof plaintext);
    table();
    failing_source();
    failing_sink();
    nothing();
    return report();
}
