/* Sealing, in one call and piece by piece. */
#include "check.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static libseal_rsa_public_key key, key_b, key_4096;

static const libseal_context_pair pair_list[] = {{"site", "7"}, {"device", "42"}};

/* For `key`, without a context. */
static libseal_recipient to_key;
static libseal_envelope plain;

static void lengths(void)
{
    static const size_t list[] = {0, 1, 15, 16, 17, 16383, 16384, 16385, 32768, 40000};
    libseal_envelope envelope = plain;
    envelope.context = pair_list;
    envelope.context_count = 2;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        size_t len = list[i], written;
        uint8_t *plaintext = allocate(len);
        fill(plaintext, len);
        uint64_t sealed_len;
        CHECK_STATUS(libseal_sealed_len(&envelope, len, &sealed_len), LIBSEAL_OK);
        size_t cap = (size_t)sealed_len;
        uint8_t *message = allocate(cap);
        memset(message, 0xaa, cap);

        CHECK_STATUS(libseal_seal(&envelope, plaintext, len, message, cap - 1, &written),
                     LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(written == cap);
        CHECK(is_filled_with(message, cap, 0xaa));
        CHECK_STATUS(libseal_seal(&envelope, plaintext, len, message, cap, &written), LIBSEAL_OK);
        CHECK(written == cap);
        CHECK(unseals_to(message, written, plaintext, len, "rsa-2048", pair_list, 2));
        free(message);
        free(plaintext);
    }
}

/* Each output goes to a buffer of exactly its length; one byte less is refused and changes nothing. */
static void pieces(void)
{
    static const size_t list[] = {1, 16, 1000, 16383, 16384, 16385, 50000};
    static uint8_t plaintext[40000];
    static uint8_t message[sizeof plaintext + 2000];
    fill(plaintext, sizeof plaintext);
    libseal_envelope envelope = plain;
    envelope.context = pair_list;
    envelope.context_count = 1;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        static libseal_sealer sealer;
        size_t len, at, written;
        CHECK_STATUS(libseal_sealer_start_len(&envelope, &len), LIBSEAL_OK);
        uint8_t *out = allocate(len);
        CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, len - 1, &at),
                     LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(at == len);
        CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, len, &at),
                     LIBSEAL_OK);
        CHECK(at == len);
        memcpy(message, out, len);
        free(out);

        int wrong = 0;
        for (size_t done = 0; done < sizeof plaintext;) {
            size_t left = sizeof plaintext - done;
            size_t piece = left < list[i] ? left : list[i];
            len = libseal_sealer_update_len(&sealer, piece);
            wrong += len > LIBSEAL_SEALER_UPDATE_BOUND(piece) || len < piece;
            out = allocate(len);
            wrong += libseal_sealer_update(&sealer, plaintext + done, piece, out, len - 1,
                                           &written) != LIBSEAL_ERR_BUFFER_TOO_SMALL;
            wrong += written != len;
            wrong += libseal_sealer_update(&sealer, plaintext + done, piece, out, len,
                                           &written) != LIBSEAL_OK;
            wrong += written != len;
            memcpy(message + at, out, len);
            free(out);
            at += len;
            done += piece;
        }
        CHECK(wrong == 0);
        CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 0, NULL, 0, &written), LIBSEAL_OK);
        CHECK(written == 0);
        CHECK_STATUS(
            libseal_sealer_finish(&sealer, message + at, LIBSEAL_SEALER_FINISH_LEN - 1, &written),
            LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(written == LIBSEAL_SEALER_FINISH_LEN);
        CHECK_STATUS(
            libseal_sealer_finish(&sealer, message + at, LIBSEAL_SEALER_FINISH_LEN, &written),
            LIBSEAL_OK);
        at += written;
        CHECK(is_wiped(&sealer, sizeof sealer));
        CHECK(unseals_to(message, at, plaintext, sizeof plaintext, "rsa-2048", pair_list, 1));
    }
}

/* The last piece, which may be all of them, and the end in one call. */
static void last_pieces(void)
{
    static const size_t lens[] = {0, 1, 16383, 16384, 16385, 32768, 40000};
    static const size_t firsts[] = {0, 1, 16383, 16384, 16385};
    static uint8_t plaintext[40000], message[sizeof plaintext + 2000];
    fill(plaintext, sizeof plaintext);
    for (size_t i = 0; i < ARRAY_LEN(lens) * ARRAY_LEN(firsts); i++) {
        size_t len = lens[i % ARRAY_LEN(lens)], first = firsts[i / ARRAY_LEN(lens)], at, written;
        if (first > len)
            continue;
        static libseal_sealer sealer;
        CHECK_STATUS(
            libseal_sealer_start(&sealer, sizeof sealer, &plain, message, sizeof message, &at),
            LIBSEAL_OK);
        CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, first, message + at,
                                           sizeof message - at, &written),
                     LIBSEAL_OK);
        at += written;
        size_t need =
            libseal_sealer_update_len(&sealer, len - first) + LIBSEAL_SEALER_FINISH_LEN;
        CHECK(need <= LIBSEAL_SEALER_UPDATE_BOUND(len - first) + LIBSEAL_SEALER_FINISH_LEN);
        uint8_t *out = allocate(need);
        memset(out, 0xaa, need);
        CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext + first, len - first, out,
                                                need - 1, &written),
                     LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(written == need && is_filled_with(out, need, 0xaa));
        CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext + first, len - first, out, need,
                                                &written),
                     LIBSEAL_OK);
        CHECK(written == need && is_wiped(&sealer, sizeof sealer));
        memcpy(message + at, out, need);
        free(out);
        CHECK(unseals_to(message, at + need, plaintext, len, "rsa-2048", NULL, 0));
    }
}

/* Each of them alone opens the message. */
static void recipients(void)
{
    const libseal_recipient to[] = {
        RECIPIENT(.key = &key, .key_id = "alias/one"),
        RECIPIENT(.key = &key_b, .key_id = "\xc3\xa9"),
        RECIPIENT(.key = &key_4096, .algorithm = LIBSEAL_RSAES_OAEP_SHA_256),
    };
    const libseal_envelope envelope = {
        .size = sizeof(libseal_envelope),
        .recipients = to, .recipient_count = ARRAY_LEN(to), .random = machine_random};
    const uint8_t *hello = (const uint8_t *)"hello";
    uint8_t message[LIBSEAL_SEALER_START_BOUND(3, 11, 0) + 100];
    size_t len;
    CHECK_STATUS(libseal_seal(&envelope, hello, 5, message, sizeof message, &len), LIBSEAL_OK);
    CHECK(unseals_to(message, len, hello, 5, "rsa-2048", NULL, 0));
    CHECK(unseals_to(message, len, hello, 5, "rsa-2048-b", NULL, 0));
    CHECK(unseals_to(message, len, hello, 5, "rsa-4096", NULL, 0));
}

/* What each call says of an envelope. If that is wrong, nothing is written. */
static void envelope_is(const libseal_envelope *envelope, libseal_status expected, int line)
{
    size_t start_len = 1, header_len = 1;
    uint64_t sealed_len = 1;
#define SAYS(call) check_status((call), expected, __FILE__, line, #call)
    SAYS(libseal_sealer_start_len(envelope, &start_len));
    SAYS(libseal_sealing_key_header_len(envelope, &header_len));
    SAYS(libseal_sealed_len(envelope, 0, &sealed_len));
    if (expected == LIBSEAL_OK) {
        CHECK(start_len == header_len + 56 && sealed_len == start_len + 16);
        return;
    }
    CHECK(start_len == 0 && header_len == 0 && sealed_len == 0);

    static uint8_t out[65536];
    memset(out, 0xaa, sizeof out);
    size_t written = 1;
    SAYS(libseal_seal(envelope, NULL, 0, out, sizeof out, &written));
    CHECK(written == 0);
    libseal_sealer sealer;
    written = 1;
    SAYS(libseal_sealer_start(&sealer, sizeof sealer, envelope, out, sizeof out, &written));
    CHECK(written == 0 && libseal_sealer_update_len(&sealer, 1) == 0);
    libseal_sealing_key sealing_key;
    written = 1;
    SAYS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, envelope, NULL, out, sizeof out,
                                  &written));
    CHECK(written == 0 && libseal_sealing_key_start_len(&sealing_key) == 0);
    CHECK(is_filled_with(out, sizeof out, 0xaa));
#undef SAYS
}

#define ENVELOPE_IS(expected, ...)                                                          \
    envelope_is(&(libseal_envelope)ENVELOPE(.random = machine_random, __VA_ARGS__), (expected), \
               __LINE__)

static void wrong_recipients(void)
{
    static libseal_rsa_public_key zero;
    static char long_id[LIBSEAL_MAX_KEY_ID_LEN + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    libseal_recipient many[LIBSEAL_MAX_RECIPIENTS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = to_key;
    ENVELOPE_IS(LIBSEAL_ERR_NO_RECIPIENTS, .recipients = NULL);
    ENVELOPE_IS(LIBSEAL_ERR_NO_RECIPIENTS, .recipients = many);
    ENVELOPE_IS(LIBSEAL_ERR_NULL_POINTER, .recipient_count = 1);
    ENVELOPE_IS(LIBSEAL_OK, .recipients = many, .recipient_count = LIBSEAL_MAX_RECIPIENTS);
    ENVELOPE_IS(LIBSEAL_ERR_TOO_MANY_RECIPIENTS, .recipients = many,
               .recipient_count = LIBSEAL_MAX_RECIPIENTS + 1);

    const struct {
        libseal_recipient to;
        libseal_status status;
    } list[] = {
        {RECIPIENT(.key = NULL), LIBSEAL_ERR_NULL_POINTER},
        {RECIPIENT(.key = &zero), LIBSEAL_ERR_NOT_FILLED},
        {RECIPIENT(.key = &key, .algorithm = LIBSEAL_RSAES_OAEP_SHA_1),
         is_complete ? LIBSEAL_OK : LIBSEAL_ERR_UNSUPPORTED_ALGORITHM},
        {RECIPIENT(.key = &key, .algorithm = 3), LIBSEAL_ERR_INVALID_ARGUMENT},
        {RECIPIENT(.key = &key, .algorithm = 0x101), LIBSEAL_ERR_INVALID_ARGUMENT},
        {RECIPIENT(.key = &key, .key_id = "\xff"), LIBSEAL_ERR_INVALID_UTF8},
        {RECIPIENT(.key = &key, .key_id = long_id), LIBSEAL_ERR_KEY_ID_TOO_LONG},
        {RECIPIENT(.key = &key, .key_id = long_id + 1), LIBSEAL_OK},
        {RECIPIENT(.key = &key, .key_id = ""), LIBSEAL_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        many[1] = list[i].to;
        ENVELOPE_IS(list[i].status, .recipients = &list[i].to, .recipient_count = 1);
        ENVELOPE_IS(list[i].status, .recipients = many, .recipient_count = 2);
    }
}

static void bounds(void)
{
    static const char id[] = "alias/k";
    const libseal_recipient to[] = {
        RECIPIENT(.key = &key_4096, .key_id = id),
        RECIPIENT(.key = &key_4096),
    };
    const libseal_envelope envelope = {
        .size = sizeof(libseal_envelope),
        .recipients = to,
        .recipient_count = 2,
        .context = pair_list,
        .context_count = 2,
        .random = machine_random,
    };
    size_t len;
    CHECK_STATUS(libseal_sealer_start_len(&envelope, &len), LIBSEAL_OK);
    CHECK(len == LIBSEAL_SEALER_START_BOUND(2, sizeof id - 1, 4 + 5 + 4 + 8));
    CHECK_STATUS(libseal_sealing_key_header_len(&envelope, &len), LIBSEAL_OK);
    CHECK(len == LIBSEAL_SEALING_KEY_HEADER_BOUND(2, sizeof id - 1, 4 + 5 + 4 + 8));
}

static void wrong_contexts(void)
{
    static char long_value[LIBSEAL_MAX_CONTEXT_LEN + 10];
    memset(long_value, 'v', sizeof long_value - 1);
    char *longest = long_value + sizeof long_value - 1 - (LIBSEAL_MAX_CONTEXT_LEN - 4 - 1);
    const struct {
        libseal_context_pair pairs[2];
        libseal_status status;
    } list[] = {
        {{{"a", ""}, {"b", "\xc3\xa9"}}, LIBSEAL_OK},
        {{{"a", "1"}, {"a", "2"}}, LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE},
        {{{"a", "1"}, {"", "2"}}, LIBSEAL_ERR_CONTEXT_KEY_EMPTY},
        {{{"a", "1"}, {"libseal:x", "2"}}, LIBSEAL_ERR_CONTEXT_KEY_RESERVED},
        {{{"a", "1"}, {"b", "\xc3"}}, LIBSEAL_ERR_INVALID_UTF8},
        {{{"a", "1"}, {"\x80", "2"}}, LIBSEAL_ERR_INVALID_UTF8},
        {{{"a", "1"}, {NULL, "2"}}, LIBSEAL_ERR_NULL_POINTER},
        {{{"a", "1"}, {"b", NULL}}, LIBSEAL_ERR_NULL_POINTER},
        {{{"a", long_value}, {"b", "2"}}, LIBSEAL_ERR_CONTEXT_TOO_LONG},
        {{{"a", longest}, {"b", "2"}}, LIBSEAL_ERR_CONTEXT_TOO_LONG},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        ENVELOPE_IS(list[i].status, .recipients = &to_key, .recipient_count = 1,
                   .context = list[i].pairs, .context_count = 2);
    libseal_context_pair one = {"a", longest};
    ENVELOPE_IS(LIBSEAL_OK, .recipients = &to_key, .recipient_count = 1, .context = &one,
               .context_count = 1);
    one.value = longest - 1;
    ENVELOPE_IS(LIBSEAL_ERR_CONTEXT_TOO_LONG, .recipients = &to_key, .recipient_count = 1,
               .context = &one, .context_count = 1);
    ENVELOPE_IS(LIBSEAL_ERR_NULL_POINTER, .recipients = &to_key, .recipient_count = 1,
               .context_count = 1);
}

/* In the order in which they sort, or not. */
static void many_pairs(void)
{
    char names[LIBSEAL_MAX_CONTEXT_PAIRS + 1][4];
    libseal_context_pair many[LIBSEAL_MAX_CONTEXT_PAIRS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        snprintf(names[i], sizeof names[i], "%03u", (unsigned)(i * 7 % ARRAY_LEN(many)));
        many[i] = (libseal_context_pair){.key = names[i], .value = "v"};
    }
    ENVELOPE_IS(LIBSEAL_ERR_INVALID_ARGUMENT, .recipients = &to_key, .recipient_count = 1,
               .context = many, .context_count = LIBSEAL_MAX_CONTEXT_PAIRS + 1);

    libseal_envelope envelope = plain;
    envelope.context = many;
    envelope.context_count = LIBSEAL_MAX_CONTEXT_PAIRS;
    uint8_t message[LIBSEAL_SEALER_START_BOUND(1, 0, LIBSEAL_MAX_CONTEXT_PAIRS * 8) + 16];
    size_t len;
    CHECK_STATUS(libseal_seal(&envelope, NULL, 0, message, sizeof message, &len), LIBSEAL_OK);
    CHECK(unseals_to(message, len, message, 0, "rsa-2048", many, LIBSEAL_MAX_CONTEXT_PAIRS));
}

static void wrong_envelopes(void)
{
    envelope_is(NULL, LIBSEAL_ERR_NULL_POINTER, __LINE__);
    libseal_envelope two[2] = {plain, plain};
    envelope_is((libseal_envelope *)(void *)((char *)two + 1), LIBSEAL_ERR_INVALID_ARGUMENT,
               __LINE__);
    ENVELOPE_IS(LIBSEAL_ERR_INVALID_ARGUMENT, .recipient_count = 1,
               .recipients = (libseal_recipient *)(void *)((char *)two + 1));
    CHECK_STATUS(libseal_sealer_start_len(&plain, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealing_key_header_len(&plain, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealed_len(&plain, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
}

static void wrong_one_shots(void)
{
    uint8_t room[1000];
    size_t written = 1;
    uint64_t len;
    CHECK_STATUS(libseal_sealed_len(&plain, (uint64_t)1 << 52, &len), LIBSEAL_ERR_MESSAGE_TOO_LONG);
    CHECK(len == 0);
    CHECK_STATUS(libseal_sealed_len(&plain, ((uint64_t)1 << 52) - 1, &len), LIBSEAL_OK);
    CHECK_STATUS(libseal_seal(&plain, NULL, 1, room, sizeof room, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(written == 0);
    CHECK_STATUS(libseal_seal(&plain, room, 1, room + 1, sizeof room - 1, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_seal(&plain, NULL, 0, NULL, 1, &written), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_seal(&plain, NULL, 0, NULL, 0, &written), LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK(written > 0 && written <= LIBSEAL_SEALER_START_BOUND(1, 0, 0) + 16);
    CHECK_STATUS(libseal_seal(&plain, room + 100, 10, room, sizeof room, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_seal(&plain, room + 899, 100, room, 900, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_seal(&plain, room + 900, 100, room, 900, &written), LIBSEAL_OK);
    CHECK_STATUS(libseal_seal(&plain, room, 100, room + 100, 900, &written), LIBSEAL_OK);
}

static libseal_sealer sealer; /* zero-initialised: some tests never start it */
static uint8_t out[2000];
static size_t written;

static void start(void)
{
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &plain, out, sizeof out, &written),
                 LIBSEAL_OK);
}

static void is_over(libseal_status expected)
{
    uint8_t room[64];
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 0, room, sizeof room, &written),
                 expected);
    CHECK(written == 0);
    CHECK_STATUS(libseal_sealer_finish(&sealer, room, sizeof room, &written),
                 expected);
    CHECK(written == 0);
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, NULL, 0, room, sizeof room, &written),
                 expected);
    CHECK(written == 0);
    CHECK(libseal_sealer_update_len(&sealer, 1) == 0);
}

static void states(void)
{
    is_over(LIBSEAL_ERR_NOT_FILLED);
    libseal_sealer_wipe(&sealer);
    libseal_sealer_wipe(NULL);

    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, &written), LIBSEAL_OK);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    libseal_sealer_wipe(&sealer);

    start();
    libseal_sealer copy = sealer;
    CHECK_STATUS(libseal_sealer_finish(&copy, out, sizeof out, &written),
                 LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(libseal_sealer_finish_with(&copy, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_NOT_FILLED);
    libseal_sealer_wipe(&copy);
    memset(&copy, 0, sizeof copy);
    libseal_sealer_wipe(&sealer);
    CHECK(is_wiped(&sealer, sizeof sealer));
    is_over(LIBSEAL_ERR_INVALID_STATE);

    /* A second start begins anew. In the complete library, a sealer that has not ended would leak. */
    if (!is_complete)
        start();
    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, &written), LIBSEAL_OK);

    libseal_envelope nobody = plain;
    nobody.recipient_count = 0;
    memset(&sealer, 0xaa, sizeof sealer);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &nobody, out, sizeof out, &written),
                 LIBSEAL_ERR_NO_RECIPIENTS);
    is_over(LIBSEAL_ERR_NOT_FILLED);
    memset(&sealer, 0xaa, sizeof sealer);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &plain, out, 10, &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    is_over(LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof &sealer, &plain, out, sizeof out, &written),
                 LIBSEAL_ERR_STORAGE_TOO_SMALL);
    CHECK_STATUS(libseal_sealer_start(NULL, sizeof sealer, &plain, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_start((libseal_sealer *)(void *)((char *)&sealer + 1),
                                      sizeof sealer - 1, &plain, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &plain, out, sizeof out, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over(LIBSEAL_ERR_NOT_FILLED);
}

static void poison(void)
{
    start();
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_update(&sealer, out, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, NULL), LIBSEAL_ERR_NULL_POINTER);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, NULL, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, out, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, out, (size_t)-1, out, 0, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, NULL, 0, out, sizeof out, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over(LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_sealer_finish_with(NULL, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(written == 0);
    CHECK_STATUS(libseal_sealer_update(NULL, out, 1, out + 1, 100, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_finish(NULL, out, sizeof out, &written), LIBSEAL_ERR_NULL_POINTER);
    CHECK(libseal_sealer_update_len(NULL, 1) == 0);
    start();
    CHECK(libseal_sealer_update_len(&sealer, 0) == 0);
    CHECK(libseal_sealer_update_len(&sealer, 16383) == 16383);
    CHECK(libseal_sealer_update_len(&sealer, 16384) == 16400);
    CHECK(libseal_sealer_update_len(&sealer, (size_t)-1) == (size_t)-1);
    CHECK_STATUS(libseal_sealer_update(&sealer, out, (size_t)-1, out, 0, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over(LIBSEAL_ERR_INVALID_STATE);
}

/* The storage may begin at any address that is aligned for it. */
static void storage_anywhere(void)
{
    uint64_t room[LIBSEAL_SEALER_SIZE / 8 + 4];
    const uint8_t *x = (const uint8_t *)"x";
    for (size_t i = 0; i < 3; i++) {
        memset(room, 0xaa, sizeof room);
        libseal_sealer *here = (libseal_sealer *)(room + i);
        CHECK_STATUS(libseal_sealer_start(here, sizeof *here, &plain, out, sizeof out, &written),
                     LIBSEAL_OK);
        size_t at = written;
        CHECK_STATUS(libseal_sealer_update(here, x, 1, out + at, 1, &written), LIBSEAL_OK);
        CHECK_STATUS(libseal_sealer_finish(here, out + at + 1, 16, &written), LIBSEAL_OK);
        CHECK(unseals_to(out, at + 17, x, 1, "rsa-2048", NULL, 0));
        size_t after = i * 8 + LIBSEAL_SEALER_SIZE;
        CHECK(is_filled_with((uint8_t *)room + after, sizeof room - after, 0xaa));
        CHECK(is_filled_with((uint8_t *)room, i * 8, 0xaa));
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    CHECK(sizeof sealer == LIBSEAL_SEALER_SIZE);
    key = public_key("rsa-2048");
    key_b = public_key("rsa-2048-b");
    key_4096 = public_key("rsa-4096");
    to_key = (libseal_recipient)RECIPIENT(.key = &key);
    plain = (libseal_envelope){
        .size = sizeof(libseal_envelope),
        .recipients = &to_key, .recipient_count = 1, .random = machine_random};
    lengths();
    pieces();
    last_pieces();
    recipients();
    wrong_recipients();
    bounds();
    wrong_contexts();
    many_pairs();
    wrong_envelopes();
    wrong_one_shots();
    states();
    poison();
    storage_anywhere();
    return report();
}
