/* Looks for secrets in memory. The secrets are those of what is sealed with known_random() from its
 * first answer on, for RSA-2048 and without an encryption context. */
#ifndef SCAN_H
#define SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "known_secrets.h"

/* As good_byte(), but writes them nowhere else. `user_data` is the number of answers so far. */
static inline int known_random(void *user_data, uint8_t *out, size_t len)
{
    unsigned *calls = user_data;
    ++*calls;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(*calls * 89 + i * (i + 31));
    return 0;
}

/* The name of a secret that some of the bytes are part of, or NULL. Leaves no secret on the stack. */
static inline const char *secret_in(const volatile uint8_t *bytes, size_t len)
{
    uint64_t window = 0;
    for (size_t i = 0; i < len; i++) {
        window = window << 8 | (uint8_t)(bytes[i] ^ MASK);
        size_t low = 0, high = sizeof known_secrets / sizeof *known_secrets;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (known_secrets[middle].window < window)
                low = middle + 1;
            else
                high = middle;
        }
        if (i >= 7 && low < sizeof known_secrets / sizeof *known_secrets &&
            known_secrets[low].window == window)
            return secret_names[known_secrets[low].secret];
    }
    return NULL;
}

#endif
