#include "stm32_random.h"

#include <stm32_def.h> /* with the HAL alone: the header of your family, such as stm32f4xx_hal.h */
#include <string.h>

/*
 * A word takes less than a microsecond, and after an error some. This many polls take at least a
 * millisecond on the fastest of them. A count needs no timer, so this also works before one runs.
 */
#define MOST_POLLS 100000

/* Errors of the seed and the clock: those that there were, and those that there are. */
#define PAST_ERRORS (RNG_SR_SEIS | RNG_SR_CEIS)
#define ERRORS (PAST_ERRORS | RNG_SR_SECS | RNG_SR_CECS)

static int read_word(uint32_t *word)
{
    for (uint32_t polls = 0; polls < MOST_POLLS; polls++) {
        uint32_t status = RNG->SR;
        if (status & ERRORS)
            return 1; /* better no message than a weak one */
        if (status & RNG_SR_DRDY) {
            *word = RNG->DR;
            return *word == 0; /* as the reference manual says */
        }
    }
    return 1;
}

/* As FIPS 140-2 and the reference manual say: each word must differ from the one before. */
static int read_words(uint8_t *out, size_t len)
{
    uint32_t before, word;

    if (read_word(&before))
        return 1; /* the first one is only there for comparison */
    while (len > 0) {
        if (read_word(&word) || word == before)
            return 1;
        size_t part = len < sizeof word ? len : sizeof word;
        memcpy(out, &word, part);
        out += part;
        len -= part;
        before = word;
    }
    return 0;
}

int stm32_random(void *user_data, uint8_t *out, size_t len)
{
    (void)user_data;
    __HAL_RCC_RNG_CLK_ENABLE();
    uint32_t was_on = RNG->CR & RNG_CR_RNGEN;
    if (RNG->SR & PAST_ERRORS) {
        /* After an error, the generator has to start anew. */
        RNG->SR &= ~PAST_ERRORS;
        RNG->CR &= ~RNG_CR_RNGEN;
    }
    RNG->CR |= RNG_CR_RNGEN;
    int failed = read_words(out, len);
    if (!was_on)
        RNG->CR &= ~RNG_CR_RNGEN;
    return failed;
}
