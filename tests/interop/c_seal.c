/* Seals a file with any algorithm and context, in one call: more than the example can, and no more
 * than the interop tests need.
 *
 *     c_seal PUBLIC_KEY IN OUT KEY_ID ALGORITHM [KEY VALUE]...
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "libseal.h"

#define MAX_PAIRS 8

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "c_seal: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, libseal_status status)
{
    if (status != LIBSEAL_OK)
        fail(what, libseal_status_text(status));
}

static uint8_t *allocate(size_t len)
{
    uint8_t *memory = malloc(len + 1);
    if (memory == NULL)
        fail("malloc", "out of memory");
    return memory;
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path, "cannot read");
    *len = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = allocate(*len);
    if (fread(bytes, 1, *len, file) != *len || fclose(file) != 0)
        fail(path, "cannot read");
    return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        fail(path, "cannot write");
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc % 2 != 0 || argc > 6 + 2 * MAX_PAIRS)
        fail("usage", "c_seal PUBLIC_KEY IN OUT KEY_ID ALGORITHM [KEY VALUE]...");

    size_t key_len, plaintext_len, written;
    uint8_t *key_bytes = read_file(argv[1], &key_len);
    uint8_t *plaintext = read_file(argv[2], &plaintext_len);

    libseal_rsa_public_key key;
    check(argv[1], libseal_rsa_public_key_init(&key, sizeof key, key_bytes, key_len));
    libseal_recipient to = LIBSEAL_RECIPIENT_INIT(&key, argv[4]);
    to.algorithm = (uint32_t)strtoul(argv[5], NULL, 10);
    libseal_context_pair context[MAX_PAIRS];
    size_t pairs = 0;
    for (int i = 6; i < argc; i += 2)
        context[pairs++] = (libseal_context_pair){.key = argv[i], .value = argv[i + 1]};

    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    envelope.context = context;
    envelope.context_count = pairs;

    uint64_t len;
    check("length", libseal_sealed_len(&envelope, plaintext_len, &len));
    uint8_t *message = allocate((size_t)len);
    check("seal", libseal_seal(&envelope, plaintext, plaintext_len, message, (size_t)len, &written));
    if (written != len)
        fail("seal", "not as long as announced");
    write_file(argv[3], message, written);

    free(message);
    free(plaintext);
    free(key_bytes);
    return 0;
}
