/* What the tests of unsealing share: vectors and two unwrappers. */
#ifndef UNSEAL_H
#define UNSEAL_H

#include "support.h"

#include <libseal_unseal.h>

/* A test vector: see tests/vectors/README.md. */
#define MAX_KEYS 2
#define MAX_LINES 64
typedef struct vector {
    char *file;
    const char *expect;
    const char *keys[MAX_KEYS];
    uint8_t fingerprints[MAX_KEYS][LIBSEAL_FINGERPRINT_LEN];
    size_t key_count;
    bool has_data_key;
    uint8_t data_key[LIBSEAL_DATA_KEY_LEN];
    libseal_context_pair require[MAX_LINES];
    size_t require_count;
    libseal_context_pair context[MAX_LINES];
    size_t context_count;
    size_t plaintext_len;
    const char *plaintext_sha256;
    const uint8_t *message;
    size_t message_len;
    int calls; /* of unwrap_vector() */
} vector;

/* What unwrap_vector() returns when unwrapping fails. */
#define VECTOR_FAILURE 77

vector load_vector(const char *path);
/* accepted/NAME.vector */
vector accepted_vector(const char *name);
void free_vector(vector *v);
bool vector_holds(const vector *v, const uint8_t *fingerprint);

/* Gives the vector's data key, or fails if it has none. `user_data` is the vector. There is no RSA
 * here: what does not unwrap, or not to 32 bytes, has no data key in the vector. */
int unwrap_vector(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32]);

/* Unwraps with openssl what is for one key. `user_data` is the name of its private half,
 * keys/NAME.key.pem. The same wrapped key again costs nothing, so the messages of a sealing key are
 * quick to open. */
int unwrap_openssl(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32]);

#endif
