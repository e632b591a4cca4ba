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

/* What the generator does: is ready after some polls, or never; reports an error; gives a zero; repeats. */
static unsigned polls_for_a_word = 3;
static bool seed_error, clock_error, gives_zero, repeats;

static RNG_TypeDef registers;
static unsigned polls, words;
static uint32_t word;
/* Has it been on since an error? Then it gives nothing. */
static bool stuck;

RNG_TypeDef *rng_registers(void)
{
    registers.SR &= ~(RNG_SR_DRDY | RNG_SR_SECS | RNG_SR_CECS);
    if (!(registers.CR & RNG_CR_RNGEN)) {
        stuck = false;
        return &registers;
    }
    registers.SR |= seed_error ? RNG_SR_SECS | RNG_SR_SEIS : 0;
    registers.SR |= clock_error ? RNG_SR_CECS | RNG_SR_CEIS : 0;
    stuck |= registers.SR & (RNG_SR_SEIS | RNG_SR_CEIS);
    if (++polls >= polls_for_a_word && !stuck) {
        registers.SR |= RNG_SR_DRDY;
        words++;
        word += repeats && words > 4 ? 0 : 0x9e3779b1;
        registers.DR = gives_zero && words == 4 ? 0 : word;
        polls = 0;
    }
    return &registers;
}

static int draw(uint8_t *out, size_t len)
{
    polls = 0;
    words = 0;
    return stm32_random(NULL, out, len);
}

int main(void)
{
    uint8_t out[40], zeros[40] = {0};

    for (size_t len = 20; len <= 32; len++) {
        uint32_t before = word, second;
        memset(out, 0, sizeof out);
        CHECK(draw(out, len) == 0);
        CHECK(rng_clock);
        memcpy(&second, out, sizeof second);
        CHECK(second == before + 2 * 0x9e3779b1);
        CHECK(memcmp(out + len - 4, zeros, 4) != 0);
        CHECK(memcmp(out + len, zeros, sizeof out - len) == 0);
    }

    /* Each of these fails in time, and is over when the cause is. A generator that was on stays on. */
    bool *const causes[] = {&seed_error, &clock_error, &gives_zero, &repeats};
    for (size_t i = 0; i < 8; i++) {
        uint32_t was_on = i < 4 ? 0 : RNG_CR_RNGEN;
        registers.CR = was_on;
        *causes[i % 4] = true;
        CHECK(draw(out, 32) != 0);
        CHECK(registers.CR == was_on);
        *causes[i % 4] = false;
        CHECK(draw(out, 32) == 0);
        CHECK(registers.CR == was_on);
    }
    polls_for_a_word = 0xffffffff;
    CHECK(draw(out, 32) != 0);

    printf("passed\n");
    return 0;
}
