#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *vectors_dir;

static void fatal(const char *what, const char *about)
{
    fprintf(stderr, "%s: %s\n", what, about);
    exit(2);
}

void *allocate(size_t len)
{
    void *memory = malloc(len ? len : 1);
    if (!memory)
        fatal("no memory", "malloc");
    return memory;
}

uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fatal("cannot read", path);
    long size = ftell(file);
    if (size < 0)
        fatal("cannot read", path);
    rewind(file);
    *len = (size_t)size;
    uint8_t *bytes = allocate(*len + 1);
    if (fread(bytes, 1, *len, file) != *len)
        fatal("cannot read", path);
    bytes[*len] = 0;
    fclose(file);
    return bytes;
}

uint8_t *read_key_file(const char *name, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/keys/%s", vectors_dir, name);
    return read_file(path, len);
}

libseal_public_key public_key(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s.pub.der", name);
    size_t len;
    uint8_t *der = read_key_file(file, &len);
    libseal_public_key key;
    if (libseal_public_key_init(&key, sizeof key, der, len) != LIBSEAL_OK)
        fatal("no public key", name);
    free(der);
    return key;
}

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
        libseal_public_key key = public_key(value);
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

int unwrap_openssl(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
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
             vectors_dir, (const char *)user_data, hash, hash);
    FILE *openssl = popen(command, "r");
    if (!openssl)
        fatal("cannot run", command);
    size_t len = fread(data_key, 1, 32, openssl);
    return pclose(openssl) == 0 && len == 32 ? 0 : 1;
}

void fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * 7 + i / 251 + 1);
}

bool is_filled_with(const uint8_t *bytes, size_t len, uint8_t byte)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}

/* FIPS 180-4; constants are computed as section 4.2.2 defines them. */

static uint32_t rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

/* The first 32 bits of the fraction of the root of a prime, found bit by bit. */
static uint32_t root_fraction(uint32_t prime, int power)
{
    uint64_t root = 0; /* times 2^32 */
    for (int bit = 36; bit >= 0; bit--) {
        uint64_t next = root | (uint64_t)1 << bit;
        long double value = (long double)next / 4294967296.0L;
        if ((power == 2 ? value * value : value * value * value) <= (long double)prime)
            root = next;
    }
    return (uint32_t)root;
}

static void sha256_block(uint32_t state[8], const uint32_t k[64], const uint8_t block[64])
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

void sha256_hex(const uint8_t *data, size_t len, char hex[65])
{
    static uint32_t k[64], start[8];
    for (uint32_t prime = 2, count = 0; !k[63]; prime++) {
        bool is_prime = true;
        for (uint32_t factor = 2; factor < prime; factor++)
            is_prime = is_prime && prime % factor != 0;
        if (!is_prime)
            continue;
        if (count < 8)
            start[count] = root_fraction(prime, 2);
        k[count++] = root_fraction(prime, 3);
    }
    uint32_t state[8];
    memcpy(state, start, sizeof state);
    size_t done = 0;
    for (; len - done >= 64; done += 64)
        sha256_block(state, k, data + done);
    uint8_t end[128] = {0};
    size_t end_len = len - done < 56 ? 64 : 128;
    if (len > done)
        memcpy(end, data + done, len - done);
    end[len - done] = 0x80;
    for (int i = 0; i < 8; i++)
        end[end_len - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
    for (size_t i = 0; i < end_len; i += 64)
        sha256_block(state, k, end + i);
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)state[i]);
}
