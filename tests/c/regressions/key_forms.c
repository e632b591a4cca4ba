/* Public keys in forms that OpenSSL reads, or the AWS command line prints, were no public keys. */
#define _POSIX_C_SOURCE 200809L

#include "check.h"
#include "support.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* What the name of a file says before its first dot. */
static void first_part(const char *path, char part[64])
{
    const char *name = strrchr(path, '/') + 1;
    size_t len = strcspn(name, ".");
    if (len >= 64)
        fatal("too long", path);
    memcpy(part, name, len);
    part[len] = 0;
}

/* The library for firmware reads DER only. */
static bool is_read(const char *path)
{
    const char *end = strrchr(path, '.');
    return is_complete || strcmp(end, ".der") == 0;
}

static libseal_status init_from(const char *path, libseal_rsa_public_key *key)
{
    size_t len;
    uint8_t *file = read_file(path, &len);
    libseal_status status = libseal_rsa_public_key_init(key, sizeof *key, file, len);
    free(file);
    return status;
}

static void accepted(const char *path)
{
    char name[64];
    libseal_rsa_public_key key, expected;
    uint8_t print[LIBSEAL_FINGERPRINT_LEN], expected_print[LIBSEAL_FINGERPRINT_LEN];
    libseal_status status = init_from(path, &key);
    if (!is_read(path)) {
        check_status(status, LIBSEAL_ERR_NOT_A_PUBLIC_KEY, __FILE__, __LINE__, path);
        return;
    }
    check_status(status, LIBSEAL_OK, __FILE__, __LINE__, path);
    first_part(path, name);
    expected = public_key(name);
    CHECK_STATUS(libseal_public_key_fingerprint(&key, print), LIBSEAL_OK);
    CHECK_STATUS(libseal_public_key_fingerprint(&expected, expected_print), LIBSEAL_OK);
    check(memcmp(print, expected_print, sizeof print) == 0, __FILE__, __LINE__, path, "");
}

static void rejected(const char *path)
{
    char expected[64] = "NOT_A_PUBLIC_KEY";
    libseal_rsa_public_key key = public_key("rsa-2048");
    libseal_status status = init_from(path, &key);
    if (is_read(path))
        first_part(path, expected);
    check(strcmp(libseal_status_name(status), expected) == 0, __FILE__, __LINE__, path,
          libseal_status_name(status));
    CHECK(libseal_rsa_public_key_bits(&key) == 0);
}

static void every_file(const char *folder, void (*test)(const char *path))
{
    char pattern[1024];
    glob_t files;
    snprintf(pattern, sizeof pattern, "%s/keys/%s/*", vectors_dir, folder);
    if (glob(pattern, 0, NULL, &files) != 0)
        fatal("no files", pattern);
    CHECK(files.gl_pathc > 10);
    for (size_t i = 0; i < files.gl_pathc; i++)
        test(files.gl_pathv[i]);
    globfree(&files);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    every_file("public-accepted", accepted);
    every_file("public-rejected", rejected);
    return report();
}
