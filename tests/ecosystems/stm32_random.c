/* The source of random bytes for an STM32, with a stub of its generator. */
#include "stm32_random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stm32_def.h>
#include <string.h>

#define CHECK(condition) \
    ((condition) ? (void)0 : (printf("%d: %s\n", __LINE__, #condition), exit(1)))

int rng_clock;

/* What the generator does: is ready after some polls, or never; reports an error; gives zero. */
static unsigned polls_for_a_word = 3;
static bool seed_error, clock_error, gives_zero;

static RNG_TypeDef registers;
static unsigned polls;
static uint32_t word;

RNG_TypeDef *rng_registers(void)
{
    registers.SR = 0;
    if (registers.CR & RNG_CR_RNGEN) {
        registers.SR |= seed_error ? RNG_SR_SEIS : 0;
        registers.SR |= clock_error ? RNG_SR_CEIS : 0;
        if (++polls >= polls_for_a_word) {
            registers.SR |= RNG_SR_DRDY;
            word += 0x9e3779b1;
            registers.DR = gives_zero ? 0 : word;
            polls = 0;
        }
    }
    return &registers;
}

static int draw(uint8_t *out, size_t len)
{
    polls = 0;
    return stm32_random(NULL, out, len);
}

int main(void)
{
    uint8_t out[40], zeros[40] = {0};

    for (size_t len = 20; len <= 32; len++) {
        memset(out, 0, sizeof out);
        CHECK(draw(out, len) == 0);
        CHECK(rng_clock);
        CHECK(memcmp(out + len - 4, zeros, 4) != 0);
        CHECK(memcmp(out + len, zeros, sizeof out - len) == 0);
        CHECK(!(registers.CR & RNG_CR_RNGEN));
    }

    /* Each of these fails in time, leaves the generator off, and is over when the cause is. */
    bool *const causes[] = {&seed_error, &clock_error, &gives_zero};
    for (size_t i = 0; i < 3; i++) {
        *causes[i] = true;
        CHECK(draw(out, 32) != 0);
        CHECK(!(registers.CR & RNG_CR_RNGEN));
        *causes[i] = false;
        CHECK(draw(out, 32) == 0);
    }
    polls_for_a_word = 0xffffffff;
    CHECK(draw(out, 32) != 0);
    CHECK(!(registers.CR & RNG_CR_RNGEN));

    printf("passed\n");
    return 0;
}
