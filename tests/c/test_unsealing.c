/* Headers and unsealing: calls that are wrong, out of order, or fail. */
#include "check.h"
#include "unseal.h"

#include <stdlib.h>
#include <string.h>

static vector v;
static libseal_unsealer *unsealer;
static uint8_t out[65536];
static size_t consumed, written;

static void begin(void)
{
    libseal_unsealer_free(unsealer);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
}

static void begin_with(libseal_unwrap_fn unwrap, void *user_data)
{
    begin();
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap, user_data), LIBSEAL_OK);
}

static libseal_status update(const uint8_t *in, size_t len)
{
    return libseal_unsealer_update(unsealer, in, len, &consumed, out, sizeof out, &written);
}

static void is_over(void)
{
    CHECK_STATUS(update(v.message, 1), LIBSEAL_ERR_INVALID_STATE);
    CHECK(consumed == 0 && written == 0);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK(written == 0);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_vector, &v),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK(libseal_unsealer_update_len(unsealer, 100000) == 0);
    CHECK(libseal_unsealer_finish_len(unsealer) == 0);
}

static size_t header_len(void)
{
    libseal_header *header;
    CHECK_STATUS(libseal_header_parse(v.message, v.message_len, &header), LIBSEAL_OK);
    size_t len = libseal_header_len(header);
    libseal_header_free(header);
    return len;
}

static void two_steps(void)
{
    begin();
    CHECK(libseal_unsealer_header(unsealer) == NULL);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_ERR_INVALID_STATE);
    CHECK(libseal_unsealer_update_len(unsealer, 100000) == 0);
    CHECK_STATUS(update(v.message, 10), LIBSEAL_OK);
    CHECK(consumed == 10 && written == 0);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_vector, &v),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(update(v.message + 10, v.message_len - 10), LIBSEAL_NEED_KEY);
    CHECK(consumed == header_len() - 10 && written == 0);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(update(v.message, 5), LIBSEAL_ERR_INVALID_STATE);
    CHECK(consumed == 0);

    const libseal_header *header = libseal_unsealer_header(unsealer);
    CHECK(libseal_header_len(header) == header_len());
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_ERR_INVALID_STATE);

    const uint8_t *payload = v.message + header_len();
    size_t payload_len = v.message_len - header_len();
    size_t need = libseal_unsealer_update_len(unsealer, payload_len);
    CHECK(need == 32768);
    CHECK_STATUS(libseal_unsealer_update(unsealer, payload, payload_len, &consumed, out, need - 1,
                                         &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK(written == need && consumed == 0);
    CHECK_STATUS(libseal_unsealer_update(unsealer, payload, payload_len, &consumed, out, need,
                                         &written),
                 LIBSEAL_OK);
    CHECK(written == need && consumed == payload_len);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, NULL, 0, &written), LIBSEAL_OK);
    CHECK(libseal_unsealer_header(unsealer) == header);
    is_over();
}

static void callback(void)
{
    begin_with(unwrap_vector, &v);
    v.calls = 0;
    size_t need = libseal_unsealer_update_len(unsealer, v.message_len);
    CHECK(need >= 32768 && need <= LIBSEAL_UNSEALER_UPDATE_BOUND(v.message_len));
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message, v.message_len, NULL, out, need - 1,
                                         &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK(written == need && v.calls == 0);
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message, v.message_len, NULL, out, need,
                                         &written),
                 LIBSEAL_OK);
    CHECK(written == 32768 && v.calls == 1);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, NULL, 0, &written), LIBSEAL_OK);
    CHECK(libseal_unsealer_unwrap_code(unsealer) == 0);
    is_over();
}

static int calls;

static int fails(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data;
    CHECK(key->size == sizeof *key && key->algorithm != NULL);
    memset(data_key, 1, 32);
    return ++calls + 40;
}

static int not_mine(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key;
    memset(data_key, 1, 32);
    return ++calls, LIBSEAL_UNWRAP_NOT_MINE;
}

static int wrong_key(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key;
    memset(data_key, 1, 32);
    return ++calls, 0;
}

static int stops(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key;
    memset(data_key, 1, 32);
    return ++calls, LIBSEAL_UNWRAP_STOP;
}

/* Fails for the first recipient, and stops at the second. */
static int fails_and_stops(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    return calls == 0 ? fails(user_data, key, data_key) : stops(user_data, key, data_key);
}

static int refuses(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    fails(user_data, key, data_key);
    return LIBSEAL_UNWRAP_REFUSED;
}

static int rejects(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    fails(user_data, key, data_key);
    return LIBSEAL_UNWRAP_REJECTED;
}

/* Rejects the first recipient, and cannot be asked for the second. */
static int rejects_and_is_down(void *user_data, const libseal_wrapped_key *key,
                               uint8_t data_key[32])
{
    bool is_first = calls == 0;
    fails(user_data, key, data_key);
    return is_first ? LIBSEAL_UNWRAP_REJECTED : LIBSEAL_UNWRAP_UNAVAILABLE;
}

/* Fails for the first recipient, and has no key for the second. */
static int fails_once(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    return calls == 0 ? fails(user_data, key, data_key) : not_mine(user_data, key, data_key);
}

static void failing_callbacks(void)
{
    vector two = accepted_vector("recipients_two_second_held");
    const struct {
        libseal_unwrap_fn unwrap;
        libseal_status status;
        int calls, code;
    } list[] = {
        {fails, LIBSEAL_ERR_UNWRAP_FAILED, 2, 41},
        {not_mine, LIBSEAL_ERR_NO_MATCHING_RECIPIENT, 2, 0},
        {fails_once, LIBSEAL_ERR_UNWRAP_FAILED, 2, 41},
        {stops, LIBSEAL_ERR_UNWRAP_FAILED, 1, LIBSEAL_UNWRAP_STOP},
        {fails_and_stops, LIBSEAL_ERR_UNWRAP_FAILED, 2, LIBSEAL_UNWRAP_STOP},
        {refuses, LIBSEAL_ERR_KMS_REFUSED, 2, LIBSEAL_UNWRAP_REFUSED},
        {rejects, LIBSEAL_ERR_WRAPPED_KEY_REJECTED, 2, LIBSEAL_UNWRAP_REJECTED},
        {rejects_and_is_down, LIBSEAL_ERR_KMS_UNAVAILABLE, 2, LIBSEAL_UNWRAP_UNAVAILABLE},
        {wrong_key, LIBSEAL_ERR_AUTHENTICATION_FAILED, 1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        begin_with(list[i].unwrap, NULL);
        calls = 0;
        CHECK_STATUS(update(two.message, two.message_len), list[i].status);
        CHECK(calls == list[i].calls && consumed == 0 && written == 0);
        CHECK(libseal_unsealer_unwrap_code(unsealer) == list[i].code);
        CHECK(libseal_unsealer_header(unsealer) != NULL);
        is_over();
        calls = 0;
        CHECK_STATUS(libseal_unseal(two.message, two.message_len, list[i].unwrap, NULL, NULL, 0,
                                    out, sizeof out, &written),
                     list[i].status);
        CHECK(calls == list[i].calls && written == 0);
    }
    begin_with(unwrap_vector, &two);
    CHECK_STATUS(update(two.message, two.message_len), LIBSEAL_OK);
    CHECK(two.calls == 2);
    free_vector(&two);
}

static void failures(void)
{
    uint8_t *altered = allocate(v.message_len);
    memcpy(altered, v.message, v.message_len);

    begin();
    CHECK_STATUS(update(v.message, v.message_len), LIBSEAL_NEED_KEY);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, altered), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    is_over();

    /* The second chunk is altered: the first one, written already, is wiped. */
    altered[v.message_len - 17] ^= 1;
    memset(out, 0xaa, sizeof out);
    begin_with(unwrap_vector, &v);
    CHECK_STATUS(update(altered, v.message_len), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(consumed == 0 && written == 0 && is_filled_with(out, 32768, 0));
    is_over();
    memset(out, 0xaa, sizeof out);
    CHECK_STATUS(libseal_unseal(altered, v.message_len, unwrap_vector, &v, NULL, 0, out,
                                sizeof out, &written),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(written == 0 && is_filled_with(out, 32768, 0));
    altered[v.message_len - 17] ^= 1;

    /* The last chunk is altered: what came before is out, finish fails. */
    altered[v.message_len - 1] ^= 1;
    begin_with(unwrap_vector, &v);
    CHECK_STATUS(update(altered, v.message_len), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_END_NOT_AUTHENTIC);
    is_over();
    memset(out, 0xaa, sizeof out);
    CHECK_STATUS(libseal_unseal(altered, v.message_len, unwrap_vector, &v, NULL, 0, out,
                                sizeof out, &written),
                 LIBSEAL_ERR_END_NOT_AUTHENTIC);
    CHECK(written == 0 && is_filled_with(out, 32768, 0));

    begin_with(unwrap_vector, &v);
    CHECK_STATUS(update(v.message, v.message_len - 16), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_TRUNCATED);
    is_over();
    begin();
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_EMPTY_MESSAGE);
    is_over();
    begin();
    CHECK_STATUS(update((const uint8_t *)"Salted__", 8), LIBSEAL_ERR_NOT_SEALED);
    is_over();
    free(altered);
}

static void wrong_calls(void)
{
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    libseal_unsealer *none = unsealer;
    CHECK_STATUS(libseal_unsealer_new(NULL, 1, &none), LIBSEAL_ERR_NULL_POINTER);
    CHECK(none == NULL);
    libseal_context_pair pair = {"a", "\xff"};
    CHECK_STATUS(libseal_unsealer_new(&pair, 1, &none), LIBSEAL_ERR_INVALID_UTF8);
    libseal_context_pair many[LIBSEAL_MAX_CONTEXT_PAIRS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (libseal_context_pair){.key = "a", .value = "b"};
    CHECK_STATUS(libseal_unsealer_new(many, LIBSEAL_MAX_CONTEXT_PAIRS + 1, &none),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    static char long_value[LIBSEAL_MAX_CONTEXT_LEN + 2];
    memset(long_value, 'v', sizeof long_value - 1);
    pair.value = long_value;
    CHECK_STATUS(libseal_unsealer_new(&pair, 1, &none), LIBSEAL_ERR_CONTEXT_TOO_LONG);
    libseal_unsealer_free(NULL);
    libseal_header_free(NULL);

    begin();
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, NULL, NULL), LIBSEAL_ERR_NULL_POINTER);
    is_over();
    begin();
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message, 10, NULL, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over();
    begin();
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message, 10, &consumed, out, sizeof out, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    is_over();
    begin();
    CHECK_STATUS(update(NULL, 10), LIBSEAL_ERR_NULL_POINTER);
    is_over();
    begin();
    CHECK_STATUS(update(out + 5, 10), LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over();
    begin();
    CHECK_STATUS(update(v.message, (size_t)-1), LIBSEAL_ERR_INVALID_ARGUMENT);
    is_over();
    begin();
    CHECK_STATUS(update(v.message, v.message_len), LIBSEAL_NEED_KEY);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, NULL), LIBSEAL_ERR_NULL_POINTER);
    is_over();

    consumed = written = 1;
    CHECK_STATUS(libseal_unsealer_update(NULL, v.message, 1, &consumed, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(consumed == 0 && written == 0);
    CHECK_STATUS(libseal_unsealer_finish(NULL, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unsealer_set_unwrap(NULL, unwrap_vector, &v), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unsealer_provide_key(NULL, v.data_key), LIBSEAL_ERR_NULL_POINTER);
    CHECK(libseal_unsealer_header(NULL) == NULL);
    CHECK(libseal_unsealer_update_len(NULL, 100000) == 0);
    CHECK(libseal_unsealer_finish_len(NULL) == 0);
    CHECK(libseal_unsealer_unwrap_code(NULL) == 0);
}

static void wrong_one_shots(void)
{
    size_t len = 1;
    CHECK_STATUS(libseal_plaintext_len(v.message, v.message_len, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_plaintext_len(NULL, 1, &len), LIBSEAL_ERR_NULL_POINTER);
    CHECK(len == 0);
    CHECK_STATUS(libseal_plaintext_len(NULL, 0, &len), LIBSEAL_ERR_EMPTY_MESSAGE);
    CHECK_STATUS(libseal_plaintext_len(v.message, v.message_len - 1, &len), LIBSEAL_ERR_TRUNCATED);
    CHECK_STATUS(libseal_unseal(v.message, v.message_len, NULL, &v, NULL, 0, out, sizeof out,
                                &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unseal(NULL, 0, unwrap_vector, &v, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_EMPTY_MESSAGE);
    CHECK_STATUS(libseal_unseal(v.message, v.message_len, unwrap_vector, &v, NULL, 0, out,
                                sizeof out, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unseal(out, 5, unwrap_vector, &v, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    /* Cut short: what it asks for suffices to learn that. */
    size_t cut = v.message_len - 1;
    CHECK_STATUS(libseal_unseal(v.message, cut, unwrap_vector, &v, NULL, 0, out, 100, &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK(written <= sizeof out);
    CHECK_STATUS(libseal_unseal(v.message, cut, unwrap_vector, &v, NULL, 0, out, written, &written),
                 LIBSEAL_ERR_TRUNCATED);
}

static void headers(void)
{
    libseal_header *header = (libseal_header *)&v;
    CHECK_STATUS(libseal_header_parse(NULL, 0, &header), LIBSEAL_ERR_EMPTY_MESSAGE);
    CHECK(header == NULL);
    CHECK_STATUS(libseal_header_parse(NULL, 1, &header), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_header_parse(v.message, 10, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_header_parse(v.message, header_len() - 1, &header), LIBSEAL_ERR_TRUNCATED);
    CHECK_STATUS(libseal_header_parse(v.message + 1, 100, &header), LIBSEAL_ERR_NOT_SEALED);
    CHECK(libseal_header_len(NULL) == 0);
    CHECK(libseal_header_context_count(NULL) == 0);
    CHECK(libseal_header_wrapped_key_count(NULL) == 0);

    vector pairs = accepted_vector("context_several_pairs");
    CHECK_STATUS(libseal_header_parse(pairs.message, pairs.message_len, &header), LIBSEAL_OK);
    size_t count = libseal_header_context_count(header);
    CHECK(count == pairs.context_count && count > 1);
    const char *key, *value;
    size_t key_len, value_len;
    CHECK_STATUS(libseal_header_context_pair(header, count, &key, &key_len, &value, &value_len),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK(key == NULL && key_len == 0 && value == NULL && value_len == 0);
    CHECK_STATUS(libseal_header_context_pair(header, 0, &key, &key_len, NULL, &value_len),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(key == NULL && key_len == 0);
    CHECK_STATUS(libseal_header_context_pair(NULL, 0, &key, &key_len, &value, &value_len),
                 LIBSEAL_ERR_NULL_POINTER);

    libseal_wrapped_key wrapped;
    memset(&wrapped, 0xaa, sizeof wrapped);
    CHECK_STATUS(libseal_header_wrapped_key(header, 0, &wrapped, sizeof wrapped - 1),
                 LIBSEAL_ERR_STRUCT_SIZE);
    CHECK_STATUS(libseal_header_wrapped_key(header, 1, &wrapped, sizeof wrapped),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK(wrapped.ciphertext == NULL && wrapped.size == 0);
    CHECK_STATUS(libseal_header_wrapped_key(header, 0, NULL, sizeof wrapped),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_header_wrapped_key(NULL, 0, &wrapped, sizeof wrapped),
                 LIBSEAL_ERR_NULL_POINTER);
    libseal_header_free(header);
    free_vector(&pairs);

    vector reserved = accepted_vector("recipient_of_reserved_kind_3_skipped");
    CHECK_STATUS(libseal_header_parse(reserved.message, reserved.message_len, &header), LIBSEAL_OK);
    CHECK_STATUS(libseal_header_wrapped_key(header, 0, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(wrapped.kind == 3 && wrapped.algorithm == NULL);
    libseal_header_free(header);
    free_vector(&reserved);
}

/* The second step: what a KMS returned becomes the data key. */
static void second_step(void)
{
    libseal_header *header;
    libseal_wrapped_key wrapped;
    uint8_t data_key[LIBSEAL_DATA_KEY_LEN];
    CHECK_STATUS(libseal_header_parse(v.message, v.message_len, &header), LIBSEAL_OK);
    CHECK_STATUS(libseal_header_wrapped_key(header, 0, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK_STATUS(libseal_wrapped_key_data_key(&wrapped, v.data_key, sizeof v.data_key, data_key),
                 LIBSEAL_OK);
    CHECK(memcmp(data_key, v.data_key, sizeof data_key) == 0);

    /* From its parts, as another process may have got them. */
    libseal_wrapped_key parts = LIBSEAL_WRAPPED_KEY_INIT;
    CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, 32, data_key),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(is_filled_with(data_key, sizeof data_key, 0));
    parts.kind = wrapped.kind;
    parts.fingerprint = wrapped.fingerprint;
    parts.ciphertext = wrapped.ciphertext;
    parts.ciphertext_len = wrapped.ciphertext_len;
    CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, 32, data_key), LIBSEAL_OK);
    CHECK(memcmp(data_key, v.data_key, sizeof data_key) == 0);

    static const size_t wrong_lens[] = {0, 31, 16};
    for (size_t i = 0; i < ARRAY_LEN(wrong_lens); i++) {
        memset(data_key, 0xaa, sizeof data_key);
        CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, wrong_lens[i], data_key),
                     LIBSEAL_ERR_DATA_KEY_LENGTH);
        CHECK(is_filled_with(data_key, sizeof data_key, 0));
    }
    static const uint32_t unknown_kinds[] = {0, 3, 255, 257};
    for (size_t i = 0; i < ARRAY_LEN(unknown_kinds); i++) {
        parts.kind = unknown_kinds[i];
        CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, 32, data_key),
                     LIBSEAL_ERR_UNSUPPORTED_ALGORITHM);
    }
    parts.kind = wrapped.kind;
    parts.key_id = "\xff";
    parts.key_id_len = 1;
    CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, 32, data_key),
                 LIBSEAL_ERR_INVALID_UTF8);
    parts.key_id_len = 0;
    parts.size -= sizeof(size_t);
    CHECK_STATUS(libseal_wrapped_key_data_key(&parts, v.data_key, 32, data_key),
                 LIBSEAL_ERR_STRUCT_SIZE);
    CHECK_STATUS(libseal_wrapped_key_data_key(NULL, v.data_key, 32, data_key),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_wrapped_key_data_key(&wrapped, NULL, 32, data_key),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_wrapped_key_data_key(&wrapped, v.data_key, 32, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    libseal_header_free(header);
}

/* A header that was stored, and the data key, are enough to go on with the payload. */
static void header_and_key(void)
{
    libseal_header *header, *stored;
    CHECK_STATUS(libseal_header_parse(v.message, v.message_len, &header), LIBSEAL_OK);
    size_t len = libseal_header_len(header);
    CHECK(memcmp(libseal_header_bytes(header), v.message, len) == 0);
    CHECK_STATUS(libseal_header_parse(libseal_header_bytes(header), len, &stored), LIBSEAL_OK);
    libseal_header_free(header);
    CHECK(memcmp(libseal_header_bytes(stored), v.message, len) == 0);
    CHECK(libseal_header_bytes(NULL) == NULL);

    libseal_unsealer_free(unsealer);
    CHECK_STATUS(libseal_unsealer_new_with_key(stored, v.data_key, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_vector, &v),
                 LIBSEAL_ERR_INVALID_STATE);
    CHECK(libseal_header_len(libseal_unsealer_header(unsealer)) == len);
    CHECK_STATUS(libseal_unsealer_update(unsealer, v.message + len, v.message_len - len, NULL, out,
                                         sizeof out, &written),
                 LIBSEAL_OK);
    CHECK(written == 32768);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written), LIBSEAL_OK);
    uint64_t offset;
    CHECK_STATUS(libseal_unsealer_seek(unsealer, 16384, &offset), LIBSEAL_OK);
    CHECK(offset == len + 56 + 16400);
    libseal_unsealer_free(unsealer);

    uint8_t wrong[LIBSEAL_DATA_KEY_LEN];
    memcpy(wrong, v.data_key, sizeof wrong);
    wrong[31] ^= 1;
    unsealer = (libseal_unsealer *)&v;
    CHECK_STATUS(libseal_unsealer_new_with_key(stored, wrong, &unsealer),
                 LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(unsealer == NULL);
    CHECK_STATUS(libseal_unsealer_new_with_key(NULL, v.data_key, &unsealer),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unsealer_new_with_key(stored, NULL, &unsealer), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_unsealer_new_with_key(stored, v.data_key, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    libseal_header_free(stored);
}

static void required_context(void)
{
    vector pairs = accepted_vector("context_several_pairs");
    libseal_context_pair other = {pairs.context[0].key, "other"};
    const libseal_context_pair any_value = {pairs.context[0].key, NULL};
    const libseal_context_pair any_of_missing = {"missing", NULL};
    libseal_header *header;
    CHECK_STATUS(libseal_header_parse(pairs.message, pairs.message_len, &header), LIBSEAL_OK);
    const struct {
        const libseal_context_pair *required;
        size_t count;
        libseal_status status;
    } list[] = {
        {NULL, 0, LIBSEAL_OK},
        {pairs.context + 1, 1, LIBSEAL_OK},
        {pairs.context, pairs.context_count, LIBSEAL_OK},
        {&any_value, 1, LIBSEAL_OK},
        {&other, 1, LIBSEAL_ERR_CONTEXT_MISMATCH},
        {&any_of_missing, 1, LIBSEAL_ERR_CONTEXT_MISMATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        CHECK_STATUS(libseal_header_require(header, list[i].required, list[i].count),
                     list[i].status);
        pairs.calls = 0;
        CHECK_STATUS(libseal_unseal(pairs.message, pairs.message_len, unwrap_vector, &pairs,
                                    list[i].required, list[i].count, out, sizeof out, &written),
                     list[i].status);
        CHECK(pairs.calls == (list[i].status == LIBSEAL_OK));
        libseal_unsealer_free(unsealer);
        CHECK_STATUS(libseal_unsealer_new(list[i].required, list[i].count, &unsealer), LIBSEAL_OK);
        CHECK_STATUS(update(pairs.message, pairs.message_len),
                     list[i].status == LIBSEAL_OK ? LIBSEAL_NEED_KEY : list[i].status);
    }
    const libseal_context_pair no_key = {NULL, "a"}, no_text = {"\xff", NULL};
    CHECK_STATUS(libseal_header_require(header, &no_key, 1), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_header_require(header, &no_text, 1), LIBSEAL_ERR_INVALID_UTF8);
    CHECK_STATUS(libseal_header_require(header, &any_value, SIZE_MAX),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_header_require(NULL, &any_value, 1), LIBSEAL_ERR_NULL_POINTER);
    libseal_header_free(header);
    free_vector(&pairs);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    v = accepted_vector("length_32768");
    two_steps();
    callback();
    failing_callbacks();
    failures();
    wrong_calls();
    wrong_one_shots();
    headers();
    second_step();
    header_and_key();
    required_context();
    libseal_unsealer_free(unsealer);
    free_vector(&v);
    return report();
}
