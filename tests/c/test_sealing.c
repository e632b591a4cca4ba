/* Sealing, in one call and piece by piece. What was sealed is unsealed again, with the data key that
 * openssl unwraps. */
#include "check.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static libseal_public_key key, key_b, key_4096;

static const libseal_context_pair pair_list[] = {{"site", "7"}, {"device", "42"}};

static void unseals_to(const uint8_t *message, size_t message_len, const uint8_t *plaintext,
                       size_t len, const char *private_key, const libseal_context_pair *required,
                       size_t required_count)
{
    char name[64];
    snprintf(name, sizeof name, "%s", private_key);
    size_t cap = 0, written;
    CHECK_STATUS(libseal_plaintext_len(message, message_len, &cap), LIBSEAL_OK);
    CHECK(cap == len);
    uint8_t *out = allocate(cap);
    CHECK_STATUS(libseal_unseal(message, message_len, unwrap_openssl, name, required,
                                required_count, out, cap, &written),
                 LIBSEAL_OK);
    CHECK(written == len && memcmp(out, plaintext, len) == 0);
    free(out);
}

static void lengths(void)
{
    static const size_t list[] = {0, 1, 15, 16, 17, 16383, 16384, 16385, 32768, 40000};
    libseal_recipient to = {.key = &key};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        size_t len = list[i], written;
        uint8_t *plaintext = allocate(len);
        fill(plaintext, len);
        uint64_t sealed_len;
        CHECK_STATUS(libseal_sealed_len(&to, 1, pair_list, 2, len, &sealed_len), LIBSEAL_OK);
        uint8_t *message = allocate((size_t)sealed_len);
        memset(message, 0xaa, (size_t)sealed_len);

        CHECK_STATUS(libseal_seal(&to, 1, pair_list, 2, plaintext, len, message,
                                  (size_t)sealed_len - 1, &written),
                     LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(written == sealed_len);
        CHECK(is_filled_with(message, (size_t)sealed_len, 0xaa));
        CHECK_STATUS(libseal_seal(&to, 1, pair_list, 2, plaintext, len, message,
                                  (size_t)sealed_len, &written),
                     LIBSEAL_OK);
        CHECK(written == sealed_len);
        unseals_to(message, written, plaintext, len, "rsa-2048", pair_list, 2);
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
    libseal_recipient to = {.key = &key};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        libseal_sealer sealer;
        size_t len, at, written;
        CHECK_STATUS(libseal_sealer_start_len(&to, 1, pair_list, 1, &len), LIBSEAL_OK);
        uint8_t *out = allocate(len);
        CHECK_STATUS(
            libseal_sealer_start(&sealer, sizeof sealer, &to, 1, pair_list, 1, out, len - 1, &at),
            LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(at == len);
        CHECK_STATUS(
            libseal_sealer_start(&sealer, sizeof sealer, &to, 1, pair_list, 1, out, len, &at),
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
        CHECK(is_filled_with((uint8_t *)&sealer, sizeof sealer - 64, 0));
        unseals_to(message, at, plaintext, sizeof plaintext, "rsa-2048", pair_list, 1);
    }
}

static void recipients(void)
{
    const libseal_recipient to[] = {
        {.key = &key, .key_id = "alias/one"},
        {.key = &key_b, .key_id = "\xc3\xa9", .algorithm = LIBSEAL_RSAES_OAEP_SHA_1},
        {.key = &key_4096, .algorithm = LIBSEAL_RSAES_OAEP_SHA_256},
    };
    uint8_t message[LIBSEAL_SEALER_START_BOUND(3, 11, 0) + 100], print[32];
    size_t len;
    CHECK_STATUS(libseal_seal(to, 3, NULL, 0, (const uint8_t *)"hello", 5, message, sizeof message,
                              &len),
                 LIBSEAL_OK);
    unseals_to(message, len, (const uint8_t *)"hello", 5, "rsa-2048", NULL, 0);

    libseal_header *header;
    libseal_wrapped_key wrapped;
    CHECK_STATUS(libseal_header_parse(message, len, &header), LIBSEAL_OK);
    CHECK(libseal_header_wrapped_key_count(header) == 3);
    CHECK_STATUS(libseal_header_wrapped_key(header, 1, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(wrapped.kind == LIBSEAL_RSAES_OAEP_SHA_1);
    CHECK(strcmp(wrapped.algorithm, "RSAES_OAEP_SHA_1") == 0);
    CHECK(wrapped.key_id_len == 2 && memcmp(wrapped.key_id, "\xc3\xa9", 2) == 0);
    CHECK_STATUS(libseal_public_key_fingerprint(&key_b, print), LIBSEAL_OK);
    CHECK(memcmp(wrapped.fingerprint, print, sizeof print) == 0);
    CHECK(wrapped.ciphertext_len == 256);
    uint8_t data_key[32];
    CHECK(unwrap_openssl("rsa-2048-b", &wrapped, data_key) == 0);
    CHECK_STATUS(libseal_header_wrapped_key(header, 2, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(wrapped.ciphertext_len == 512);
    uint8_t same[32];
    CHECK(unwrap_openssl("rsa-4096", &wrapped, same) == 0);
    CHECK(memcmp(data_key, same, sizeof same) == 0);
    libseal_header_free(header);
}

static void wrong_recipients(void)
{
    static libseal_public_key zero;
    static char long_id[LIBSEAL_MAX_KEY_ID_LEN + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    libseal_recipient many[LIBSEAL_MAX_RECIPIENTS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (libseal_recipient){.key = &key};
    size_t len;
    CHECK_STATUS(libseal_sealer_start_len(NULL, 0, NULL, 0, &len), LIBSEAL_ERR_NO_RECIPIENTS);
    CHECK_STATUS(libseal_sealer_start_len(many, 0, NULL, 0, &len), LIBSEAL_ERR_NO_RECIPIENTS);
    CHECK_STATUS(libseal_sealer_start_len(NULL, 1, NULL, 0, &len), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_start_len(many, 1, NULL, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_start_len(many, LIBSEAL_MAX_RECIPIENTS, NULL, 0, &len),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_start_len(many, LIBSEAL_MAX_RECIPIENTS + 1, NULL, 0, &len),
                 LIBSEAL_ERR_TOO_MANY_RECIPIENTS);
    CHECK(len == 0);

    const struct {
        libseal_recipient to;
        libseal_status status;
    } list[] = {
        {{.key = NULL}, LIBSEAL_ERR_NULL_POINTER},
        {{.key = &zero}, LIBSEAL_ERR_INVALID_STATE},
        {{.key = &key, .algorithm = 3}, LIBSEAL_ERR_INVALID_ARGUMENT},
        {{.key = &key, .key_id = "\xff"}, LIBSEAL_ERR_INVALID_UTF8},
        {{.key = &key, .key_id = long_id}, LIBSEAL_ERR_KEY_ID_TOO_LONG},
        {{.key = &key, .key_id = long_id + 1}, LIBSEAL_OK},
        {{.key = &key, .key_id = ""}, LIBSEAL_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        CHECK_STATUS(libseal_sealer_start_len(&list[i].to, 1, NULL, 0, &len), list[i].status);
}

static void bounds(void)
{
    static const char id[] = "alias/k";
    libseal_recipient to[] = {{.key = &key_4096, .key_id = id}, {.key = &key_4096}};
    size_t len;
    CHECK_STATUS(libseal_sealer_start_len(to, 2, pair_list, 2, &len), LIBSEAL_OK);
    CHECK(len == LIBSEAL_SEALER_START_BOUND(2, sizeof id - 1, 4 + 5 + 4 + 8));
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
    libseal_recipient to = {.key = &key};
    size_t len;
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        CHECK_STATUS(libseal_sealer_start_len(&to, 1, list[i].pairs, 2, &len), list[i].status);
    libseal_context_pair one = {"a", longest};
    CHECK_STATUS(libseal_sealer_start_len(&to, 1, &one, 1, &len), LIBSEAL_OK);
    one.value = longest - 1;
    CHECK_STATUS(libseal_sealer_start_len(&to, 1, &one, 1, &len), LIBSEAL_ERR_CONTEXT_TOO_LONG);

    char names[LIBSEAL_MAX_CONTEXT_PAIRS + 1][4];
    libseal_context_pair many[LIBSEAL_MAX_CONTEXT_PAIRS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        snprintf(names[i], sizeof names[i], "%03u", (unsigned)i % 1000);
        many[i] = (libseal_context_pair){names[i], "v"};
    }
    CHECK_STATUS(libseal_sealer_start_len(&to, 1, many, LIBSEAL_MAX_CONTEXT_PAIRS, &len),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_start_len(&to, 1, many, LIBSEAL_MAX_CONTEXT_PAIRS + 1, &len),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_sealer_start_len(&to, 1, NULL, 1, &len), LIBSEAL_ERR_NULL_POINTER);
}

static void wrong_one_shots(void)
{
    libseal_recipient to = {.key = &key};
    uint8_t room[1000];
    size_t written = 1;
    uint64_t len;
    CHECK_STATUS(libseal_sealed_len(&to, 1, NULL, 0, (uint64_t)1 << 52, &len),
                 LIBSEAL_ERR_MESSAGE_TOO_LONG);
    CHECK(len == 0);
    CHECK_STATUS(libseal_sealed_len(&to, 1, NULL, 0, ((uint64_t)1 << 52) - 1, &len), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealed_len(&to, 1, NULL, 0, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, NULL, 1, room, sizeof room, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(written == 0);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, room, 1, room + 1, sizeof room - 1, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, NULL, 0, NULL, 1, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, NULL, 0, NULL, 0, &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK(written > 0 && written <= LIBSEAL_SEALER_START_BOUND(1, 0, 0) + 16);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, room + 100, 10, room, sizeof room, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, room + 899, 100, room, 900, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, room + 900, 100, room, 900, &written), LIBSEAL_OK);
    CHECK_STATUS(libseal_seal(&to, 1, NULL, 0, room, 100, room + 100, 900, &written), LIBSEAL_OK);
}

static libseal_sealer sealer; /* zero-initialised: some tests never start it */
static uint8_t out[2000];
static size_t written;

static void start(void)
{
    libseal_recipient to = {.key = &key};
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &to, 1, NULL, 0, out, sizeof out,
                                      &written),
                 LIBSEAL_OK);
}

static void is_over(void)
{
    uint8_t room[64];
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 0, room, sizeof room, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK(written == 0);
    CHECK_STATUS(libseal_sealer_finish(&sealer, room, sizeof room, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK(written == 0);
    CHECK(libseal_sealer_update_len(&sealer, 1) == 0);
}

static void states(void)
{
    is_over();
    libseal_sealer_wipe(&sealer);
    libseal_sealer_wipe(NULL);

    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, &written), LIBSEAL_OK);
    is_over();
    libseal_sealer_wipe(&sealer);

    start();
    libseal_sealer copy = sealer;
    CHECK_STATUS(libseal_sealer_finish(&copy, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    libseal_sealer_wipe(&copy);
    memset(&copy, 0, sizeof copy);
    libseal_sealer_wipe(&sealer);
    CHECK(is_filled_with((uint8_t *)&sealer, sizeof sealer, 0));
    is_over();

    /* A second start begins anew. */
    start();
    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, &written), LIBSEAL_OK);

    libseal_recipient to = {.key = &key};
    start();
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &to, 0, NULL, 0, out, sizeof out,
                                      &written),
                 LIBSEAL_ERR_NO_RECIPIENTS);
    is_over();
    start();
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &to, 1, NULL, 0, out, 10, &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    is_over();
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer - 64, &to, 1, NULL, 0, out,
                                      sizeof out, &written),
                 LIBSEAL_ERR_STORAGE_TOO_SMALL);
    CHECK_STATUS(libseal_sealer_start(NULL, sizeof sealer, &to, 1, NULL, 0, out, sizeof out,
                                      &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_start((libseal_sealer *)(void *)((char *)&sealer + 1),
                                      sizeof sealer - 1, &to, 1, NULL, 0, out, sizeof out,
                                      &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &to, 1, NULL, 0, out, sizeof out,
                                      NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over();
}

static void poison(void)
{
    start();
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over();
    start();
    CHECK_STATUS(libseal_sealer_update(&sealer, out, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over();
    start();
    CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, NULL), LIBSEAL_ERR_NULL_POINTER);
    is_over();
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
    is_over();
}

/* The storage may begin at any address that is aligned for it. */
static void storage_anywhere(void)
{
    uint64_t room[LIBSEAL_SEALER_SIZE / 8 + 4];
    libseal_recipient to = {.key = &key};
    for (size_t i = 0; i < 3; i++) {
        memset(room, 0xaa, sizeof room);
        libseal_sealer *here = (libseal_sealer *)(room + i);
        CHECK_STATUS(libseal_sealer_start(here, sizeof *here, &to, 1, NULL, 0, out, sizeof out,
                                          &written),
                     LIBSEAL_OK);
        size_t at = written;
        CHECK_STATUS(libseal_sealer_update(here, (const uint8_t *)"x", 1, out + at, 1, &written),
                     LIBSEAL_OK);
        CHECK_STATUS(libseal_sealer_finish(here, out + at + 1, 16, &written), LIBSEAL_OK);
        unseals_to(out, at + 17, (const uint8_t *)"x", 1, "rsa-2048", NULL, 0);
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
    lengths();
    pieces();
    recipients();
    wrong_recipients();
    bounds();
    wrong_contexts();
    wrong_one_shots();
    states();
    poison();
    storage_anywhere();
    return report();
}
