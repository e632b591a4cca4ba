#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* A libseal_random_fn: fills `out` and returns 0, or fails and returns another number. */
int stand_in_random(void *user_data, uint8_t *out, size_t len);

#endif
