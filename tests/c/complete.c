/* The complete library. */
#include "unseal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const bool is_complete = true;
const libseal_random *const machine_random = NULL;

bool unseals_to(const uint8_t *message, size_t message_len, const uint8_t *plaintext, size_t len,
                const char *private_key, const libseal_context_pair *required,
                size_t required_count)
{
    char name[64];
    snprintf(name, sizeof name, "%s", private_key);
    size_t cap, written;
    libseal_status status = libseal_plaintext_len(message, message_len, &cap);
    if (status != LIBSEAL_OK || cap != len) {
        fprintf(stderr, "no message of %zu bytes: %s\n", len, libseal_status_text(status));
        return false;
    }
    uint8_t *out = allocate(cap);
    status = libseal_unseal(message, message_len, unwrap_openssl, name, required, required_count,
                            out, cap, &written);
    if (status != LIBSEAL_OK)
        fprintf(stderr, "not unsealed: %s\n", libseal_status_text(status));
    bool is_same = status == LIBSEAL_OK && written == len && memcmp(out, plaintext, len) == 0;
    free(out);
    return is_same;
}
