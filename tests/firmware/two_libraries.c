/* The fingerprint of a public key, by libseal and by another Rust library in the same program. */
#include "board.h"

#include <libseal_seal.h>
#include <string.h>

extern const uint8_t public_key[], public_key_end[];

void other_sha256(const uint8_t *in, size_t in_len, uint8_t out[32]);

int main(void)
{
    static libseal_rsa_public_key key;
    uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN], expected[32];
    size_t len = (size_t)(public_key_end - public_key);

    if (libseal_rsa_public_key_init(&key, sizeof key, public_key, len) != LIBSEAL_OK ||
        libseal_public_key_fingerprint(&key, fingerprint) != LIBSEAL_OK)
        return 1;
    other_sha256(public_key, len, expected);
    print_hex("libseal", fingerprint, sizeof fingerprint);
    print_hex("other", expected, sizeof expected);
    return 0;
}
