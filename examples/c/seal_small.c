/*
 * Seals with the library for small Linux, which has no Rust std: random bytes come from getrandom(2).
 *
 *     make lib-TARGET SEAL_ONLY=1
 *     TARGET-gcc -Os -Iinclude examples/c/seal_small.c build/TARGET-seal-only/libseal.a -Wl,--gc-sections
 */
#define _DEFAULT_SOURCE
#include <libseal_seal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char usage[] = "usage: seal_small KEY.der FINGERPRINT < IN > OUT\n"
                            "FINGERPRINT is what `sha256sum KEY.der` should print.\n";

/* Blocks until the kernel's generator was seeded, once after boot. */
static int system_random(void *user_data, uint8_t *out, size_t len)
{
    (void)user_data;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        out += got;
        len -= (size_t)got;
    }
    return 0;
}

static int read_fingerprint(const char *hex, uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN])
{
    for (size_t i = 0; i < LIBSEAL_FINGERPRINT_LEN; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return -1;
        fingerprint[i] = (uint8_t)byte;
    }
    return 0;
}

static libseal_status seal(const libseal_envelope *envelope, FILE *in, FILE *out)
{
    enum { PIECE = 4096 };
    static libseal_sealer sealer;
    static uint8_t piece[PIECE], sealed[LIBSEAL_SEALER_UPDATE_BOUND(PIECE)];
    size_t len, sealed_len;

    libseal_status status =
        libseal_sealer_start(&sealer, sizeof sealer, envelope, sealed, sizeof sealed, &sealed_len);
    while (status == LIBSEAL_OK && fwrite(sealed, 1, sealed_len, out) == sealed_len &&
           (len = fread(piece, 1, sizeof piece, in)) > 0)
        status =
            libseal_sealer_update(&sealer, piece, len, sealed, sizeof sealed, &sealed_len);
    if (status == LIBSEAL_OK && !ferror(in) && !ferror(out)) {
        status = libseal_sealer_finish(&sealer, sealed, sizeof sealed, &sealed_len);
        if (status == LIBSEAL_OK)
            fwrite(sealed, 1, sealed_len, out);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const libseal_random random_source = LIBSEAL_RANDOM_INIT(system_random, NULL);
    static libseal_rsa_public_key key;
    static uint8_t der[1024], fingerprint[LIBSEAL_FINGERPRINT_LEN];

    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!file || read_fingerprint(argv[2], fingerprint) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    size_t der_len = fread(der, 1, sizeof der, file);
    fclose(file);

    libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, NULL);
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&recipient, 1);
    envelope.random = &random_source;
    libseal_status status =
        libseal_rsa_public_key_init_pinned(&key, sizeof key, der, der_len, fingerprint);
    if (status == LIBSEAL_OK)
        status = seal(&envelope, stdin, stdout);
    if (status != LIBSEAL_OK)
        fprintf(stderr, "%s\n", libseal_status_text(status));
    return status != LIBSEAL_OK || ferror(stdin) || fflush(stdout) != 0 || ferror(stdout);
}
