/* Threads that are lent: to every handle, to many at a time, after their end, in a forked child. */
#define _POSIX_C_SOURCE 200809L

#include "check.h"
#include "unseal.h"

#include <dirent.h>
#include <libseal_stream.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Long enough for several threads, and with a last chunk that is not full. */
#define LEN ((size_t)1200000)
#define ROOM (LEN + 4000)

static libseal_rsa_public_key key;
static libseal_recipient to;
static libseal_envelope plain;

static uint8_t plaintext[LEN];
static uint8_t message[ROOM], expected[ROOM], opened[LEN + 16384];
static size_t expected_len;

static libseal_sealer sealer; /* zero-initialised: some tests never start it */
static size_t written;

static const size_t counts[] = {1, 2, 3, 0};

static libseal_pool *new_pool(size_t threads)
{
    libseal_pool *pool;
    CHECK_STATUS(libseal_pool_new(threads, &pool), LIBSEAL_OK);
    return pool;
}

/* The same message each time, unless the threads do something wrong. */
static size_t start(void)
{
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    libseal_envelope envelope = plain;
    envelope.random = &random;
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &envelope, message, sizeof message,
                                      &written),
                 LIBSEAL_OK);
    return written;
}

static void is_expected(size_t len)
{
    CHECK(len == expected_len && memcmp(message, expected, len) == 0);
    CHECK(is_wiped(&sealer, sizeof sealer));
}

static void on_one_thread(void)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext, LEN, message + at,
                                            sizeof message - at, &written),
                 LIBSEAL_OK);
    expected_len = at + written;
    memcpy(expected, message, expected_len);
    CHECK(unseals_to(message, expected_len, plaintext, LEN, "rsa-2048", NULL, 0));
}

static void seals(const libseal_pool *pool)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext, LEN, message + at,
                                            sizeof message - at, &written),
                 LIBSEAL_OK);
    is_expected(at + written);

    /* Not from the beginning of a chunk, and without the pool for one piece. */
    static const size_t lens[] = {100, 600000, LEN - 600100};
    at = start();
    for (size_t i = 0, done = 0; i < ARRAY_LEN(lens); done += lens[i], i++) {
        CHECK_STATUS(libseal_sealer_set_pool(&sealer, i == 1 ? NULL : pool), LIBSEAL_OK);
        CHECK_STATUS(libseal_sealer_update(&sealer, plaintext + done, lens[i], message + at,
                                           sizeof message - at, &written),
                     LIBSEAL_OK);
        at += written;
    }
    CHECK_STATUS(libseal_sealer_finish(&sealer, message + at, sizeof message - at, &written),
                 LIBSEAL_OK);
    is_expected(at + written);
}

static libseal_unsealer *new_unsealer(const libseal_pool *pool)
{
    libseal_unsealer *unsealer;
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_openssl, "rsa-2048"), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_pool(unsealer, pool), LIBSEAL_OK);
    return unsealer;
}

static libseal_status update(libseal_unsealer *unsealer)
{
    return libseal_unsealer_update(unsealer, message, expected_len, NULL, opened, sizeof opened,
                                   &written);
}

static void unseals(const libseal_pool *pool)
{
    memcpy(message, expected, expected_len);
    libseal_unsealer *unsealer = new_unsealer(pool);
    CHECK_STATUS(update(unsealer), LIBSEAL_OK);
    size_t len = written;
    CHECK_STATUS(libseal_unsealer_finish(unsealer, opened + len, sizeof opened - len, &written),
                 LIBSEAL_OK);
    CHECK(len + written == LEN && memcmp(opened, plaintext, LEN) == 0);
    libseal_unsealer_free(unsealer);

    /* Of a message that is altered somewhere, nothing is left. */
    message[expected_len / 2] ^= 1;
    unsealer = new_unsealer(pool);
    memset(opened, 0xaa, sizeof opened);
    CHECK_STATUS(update(unsealer), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(written == 0 && is_untouched_or_wiped(opened, sizeof opened));
    CHECK_STATUS(libseal_unsealer_set_pool(unsealer, pool), LIBSEAL_ERR_INVALID_STATE);
    libseal_unsealer_free(unsealer);
}

/* A buffer of one thread, to write to and read from. */
typedef struct {
    uint8_t *bytes;
    size_t len;
    pthread_t thread;
    bool is_on_thread;
} memory;

static memory new_memory(void)
{
    return (memory){allocate(ROOM), 0, pthread_self(), true};
}

static int write_memory(void *user_data, const uint8_t *data, size_t len)
{
    memory *m = user_data;
    m->is_on_thread = m->is_on_thread && pthread_equal(m->thread, pthread_self());
    if (len > ROOM - m->len)
        return 1;
    memcpy(m->bytes + m->len, data, len);
    m->len += len;
    return 0;
}

static int read_memory(void *user_data, uint64_t offset, uint8_t *out, size_t len, size_t *filled)
{
    memory *m = user_data;
    m->is_on_thread = m->is_on_thread && pthread_equal(m->thread, pthread_self());
    size_t left = offset < m->len ? m->len - (size_t)offset : 0;
    *filled = len < left ? len : left;
    if (*filled > 0)
        memcpy(out, m->bytes + offset, *filled);
    return 0;
}

static uint8_t data_key[LIBSEAL_DATA_KEY_LEN]; /* of `expected` */

static int remember(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    int code = unwrap_openssl(user_data, wrapped, unwrapped);
    memcpy(data_key, unwrapped, sizeof data_key);
    return code;
}

static int unwrap_known(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    (void)user_data, (void)wrapped;
    memcpy(unwrapped, data_key, sizeof data_key);
    return 0;
}

/* What is wrong when a writer and a reader take a pool: callbacks stay on the thread of the caller. */
static int streams(const libseal_pool *pool, size_t piece)
{
    int wrong = 0;
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    libseal_envelope envelope = plain;
    envelope.random = &random;
    memory m = new_memory();
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_memory, &m);
    libseal_writer *writer;
    wrong += libseal_writer_new(&envelope, &sink, &writer) != LIBSEAL_OK;
    wrong += libseal_writer_set_pool(writer, pool) != LIBSEAL_OK;
    for (size_t done = 0; done < LEN; done += piece) {
        size_t len = LEN - done < piece ? LEN - done : piece;
        wrong += libseal_writer_write(writer, plaintext + done, len, NULL) != LIBSEAL_OK;
    }
    wrong += libseal_writer_finish(writer) != LIBSEAL_OK;
    libseal_writer_free(writer);
    wrong += m.len != expected_len || memcmp(m.bytes, expected, m.len) != 0 || !m.is_on_thread;

    const libseal_source source = LIBSEAL_SOURCE_INIT(read_memory, NULL, &m);
    libseal_reader *reader;
    wrong += libseal_reader_new(&source, unwrap_known, NULL, NULL, 0, &reader) != LIBSEAL_OK;
    wrong += libseal_reader_set_pool(reader, pool) != LIBSEAL_OK;
    uint8_t *out = allocate(piece);
    size_t done = 0, len;
    do {
        wrong += libseal_reader_read(reader, out, piece, &len) != LIBSEAL_OK;
        wrong += memcmp(out, plaintext + done, len) != 0;
        done += len;
    } while (len > 0 && wrong == 0);
    wrong += done != LEN || !m.is_on_thread;
    libseal_reader_free(reader);
    free(out);
    free(m.bytes);
    return wrong;
}

/* Each in pieces of its own, on one pool. */

#define USERS 4

typedef struct {
    const libseal_pool *pool;
    size_t piece;
    int wrong;
} user;

static void *use(void *argument)
{
    user *u = argument;
    for (int i = 0; i < 3; i++)
        u->wrong += streams(u->pool, u->piece);
    return NULL;
}

static void shared_by_many(void)
{
    libseal_pool *pool = new_pool(2);
    pthread_t threads[USERS];
    user users[USERS];
    for (size_t i = 0; i < USERS; i++) {
        users[i] = (user){pool, i % 2 ? LEN : 100000, 0};
        if (pthread_create(&threads[i], NULL, use, &users[i]) != 0)
            fatal("no thread", "shared_by_many");
    }
    for (size_t i = 0; i < USERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(users[i].wrong == 0);
    }
    libseal_pool_free(pool);
}

/* Handles of every kind, with a pool, that have not ended. */
typedef struct {
    memory m;
    libseal_unsealer *unsealer;
    libseal_reader *reader;
    libseal_writer *writer;
    size_t at;
} handles;

/* Returns where they always are, because sink and source point to their memory. */
static handles *begin_all(const libseal_pool *pool)
{
    static handles all;
    handles *h = &all;
    h->m = new_memory();
    h->m.len = expected_len;
    memcpy(h->m.bytes, expected, expected_len);
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_memory, &h->m);
    const libseal_source source = LIBSEAL_SOURCE_INIT(read_memory, NULL, &h->m);
    h->at = start();
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, LEN / 2, message + h->at,
                                       sizeof message - h->at, &written),
                 LIBSEAL_OK);
    h->at += written;
    h->unsealer = new_unsealer(pool);
    CHECK_STATUS(libseal_unsealer_update(h->unsealer, expected, expected_len / 2, NULL, opened,
                                         sizeof opened, &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_new(&source, unwrap_known, NULL, NULL, 0, &h->reader), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_set_pool(h->reader, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_new(&plain, &sink, &h->writer), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_set_pool(h->writer, pool), LIBSEAL_OK);
    return h;
}

/* What every handle says of a pool that is not there any more; counts who says something else. */
static int refuse(handles *h)
{
    int wrong = 0;
    uint8_t out[64];
    static const libseal_status refused = LIBSEAL_ERR_INVALID_STATE;
    wrong += libseal_sealer_update(&sealer, plaintext + LEN / 2, LEN / 2, message + h->at,
                                   sizeof message - h->at, &written) != refused;
    wrong += libseal_sealer_update(&sealer, plaintext, 1, out, sizeof out, &written) != refused;
    wrong += libseal_sealer_finish(&sealer, out, sizeof out, &written) != refused;
    wrong += libseal_unsealer_update(h->unsealer, expected + expected_len / 2, 1, NULL, out,
                                     sizeof out, &written) != refused;
    wrong += libseal_unsealer_finish(h->unsealer, opened, sizeof opened, &written) != refused;
    wrong += libseal_reader_read(h->reader, opened, sizeof opened, &written) != refused;
    wrong += libseal_writer_write(h->writer, plaintext, LEN, NULL) != refused;
    wrong += libseal_writer_write(h->writer, plaintext, 1, NULL) != refused;
    wrong += libseal_writer_finish(h->writer) != refused;
    return wrong;
}

/* What they all do with another pool, or with none. */
static void go_on(handles *h, const libseal_pool *pool)
{
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext + LEN / 2, LEN - LEN / 2,
                                            message + h->at, sizeof message - h->at, &written),
                 LIBSEAL_OK);
    is_expected(h->at + written);
    CHECK_STATUS(libseal_unsealer_set_pool(h->unsealer, pool), LIBSEAL_OK);
    size_t rest = expected_len - expected_len / 2;
    CHECK_STATUS(libseal_unsealer_update(h->unsealer, expected + expected_len / 2, rest, NULL,
                                         opened, sizeof opened, &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(h->unsealer, opened, sizeof opened, &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_set_pool(h->reader, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_seek(h->reader, 1000), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_read(h->reader, opened, 1000, &written), LIBSEAL_OK);
    CHECK(written > 0 && memcmp(opened, plaintext + 1000, written) == 0);
    CHECK_STATUS(libseal_writer_set_pool(h->writer, pool), LIBSEAL_OK);
    h->m.len = 0;
    CHECK_STATUS(libseal_writer_write(h->writer, plaintext, LEN, NULL), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_finish(h->writer), LIBSEAL_OK);
    CHECK(unseals_to(h->m.bytes, h->m.len, plaintext, LEN, "rsa-2048", NULL, 0));
}

static void free_all(handles *h)
{
    libseal_sealer_wipe(&sealer);
    libseal_unsealer_free(h->unsealer);
    libseal_reader_free(h->reader);
    libseal_writer_free(h->writer);
    free(h->m.bytes);
}

static void after_its_end(void)
{
    libseal_pool *pool = new_pool(2);
    handles *h = begin_all(pool);
    libseal_pool_free(pool);
    CHECK(refuse(h) == 0);
    pool = new_pool(2);
    go_on(h, pool);
    free_all(h);
    libseal_pool_free(pool);

    pool = new_pool(2);
    h = begin_all(pool);
    libseal_pool_free(pool);
    CHECK(refuse(h) == 0);
    go_on(h, NULL);
    free_all(h);

    /* In either order. */
    pool = new_pool(2);
    h = begin_all(pool);
    libseal_pool_free(pool);
    free_all(h);
}

static int discard(void *user_data, const uint8_t *data, size_t len)
{
    (void)user_data, (void)data, (void)len;
    return 0;
}

static void *write_until_refused(void *argument)
{
    libseal_status status;
    do
        status = libseal_writer_write(argument, plaintext, LEN, NULL);
    while (status == LIBSEAL_OK);
    CHECK_STATUS(status, LIBSEAL_ERR_INVALID_STATE);
    return NULL;
}

/* The end waits for a call that is under way; the next one is refused. */
static void ends_while_in_use(void)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    const libseal_sink sink = LIBSEAL_SINK_INIT(discard, NULL);
    for (int i = 0; i < 5; i++) {
        libseal_pool *pool = new_pool(2);
        libseal_writer *writer;
        pthread_t thread;
        CHECK_STATUS(libseal_writer_new(&plain, &sink, &writer), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_set_pool(writer, pool), LIBSEAL_OK);
        if (pthread_create(&thread, NULL, write_until_refused, writer) != 0)
            fatal("no thread", "ends_while_in_use");
        nanosleep(&moment, NULL);
        libseal_pool_free(pool);
        pthread_join(thread, NULL);
        libseal_writer_free(writer);
    }
}

static void wrong_calls(void)
{
    libseal_pool *pool = new_pool(2);
    CHECK_STATUS(libseal_pool_new(2, NULL), LIBSEAL_ERR_NULL_POINTER);
    libseal_pool_free(NULL);
    CHECK_STATUS(libseal_sealer_set_pool(NULL, pool), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(libseal_sealer_set_pool((libseal_sealer *)(void *)((char *)&sealer + 4), pool),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    start();
    libseal_sealer copy = sealer;
    CHECK_STATUS(libseal_sealer_set_pool(&copy, pool), LIBSEAL_ERR_NOT_FILLED);
    libseal_sealer_wipe(&copy);
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, NULL), LIBSEAL_OK);
    libseal_sealer_wipe(&sealer);
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_unsealer_set_pool(NULL, pool), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_reader_set_pool(NULL, pool), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_writer_set_pool(NULL, pool), LIBSEAL_ERR_NULL_POINTER);
    libseal_pool_free(pool);
}

/* An error ends the sealer, and not the pool. */
static void errors(void)
{
    libseal_pool *pool = new_pool(2);
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, LEN, message + at, sizeof message - at,
                                       &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 1, message, 100, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(is_wiped(&sealer, sizeof sealer));
    CHECK_STATUS(libseal_sealer_set_pool(&sealer, pool), LIBSEAL_ERR_INVALID_STATE);
    seals(pool);
    libseal_pool_free(pool);
}

typedef struct {
    libseal_pool *pool;
    handles *handles;
} inherited;

static int refused_in_child(void *argument)
{
    libseal_pool *pool = ((inherited *)argument)->pool;
    handles *h = ((inherited *)argument)->handles;
    int wrong = refuse(h);
    wrong += libseal_writer_set_pool(h->writer, pool) != LIBSEAL_ERR_INVALID_STATE;
    free_all(h);
    libseal_pool_free(pool);
    return wrong;
}

static int pool_ends_first(void *argument)
{
    libseal_pool *pool = ((inherited *)argument)->pool;
    handles *h = ((inherited *)argument)->handles;
    libseal_pool_free(pool);
    int wrong = refuse(h);
    free_all(h);
    return wrong;
}

static int new_pool_in_child(void *argument)
{
    libseal_pool *pool = ((inherited *)argument)->pool;
    handles *h = ((inherited *)argument)->handles;
    libseal_pool *own;
    int wrong = libseal_pool_new(2, &own) != LIBSEAL_OK;
    /* What the parent seals, it seals alone. */
    wrong += libseal_sealer_set_pool(&sealer, own) != LIBSEAL_OK;
    wrong += libseal_sealer_finish_with(&sealer, plaintext + LEN / 2, LEN - LEN / 2,
                                        message + h->at, sizeof message - h->at,
                                        &written) != LIBSEAL_ERR_INVALID_STATE;
    /* What it unseals can go on, and new messages can begin. */
    wrong += libseal_unsealer_set_pool(h->unsealer, own) != LIBSEAL_OK;
    wrong += libseal_unsealer_update(h->unsealer, expected + expected_len / 2,
                                     expected_len - expected_len / 2, NULL, opened, sizeof opened,
                                     &written) != LIBSEAL_OK;
    wrong += libseal_unsealer_finish(h->unsealer, opened, sizeof opened, &written) != LIBSEAL_OK;
    free_all(h);
    wrong += streams(own, LEN);
    libseal_pool_free(own);
    libseal_pool_free(pool);
    return wrong;
}

static void *use_on_and_on(void *argument)
{
    user *u = argument;
    for (int i = 0; i < 20; i++)
        u->wrong += streams(u->pool, u->piece);
    return NULL;
}

static void forked(void)
{
    int (*const tests[])(void *) = {refused_in_child, pool_ends_first, new_pool_in_child};
    libseal_pool *pool = new_pool(2);
    handles *h = begin_all(pool);
    inherited both = {pool, h};
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        CHECK(succeeds_in_child(tests[i], &both));

    /* While another thread is in the middle of a call, with the locks that it holds. */
    user busy = {pool, LEN, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, use_on_and_on, &busy) != 0)
        fatal("no thread", "forked");
    for (size_t i = 0; i < 10; i++)
        CHECK(succeeds_in_child(tests[i % 2], &both));
    pthread_join(thread, NULL);
    CHECK(busy.wrong == 0);

    /* The parent has noticed nothing. */
    go_on(h, pool);
    free_all(h);
    libseal_pool_free(pool);
}

#ifdef __linux__
static int alone; /* Threads before there are any of the library's: an emulator has some. */

static int threads_of_process(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

/* The kernel shows a thread for a moment after it was joined. */
static bool is_soon_alone(void)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < 1000 && threads_of_process() > alone; i++)
        nanosleep(&moment, NULL);
    return threads_of_process() == alone;
}

/* They are there from the making of the pool to its end, and no others are. */
static void threads_come_and_go(void)
{
    CHECK(is_soon_alone());
    libseal_pool *pool = new_pool(3), *second = new_pool(1);
    CHECK(threads_of_process() == alone + 4);
    seals(pool);
    unseals(pool);
    CHECK(streams(pool, LEN) == 0);
    CHECK(threads_of_process() == alone + 4);
    libseal_pool_free(pool);
    libseal_pool_free(second);
    CHECK(is_soon_alone());
}
#endif

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
#ifdef __linux__
    alone = threads_of_process();
#endif
    key = public_key("rsa-2048");
    to = (libseal_recipient)RECIPIENT(.key = &key);
    plain = (libseal_envelope)ENVELOPE(.recipients = &to, .recipient_count = 1);
    fill(plaintext, sizeof plaintext);
    wrong_calls();
    on_one_thread();
    CHECK_STATUS(libseal_unseal(expected, expected_len, remember, "rsa-2048", NULL, 0, opened,
                                sizeof opened, &written),
                 LIBSEAL_OK);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        libseal_pool *pool = new_pool(counts[i]);
        seals(pool);
        unseals(pool);
        CHECK(streams(pool, LEN) == 0);
        CHECK(streams(pool, 1000) == 0);
        libseal_pool_free(pool);
    }
    CHECK(streams(NULL, 300000) == 0);
    shared_by_many();
    after_its_end();
    ends_while_in_use();
    errors();
    /* An emulator of user programs may not survive threads in a forked child. */
    if (!getenv("LIBSEAL_TEST_NO_FORK"))
        forked();
#ifdef __linux__
    threads_come_and_go();
#endif
    return report();
}
