/* Seals with all that is secret marked as undefined. Valgrind's memcheck then reports each branch and
 * each address that depends on a secret: on the compiled code, and in all of sealing.
 *
 * Random bytes and plaintexts are secret; what has gone out is not. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

static int secret_random(void *user_data, uint8_t *out, size_t len)
{
    uint32_t *state = user_data;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 1664525 + 1013904223;
        out[i] = (uint8_t)(*state >> 24);
    }
    VALGRIND_MAKE_MEM_UNDEFINED(out, len);
    return 0;
}

static void need(libseal_status status)
{
    if (status != LIBSEAL_OK)
        fatal("cannot seal", libseal_status_name(status));
}

/* Fails unless the bytes depend on a secret: if not, there was nothing to find. */
static void release(const char *what, uint8_t *bytes, size_t len)
{
    uint8_t *undefined_bits = allocate(len);
    if (VALGRIND_GET_VBITS(bytes, undefined_bits, len) != 1)
        fatal("not under memcheck", what);
    size_t secret = 0;
    for (size_t i = 0; i < len; i++)
        secret += undefined_bits[i] != 0;
    if (secret < len)
        fatal("not made from secrets", what);
    free(undefined_bits);
    VALGRIND_MAKE_MEM_DEFINED(bytes, len);
}

static void seal_for(const char *key_name)
{
    uint32_t state = 1;
    libseal_rsa_public_key key = public_key(key_name);
    libseal_random random = RANDOM(.fill = secret_random, .user_data = &state);
    libseal_recipient recipient = RECIPIENT(.key = &key);
    libseal_envelope envelope = {
        .size = sizeof(libseal_envelope),
        .recipients = &recipient, .recipient_count = 1, .random = &random
    };

    static uint8_t plaintext[20000], out[LIBSEAL_SEALER_UPDATE_BOUND(sizeof plaintext)];
    size_t len, wrapped_len = libseal_rsa_public_key_bits(&key) / 8;
    libseal_sealer sealer;
    need(libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, sizeof out, &len));
    /* Wrapped key, header MAC, salt and commitment end the beginning of a message. */
    release("wrapped key", out + len - 56 - 32 - wrapped_len, wrapped_len);
    release("header MAC, salt, commitment", out + len - 56 - 32, 32 + 56);

    fill(plaintext, sizeof plaintext);
    VALGRIND_MAKE_MEM_UNDEFINED(plaintext, sizeof plaintext);
    static const size_t pieces[] = { 1, 15, 16, 17, 300, 16384, 0, 3267 };
    size_t done = 0;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        need(libseal_sealer_update(&sealer, plaintext + done, pieces[i], out, sizeof out, &len));
        done += pieces[i];
        release("ciphertext", out, len);
    }
    need(libseal_sealer_finish(&sealer, out, sizeof out, &len));
    release("tag", out, len);

    static uint8_t header[LIBSEAL_SEALING_KEY_HEADER_BOUND(1, 0, 0)];
    libseal_sealing_key sealing_key;
    size_t header_len;
    need(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, NULL, header,
                                  sizeof header, &header_len));
    need(libseal_sealing_key_seal(&sealing_key, plaintext, 1000, out, sizeof out, &len));
    release("message after its header", out + header_len, len - header_len);
    libseal_sealing_key_wipe(&sealing_key);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fatal("usage: constant_time VECTORS", "");
    vectors_dir = argv[1];
    static const char *const keys[] = { "rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        seal_for(keys[i]);
    return 0;
}
