/* Every file of tests/vectors/accepted and rejected: in one call, piece by piece, in two steps. */
#define _POSIX_C_SOURCE 200809L

#include "check.h"
#include "unseal.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

static const char *current;

#define EXPECT(condition)                                    \
    do {                                                     \
        bool ok_ = (condition);                              \
        if (!ok_)                                            \
            fprintf(stderr, "%s:\n", current);               \
        check(ok_, __FILE__, __LINE__, #condition, "");      \
    } while (0)

/* Data keys of a wrong length do not exist behind a callback that fills 32 bytes. */
static bool is_expected(const vector *v, libseal_status status)
{
    const char *expect = strcmp(v->expect, "DATA_KEY_LENGTH") == 0 ? "UNWRAP_FAILED" : v->expect;
    bool ok = strcmp(libseal_status_name(status), expect) == 0;
    if (!ok)
        fprintf(stderr, "%s: expected %s, found %s\n", current, expect,
                libseal_status_name(status));
    return ok;
}

static void check_plaintext(const vector *v, const uint8_t *plaintext, size_t len)
{
    char hex[65];
    sha256_hex(plaintext, len, hex);
    EXPECT(len == v->plaintext_len);
    EXPECT(strcmp(hex, v->plaintext_sha256) == 0);
}

static void one_shot(vector *v)
{
    size_t cap, written;
    libseal_status status = libseal_plaintext_len(v->message, v->message_len, &cap);
    if (status != LIBSEAL_OK)
        cap = v->message_len;
    uint8_t *out = allocate(cap);
    memset(out, 0xaa, cap);
    v->calls = 0;
    status = libseal_unseal(v->message, v->message_len, unwrap_vector, v, v->require,
                            v->require_count, out, cap, &written);
    EXPECT(is_expected(v, status));
    if (status == LIBSEAL_OK) {
        check_plaintext(v, out, written);
        if (cap > 0) {
            v->calls = 0;
            status = libseal_unseal(v->message, v->message_len, unwrap_vector, v, v->require,
                                    v->require_count, out, cap - 1, &written);
            EXPECT(status == LIBSEAL_ERR_BUFFER_TOO_SMALL && written == cap && v->calls == 0);
        }
    } else {
        EXPECT(written == 0);
        EXPECT(is_untouched_or_wiped(out, cap));
    }
    free(out);
}

/* The data key of the first recipient that the vector holds. */
static libseal_status provide_key(const vector *v, libseal_unsealer *unsealer)
{
    const libseal_header *header = libseal_unsealer_header(unsealer);
    EXPECT(header != NULL);
    for (size_t i = 0; i < libseal_header_wrapped_key_count(header); i++) {
        libseal_wrapped_key key;
        libseal_status status = libseal_header_wrapped_key(header, i, &key, sizeof key);
        EXPECT(status == LIBSEAL_OK && key.size == sizeof key);
        if (key.algorithm && vector_holds(v, key.fingerprint))
            return v->has_data_key ? libseal_unsealer_provide_key(unsealer, v->data_key)
                                   : LIBSEAL_ERR_UNWRAP_FAILED;
    }
    return LIBSEAL_ERR_NO_MATCHING_RECIPIENT;
}

static libseal_status feed(const vector *v, libseal_unsealer *unsealer, const uint8_t *piece,
                           size_t len, uint8_t *plaintext, size_t *plaintext_len, bool two_steps)
{
    for (;;) {
        size_t consumed, written;
        /* A buffer of its own for each call, so that a write past its end is found. */
        size_t cap = libseal_unsealer_update_len(unsealer, len);
        EXPECT(cap <= LIBSEAL_UNSEALER_UPDATE_BOUND(len));
        uint8_t *out = allocate(cap);
        memset(out, 0xaa, cap);
        libseal_status status =
            libseal_unsealer_update(unsealer, piece, len, &consumed, out, cap, &written);
        if (status == LIBSEAL_OK || status == LIBSEAL_NEED_KEY) {
            EXPECT(status == LIBSEAL_NEED_KEY || consumed == len);
            memcpy(plaintext + *plaintext_len, out, written);
            *plaintext_len += written;
        } else {
            EXPECT(written == 0 && consumed == 0);
            EXPECT(is_untouched_or_wiped(out, cap));
        }
        free(out);
        if (status != LIBSEAL_NEED_KEY)
            return status;
        EXPECT(two_steps);
        status = provide_key(v, unsealer);
        if (status != LIBSEAL_OK)
            return status;
        piece += consumed;
        len -= consumed;
    }
}

static void streamed(vector *v, size_t piece_len, bool two_steps)
{
    libseal_unsealer *unsealer;
    libseal_status status = libseal_unsealer_new(v->require, v->require_count, &unsealer);
    EXPECT(status == LIBSEAL_OK);
    v->calls = 0;
    if (!two_steps) {
        status = libseal_unsealer_set_unwrap(unsealer, unwrap_vector, v);
        EXPECT(status == LIBSEAL_OK);
    }
    uint8_t *plaintext = allocate(v->message_len);
    size_t len = 0;
    for (size_t at = 0; at < v->message_len && status == LIBSEAL_OK; at += piece_len) {
        size_t left = v->message_len - at;
        status = feed(v, unsealer, v->message + at, left < piece_len ? left : piece_len, plaintext,
                      &len, two_steps);
    }
    if (status == LIBSEAL_OK) {
        size_t cap = libseal_unsealer_finish_len(unsealer), written;
        EXPECT(cap <= LIBSEAL_UNSEALER_FINISH_BOUND);
        uint8_t *out = allocate(cap);
        if (cap > 0) {
            status = libseal_unsealer_finish(unsealer, out, cap - 1, &written);
            EXPECT(status == LIBSEAL_ERR_BUFFER_TOO_SMALL && written == cap);
        }
        status = libseal_unsealer_finish(unsealer, out, cap, &written);
        memcpy(plaintext + len, out, written);
        len += written;
        if (status != LIBSEAL_OK)
            EXPECT(written == 0 && is_filled_with(out, cap, 0));
        free(out);
    }
    EXPECT(is_expected(v, status));
    if (status == LIBSEAL_OK)
        check_plaintext(v, plaintext, len);
    int code = libseal_unsealer_unwrap_code(unsealer);
    EXPECT(code == (status == LIBSEAL_ERR_UNWRAP_FAILED && !two_steps ? VECTOR_FAILURE : 0));

    /* Over, one way or the other; but for two steps whose key was never provided. */
    size_t ignored, written;
    uint8_t more[16400] = {0};
    bool waits = two_steps && (status == LIBSEAL_ERR_UNWRAP_FAILED ||
                               status == LIBSEAL_ERR_NO_MATCHING_RECIPIENT);
    status = libseal_unsealer_update(unsealer, more, 1, &ignored, more + 1, sizeof more - 1,
                                     &written);
    EXPECT(status == LIBSEAL_ERR_INVALID_STATE);
    status = libseal_unsealer_update(unsealer, NULL, 0, &ignored, more, sizeof more, &written);
    EXPECT(status == (waits ? LIBSEAL_NEED_KEY : LIBSEAL_ERR_INVALID_STATE));
    status = libseal_unsealer_finish(unsealer, more, sizeof more, &written);
    EXPECT(status == LIBSEAL_ERR_INVALID_STATE);
    free(plaintext);
    libseal_unsealer_free(unsealer);
}

static void check_header(const vector *v)
{
    libseal_header *header;
    libseal_status status = libseal_header_parse(v->message, v->message_len, &header);
    EXPECT(status == LIBSEAL_OK);
    EXPECT(libseal_header_len(header) < v->message_len);
    if (v->context_count > 0)
        EXPECT(libseal_header_context_count(header) == v->context_count);
    for (size_t i = 0; i < v->context_count; i++) {
        const char *key, *value;
        size_t key_len, value_len;
        status = libseal_header_context_pair(header, i, &key, &key_len, &value, &value_len);
        EXPECT(status == LIBSEAL_OK);
        EXPECT(key_len == strlen(v->context[i].key) &&
               memcmp(key, v->context[i].key, key_len) == 0);
        EXPECT(value_len == strlen(v->context[i].value) &&
               memcmp(value, v->context[i].value, value_len) == 0);
    }
    libseal_header_free(header);
}

static void run(const char *path)
{
    static const size_t pieces[] = {1, 61, 997, 16384, 100000};
    current = path;
    vector v = load_vector(path);
    one_shot(&v);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (pieces[i] < 100 && v.message_len > 2000)
            continue;
        streamed(&v, pieces[i], false);
        streamed(&v, pieces[i], true);
    }
    if (strcmp(v.expect, "OK") == 0)
        check_header(&v);
    free_vector(&v);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    static const char *const folders[] = {"accepted", "rejected"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char pattern[1024];
        snprintf(pattern, sizeof pattern, "%s/%s/*.vector", vectors_dir, folders[i]);
        glob_t found;
        if (glob(pattern, 0, NULL, &found) != 0)
            return 2;
        CHECK(found.gl_pathc >= 40);
        printf("%s: %zu vectors\n", folders[i], found.gl_pathc);
        for (size_t j = 0; j < found.gl_pathc; j++)
            run(found.gl_pathv[j]);
        globfree(&found);
    }
    return report();
}
