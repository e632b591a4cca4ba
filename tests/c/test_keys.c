/* Status, version, self-test, public keys. */
#include "check.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

/* The library for firmware reads keys in DER only. */
static libseal_status for_pem(libseal_status status)
{
    return is_complete ? status : LIBSEAL_ERR_NOT_A_PUBLIC_KEY;
}

static void statuses(void)
{
    CHECK(LIBSEAL_OK == 0);
    CHECK(strcmp(libseal_status_name(LIBSEAL_OK), "OK") == 0);
    CHECK(strcmp(libseal_status_name(LIBSEAL_NEED_KEY), "NEED_KEY") == 0);
    CHECK(strcmp(libseal_status_name(LIBSEAL_ERR_TRUNCATED), "TRUNCATED") == 0);
    CHECK(strcmp(libseal_status_name(LIBSEAL_ERR_NULL_POINTER), "NULL_POINTER") == 0);
    CHECK(strstr(libseal_status_text(LIBSEAL_ERR_TRUNCATED), "cut short") != NULL);
    for (libseal_status status = 0; status < 1100; status++) {
        CHECK(libseal_status_name(status)[0] != 0);
        CHECK(libseal_status_text(status)[0] != 0);
    }
    CHECK(strcmp(libseal_status_name(0xffffffff), "UNKNOWN") == 0);

    /* Numbers that devices report stay what they are. */
    static const struct {
        libseal_status status, number;
        const char *name;
    } numbers[] = {
        {LIBSEAL_ERR_FINGERPRINT_MISMATCH, 122, "FINGERPRINT_MISMATCH"},
        {LIBSEAL_ERR_MESSAGE_TOO_LONG, 160, "MESSAGE_TOO_LONG"},
        {LIBSEAL_ERR_SEALING_KEY_EXHAUSTED, 170, "SEALING_KEY_EXHAUSTED"},
        {LIBSEAL_ERR_INTERNAL, 900, "INTERNAL"},
        {LIBSEAL_ERR_RANDOM_FAILED, 901, "RANDOM_FAILED"},
        {LIBSEAL_ERR_SELF_TEST_FAILED, 902, "SELF_TEST_FAILED"},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        CHECK(numbers[i].status == numbers[i].number);
        CHECK(strcmp(libseal_status_name(numbers[i].status), numbers[i].name) == 0);
    }
}

#if LIBSEAL_VERSION_NUMBER < 0x000100
#error "the preprocessor cannot compare versions"
#endif

static void versions(void)
{
    CHECK(strcmp(libseal_version(), LIBSEAL_VERSION) == 0);
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", LIBSEAL_VERSION_MAJOR, LIBSEAL_VERSION_MINOR,
             LIBSEAL_VERSION_PATCH);
    CHECK(strncmp(version, LIBSEAL_VERSION, strlen(version)) == 0);
    CHECK(libseal_version_number() == LIBSEAL_VERSION_NUMBER);
    CHECK(LIBSEAL_VERSION_NUMBER == LIBSEAL_VERSION_MAJOR * 65536 + LIBSEAL_VERSION_MINOR * 256 +
                                        LIBSEAL_VERSION_PATCH);
}

static void provider(void)
{
    const char *name = libseal_provider();
    if (is_complete)
        CHECK(strcmp(name, "portable") == 0 || strcmp(name, "aws-lc") == 0);
    else
        CHECK(strcmp(name, "compact") == 0);
}

static void self_test(void)
{
    CHECK_STATUS(libseal_self_test(), LIBSEAL_OK);
    CHECK_STATUS(libseal_self_test(), LIBSEAL_OK);
}

static libseal_status init_from(const char *name, libseal_rsa_public_key *key)
{
    size_t len;
    uint8_t *file = read_key_file(name, &len);
    libseal_status status = libseal_rsa_public_key_init(key, sizeof *key, file, len);
    free(file);
    return status;
}

static void good_keys(void)
{
    static const struct {
        const char *name;
        size_t bits;
    } keys[] = {{"rsa-2048", 2048}, {"rsa-2048-e3", 2048}, {"rsa-3072", 3072}, {"rsa-4096", 4096}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char name[64];
        libseal_rsa_public_key der, pem;
        uint8_t der_print[32], pem_print[32];
        snprintf(name, sizeof name, "%s.pub.der", keys[i].name);
        CHECK_STATUS(init_from(name, &der), LIBSEAL_OK);
        snprintf(name, sizeof name, "%s.pub.pem", keys[i].name);
        libseal_status status = init_from(name, &pem);
        CHECK_STATUS(status, for_pem(LIBSEAL_OK));
        CHECK(libseal_rsa_public_key_bits(&der) == keys[i].bits);
        CHECK(libseal_rsa_public_key_bits(&pem) == (status == LIBSEAL_OK ? keys[i].bits : 0));
        CHECK_STATUS(libseal_public_key_fingerprint(&der, der_print), LIBSEAL_OK);
        if (status == LIBSEAL_OK) {
            CHECK_STATUS(libseal_public_key_fingerprint(&pem, pem_print), LIBSEAL_OK);
            CHECK(memcmp(der_print, pem_print, sizeof der_print) == 0);
        }

        size_t len;
        snprintf(name, sizeof name, "%s.pub.der", keys[i].name);
        uint8_t *file = read_key_file(name, &len);
        char expected[65], found[65];
        sha256_hex(file, len, expected);
        for (int j = 0; j < 32; j++)
            snprintf(found + 2 * j, 3, "%02x", der_print[j]);
        CHECK(strcmp(found, expected) == 0);
        free(file);

        libseal_rsa_public_key copy = der;
        CHECK(libseal_rsa_public_key_bits(&copy) == keys[i].bits);
    }
}

/* A key that is not the expected one is none. */
static void pinned_keys(void)
{
    size_t len;
    uint8_t *der = read_key_file("rsa-2048.pub.der", &len), pin[32];
    libseal_rsa_public_key key = public_key("rsa-2048"), other = public_key("rsa-2048-b");
    CHECK_STATUS(libseal_public_key_fingerprint(&key, pin), LIBSEAL_OK);

    libseal_rsa_public_key pinned;
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, sizeof pinned, der, len, pin),
                 LIBSEAL_OK);
    CHECK(libseal_rsa_public_key_bits(&pinned) == 2048);

    for (size_t i = 0; i < sizeof pin; i++) {
        pin[i] ^= 0x80;
        CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, sizeof pinned, der, len, pin),
                     LIBSEAL_ERR_FINGERPRINT_MISMATCH);
        CHECK(libseal_rsa_public_key_bits(&pinned) == 0);
        pin[i] ^= 0x80;
    }
    CHECK_STATUS(libseal_public_key_fingerprint(&other, pin), LIBSEAL_OK);
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, sizeof pinned, der, len, pin),
                 LIBSEAL_ERR_FINGERPRINT_MISMATCH);

    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, sizeof pinned, der, 100, pin),
                 LIBSEAL_ERR_NOT_A_PUBLIC_KEY);
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, sizeof pinned, der, len, NULL),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(NULL, sizeof pinned, der, len, pin),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&pinned, 100, der, len, pin),
                 LIBSEAL_ERR_STORAGE_TOO_SMALL);
    free(der);
}

static void bad_keys(void)
{
    static const struct {
        const char *file;
        libseal_status status;
        bool is_pem;
    } keys[] = {
        {"certificate.der", LIBSEAL_ERR_CERTIFICATE_GIVEN, false},
        {"certificate.pem", LIBSEAL_ERR_CERTIFICATE_GIVEN, true},
        {"ec-p256.pub.der", LIBSEAL_ERR_NOT_RSA, false},
        {"ed25519.pub.der", LIBSEAL_ERR_NOT_RSA, false},
        {"rsa-1024.pub.der", LIBSEAL_ERR_KEY_TOO_SMALL, false},
        {"rsa-2560.pub.der", LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE, false},
        {"rsa-8192.pub.der", LIBSEAL_ERR_KEY_TOO_LARGE, false},
        {"rsa-2048-e1.pub.der", LIBSEAL_ERR_INVALID_RSA_KEY, false},
        {"rsa-2048-e4.pub.der", LIBSEAL_ERR_INVALID_RSA_KEY, false},
        {"rsa-2048-e33-bits.pub.der", LIBSEAL_ERR_INVALID_RSA_KEY, false},
        {"rsa-2048.pkcs1.pub.der", LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, false},
        {"rsa-2048.pkcs1.pub.pem", LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, true},
        {"rsa-2048.key.der", LIBSEAL_ERR_PRIVATE_KEY_GIVEN, false},
        {"rsa-2048.key.pem", LIBSEAL_ERR_PRIVATE_KEY_GIVEN, true},
        {"rsa-2048.pkcs1.key.pem", LIBSEAL_ERR_PRIVATE_KEY_GIVEN, true},
        {"rsa-2048.encrypted.pem", LIBSEAL_ERR_PRIVATE_KEY_GIVEN, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        libseal_rsa_public_key key = public_key("rsa-2048");
        libseal_status status = init_from(keys[i].file, &key);
        libseal_status expected = keys[i].is_pem ? for_pem(keys[i].status) : keys[i].status;
        check_status(status, expected, __FILE__, __LINE__, keys[i].file);
        CHECK(libseal_rsa_public_key_bits(&key) == 0);
    }
    libseal_rsa_public_key key;
    const uint8_t garbage[] = "hello";
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key, garbage, 5),
                 LIBSEAL_ERR_NOT_A_PUBLIC_KEY);
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key, NULL, 0), LIBSEAL_ERR_NOT_A_PUBLIC_KEY);
}

/* Whatever part of a key arrives, it is none, and nothing behind its end is read. */
static void cut_keys(void)
{
    size_t len;
    uint8_t *der = read_key_file("rsa-2048.pub.der", &len);
    int wrong = 0;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = allocate(cut);
        memcpy(part, der, cut);
        libseal_rsa_public_key key;
        wrong += libseal_rsa_public_key_init(&key, sizeof key, part, cut) !=
                 LIBSEAL_ERR_NOT_A_PUBLIC_KEY;
        wrong += libseal_rsa_public_key_bits(&key) != 0;
        free(part);
    }
    CHECK(wrong == 0);
    /* read_file() has put a zero behind the end, which may be counted. Another byte may not. */
    libseal_rsa_public_key key;
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key, der, len + 1), LIBSEAL_OK);
    der[len] = 1;
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key, der, len + 1),
                 LIBSEAL_ERR_NOT_A_PUBLIC_KEY);
    free(der);
}

static void wrong_calls(void)
{
    size_t len;
    uint8_t *der = read_key_file("rsa-2048.pub.der", &len);
    uint64_t room[LIBSEAL_RSA_PUBLIC_KEY_SIZE / 8 + 2];
    libseal_rsa_public_key *key = (libseal_rsa_public_key *)room;
    uint8_t print[32];

    CHECK(sizeof *key == LIBSEAL_RSA_PUBLIC_KEY_SIZE);
    CHECK_STATUS(libseal_rsa_public_key_init(NULL, sizeof *key, der, len), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_rsa_public_key_init(key, sizeof *key, NULL, len), LIBSEAL_ERR_NULL_POINTER);
    CHECK(libseal_rsa_public_key_bits(key) == 0);
    CHECK_STATUS(libseal_rsa_public_key_init(key, sizeof *key, der, (size_t)-1),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_rsa_public_key_init((libseal_rsa_public_key *)(void *)((char *)room + 4),
                                         sizeof *key, der, len),
                 LIBSEAL_ERR_INVALID_ARGUMENT);

    /* Storage that is too small is not written past. */
    memset(room, 0xaa, sizeof room);
    CHECK_STATUS(libseal_rsa_public_key_init(key, 100, der, len), LIBSEAL_ERR_STORAGE_TOO_SMALL);
    CHECK(is_filled_with((uint8_t *)room + 100, sizeof room - 100, 0xaa));
    CHECK_STATUS(libseal_rsa_public_key_init(key, 0, der, len), LIBSEAL_ERR_STORAGE_TOO_SMALL);
    CHECK_STATUS(libseal_rsa_public_key_init(key, sizeof key, der, len),
                 LIBSEAL_ERR_STORAGE_TOO_SMALL);

    CHECK_STATUS(libseal_rsa_public_key_init(key, sizeof *key, der, len), LIBSEAL_OK);
    CHECK(is_filled_with((uint8_t *)room + sizeof *key, sizeof room - sizeof *key, 0xaa));
    CHECK_STATUS(libseal_public_key_fingerprint(key, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_public_key_fingerprint(NULL, print), LIBSEAL_ERR_NULL_POINTER);
    CHECK(is_filled_with(print, sizeof print, 0));
    CHECK(libseal_rsa_public_key_bits(NULL) == 0);

    static libseal_rsa_public_key zero;
    CHECK(libseal_rsa_public_key_bits(&zero) == 0);
    CHECK_STATUS(libseal_public_key_fingerprint(&zero, print), LIBSEAL_ERR_NOT_FILLED);
    free(der);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    statuses();
    versions();
    provider();
    self_test();
    good_keys();
    pinned_keys();
    bad_keys();
    cut_keys();
    wrong_calls();
    return report();
}
