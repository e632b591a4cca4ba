/* The C part of `make bench`.
 *
 *     bench PROVIDER WORK GROUP ROUNDS
 *
 * WORK is a directory that workload.py made. Prints a line of JSON for each case. The group `verify`
 * leaves sealed messages in WORK/from-c for somebody with the private key to open.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libseal.h"

#define KIB 1024
#define MIB (1024 * KIB)
#define LARGE (64 * MIB)
/* More than any case writes of the large message. */
#define ROOM (LARGE + MIB)
/* A case is repeated for so long in each round, so that the clock does not matter. */
#define ROUND_SECONDS 0.004
#define MAX_CALLS 100000
#define MAX_CASES 32
#define MAX_ROUNDS 1000
#define MAX_THREADS 8

static const size_t SMALL[] = {64, KIB, 64 * KIB};
#define SMALL_COUNT (sizeof SMALL / sizeof SMALL[0])

/* ---- What is sealed and unsealed */

static char work[4096];
static uint8_t data_key[LIBSEAL_DATA_KEY_LEN];
static uint8_t *plaintext, *out;
static libseal_rsa_public_key key;
static const libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, NULL);
static const libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&recipient, 1);
static libseal_sealing_key sealing_key;
static uint8_t sealing_key_header[LIBSEAL_SEALING_KEY_HEADER_BOUND(1, 0, 0)];

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench.c: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, libseal_status status)
{
    if (status != LIBSEAL_OK)
        fail(what, libseal_status_text(status));
}

static void *allocate(size_t len)
{
    void *memory = malloc(len);
    if (memory == NULL)
        fail("malloc", "out of memory");
    return memory;
}

static const char *path_of(const char *name)
{
    static char path[sizeof work + 64];
    snprintf(path, sizeof path, "%s/%s", work, name);
    return path;
}

static int open_file(const char *name, int flags)
{
    int fd = open(path_of(name), flags, 0600);
    if (fd < 0)
        fail(name, "cannot open");
    return fd;
}

static size_t read_piece(int fd, uint8_t *bytes, size_t cap)
{
    ssize_t len = read(fd, bytes, cap);
    if (len < 0)
        fail("read", "failed");
    return (size_t)len;
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written <= 0)
            fail("write", "failed");
        bytes += written;
        len -= (size_t)written;
    }
}

static size_t file_len(const char *name)
{
    struct stat about;
    if (stat(path_of(name), &about) != 0)
        fail(name, "cannot stat");
    return (size_t)about.st_size;
}

static uint8_t *read_file(const char *name, size_t *len)
{
    *len = file_len(name);
    uint8_t *bytes = allocate(*len);
    int fd = open_file(name, O_RDONLY);
    for (size_t have = 0; have < *len;) {
        size_t piece = read_piece(fd, bytes + have, *len - have);
        if (piece == 0)
            fail(name, "shorter than it was");
        have += piece;
    }
    close(fd);
    return bytes;
}

static void open_workload(void)
{
    size_t len;
    uint8_t *der = read_file("public.der", &len);
    check("public.der", libseal_rsa_public_key_init(&key, sizeof key, der, len));
    free(der);
    uint8_t *known = read_file("data-key", &len);
    if (len != sizeof data_key)
        fail("data-key", "has another length");
    memcpy(data_key, known, len);
    free(known);
    plaintext = read_file("plaintext", &len);
    if (len != LARGE)
        fail("plaintext", "has another length");
    out = allocate(ROOM);
    memset(out, 1, ROOM);

    libseal_sealing_limits limits = LIBSEAL_SEALING_LIMITS_INIT;
    limits.messages = limits.bytes = UINT64_MAX;
    check("key", libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, &limits,
                                          sealing_key_header, sizeof sealing_key_header, &len));
}

/* Knows the data key already: the RSA decryption of the KMS is not what is measured. */
static int unwrap(void *user_data, const libseal_wrapped_key *wrapped, uint8_t unwrapped[32])
{
    (void)user_data;
    (void)wrapped;
    memcpy(unwrapped, data_key, sizeof data_key);
    return 0;
}

/* ---- Cases */

struct bench_case {
    const char *who, *operation;
    size_t size;
    /* Does it, and returns a count of bytes. */
    uint64_t (*call)(const struct bench_case *);
    const uint8_t *message;
    size_t message_len;
    size_t piece_len;
    /* Of the pool; 1 without one. */
    size_t threads;
    const libseal_pool *pool;
    /* What the last call returned. */
    uint64_t count;
};

static uint64_t copy(const struct bench_case *c)
{
    memcpy(out, plaintext, c->size);
    return c->size;
}

static uint64_t fill(const struct bench_case *c)
{
    /* A call that the compiler does not know, or it leaves all of this out. */
    static void *(*volatile set)(void *, int, size_t) = memset;
    void *memory = allocate(c->size);
    set(memory, 1, c->size);
    free(memory);
    return c->size;
}

static uint64_t seal(const struct bench_case *c)
{
    size_t written;
    check("seal", libseal_seal(&envelope, plaintext, c->size, out, ROOM, &written));
    return written;
}

static uint64_t seal_with_key_in_use(const struct bench_case *c)
{
    size_t written;
    check("seal", libseal_sealing_key_seal(&sealing_key, plaintext, c->size, out, ROOM, &written));
    return written;
}

static uint64_t unseal(const struct bench_case *c)
{
    size_t written;
    check("unseal", libseal_unseal(c->message, c->message_len, unwrap, NULL, NULL, 0, out, ROOM,
                                   &written));
    return written;
}

/* What is sealed was made just before, so it is the same piece of memory again and again. */
static uint64_t seal_in_pieces(const struct bench_case *c)
{
    libseal_sealer sealer;
    size_t len, written;
    check("start", libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, ROOM, &written));
    check("pool", libseal_sealer_set_pool(&sealer, c->pool));
    for (size_t done = 0; done < c->size; done += c->piece_len) {
        check("update", libseal_sealer_update(&sealer, plaintext, c->piece_len, out + written,
                                              ROOM - written, &len));
        written += len;
    }
    check("finish", libseal_sealer_finish(&sealer, out + written, ROOM - written, &len));
    return written + len;
}

static libseal_unsealer *new_unsealer(const struct bench_case *c)
{
    libseal_unsealer *unsealer;
    check("unsealer", libseal_unsealer_new(NULL, 0, &unsealer));
    check("unsealer", libseal_unsealer_set_unwrap(unsealer, unwrap, NULL));
    check("pool", libseal_unsealer_set_pool(unsealer, c->pool));
    return unsealer;
}

/* What is unsealed is used up before more is. */
static uint64_t unseal_in_pieces(const struct bench_case *c)
{
    libseal_unsealer *unsealer = new_unsealer(c);
    size_t piece_len, len, written = 0;
    for (size_t done = 0; done < c->message_len; done += piece_len) {
        piece_len = c->message_len - done < c->piece_len ? c->message_len - done : c->piece_len;
        check("update", libseal_unsealer_update(unsealer, c->message + done, piece_len, NULL,
                                                out, ROOM, &len));
        written += len;
    }
    check("finish", libseal_unsealer_finish(unsealer, out, ROOM, &len));
    libseal_unsealer_free(unsealer);
    return written + len;
}

/* A new file each time: an old one would have to be cut first. */
static int create_target(void)
{
    unlink(path_of("target-c"));
    return open_file("target-c", O_WRONLY | O_CREAT | O_EXCL);
}

static uint64_t seal_file(const struct bench_case *c)
{
    static uint8_t piece[MIB], sealed[LIBSEAL_SEALER_UPDATE_BOUND(MIB)];
    libseal_sealer sealer;
    size_t piece_len, len;
    int source = open_file("source", O_RDONLY), target = create_target();
    check("start", libseal_sealer_start(&sealer, sizeof sealer, &envelope, sealed, sizeof sealed, &len));
    write_all(target, sealed, len);
    while ((piece_len = read_piece(source, piece, sizeof piece)) > 0) {
        check("update", libseal_sealer_update(&sealer, piece, piece_len, sealed, sizeof sealed, &len));
        write_all(target, sealed, len);
    }
    check("finish", libseal_sealer_finish(&sealer, sealed, sizeof sealed, &len));
    write_all(target, sealed, len);
    close(source);
    close(target);
    (void)c;
    return file_len("target-c");
}

static uint64_t unseal_file(const struct bench_case *c)
{
    static uint8_t piece[MIB], unsealed[LIBSEAL_UNSEALER_UPDATE_BOUND(MIB)];
    libseal_unsealer *unsealer = new_unsealer(c);
    size_t piece_len, len;
    int source = open_file("source.sealed", O_RDONLY), target = create_target();
    while ((piece_len = read_piece(source, piece, sizeof piece)) > 0) {
        check("update", libseal_unsealer_update(unsealer, piece, piece_len, NULL, unsealed,
                                                sizeof unsealed, &len));
        write_all(target, unsealed, len);
    }
    check("finish", libseal_unsealer_finish(unsealer, unsealed, sizeof unsealed, &len));
    write_all(target, unsealed, len);
    libseal_unsealer_free(unsealer);
    close(source);
    close(target);
    return file_len("target-c");
}

/* ---- Groups of cases */

static struct bench_case cases[MAX_CASES];
static size_t case_count;

static struct bench_case *add(const char *who, const char *operation, size_t size,
                              uint64_t (*call)(const struct bench_case *))
{
    if (case_count == MAX_CASES)
        fail(operation, "too many cases");
    struct bench_case *added = &cases[case_count++];
    *added = (struct bench_case){
        .who = who, .operation = operation, .size = size, .call = call, .threads = 1};
    return added;
}

static struct bench_case *add_unsealing(const char *operation, size_t size,
                                        uint64_t (*call)(const struct bench_case *))
{
    char name[64];
    snprintf(name, sizeof name, "%zu.sealed", size);
    struct bench_case *added = add("libseal", operation, size, call);
    added->message = read_file(name, &added->message_len);
    return added;
}

static void add_memcpy(void)
{
    add("memcpy", "copy", LARGE, copy);
    add("fresh allocation", "fill", LARGE, fill);
}

static void add_messages(size_t size)
{
    add("libseal", "seal_into", size, seal);
    add_unsealing("unseal_into", size, unseal);
}

/* In one piece, since the calls that do all at once take one thread. */
static void add_threads(size_t size)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 2)
        return;
    size_t threads = cores > MAX_THREADS ? MAX_THREADS : (size_t)cores;
    struct bench_case *sealing = add("libseal", "seal_into", size, seal_in_pieces);
    struct bench_case *unsealing = add_unsealing("unseal_into", size, unseal_in_pieces);
    sealing->piece_len = size;
    unsealing->piece_len = unsealing->message_len;
    libseal_pool *pool;
    check("pool", libseal_pool_new(threads, &pool));
    sealing->threads = unsealing->threads = threads;
    sealing->pool = unsealing->pool = pool;
}

static void add_group(const char *group)
{
    if (strcmp(group, "large") == 0) {
        add_memcpy();
        add_messages(LARGE);
        add_threads(LARGE);
    } else if (strcmp(group, "small") == 0) {
        for (size_t i = 0; i < SMALL_COUNT; i++) {
            add_messages(SMALL[i]);
            add("libseal", "SealingKey.seal_into", SMALL[i], seal_with_key_in_use);
        }
    } else if (strcmp(group, "streams") == 0) {
        add_memcpy();
        add("libseal", "Sealer, 4 KiB", LARGE, seal_in_pieces)->piece_len = 4 * KIB;
        add("libseal", "Sealer, 1 MiB", LARGE, seal_in_pieces)->piece_len = MIB;
        add_unsealing("Unsealer, 4 KiB", LARGE, unseal_in_pieces)->piece_len = 4 * KIB;
        add_unsealing("Unsealer, 1 MiB", LARGE, unseal_in_pieces)->piece_len = MIB;
    } else if (strcmp(group, "file") == 0) {
        add("libseal", "seal a file", file_len("source"), seal_file);
        add("libseal", "unseal a file", file_len("source"), unseal_file);
    }
}

/* ---- Measuring */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct bench_case *c, unsigned calls)
{
    double start = now();
    for (unsigned i = 0; i < calls; i++)
        c->count = c->call(c);
    return (now() - start) / calls;
}

static unsigned calls_in_a_round(struct bench_case *c)
{
    /* The first call touches the memory; where it takes long anyway, no other is needed. */
    if (seconds(c, 1) > 10 * ROUND_SECONDS)
        return 1;
    double calls = ROUND_SECONDS / seconds(c, 1);
    return calls < 1 ? 1 : calls > MAX_CALLS ? MAX_CALLS : (unsigned)calls;
}

/* In turn, so that whatever slows the machine down for a while slows all cases. */
static void measure(const char *provider, unsigned rounds)
{
    static double times[MAX_CASES][MAX_ROUNDS];
    unsigned calls[MAX_CASES];
    for (size_t i = 0; i < case_count; i++)
        calls[i] = calls_in_a_round(&cases[i]);
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < case_count; i++)
            times[i][round] = seconds(&cases[i], calls[i]);
    for (size_t i = 0; i < case_count; i++) {
        const struct bench_case *c = &cases[i];
        printf("{\"language\": \"C\", \"who\": \"%s\", \"provider\": \"%s\", \"operation\": \"%s\", "
               "\"size\": %zu, \"threads\": %zu, \"count\": %llu, \"seconds\": [",
               c->who, provider, c->operation, c->size, c->threads,
               (unsigned long long)c->count);
        for (unsigned round = 0; round < rounds; round++)
            printf("%s%.9g", round == 0 ? "" : ", ", times[i][round]);
        printf("]}\n");
    }
}

static void write_message(size_t size, uint64_t (*call)(const struct bench_case *))
{
    char name[64];
    snprintf(name, sizeof name, "from-c/%s-%zu", call == seal ? "seal" : "key", size);
    const struct bench_case c = {.size = size, .piece_len = MIB, .threads = 1};
    uint64_t len = call(&c);
    int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);
    write_all(fd, out, (size_t)len);
    close(fd);
}

/* Whatever is measured later has to come out right first. */
static void verify(void)
{
    for (size_t i = 0; i <= SMALL_COUNT; i++) {
        size_t size = i < SMALL_COUNT ? SMALL[i] : LARGE;
        write_message(size, seal);
        write_message(size, seal_with_key_in_use);
        add_unsealing("verify", size, unseal);
        if (cases[i].call(&cases[i]) != size || memcmp(out, plaintext, size) != 0)
            fail("unseal", "unsealed something else");
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage", "bench PROVIDER WORK GROUP ROUNDS");
    snprintf(work, sizeof work, "%s", argv[2]);
    open_workload();
    unsigned rounds = (unsigned)strtoul(argv[4], NULL, 10);
    if (rounds > MAX_ROUNDS)
        fail("ROUNDS", "too many");
    if (strcmp(argv[3], "verify") == 0) {
        verify();
    } else {
        add_group(argv[3]);
        measure(argv[1], rounds);
    }
    return 0;
}
