/* Calls every function that returns a status, with arguments that are right, wrong and out of order, and
 * writes down which statuses come back: a line "FUNCTION STATUS" for each of both. The same calls each
 * time: ffi-c/tests/statuses.rs compares them with what the headers list. */
#include "unseal.h"

#include <libseal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 80000
#define ROOM 140000

/* ---- Which statuses came back */

#define MAX_FOUND 1000
static struct {
    const char *function;
    libseal_status status;
} found[MAX_FOUND];
static size_t found_count;

static libseal_status note(const char *function, libseal_status status)
{
    for (size_t i = 0; i < found_count; i++)
        if (strcmp(found[i].function, function) == 0 && found[i].status == status)
            return status;
    if (found_count == MAX_FOUND)
        fatal("too many statuses", function);
    found[found_count].function = function;
    found[found_count++].status = status;
    return status;
}

#define CALL(function, ...) note(#function, function(__VA_ARGS__))

/* ---- Chance, the same each time */

static uint64_t seed = 0x9e3779b97f4a7c15;

static size_t below(size_t end)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (size_t)(seed >> 11) % end;
}

static bool one_in(size_t n)
{
    return below(n) == 0;
}

static void *or_null(void *pointer)
{
    return one_in(25) ? NULL : pointer;
}

/* ---- Messages */

static vector vectors[6];
static uint8_t message[ROOM + 20000], out[ROOM], plaintext[100000];
static size_t message_len, written;
static vector *chosen;

static void load(void)
{
    static const char *const names[] = {"length_0",      "length_20",         "length_16384",
                                        "length_32768", "context_one_pair", "worked_example"};
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        vectors[i] = accepted_vector(i == 1 ? "length_1" : names[i]);
}

/* Right, altered, cut or extended. */
static void choose_message(void)
{
    chosen = &vectors[below(ARRAY_LEN(vectors))];
    message_len = chosen->message_len;
    memcpy(message, chosen->message, message_len);
    switch (below(8)) {
    case 0:
        message[below(message_len)] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        message[below(70)] ^= (uint8_t)(1u << below(8));
        break;
    case 2:
        message_len = below(message_len + 1);
        break;
    case 3:
        message_len = one_in(3) ? 0 : below(80);
        break;
    case 4: {
        size_t more = 1 + below(17000);
        memset(message + message_len, 7, more);
        message_len += more;
        break;
    }
    case 5: /* So many recipients, as long as they may be, that no header has room for them. */
        message_len = 71000;
        memset(message, 3, message_len);
        memcpy(message, "SEAL\1\1\0\0\20", 9);
        for (size_t i = 9; i + 6181 < message_len; i += 6181) {
            memset(message + i + 33, 0, 2);
            message[i + 35] = 6144 / 256, message[i + 36] = 0;
        }
        break;
    case 6: {
        static const char *const beginnings[] = {"SEX", "junk", "S", "SEAL\2", "SEAL\1\2"};
        const char *beginning = beginnings[below(ARRAY_LEN(beginnings))];
        message_len = strlen(beginning);
        memcpy(message, beginning, message_len);
        break;
    }
    }
}

/* ---- Callbacks */

static int unwrap_somehow(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key;
    memcpy(data_key, chosen->data_key, 32);
    switch (below(15)) {
    case 0:
        return LIBSEAL_UNWRAP_NOT_MINE;
    case 1:
        return LIBSEAL_UNWRAP_STOP;
    case 2:
        return LIBSEAL_UNWRAP_UNAVAILABLE;
    case 3:
        return LIBSEAL_UNWRAP_REFUSED;
    case 4:
        return LIBSEAL_UNWRAP_REJECTED;
    case 5:
        return 5;
    case 6:
        data_key[0] ^= 1;
    }
    return 0;
}

static int read_somehow(void *user_data, uint64_t offset, uint8_t *room, size_t len, size_t *filled)
{
    (void)user_data;
    if (one_in(30))
        return 5;
    size_t left = offset < message_len ? message_len - (size_t)offset : 0;
    *filled = len < left ? len : left;
    if (*filled > 0)
        memcpy(room, message + offset, *filled);
    if (one_in(60))
        *filled = len + 1;
    return 0;
}

static int length_somehow(void *user_data, uint64_t *len)
{
    (void)user_data;
    *len = one_in(20) ? message_len + 1 : one_in(40) ? UINT64_MAX : message_len;
    return one_in(30);
}

static int write_somehow(void *user_data, const uint8_t *data, size_t len)
{
    (void)user_data, (void)data, (void)len;
    return one_in(20);
}

static int random_somehow(void *user_data, uint8_t *bytes, size_t len)
{
    (void)user_data;
    bool is_bad = one_in(20);
    for (size_t i = 0; i < len; i++)
        bytes[i] = is_bad ? 0 : (uint8_t)below(256);
    return one_in(30);
}

/* ---- Arguments */

static char long_text[9000];
static libseal_context_pair pairs[20];

static const char *text(void)
{
    static const char *const texts[] = {"device",    "42",   "fleet",   "a", "",
                                        "libseal:x", "\xff", long_text, NULL};
    return texts[below(one_in(3) ? ARRAY_LEN(texts) : 4)];
}

static size_t choose_pairs(void)
{
    size_t count = one_in(40) ? 17 + below(3) : below(3);
    for (size_t i = 0; i < count; i++)
        pairs[i].key = text(), pairs[i].value = text();
    return count;
}

static libseal_rsa_public_key keys[3];
static libseal_recipient recipients[20];
static libseal_random source_of_random;

static const libseal_envelope *choose_envelope(void)
{
    static libseal_envelope envelope;
    size_t count = one_in(20) ? 0 : one_in(20) ? 17 : 1 + below(2);
    for (size_t i = 0; i < count; i++) {
        recipients[i] = (libseal_recipient)LIBSEAL_RECIPIENT_INIT(&keys[0], NULL);
        recipients[i].key = or_null(&keys[one_in(20) ? 2 : below(2)]);
        recipients[i].key_id = one_in(20) ? long_text : one_in(20) ? "\xff" : "alias/x";
        recipients[i].algorithm = one_in(20) ? 9 : (uint32_t)below(3);
        if (one_in(50))
            recipients[i].size = 1;
    }
    envelope = (libseal_envelope)LIBSEAL_ENVELOPE_INIT(or_null(recipients), count);
    if (one_in(3)) {
        envelope.context_count = choose_pairs();
        envelope.context = or_null(pairs);
    }
    source_of_random = (libseal_random)LIBSEAL_RANDOM_INIT(random_somehow, NULL);
    if (one_in(30))
        source_of_random.fill = NULL;
    if (one_in(2))
        envelope.random = &source_of_random;
    if (one_in(50))
        envelope.size = 3;
    return or_null(&envelope);
}

static size_t cap(size_t need)
{
    return one_in(6) ? below(20) : need;
}

/* ---- What is called */

static libseal_header *header;
static libseal_writer *writer;
static libseal_pool *pool;
static libseal_sealer sealer;
static libseal_sealing_key sealing_key;
static uint8_t sealing_header[LIBSEAL_MAX_HEADER_LEN];
static uint8_t data_key[32];

static void keys_and_tests(void)
{
    static const char *const names[] = {"rsa-2048.pub.der",    "rsa-2048.pub.pem",
                                        "rsa-2048.key.pem",    "certificate.pem",
                                        "rsa-2048.pkcs1.pub.der", "ec-p256.pub.der",
                                        "rsa-1024.pub.der",    "rsa-2560.pub.der",
                                        "rsa-8192.pub.der",    "rsa-2048-e4.pub.der",
                                        "public-rejected/WRONG_KEY_USAGE.rsassa-pss.der",
                                        "public-rejected/FINGERPRINT_MISMATCH.bundle.json"};
    size_t len;
    uint8_t *bytes = read_key_file(names[below(ARRAY_LEN(names))], &len);
    libseal_rsa_public_key key;
    uint8_t fingerprint[32] = {0};
    CALL(libseal_public_key_fingerprint, or_null(&keys[below(3)]), or_null(fingerprint));
    CALL(libseal_rsa_public_key_init, or_null(&key), one_in(20) ? 8 : sizeof key, or_null(bytes),
         one_in(20) ? below(len) : len);
    CALL(libseal_rsa_public_key_init_pinned, or_null(&key), one_in(20) ? 8 : sizeof key,
         or_null(bytes), one_in(20) ? below(len) : len, or_null(fingerprint));
    free(bytes);
    if (one_in(20))
        CALL(libseal_self_test, );
}

static void sealing(void)
{
    uint64_t len64;
    size_t len;
    const libseal_envelope *envelope = choose_envelope();
    CALL(libseal_sealed_len, envelope, one_in(20) ? UINT64_MAX : below(9), or_null(&len64));
    CALL(libseal_sealer_start_len, envelope, or_null(&len));
    CALL(libseal_sealing_key_header_len, envelope, or_null(&len));
    CALL(libseal_seal, envelope, or_null(plaintext), below(100), or_null(out), cap(9000),
         or_null(&written));
    if (one_in(3)) {
        libseal_sealer_wipe(&sealer);
        CALL(libseal_sealer_start, or_null(&sealer), one_in(20) ? 8 : sizeof sealer, envelope,
             or_null(out), cap(9000), or_null(&written));
    }
    if (one_in(3)) {
        libseal_sealing_limits limits = LIBSEAL_SEALING_LIMITS_INIT;
        limits.messages = below(5);
        limits.bytes = one_in(3) ? 100 : 0;
        if (one_in(20))
            limits.size = 1;
        CALL(libseal_sealing_key_init, or_null(&sealing_key),
             one_in(20) ? 8 : sizeof sealing_key, envelope, one_in(2) ? &limits : NULL,
             or_null(sealing_header), cap(sizeof sealing_header), or_null(&written));
    }
}

static void goes_on(void)
{
    size_t len = below(one_in(20) ? 60000 : 100);
    libseal_sealer *which = or_null(&sealer);
    switch (below(7)) {
    case 0:
        CALL(libseal_sealer_finish, which, or_null(out), cap(16), or_null(&written));
        break;
    case 1:
        CALL(libseal_sealer_finish_with, which, or_null(plaintext), len, or_null(out), cap(ROOM),
             or_null(&written));
        break;
    case 2:
        libseal_sealer_wipe(&sealer);
        CALL(libseal_sealing_key_start, or_null(&sealing_key), which, one_in(20) ? 8 : sizeof sealer,
             one_in(20) ? UINT64_MAX : below(100), or_null(out), cap(9000), or_null(&written));
        break;
    case 3:
        CALL(libseal_sealing_key_seal, or_null(&sealing_key), or_null(plaintext), len, or_null(out),
             cap(ROOM), or_null(&written));
        break;
    case 4:
        if (one_in(20))
            libseal_sealing_key_wipe(&sealing_key);
        CALL(libseal_sealer_set_pool, which, one_in(2) ? pool : NULL);
        break;
    default:
        CALL(libseal_sealer_update, which, or_null(plaintext), len, or_null(out), cap(ROOM),
             or_null(&written));
    }
}

static void writing(void)
{
    if (writer == NULL || one_in(6)) {
        libseal_writer_free(writer);
        writer = NULL;
        libseal_sink sink = LIBSEAL_SINK_INIT(write_somehow, NULL);
        if (one_in(20))
            sink.size = 1;
        if (one_in(20))
            sink.write = NULL;
        CALL(libseal_writer_new, choose_envelope(), or_null(&sink), or_null(&writer));
    }
    libseal_writer *which = or_null(writer);
    switch (below(6)) {
    case 0:
        CALL(libseal_writer_flush, which);
        break;
    case 1:
        CALL(libseal_writer_finish, which);
        break;
    case 2:
        CALL(libseal_writer_set_pool, which, one_in(2) ? pool : NULL);
        break;
    default:
        CALL(libseal_writer_write, which, or_null(plaintext), below(sizeof plaintext),
             or_null(&written));
    }
}

static void headers(void)
{
    choose_message();
    header = NULL;
    CALL(libseal_header_parse, or_null(message), message_len, or_null(&header));
    size_t count = choose_pairs(), len;
    CALL(libseal_header_require, or_null(header), or_null(pairs), count);
    uint64_t start, range_len;
    CALL(libseal_header_ciphertext_range, or_null(header), below(99999), below(99999),
         or_null(&start), or_null(&range_len));
    CALL(libseal_header_plaintext_range, or_null(header), below(99999), below(99999),
         or_null(&start), or_null(&range_len));
    libseal_header *rewrapped = NULL;
    static const size_t kept[] = {0, 0, 1};
    const libseal_envelope *envelope = choose_envelope();
    if (envelope != NULL) {
        CALL(libseal_header_rewrap, or_null(header), or_null(chosen->data_key), kept + below(2),
             below(3), envelope->recipients, envelope->recipient_count, or_null(&rewrapped));
        libseal_header_free(rewrapped);
    }
    const char *key, *value;
    size_t key_len, value_len;
    CALL(libseal_header_context_pair, or_null(header), below(2), or_null(&key), or_null(&key_len),
         or_null(&value), or_null(&value_len));
    libseal_wrapped_key wrapped = LIBSEAL_WRAPPED_KEY_INIT;
    if (CALL(libseal_header_wrapped_key, or_null(header), below(2), or_null(&wrapped),
             one_in(20) ? 8 : sizeof wrapped) == LIBSEAL_OK) {
        if (one_in(10))
            wrapped.kind = one_in(2) ? 7 : 700;
        if (one_in(20))
            wrapped.key_id = "\xff", wrapped.key_id_len = 1;
        CALL(libseal_wrapped_key_data_key, or_null(&wrapped), or_null(plaintext),
             one_in(10) ? below(40) : 32, or_null(data_key));
    }
    CALL(libseal_plaintext_len, or_null(message), message_len, or_null(&len));
    count = one_in(3) ? choose_pairs() : 0;
    CALL(libseal_unseal, or_null(message), message_len, one_in(20) ? NULL : unwrap_somehow, NULL,
         or_null(pairs), count, or_null(out), cap(ROOM), or_null(&written));
    libseal_header_free(header);
}

static const uint8_t *choose_data_key(void)
{
    memcpy(data_key, chosen->data_key, 32);
    if (one_in(10))
        data_key[0] ^= 1;
    return or_null(data_key);
}

static void unsealing(void)
{
    libseal_unsealer *unsealer = NULL;
    size_t fed = 0;
    choose_message();
    if (one_in(4) && libseal_header_parse(message, message_len, &header) == LIBSEAL_OK) {
        fed = libseal_header_len(header);
        CALL(libseal_unsealer_new_with_key, or_null(header), choose_data_key(), or_null(&unsealer));
        libseal_header_free(header);
    } else {
        size_t count = one_in(4) ? choose_pairs() : 0;
        CALL(libseal_unsealer_new, or_null(pairs), count, or_null(&unsealer));
    }
    if (one_in(3))
        CALL(libseal_unsealer_set_unwrap, unsealer, unwrap_somehow, NULL);
    for (size_t calls = below(20); calls > 0; calls--) {
        libseal_unsealer *which = or_null(unsealer);
        size_t len = below(one_in(2) ? 20 : 40000), consumed = 0;
        uint64_t offset;
        switch (below(12)) {
        case 0:
            CALL(libseal_unsealer_set_unwrap, which, one_in(9) ? NULL : unwrap_somehow, NULL);
            break;
        case 1:
            CALL(libseal_unsealer_provide_key, which, choose_data_key());
            break;
        case 2:
            CALL(libseal_unsealer_finish, which, or_null(out), cap(ROOM), or_null(&written));
            break;
        case 3:
            CALL(libseal_unsealer_set_pool, which, one_in(2) ? pool : NULL);
            break;
        case 4:
            if (CALL(libseal_unsealer_seek, which,
                     one_in(2) ? ((uint64_t)1 << 52) + 1 - below(3) : below(50000),
                     or_null(&offset)) == LIBSEAL_OK) {
                fed = 0;
                if (one_in(2))
                    CALL(libseal_unsealer_update, which, plaintext, 40000, NULL, out, ROOM,
                         &written);
            }
            break;
        default:
            if (len > message_len - fed)
                len = message_len - fed;
            CALL(libseal_unsealer_update, which, or_null(message + fed), len, or_null(&consumed),
                 or_null(out), cap(ROOM), or_null(&written));
            fed += consumed;
        }
    }
    libseal_unsealer_free(unsealer);
}

static void reading(void)
{
    libseal_reader *reader = NULL;
    libseal_source source = LIBSEAL_SOURCE_INIT(read_somehow, NULL, NULL);
    choose_message();
    source.length = one_in(2) ? length_somehow : NULL;
    libseal_sink sink = LIBSEAL_SINK_INIT(write_somehow, NULL);
    if (one_in(20))
        source.size = 1;
    if (one_in(20))
        source.read = NULL;
    if (one_in(4) && libseal_header_parse(message, message_len, &header) == LIBSEAL_OK) {
        CALL(libseal_reader_new_with_key, or_null(&source), or_null(header), choose_data_key(),
             or_null(&reader));
        libseal_header_free(header);
    } else {
        size_t count = one_in(4) ? choose_pairs() : 0;
        CALL(libseal_reader_new, or_null(&source), one_in(20) ? NULL : unwrap_somehow, NULL,
             or_null(pairs), count, or_null(&reader));
    }
    for (size_t calls = below(20); calls > 0; calls--) {
        libseal_reader *which = or_null(reader);
        uint64_t len;
        switch (below(8)) {
        case 0:
            CALL(libseal_reader_seek, which, one_in(8) ? UINT64_MAX : below(50000));
            break;
        case 1:
            CALL(libseal_reader_plaintext_len, which, or_null(&len));
            break;
        case 2:
            CALL(libseal_reader_set_pool, which, one_in(2) ? pool : NULL);
            break;
        case 3:
            CALL(libseal_reader_salvage, which, or_null(&sink));
            break;
        default:
            CALL(libseal_reader_read, which, or_null(out), below(20000), or_null(&written));
        }
    }
    libseal_reader_free(reader);
}

int main(int argc, char **argv)
{
    static void (*const calls[])(void) = {sealing, goes_on, writing, headers, unsealing, reading};
    if (argc != 2)
        fatal("usage: statuses FOLDER", "");
    vectors_dir = argv[1];
    load();
    memset(long_text, 'x', sizeof long_text - 1);
    keys[0] = public_key("rsa-2048");
    keys[1] = public_key("rsa-3072");
    CALL(libseal_pool_new, 2, NULL);
    CALL(libseal_pool_new, 2, &pool);
    for (int i = 0; i < ROUNDS; i++) {
        calls[below(ARRAY_LEN(calls))]();
        if (one_in(50))
            keys_and_tests();
    }
    libseal_writer_free(writer);
    libseal_sealer_wipe(&sealer);
    libseal_sealing_key_wipe(&sealing_key);
    libseal_pool_free(pool);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        free_vector(&vectors[i]);
    for (size_t i = 0; i < found_count; i++)
        printf("%s %s\n", found[i].function, libseal_status_name(found[i].status));
    return 0;
}
