/* What the tests of both libraries share. The same programs test the complete library, with
 * complete.c, and the one for firmware, with firmware.c. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <libseal_seal.h>
#include <pthread.h>
#include <stdbool.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

/* Initialisers of structs that begin with their size, with the members that are given. */
#define RECIPIENT(...) {.size = sizeof(libseal_recipient), __VA_ARGS__}
#define RANDOM(...) {.size = sizeof(libseal_random), __VA_ARGS__}
#define ENVELOPE(...) {.size = sizeof(libseal_envelope), __VA_ARGS__}
#define LIMITS(...) {.size = sizeof(libseal_sealing_limits), __VA_ARGS__}

/* The folder tests/vectors; the first argument of every test program. */
extern const char *vectors_dir;

/* Says so and exits. What is not under test ends like this, here and in all that follows. */
void fatal(const char *what, const char *about);
void *allocate(size_t len);
uint8_t *read_file(const char *path, size_t *len);
/* keys/NAME */
uint8_t *read_key_file(const char *name, size_t *len);
/* keys/NAME.pub.der */
libseal_rsa_public_key public_key(const char *name);

void sha256_hex(const uint8_t *data, size_t len, char hex[65]);

/* Bytes that differ from place to place. */
void fill(uint8_t *out, size_t len);
bool is_filled_with(const uint8_t *bytes, size_t len, uint8_t byte);
/* Storage of a handle: all zeros, but for the mark that it has ended. */
bool is_wiped(const void *handle, size_t size);
/* Of the 0xaa that a test put there, or wiped. */
bool is_untouched_or_wiped(const uint8_t *bytes, size_t len);
bool contains(const uint8_t *bytes, size_t len, const uint8_t *part, size_t part_len);

/* Whether `test`, in a forked child, finds nothing wrong: it returns how much was. */
bool succeeds_in_child(int (*test)(void *argument), void *argument);

/* Which of the two libraries is under test. */
extern const bool is_complete;

/* Random bytes of this machine: NULL, or a callback for the library for firmware, which knows no
 * operating system. */
extern const libseal_random *const machine_random;

/* A source of anything but random bytes, which remembers what it was asked. */
#define MAX_ANSWERS 8
typedef struct source {
    uint8_t (*byte)(int call, size_t index); /* What it answers; NULL: it writes nothing. */
    int fails_at; /* The call that fails, after it has written; 0: none. */
    int calls;
    bool was_asked_well; /* For 20 to 32 bytes in a place of zeros, by the thread that made it. */
    pthread_t thread;
    uint8_t answers[MAX_ANSWERS][32];
    size_t answer_lens[MAX_ANSWERS];
} source;

source source_of(uint8_t (*byte)(int call, size_t index), int fails_at);
libseal_random random_from(source *s);

/* Answers. Calls are counted from 1. */
uint8_t good_byte(int call, size_t index);
uint8_t stuck_byte(int call, size_t index); /* Good at first, then the third answer for ever. */

/* Whether the holder of keys/PRIVATE_KEY.key.pem unseals the message to the plaintext and finds the
 * required context. complete.c checks that at once; firmware.c writes the message to files, which
 * unseal_written.c checks. */
bool unseals_to(const uint8_t *message, size_t message_len, const uint8_t *plaintext, size_t len,
                const char *private_key, const libseal_context_pair *required,
                size_t required_count);

#endif
