/*
 * Random bytes from Zephyr, for libseal:
 *
 *     static const libseal_random trng = LIBSEAL_RANDOM_INIT(libseal_zephyr_random, NULL);
 */
#ifndef LIBSEAL_ZEPHYR_H
#define LIBSEAL_ZEPHYR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Asks sys_csrand_get() in the system work queue, and waits CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS for the
 * answer; then sealing fails with LIBSEAL_ERR_RANDOM_FAILED.
 *
 * Threads take turns. Do not seal in the system work queue itself, nor in an interrupt.
 */
int libseal_zephyr_random(void *user_data, uint8_t *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
