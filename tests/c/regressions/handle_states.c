/* Storage that was never filled was "called out of order", and after an init that failed for its size the
 * old key went on. */
#include "../check.h"
#include "../support.h"

#include <stdlib.h>
#include <string.h>

static libseal_rsa_public_key key;
static libseal_recipient to;
static libseal_envelope envelope;

static uint8_t header[1000], out[1000];
static size_t header_len, written;

static libseal_status seal(libseal_sealing_key *k)
{
    return libseal_sealing_key_seal(k, (const uint8_t *)"hello", 5, out, sizeof out, &written);
}

static libseal_status init(libseal_sealing_key *k, size_t size)
{
    return libseal_sealing_key_init(k, size, &envelope, NULL, header, sizeof header, &header_len);
}

static libseal_status start(libseal_sealer *sealer)
{
    return libseal_sealer_start(sealer, sizeof *sealer, &envelope, out, sizeof out, &written);
}

static libseal_status finish(libseal_sealer *sealer)
{
    return libseal_sealer_finish(sealer, out, sizeof out, &written);
}

/* Each state has its status, and the statuses their texts. */
static void sealing_key(void)
{
    static libseal_sealing_key k;
    CHECK_STATUS(seal(&k), LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(init(&k, sizeof k), LIBSEAL_OK);
    CHECK_STATUS(seal(&k), LIBSEAL_OK);
    CHECK(unseals_to(out, written, (const uint8_t *)"hello", 5, "rsa-2048", NULL, 0));
    libseal_sealing_key copy = k;
    CHECK_STATUS(seal(&copy), LIBSEAL_ERR_NOT_FILLED);
    libseal_sealing_key_wipe(&k);
    CHECK_STATUS(seal(&k), LIBSEAL_ERR_INVALID_STATE);
    CHECK(strstr(libseal_status_text(LIBSEAL_ERR_NOT_FILLED), "never filled") != NULL);
    CHECK(strstr(libseal_status_text(LIBSEAL_ERR_INVALID_STATE), "after the end") != NULL);
}

static void sealer(void)
{
    static libseal_sealer s;
    CHECK_STATUS(finish(&s), LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(start(&s), LIBSEAL_OK);
    libseal_sealer copy = s;
    CHECK_STATUS(finish(&copy), LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(finish(&s), LIBSEAL_OK);
    CHECK_STATUS(finish(&s), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(start(&s), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&s, NULL, 1, out, sizeof out, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(finish(&s), LIBSEAL_ERR_INVALID_STATE);
}

/* Whatever the size that is passed by mistake, such as that of a pointer. */
static void wrong_size(void)
{
    static const size_t sizes[] = {0, 1, 4, 7, 8, 9, 64};
    uint8_t print[LIBSEAL_FINGERPRINT_LEN];
    size_t len;
    uint8_t *der = read_key_file("rsa-2048.pub.der", &len);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        libseal_sealing_key k;
        CHECK_STATUS(init(&k, sizeof k), LIBSEAL_OK);
        CHECK_STATUS(init(&k, sizes[i]), LIBSEAL_ERR_STORAGE_TOO_SMALL);
        CHECK_STATUS(seal(&k), LIBSEAL_ERR_NOT_FILLED);

        libseal_rsa_public_key other = key;
        CHECK_STATUS(libseal_rsa_public_key_init(&other, sizes[i], der, len),
                     LIBSEAL_ERR_STORAGE_TOO_SMALL);
        CHECK_STATUS(libseal_public_key_fingerprint(&other, print), LIBSEAL_ERR_NOT_FILLED);

        if (is_complete)
            continue; /* A sealer that has not ended would leak. */
        libseal_sealer s;
        CHECK_STATUS(start(&s), LIBSEAL_OK);
        CHECK_STATUS(
            libseal_sealer_start(&s, sizes[i], &envelope, out, sizeof out, &written),
            LIBSEAL_ERR_STORAGE_TOO_SMALL);
        CHECK_STATUS(finish(&s), LIBSEAL_ERR_NOT_FILLED);
    }
    free(der);
}

/* So it is with a key that is named as a recipient. */
static void recipient(void)
{
    static libseal_rsa_public_key zero;
    uint8_t print[LIBSEAL_FINGERPRINT_LEN];
    const libseal_recipient nobody = RECIPIENT(.key = &zero);
    libseal_envelope to_nobody = envelope;
    to_nobody.recipients = &nobody;
    CHECK_STATUS(libseal_seal(&to_nobody, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_NOT_FILLED);
    CHECK_STATUS(libseal_public_key_fingerprint(&zero, print), LIBSEAL_ERR_NOT_FILLED);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    to = (libseal_recipient)RECIPIENT(.key = &key);
    envelope = (libseal_envelope)ENVELOPE(.recipients = &to, .recipient_count = 1,
                                          .random = machine_random);
    sealing_key();
    sealer();
    wrong_size();
    recipient();
    return report();
}
