/* Other recipients for a message, whose payload stays. */
#include "check.h"
#include "unseal.h"

#include <string.h>

static const uint8_t plaintext[] = "plaintext";
static libseal_rsa_public_key keys[3];
static const char *const names[] = {"rsa-2048", "rsa-3072", "rsa-4096"};
static uint8_t message[4096];
static size_t message_len;
static uint8_t data_key[LIBSEAL_DATA_KEY_LEN];
static const libseal_context_pair device = {.key = "device", .value = "42"};

static libseal_header *parse(const uint8_t *bytes, size_t len)
{
    libseal_header *header;
    CHECK_STATUS(libseal_header_parse(bytes, len, &header), LIBSEAL_OK);
    return header;
}

/* A message for the first key, and its data key. */
static libseal_header *sealed(void)
{
    const libseal_recipient to = RECIPIENT(.key = &keys[0]);
    const libseal_envelope envelope = ENVELOPE(
        .recipients = &to, .recipient_count = 1, .context = &device, .context_count = 1);
    CHECK_STATUS(libseal_seal(&envelope, plaintext, sizeof plaintext, message, sizeof message,
                              &message_len),
                 LIBSEAL_OK);
    libseal_header *header = parse(message, message_len);
    libseal_wrapped_key wrapped;
    CHECK_STATUS(libseal_header_wrapped_key(header, 0, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(unwrap_openssl((void *)names[0], &wrapped, data_key) == 0);
    return header;
}

/* What unsealing the payload behind this header with a private key answers. */
static libseal_status opens(const libseal_header *header, const char *name)
{
    static uint8_t whole[8192], out[8192];
    libseal_header *old = parse(message, message_len);
    size_t old_len = libseal_header_len(old), len = libseal_header_len(header), written;
    memcpy(whole, libseal_header_bytes(header), len);
    memcpy(whole + len, message + old_len, message_len - old_len);
    libseal_header_free(old);
    len += message_len - old_len;
    libseal_status status = libseal_unseal(
        whole, len, unwrap_openssl, (void *)name, &device, 1, out, sizeof out, &written);
    CHECK(status != LIBSEAL_OK ||
          (written == sizeof plaintext && memcmp(out, plaintext, written) == 0));
    return status;
}

static void test_replacing(void)
{
    libseal_header *old = sealed(), *rewrapped;
    const libseal_recipient to = RECIPIENT(.key = &keys[1], .key_id = "alias/new");
    CHECK_STATUS(libseal_header_rewrap(old, data_key, NULL, 0, &to, 1, &rewrapped), LIBSEAL_OK);
    CHECK_STATUS(opens(rewrapped, names[1]), LIBSEAL_OK);
    CHECK_STATUS(opens(rewrapped, names[0]), LIBSEAL_ERR_NO_MATCHING_RECIPIENT);
    libseal_header_free(rewrapped);
    libseal_header_free(old);
}

static void test_adding_and_removing(void)
{
    libseal_header *old = sealed(), *three, *two;
    const libseal_recipient added[] = {RECIPIENT(.key = &keys[1]), RECIPIENT(.key = &keys[2])};
    const size_t first[] = {0}, outer[] = {0, 2};
    CHECK_STATUS(libseal_header_rewrap(old, data_key, first, 1, added, 2, &three), LIBSEAL_OK);
    CHECK(libseal_header_wrapped_key_count(three) == 3);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK_STATUS(opens(three, names[i]), LIBSEAL_OK);

    CHECK_STATUS(libseal_header_rewrap(three, data_key, outer, 2, NULL, 0, &two), LIBSEAL_OK);
    CHECK(libseal_header_wrapped_key_count(two) == 2);
    CHECK_STATUS(opens(two, names[0]), LIBSEAL_OK);
    CHECK_STATUS(opens(two, names[1]), LIBSEAL_ERR_NO_MATCHING_RECIPIENT);
    CHECK_STATUS(opens(two, names[2]), LIBSEAL_OK);
    libseal_header_free(old);
    libseal_header_free(two);
    libseal_header_free(three);
}

static void test_refusals(void)
{
    libseal_header *old = sealed(), *rewrapped;
    const libseal_recipient to = RECIPIENT(.key = &keys[1]);
    libseal_recipient many[LIBSEAL_MAX_RECIPIENTS];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = to;
    const size_t first[] = {0}, beyond[] = {1}, twice[] = {0, 0};
    uint8_t wrong[LIBSEAL_DATA_KEY_LEN] = {7};

#define REFUSED(header, key, kept, kept_count, list, count, expected)                             \
    do {                                                                                           \
        rewrapped = old;                                                                           \
        CHECK_STATUS(                                                                              \
            libseal_header_rewrap(header, key, kept, kept_count, list, count, &rewrapped),         \
            expected);                                                                             \
        CHECK(rewrapped == NULL);                                                                  \
    } while (0)

    REFUSED(old, wrong, first, 1, &to, 1, LIBSEAL_ERR_AUTHENTICATION_FAILED);
    REFUSED(old, data_key, NULL, 0, NULL, 0, LIBSEAL_ERR_NO_RECIPIENTS);
    REFUSED(old, data_key, first, 1, many, ARRAY_LEN(many), LIBSEAL_ERR_TOO_MANY_RECIPIENTS);
    REFUSED(old, data_key, beyond, 1, &to, 1, LIBSEAL_ERR_INVALID_ARGUMENT);
    REFUSED(old, data_key, twice, 2, &to, 1, LIBSEAL_ERR_INVALID_ARGUMENT);
    REFUSED(NULL, data_key, first, 1, &to, 1, LIBSEAL_ERR_NULL_POINTER);
    REFUSED(old, NULL, first, 1, &to, 1, LIBSEAL_ERR_NULL_POINTER);
    REFUSED(old, data_key, NULL, 1, &to, 1, LIBSEAL_ERR_NULL_POINTER);
    REFUSED(old, data_key, first, 1, NULL, 1, LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(
        libseal_header_rewrap(old, data_key, first, 1, &to, 1, NULL), LIBSEAL_ERR_NULL_POINTER);
    libseal_header_free(old);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        keys[i] = public_key(names[i]);
    test_replacing();
    test_adding_and_removing();
    test_refusals();
    return report();
}
