#ifndef STM32_RANDOM_H
#define STM32_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For a libseal_random: takes random bytes from the generator of an STM32, and gives up when it reports an
 * error or has nothing for a while, because its clock of 48 MHz is off, for example.
 */
int stm32_random(void *user_data, uint8_t *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
