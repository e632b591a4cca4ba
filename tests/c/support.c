#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *vectors_dir;

void fatal(const char *what, const char *about)
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

libseal_rsa_public_key public_key(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s.pub.der", name);
    size_t len;
    uint8_t *der = read_key_file(file, &len);
    libseal_rsa_public_key key;
    if (libseal_rsa_public_key_init(&key, sizeof key, der, len) != LIBSEAL_OK)
        fatal("no public key", name);
    free(der);
    return key;
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

bool is_wiped(const void *handle, size_t size)
{
    return is_filled_with((const uint8_t *)handle + 8, size - 8, 0);
}

bool is_untouched_or_wiped(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0xaa && bytes[i] != 0)
            return false;
    return true;
}

bool contains(const uint8_t *bytes, size_t len, const uint8_t *part, size_t part_len)
{
    for (; len >= part_len; bytes++, len--)
        if (memcmp(bytes, part, part_len) == 0)
            return true;
    return false;
}

uint8_t good_byte(int call, size_t index)
{
    return (uint8_t)((size_t)call * 89 + index * (index + 31));
}

uint8_t stuck_byte(int call, size_t index)
{
    return good_byte(call < 3 ? call : 3, index);
}

source source_of(uint8_t (*byte)(int call, size_t index), int fails_at)
{
    source s;
    memset(&s, 0, sizeof s);
    s.byte = byte;
    s.fails_at = fails_at;
    s.was_asked_well = true;
    s.thread = pthread_self();
    return s;
}

static int answer(void *user_data, uint8_t *out, size_t len)
{
    source *s = user_data;
    s->was_asked_well = s->was_asked_well && len >= 20 && len <= 32 &&
                        is_filled_with(out, len, 0) && pthread_equal(s->thread, pthread_self());
    s->calls++;
    for (size_t i = 0; s->byte && i < len; i++)
        out[i] = s->byte(s->calls, i);
    if (s->calls <= MAX_ANSWERS && len <= sizeof s->answers[0]) {
        memcpy(s->answers[s->calls - 1], out, len);
        s->answer_lens[s->calls - 1] = len;
    }
    return s->calls == s->fails_at ? -1 : 0;
}

libseal_random random_from(source *s)
{
    return (libseal_random)RANDOM(.fill = answer, .user_data = s);
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

bool succeeds_in_child(int (*test)(void *argument), void *argument)
{
    int result[2];
    if (pipe(result) != 0)
        fatal("no pipe", "succeeds_in_child");
    pid_t child = fork();
    if (child < 0)
        fatal("no child", "succeeds_in_child");
    if (child == 0) {
        /* Ends a child that hangs. */
        alarm(60);
        char wrong = test(argument) != 0;
        if (write(result[1], &wrong, 1) != 1)
            _exit(1);
        /* An exit would report as lost what the child has of its parent. */
        for (;;)
            pause();
    }
    char wrong = 1;
    close(result[1]);
    bool succeeds = read(result[0], &wrong, 1) == 1 && wrong == 0;
    close(result[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return succeeds;
}
