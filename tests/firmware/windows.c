/*
 * The complete library on Windows: random bytes of the system, several threads, catching errors.
 *
 *     windows KEY.der PLAINTEXT SEALED       seals
 *     windows DATA_KEY SEALED PLAINTEXT      unseals with the data key in hex
 */
#include <libseal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t data_key[32];

static int give_data_key(void *user_data, const libseal_wrapped_key *wrapped_key, uint8_t out[32])
{
    (void)user_data;
    (void)wrapped_key;
    memcpy(out, data_key, sizeof data_key);
    return 0;
}

static int fail(const char *what, libseal_status status)
{
    fprintf(stderr, "%s: %s (%s)\n", what, libseal_status_text(status), libseal_last_error());
    return 1;
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(8 << 20);
    if (!file || !bytes)
        exit(fprintf(stderr, "cannot read %s\n", path));
    *len = fread(bytes, 1, 8 << 20, file);
    fclose(file);
    return bytes;
}

static int write_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    return !(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static int seal(const char *key_file, const uint8_t *in, size_t len, const char *out_file)
{
    size_t der_len, header_len, out_len, cap = len + len / 1024 + 4096;
    uint8_t *der = read_file(key_file, &der_len), *out = malloc(cap);
    libseal_rsa_public_key key;
    libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, NULL);
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&recipient, 1);
    static libseal_sealer sealer;
    libseal_pool *pool;

    libseal_status status = libseal_self_test();
    if (status == LIBSEAL_OK)
        status = libseal_rsa_public_key_init(&key, sizeof key, der, der_len);
    if (status == LIBSEAL_OK)
        status = libseal_pool_new(2, &pool);
    if (status == LIBSEAL_OK)
        status = libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, cap, &header_len);
    if (status == LIBSEAL_OK)
        status = libseal_sealer_set_pool(&sealer, pool);
    if (status == LIBSEAL_OK)
        status = libseal_sealer_update(&sealer, in, len, out + header_len, cap - header_len, &out_len);
    if (status != LIBSEAL_OK)
        return fail("not sealed", status);
    header_len += out_len;
    status = libseal_sealer_finish(&sealer, out + header_len, cap - header_len, &out_len);
    if (status != LIBSEAL_OK)
        return fail("not finished", status);
    libseal_pool_free(pool);
    return write_file(out_file, out, header_len + out_len);
}

static int unseal(const uint8_t *in, size_t len, const char *out_file)
{
    uint8_t *out = malloc(len);
    size_t written;
    libseal_status status =
        libseal_unseal(in, len, give_data_key, NULL, NULL, 0, out, len, &written);
    return status == LIBSEAL_OK ? write_file(out_file, out, written) : fail("not unsealed", status);
}

int main(int argc, char **argv)
{
    size_t len;
    if (argc != 4)
        return 2;
    uint8_t *in = read_file(argv[2], &len);
    if (strlen(argv[1]) != 2 * sizeof data_key)
        return seal(argv[1], in, len, argv[3]);
    for (size_t i = 0; i < sizeof data_key; i++) {
        char digits[3] = {argv[1][2 * i], argv[1][2 * i + 1], 0};
        data_key[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return unseal(in, len, argv[3]);
}
