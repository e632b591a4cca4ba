/* Structs that begin with their size, and counts: what a caller with another header may pass. */
#include "check.h"
#include "support.h"

#include <string.h>

static libseal_rsa_public_key key, key_b;

static uint8_t out[3000];
static size_t written;

static libseal_status seal(const libseal_envelope *envelope)
{
    memset(out, 0xaa, sizeof out);
    written = 1;
    libseal_status status =
        libseal_seal(envelope, (const uint8_t *)"hello", 5, out, sizeof out, &written);
    if (status != LIBSEAL_OK)
        CHECK(written == 0 && is_filled_with(out, sizeof out, 0xaa));
    return status;
}

static bool opens(const char *private_key)
{
    return unseals_to(out, written, (const uint8_t *)"hello", 5, private_key, NULL, 0);
}

/* A struct of this version in one with eight members more, as a later version may have it. */
#define NEWER(type)          \
    struct {                 \
        type known;          \
        uint64_t unknown[8]; \
    }

static void initialisers(void)
{
    const libseal_recipient to = LIBSEAL_RECIPIENT_INIT(&key, "id");
    CHECK(to.size == sizeof to && to.key == &key && strcmp(to.key_id, "id") == 0);
    CHECK(to.algorithm == 0);
    const libseal_context_pair pair = LIBSEAL_CONTEXT_PAIR_INIT("a", "b");
    CHECK(strcmp(pair.key, "a") == 0 && strcmp(pair.value, "b") == 0);
    source s = source_of(good_byte, 0);
    const libseal_random random = LIBSEAL_RANDOM_INIT(random_from(&s).fill, &s);
    CHECK(random.size == sizeof random && random.fill && random.user_data == &s);
    const libseal_sealing_limits limits = LIBSEAL_SEALING_LIMITS_INIT;
    CHECK(limits.size == sizeof limits && limits.messages == 0 && limits.bytes == 0);
    CHECK(limits.age_seconds == 0);
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    CHECK(envelope.size == sizeof envelope && envelope.recipients == &to);
    CHECK(envelope.recipient_count == 1 && !envelope.context && envelope.context_count == 0);
    CHECK(!envelope.random);
    envelope.random = &random;
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(opens("rsa-2048"));
}

/* Sizes that no struct has: none at all, that of an older one than there ever was, one that is no
 * multiple of the alignment, and what an uninitialised struct may hold. */
static const size_t wrong_sizes[] = {0, 1, sizeof(size_t), 4096, SIZE_MAX, SIZE_MAX - 7};

static void envelope_sizes(void)
{
    const libseal_recipient to = RECIPIENT(.key = &key);
    NEWER(libseal_envelope) newer;
    memset(&newer, 0, sizeof newer);
    newer.known = (libseal_envelope)ENVELOPE(.recipients = &to, .recipient_count = 1,
                                             .random = machine_random);
    CHECK_STATUS(seal(&newer.known), LIBSEAL_OK);
    newer.known.size = sizeof newer;
    CHECK_STATUS(seal(&newer.known), LIBSEAL_OK);
    CHECK(opens("rsa-2048"));
    newer.unknown[7] = (uint64_t)1 << 63;
    CHECK_STATUS(seal(&newer.known), LIBSEAL_ERR_STRUCT_SIZE);
    newer.known.size = sizeof newer - 8;
    CHECK_STATUS(seal(&newer.known), LIBSEAL_OK);

    newer.known.size = sizeof newer.known - sizeof(size_t);
    CHECK_STATUS(seal(&newer.known), LIBSEAL_ERR_STRUCT_SIZE);
    newer.known.size = sizeof newer.known + 1;
    CHECK_STATUS(seal(&newer.known), LIBSEAL_ERR_STRUCT_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(wrong_sizes); i++) {
        size_t len = 1;
        uint64_t sealed_len = 1;
        libseal_sealer sealer;
        libseal_sealing_key sealing_key;
        newer.known.size = wrong_sizes[i];
        CHECK_STATUS(seal(&newer.known), LIBSEAL_ERR_STRUCT_SIZE);
        CHECK_STATUS(libseal_sealed_len(&newer.known, 1, &sealed_len), LIBSEAL_ERR_STRUCT_SIZE);
        CHECK_STATUS(libseal_sealer_start_len(&newer.known, &len), LIBSEAL_ERR_STRUCT_SIZE);
        CHECK(len == 0 && sealed_len == 0);
        CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &newer.known, out, sizeof out,
                                          &written),
                     LIBSEAL_ERR_STRUCT_SIZE);
        CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &newer.known,
                                              NULL, out, sizeof out, &written),
                     LIBSEAL_ERR_STRUCT_SIZE);
    }
}

/* The first one says how far it is to the next. */
static void recipient_sizes(void)
{
    NEWER(libseal_recipient) newer[2];
    libseal_envelope envelope = ENVELOPE(.recipients = &newer[0].known, .recipient_count = 2,
                                         .random = machine_random);
    memset(newer, 0, sizeof newer);
    newer[0].known = (libseal_recipient)RECIPIENT(.key = &key);
    newer[1].known = (libseal_recipient)RECIPIENT(.key = &key_b, .key_id = "b");
    newer[0].known.size = newer[1].known.size = sizeof newer[0];
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(opens("rsa-2048"));
    CHECK(opens("rsa-2048-b"));
    newer[1].unknown[0] = 1;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    newer[1].unknown[0] = 0;
    newer[0].unknown[3] = 1;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    newer[0].unknown[3] = 0;

    /* Not all of one size. */
    newer[1].known.size = sizeof newer[1].known;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    newer[1].known.size = sizeof newer[1];
    newer[0].known.size = sizeof newer[0].known;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    /* In an array with one initialiser, the others have no size. */
    const libseal_recipient list[2] = {RECIPIENT(.key = &key)};
    envelope.recipients = list;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(wrong_sizes); i++) {
        libseal_recipient to = RECIPIENT(.key = &key);
        to.size = wrong_sizes[i];
        envelope.recipients = &to;
        envelope.recipient_count = 1;
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    }
}

static void random_sizes(void)
{
    const libseal_recipient to = RECIPIENT(.key = &key);
    source s = source_of(good_byte, 0);
    NEWER(libseal_random) newer;
    memset(&newer, 0, sizeof newer);
    newer.known = random_from(&s);
    newer.known.size = sizeof newer;
    const libseal_envelope envelope = ENVELOPE(.recipients = &to, .recipient_count = 1,
                                               .random = &newer.known);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    newer.unknown[0] = 1;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    int calls = s.calls;
    for (size_t i = 0; i < ARRAY_LEN(wrong_sizes); i++) {
        newer.known.size = wrong_sizes[i];
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_STRUCT_SIZE);
    }
    CHECK(s.calls == calls);
}

static void limits_sizes(void)
{
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_envelope envelope = ENVELOPE(.recipients = &to, .recipient_count = 1,
                                               .random = machine_random);
    libseal_sealing_key sealing_key;
    uint8_t header[1000], message[1000];
    size_t len;
    NEWER(libseal_sealing_limits) newer;
    memset(&newer, 0, sizeof newer);
    newer.known = (libseal_sealing_limits)LIMITS(.messages = 1);
    newer.known.size = sizeof newer;
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope,
                                          &newer.known, header, sizeof header, &len),
                 LIBSEAL_OK);
    CHECK_STATUS(
        libseal_sealing_key_seal(&sealing_key, NULL, 0, message, sizeof message, &written),
        LIBSEAL_OK);
    CHECK_STATUS(
        libseal_sealing_key_seal(&sealing_key, NULL, 0, message, sizeof message, &written),
        LIBSEAL_ERR_SEALING_KEY_EXHAUSTED);
    libseal_sealing_key_wipe(&sealing_key);
    newer.unknown[0] = 1;
    for (size_t i = 0; i <= ARRAY_LEN(wrong_sizes); i++) {
        CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope,
                                              &newer.known, header, sizeof header, &len),
                     LIBSEAL_ERR_STRUCT_SIZE);
        CHECK(len == 0 && libseal_sealing_key_start_len(&sealing_key) == 0);
        newer.known.size = wrong_sizes[i % ARRAY_LEN(wrong_sizes)];
    }
}

/* However large a count is: nothing behind the pointer is read. */
static void wild_counts(void)
{
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << (sizeof(size_t) * 8 - 4),
                                    17};
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_context_pair pair = LIBSEAL_CONTEXT_PAIR_INIT("a", "b");
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        libseal_envelope envelope = ENVELOPE(.recipients = &to, .recipient_count = counts[i],
                                             .random = machine_random);
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_TOO_MANY_RECIPIENTS);
        envelope.recipients = NULL;
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_TOO_MANY_RECIPIENTS);
        envelope.recipients = &to;
        envelope.recipient_count = 1;
        envelope.context = &pair;
        envelope.context_count = counts[i];
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_INVALID_ARGUMENT);
    }
}

/* A key is told by its storage, whatever it is the storage of. */
static void keys(void)
{
    static libseal_rsa_public_key zero;
    libseal_rsa_public_key copy = key;
    libseal_recipient to = RECIPIENT(.key = &copy);
    const libseal_envelope envelope = ENVELOPE(.recipients = &to, .recipient_count = 1,
                                               .random = machine_random);
    uint8_t print[LIBSEAL_FINGERPRINT_LEN];
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(opens("rsa-2048"));

    uint8_t header[1000];
    size_t len;
    libseal_sealing_key sealing_key;
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, NULL,
                                          header, sizeof header, &len),
                 LIBSEAL_OK);
    const void *none[] = {&zero, &sealing_key};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        to.key = none[i];
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_NOT_FILLED);
        memset(print, 0xaa, sizeof print);
        CHECK_STATUS(libseal_public_key_fingerprint(none[i], print), LIBSEAL_ERR_NOT_FILLED);
        CHECK(is_filled_with(print, sizeof print, 0));
    }
    libseal_sealing_key_wipe(&sealing_key);
    to.key = (const uint8_t *)&copy + 1;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    key_b = public_key("rsa-2048-b");
    initialisers();
    envelope_sizes();
    recipient_sizes();
    random_sizes();
    limits_sizes();
    wild_counts();
    keys();
    return report();
}
