/* Writing a message to a sink. */
#include "check.h"
#include "unseal.h"

#include <libseal_stream.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define FAILURE 66

static libseal_rsa_public_key key;
static libseal_recipient to;
static libseal_envelope envelope;

static uint8_t plaintext[40 * 16384], message[41 * 16384];

/* A sink in memory. */
typedef struct {
    size_t len;
    int writes, fails; /* Calls that fail first. */
} memory;

static int write_memory(void *user_data, const uint8_t *data, size_t len)
{
    memory *m = user_data;
    m->writes++;
    if (m->fails > 0)
        return m->fails--, FAILURE;
    if (len == 0 || len > sizeof message - m->len)
        fatal("wrote too much", "write_memory");
    memcpy(message + m->len, data, len);
    m->len += len;
    return 0;
}

static libseal_writer *begin(memory *m)
{
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_memory, m);
    libseal_writer *writer;
    memset(m, 0, sizeof *m);
    CHECK_STATUS(libseal_writer_new(&envelope, &sink, &writer), LIBSEAL_OK);
    CHECK(m->writes == 0 && libseal_writer_sink_code(writer) == 0);
    return writer;
}

static void holds(const memory *m, size_t len)
{
    CHECK(unseals_to(message, m->len, plaintext, len, "rsa-2048", NULL, 0));
}

static void is_over(libseal_writer *writer, const memory *m)
{
    size_t len = m->len, consumed = 1;
    CHECK_STATUS(libseal_writer_write(writer, plaintext, 1, &consumed), LIBSEAL_ERR_INVALID_STATE);
    CHECK(consumed == 0);
    CHECK_STATUS(libseal_writer_write(writer, NULL, 0, NULL), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_INVALID_STATE);
    CHECK(m->len == len);
}

static void pieces(void)
{
    static const size_t lens[] = {0,         1,          CHUNK - 1,      CHUNK,
                                  CHUNK + 1, 16 * CHUNK, 16 * CHUNK + 1, 33 * CHUNK + 7};
    static const size_t list[] = {997, CHUNK, 16 * CHUNK - 1, sizeof plaintext};
    for (size_t i = 0; i < ARRAY_LEN(lens) * ARRAY_LEN(list); i++) {
        size_t len = lens[i / ARRAY_LEN(list)], piece = list[i % ARRAY_LEN(list)];
        memory m;
        libseal_writer *writer = begin(&m);
        for (size_t done = 0; done < len; done += piece) {
            size_t left = len - done, consumed;
            if (left > piece)
                left = piece;
            CHECK_STATUS(libseal_writer_write(writer, plaintext + done, left, &consumed),
                         LIBSEAL_OK);
            CHECK(consumed == left);
        }
        CHECK_STATUS(libseal_writer_write(writer, NULL, 0, NULL), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
        holds(&m, len);
        is_over(writer, &m);
        libseal_writer_free(writer);
    }
}

/* What is flushed is out, but for the tag of a chunk that goes on. */
static void flushes(void)
{
    memory m;
    libseal_writer *writer = begin(&m);
    size_t start_len, done = 0;
    CHECK_STATUS(libseal_sealer_start_len(&envelope, &start_len), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
    CHECK(m.len == start_len);
    static const size_t list[] = {1, 100, CHUNK - 101, CHUNK - 1, 1, 20 * CHUNK, 5};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        CHECK_STATUS(libseal_writer_write(writer, plaintext + done, list[i], NULL), LIBSEAL_OK);
        done += list[i];
        CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
        CHECK(m.len == start_len + done + done / CHUNK * 16);
        CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
    }
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    CHECK(m.len == start_len + done + done / CHUNK * 16 + 16);
    holds(&m, done);
    libseal_writer_free(writer);
}

/* A sink that fails has lost nothing: each call is repeated until it goes on. */
static void failing_sink(void)
{
    memory m;
    libseal_writer *writer = begin(&m);
    size_t len = 33 * CHUNK + 7;
    int failures = 0;
    for (size_t done = 0; done < len;) {
        size_t left = len - done < 40000 ? len - done : 40000, consumed = 0;
        libseal_status status = libseal_writer_write(writer, plaintext + done, left, &consumed);
        if (status == LIBSEAL_ERR_IO_FAILED) {
            CHECK(libseal_writer_sink_code(writer) == FAILURE && consumed < left);
            failures++;
        } else {
            CHECK(status == LIBSEAL_OK && consumed == left);
            m.fails = 2;
        }
        done += consumed;
    }
    CHECK(failures > 2);
    m.fails = 2;
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_ERR_IO_FAILED);
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_ERR_IO_FAILED);
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
    m.fails = 2;
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_IO_FAILED);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_IO_FAILED);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    holds(&m, len);
    is_over(writer, &m);
    libseal_writer_free(writer);
}

/* After a failed end, only the end can be repeated. */
static void no_more_after_the_end(void)
{
    memory m;
    libseal_writer *writer = begin(&m);
    size_t consumed = 1;
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
    m.fails = 1;
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_IO_FAILED);
    m.fails = 1;
    CHECK_STATUS(libseal_writer_write(writer, plaintext, 1, &consumed), LIBSEAL_ERR_IO_FAILED);
    CHECK(consumed == 0);
    CHECK_STATUS(libseal_writer_write(writer, plaintext, 1, &consumed), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    holds(&m, 0);
    libseal_writer_free(writer);
}

/* Freed before its end, it leaves a message that is cut short. */
static void unfinished(void)
{
    static const size_t lens[] = {0, 100, 20 * CHUNK};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        static uint8_t out[sizeof plaintext];
        memory m;
        libseal_writer *writer = begin(&m);
        CHECK_STATUS(libseal_writer_write(writer, plaintext, lens[i], NULL), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
        libseal_writer_free(writer);
        size_t len;
        libseal_status status = libseal_unseal(message, m.len, unwrap_openssl, "rsa-2048", NULL,
                                               0, out, sizeof out, &len);
        CHECK(status == LIBSEAL_ERR_TRUNCATED || status == LIBSEAL_ERR_END_NOT_AUTHENTIC);
    }
}

static void wrong_calls(void)
{
    memory m = {0, 0, 0};
    struct {
        libseal_sink known;
        uint64_t unknown;
    } sink;
    memset(&sink, 0, sizeof sink); /* Padding too. */
    sink.known = (libseal_sink)LIBSEAL_SINK_INIT(write_memory, &m);
    libseal_writer *writer = (libseal_writer *)&m;
    CHECK_STATUS(libseal_writer_new(NULL, &sink.known, &writer), LIBSEAL_ERR_NULL_POINTER);
    CHECK(writer == NULL);
    CHECK_STATUS(libseal_writer_new(&envelope, NULL, &writer), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_writer_new(&envelope, &sink.known, NULL), LIBSEAL_ERR_NULL_POINTER);
    libseal_envelope nobody = envelope;
    nobody.recipient_count = 0;
    CHECK_STATUS(libseal_writer_new(&nobody, &sink.known, &writer), LIBSEAL_ERR_NO_RECIPIENTS);
    source s = source_of(good_byte, 1);
    const libseal_random random = random_from(&s);
    libseal_envelope failing = envelope;
    failing.random = &random;
    CHECK_STATUS(libseal_writer_new(&failing, &sink.known, &writer), LIBSEAL_ERR_RANDOM_FAILED);
    sink.known.size -= sizeof(size_t);
    CHECK_STATUS(libseal_writer_new(&envelope, &sink.known, &writer), LIBSEAL_ERR_STRUCT_SIZE);
    sink.known.size = sizeof sink;
    sink.unknown = 1;
    CHECK_STATUS(libseal_writer_new(&envelope, &sink.known, &writer), LIBSEAL_ERR_STRUCT_SIZE);
    sink.unknown = 0;
    sink.known.write = NULL;
    CHECK_STATUS(libseal_writer_new(&envelope, &sink.known, &writer), LIBSEAL_ERR_NULL_POINTER);
    CHECK(writer == NULL);
    sink.known.write = write_memory;
    CHECK_STATUS(libseal_writer_new(&envelope, &sink.known, &writer), LIBSEAL_OK);

    /* They change nothing. */
    size_t consumed = 1;
    CHECK_STATUS(libseal_writer_write(writer, NULL, 1, &consumed), LIBSEAL_ERR_NULL_POINTER);
    CHECK(consumed == 0);
    CHECK_STATUS(libseal_writer_write(writer, plaintext, (size_t)-1, NULL),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_writer_write(writer, plaintext, 10, NULL), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    holds(&m, 10);
    libseal_writer_free(writer);

    consumed = 1;
    CHECK_STATUS(libseal_writer_write(NULL, plaintext, 1, &consumed), LIBSEAL_ERR_NULL_POINTER);
    CHECK(consumed == 0);
    CHECK_STATUS(libseal_writer_flush(NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_writer_finish(NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK(libseal_writer_sink_code(NULL) == 0);
    libseal_writer_free(NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    to = (libseal_recipient)RECIPIENT(.key = &key);
    envelope = (libseal_envelope)ENVELOPE(.recipients = &to, .recipient_count = 1);
    fill(plaintext, sizeof plaintext);
    pieces();
    flushes();
    failing_sink();
    no_more_after_the_end();
    unfinished();
    wrong_calls();
    return report();
}
