/* Sealing leaves no secret in memory: neither when it is done nor when it fails. While a handle is
 * alive, its storage alone holds any. */
#include "../check.h"
#include "process_memory.h"

static const place nowhere;
static libseal_rsa_public_key key;
static libseal_recipient to_key;
static unsigned calls;
static uint8_t plaintext[100000], out[110000];
static size_t written;

static int fails_at_third(void *user_data, uint8_t *bytes, size_t len)
{
    known_random(user_data, bytes, len);
    return *(unsigned *)user_data == 3;
}

static libseal_random random_source = RANDOM(.fill = known_random, .user_data = &calls);

static const libseal_envelope *envelope(void)
{
    static libseal_envelope e = ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                         .random = &random_source);
    calls = 0;
    return &e;
}

/* A sealer on the complete library has its keys on the heap. */
static bool is_clean_but(const char *after, const void *storage, size_t len)
{
    return is_clean(after, (place){storage, len}, !is_complete);
}

static void in_one_call(void)
{
    static const size_t lengths[] = {0, 6, 16384, sizeof plaintext};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CHECK_STATUS(libseal_seal(envelope(), plaintext, lengths[i], out, sizeof out, &written),
                     LIBSEAL_OK);
        CHECK(is_clean("libseal_seal()", nowhere, true));
    }
}

static void piece_by_piece(void)
{
    libseal_sealer sealer;
    const size_t pieces[] = {1, 15, 300, 16384, 40000, 7};
    for (size_t end = 0; end < 3; end++) {
        CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, envelope(), out, sizeof out,
                                          &written),
                     LIBSEAL_OK);
        CHECK(is_clean_but("libseal_sealer_start()", &sealer, sizeof sealer));
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
            CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, pieces[i], out, sizeof out,
                                               &written),
                         LIBSEAL_OK);
            CHECK(is_clean_but("libseal_sealer_update()", &sealer, sizeof sealer));
        }
        if (end == 0)
            CHECK_STATUS(libseal_sealer_finish(&sealer, out, sizeof out, &written), LIBSEAL_OK);
        else if (end == 1)
            CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext, 50000, out, sizeof out,
                                                    &written),
                         LIBSEAL_OK);
        else
            libseal_sealer_wipe(&sealer);
        CHECK(is_clean("the end of a sealer", nowhere, true));
    }
}

static void under_a_sealing_key(void)
{
    libseal_sealing_key sealing_key;
    libseal_sealer sealer;
    uint8_t header[500];
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, envelope(), NULL, header,
                                          sizeof header, &written),
                 LIBSEAL_OK);
    CHECK(is_clean_but("libseal_sealing_key_init()", &sealing_key, sizeof sealing_key));
    CHECK_STATUS(libseal_sealing_key_seal(&sealing_key, plaintext, 20000, out, sizeof out, &written),
                 LIBSEAL_OK);
    CHECK(is_clean_but("libseal_sealing_key_seal()", &sealing_key, sizeof sealing_key));
    CHECK_STATUS(libseal_sealing_key_start(&sealing_key, &sealer, sizeof sealer, 100, out, sizeof out,
                                           &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, 101, out, sizeof out, &written),
                 LIBSEAL_ERR_MESSAGE_TOO_LONG);
    libseal_sealing_key_wipe(&sealing_key);
    CHECK(is_clean("an error and libseal_sealing_key_wipe()", nowhere, true));
}

static void with_a_source_that_fails(void)
{
    libseal_sealer sealer;
    random_source.fill = fails_at_third;
    CHECK_STATUS(libseal_seal(envelope(), plaintext, 6, out, sizeof out, &written),
                 LIBSEAL_ERR_RANDOM_FAILED);
    CHECK(is_clean("libseal_seal() without a salt", nowhere, true));
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, envelope(), out, sizeof out, &written),
                 LIBSEAL_ERR_RANDOM_FAILED);
    CHECK(is_clean("libseal_sealer_start() without a salt", nowhere, true));
    random_source.fill = known_random;
}

/* A secret that is there is found. */
static void the_test_tests(void)
{
    uint8_t left[32];
    unsigned first = 0;
    known_random(&first, left, sizeof left);
    CHECK(!is_clean("nothing; this one is put there on purpose", nowhere, false));
    volatile uint8_t *wiped = left;
    for (size_t i = 0; i < sizeof left; i++)
        wiped[i] = 0;
    CHECK(is_clean("wiping", nowhere, false));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    to_key = (libseal_recipient)RECIPIENT(.key = &key);
    the_test_tests();
    in_one_call();
    piece_by_piece();
    under_a_sealing_key();
    with_a_source_that_fails();
    return report();
}
