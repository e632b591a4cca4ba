#include "stm32_random.h"

#include <stm32_def.h> /* with the HAL alone: the header of your family, such as stm32f4xx_hal.h */
#include <string.h>

/*
 * A word takes less than a microsecond, and after an error some. This many polls take at least a
 * millisecond on the fastest of them. A count needs no timer, so this also works before one runs.
 */
#define MOST_POLLS 100000

static int read_word(uint32_t *word)
{
    for (uint32_t polls = 0; polls < MOST_POLLS; polls++) {
        uint32_t status = RNG->SR;
        if (status & (RNG_SR_SEIS | RNG_SR_CEIS))
            return 1; /* seed or clock error: better no message than a weak one */
        if (status & RNG_SR_DRDY) {
            *word = RNG->DR;
            return *word == 0; /* as the reference manual says */
        }
    }
    return 1;
}

int stm32_random(void *user_data, uint8_t *out, size_t len)
{
    int failed = 0;

    (void)user_data;
    __HAL_RCC_RNG_CLK_ENABLE();
    RNG->SR &= ~(RNG_SR_SEIS | RNG_SR_CEIS); /* of the last time */
    RNG->CR |= RNG_CR_RNGEN;
    while (len > 0 && !failed) {
        uint32_t word;
        size_t part = len < sizeof word ? len : sizeof word;
        failed = read_word(&word);
        if (!failed)
            memcpy(out, &word, part);
        out += part;
        len -= part;
    }
    /* Off again: that also makes it start anew after an error. */
    RNG->CR &= ~RNG_CR_RNGEN;
    return failed;
}
