/* Seals a few bytes for the key in a file, in C or C++. With OTHER, another library in the same program
   says which key that is. */
#include <libseal.h>
#include <stdio.h>
#include <string.h>

#ifdef OTHER_OPENSSL
#include <openssl/sha.h>
#define OTHER
static void other_sha256(const uint8_t *in, size_t in_len, uint8_t out[32])
{
    SHA256(in, in_len, out);
}
#endif

#ifdef OTHER_RUST
#define OTHER
void other_sha256(const uint8_t *in, size_t in_len, uint8_t out[32]);
#endif

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, libseal_last_error());
    return 1;
}

int main(int count, char **arguments)
{
    static const uint8_t data[] = "21.5 C";
    static uint8_t der[1000], message[1000];
    size_t der_len, message_len;
    libseal_rsa_public_key key;
    libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, "alias/test");
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&recipient, 1);
    libseal_pool *pool;
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;

    if (libseal_version_number() != LIBSEAL_VERSION_NUMBER) {
        printf("the header is %s, the library %s\n", LIBSEAL_VERSION, libseal_version());
        return 2;
    }
    if (!file)
        return 3;
    der_len = fread(der, 1, sizeof der, file);
    fclose(file);
    if (libseal_rsa_public_key_init(&key, sizeof key, der, der_len) != LIBSEAL_OK)
        return fail("key");
    if (libseal_seal(&envelope, data, sizeof data, message, sizeof message, &message_len) != LIBSEAL_OK)
        return fail("seal");
    if (libseal_pool_new(2, &pool) != LIBSEAL_OK)
        return fail("pool");
    libseal_pool_free(pool);
#ifdef OTHER
    {
        uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN], expected[32];
        if (libseal_public_key_fingerprint(&key, fingerprint) != LIBSEAL_OK)
            return fail("fingerprint");
        other_sha256(der, der_len, expected);
        if (memcmp(fingerprint, expected, sizeof expected) != 0)
            return 4;
        printf("both agree; ");
    }
#endif
    printf("sealed %d bytes\n", (int)sizeof data);
    return 0;
}
