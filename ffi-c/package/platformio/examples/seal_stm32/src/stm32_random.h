#ifndef STM32_RANDOM_H
#define STM32_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For a libseal_random: takes random bytes from the generator of an STM32, and gives up when it reports an
 * error, repeats a word, or has nothing for a while, because its clock of 48 MHz is off, for example.
 *
 * Nothing else may read the generator at the same time: no other task, and no interrupt. A generator that is
 * on stays on.
 */
int stm32_random(void *user_data, uint8_t *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
