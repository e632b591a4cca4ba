/* What the complete library finds in messages that it sealed itself. */
#include "check.h"
#include "unseal.h"

#include <string.h>

static libseal_rsa_public_key key, key_b, key_4096;

static const uint8_t *const hello = (const uint8_t *)"hello";

static uint8_t message[2000];
static size_t message_len;

static void wrapped_keys(void)
{
    const libseal_recipient to[] = {
        RECIPIENT(.key = &key, .key_id = "alias/one"),
        RECIPIENT(.key = &key_b, .key_id = "\xc3\xa9", .algorithm = LIBSEAL_RSAES_OAEP_SHA_1),
        RECIPIENT(.key = &key_4096, .algorithm = LIBSEAL_RSAES_OAEP_SHA_256),
    };
    const libseal_envelope envelope = ENVELOPE(.recipients = to, .recipient_count = ARRAY_LEN(to));
    CHECK_STATUS(libseal_seal(&envelope, hello, 5, message, sizeof message, &message_len),
                 LIBSEAL_OK);
    CHECK(unseals_to(message, message_len, hello, 5, "rsa-2048", NULL, 0));
    CHECK(unseals_to(message, message_len, hello, 5, "rsa-2048-b", NULL, 0));
    CHECK(unseals_to(message, message_len, hello, 5, "rsa-4096", NULL, 0));

    libseal_header *header;
    libseal_wrapped_key wrapped;
    uint8_t print[LIBSEAL_FINGERPRINT_LEN];
    CHECK_STATUS(libseal_header_parse(message, message_len, &header), LIBSEAL_OK);
    CHECK(libseal_header_wrapped_key_count(header) == 3);
    CHECK_STATUS(libseal_header_wrapped_key(header, 1, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(wrapped.kind == LIBSEAL_RSAES_OAEP_SHA_1);
    CHECK(strcmp(wrapped.algorithm, "RSAES_OAEP_SHA_1") == 0);
    CHECK(wrapped.key_id_len == 2 && memcmp(wrapped.key_id, "\xc3\xa9", 2) == 0);
    CHECK_STATUS(libseal_public_key_fingerprint(&key_b, print), LIBSEAL_OK);
    CHECK(memcmp(wrapped.fingerprint, print, sizeof print) == 0);
    CHECK(wrapped.ciphertext_len == 256);
    CHECK_STATUS(libseal_header_wrapped_key(header, 2, &wrapped, sizeof wrapped), LIBSEAL_OK);
    CHECK(wrapped.ciphertext_len == 512);
    libseal_header_free(header);
}

static uint8_t unwrapped[LIBSEAL_DATA_KEY_LEN];

static int unwrap_and_remember(void *user_data, const libseal_wrapped_key *wrapped,
                               uint8_t data_key[32])
{
    int code = unwrap_openssl(user_data, wrapped, data_key);
    memcpy(unwrapped, data_key, sizeof unwrapped);
    return code;
}

/* The data key is one of the callback's answers. */
static void data_key_is_an_answer(void)
{
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    const libseal_recipient to_key = RECIPIENT(.key = &key);
    const libseal_envelope envelope = {
        .size = sizeof(libseal_envelope),
        .recipients = &to_key, .recipient_count = 1, .random = &random};
    CHECK_STATUS(libseal_seal(&envelope, hello, 5, message, sizeof message, &message_len),
                 LIBSEAL_OK);
    uint8_t plaintext[5];
    size_t len;
    CHECK_STATUS(libseal_unseal(message, message_len, unwrap_and_remember, "rsa-2048", NULL, 0,
                                plaintext, sizeof plaintext, &len),
                 LIBSEAL_OK);
    int found = 0;
    for (int i = 0; i < s.calls; i++)
        found += memcmp(s.answers[i], unwrapped, sizeof unwrapped) == 0;
    CHECK(found == 1);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    key_b = public_key("rsa-2048-b");
    key_4096 = public_key("rsa-4096");
    wrapped_keys();
    data_key_is_an_answer();
    return report();
}
