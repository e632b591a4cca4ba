#define _POSIX_C_SOURCE 200809L

#include "unseal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t hex_digit(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Splits "KEY=VALUE" in place. */
static void add_pair(libseal_context_pair *pairs, size_t *count, char *line)
{
    char *equals = strchr(line, '=');
    if (!equals || *count == MAX_LINES)
        fatal("bad pair", line);
    *equals = 0;
    pairs[*count].key = line;
    pairs[*count].value = equals + 1;
    ++*count;
}

static void add_line(vector *v, char *name, char *value)
{
    if (strcmp(name, "comment") == 0)
        return;
    if (strcmp(name, "expect") == 0) {
        v->expect = value;
    } else if (strcmp(name, "key") == 0 && v->key_count < MAX_KEYS) {
        libseal_rsa_public_key key = public_key(value);
        if (libseal_public_key_fingerprint(&key, v->fingerprints[v->key_count]) != LIBSEAL_OK)
            fatal("no fingerprint", value);
        v->keys[v->key_count++] = value;
    } else if (strcmp(name, "data-key") == 0 && strlen(value) == 64) {
        v->has_data_key = true;
        for (size_t i = 0; i < sizeof v->data_key; i++)
            v->data_key[i] =
                (uint8_t)(hex_digit(value[2 * i]) << 4 | hex_digit(value[2 * i + 1]));
    } else if (strcmp(name, "require") == 0) {
        add_pair(v->require, &v->require_count, value);
    } else if (strcmp(name, "context") == 0) {
        add_pair(v->context, &v->context_count, value);
    } else if (strcmp(name, "plaintext-length") == 0) {
        v->plaintext_len = (size_t)strtoull(value, NULL, 10);
    } else if (strcmp(name, "plaintext-sha256") == 0) {
        v->plaintext_sha256 = value;
    } else {
        fatal("unknown line in a vector", name);
    }
}

vector load_vector(const char *path)
{
    vector v;
    memset(&v, 0, sizeof v);
    size_t len;
    v.file = (char *)read_file(path, &len);
    char *line = v.file;
    while (*line != '\n') {
        char *end = strchr(line, '\n');
        char *colon = strstr(line, ": ");
        if (!end || !colon || colon > end)
            fatal("bad vector", path);
        *end = *colon = 0;
        add_line(&v, line, colon + 2);
        line = end + 1;
    }
    v.message = (const uint8_t *)line + 1;
    v.message_len = len - (size_t)(line + 1 - v.file);
    if (!v.expect)
        fatal("vector without expectation", path);
    return v;
}

vector accepted_vector(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/accepted/%s.vector", vectors_dir, name);
    return load_vector(path);
}

void free_vector(vector *v)
{
    free(v->file);
}

bool vector_holds(const vector *v, const uint8_t *fingerprint)
{
    for (size_t i = 0; i < v->key_count; i++)
        if (memcmp(fingerprint, v->fingerprints[i], LIBSEAL_FINGERPRINT_LEN) == 0)
            return true;
    return false;
}

int unwrap_vector(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    vector *v = user_data;
    v->calls++;
    if (!vector_holds(v, key->fingerprint))
        return LIBSEAL_UNWRAP_NOT_MINE;
    if (!v->has_data_key)
        return VECTOR_FAILURE;
    memcpy(data_key, v->data_key, sizeof v->data_key);
    return 0;
}

static bool openssl_decrypt(const char *private_key, const libseal_wrapped_key *key,
                            uint8_t data_key[32])
{
    FILE *file = fopen("wrapped", "wb");
    if (!file || fwrite(key->ciphertext, 1, key->ciphertext_len, file) != key->ciphertext_len ||
        fclose(file) != 0)
        fatal("cannot write", "wrapped");
    const char *hash = strcmp(key->algorithm, "RSAES_OAEP_SHA_1") == 0 ? "sha1" : "sha256";
    char command[2048];
    snprintf(command, sizeof command,
             "openssl pkeyutl -decrypt -in wrapped -inkey '%s/keys/%s.key.pem'"
             " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:%s -pkeyopt rsa_mgf1_md:%s",
             vectors_dir, private_key, hash, hash);
    FILE *openssl = popen(command, "r");
    if (!openssl)
        fatal("cannot run", command);
    size_t len = fread(data_key, 1, 32, openssl);
    return pclose(openssl) == 0 && len == 32;
}

int unwrap_openssl(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    static uint8_t last_wrapped[512], last[LIBSEAL_DATA_KEY_LEN];
    static size_t last_len;
    const char *name = user_data;
    libseal_rsa_public_key held = public_key(name);
    uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN];
    if (libseal_public_key_fingerprint(&held, fingerprint) != LIBSEAL_OK)
        fatal("no fingerprint", name);
    if (memcmp(fingerprint, key->fingerprint, sizeof fingerprint) != 0)
        return LIBSEAL_UNWRAP_NOT_MINE;
    if (key->ciphertext_len != last_len || memcmp(key->ciphertext, last_wrapped, last_len) != 0) {
        if (!openssl_decrypt(name, key, last))
            return 1;
        memcpy(last_wrapped, key->ciphertext, key->ciphertext_len);
        last_len = key->ciphertext_len;
    }
    memcpy(data_key, last, sizeof last);
    return 0;
}
