/*
 * NOT RANDOM. DO NOT SHIP. REPLACE IT BY THE HARDWARE'S RANDOM NUMBER GENERATOR.
 *
 * An emulator has no random number generator, so this counts. Whoever knows that can open every
 * message that was sealed with it. README.md shows what belongs here.
 */
#include "random.h"

int stand_in_random(void *user_data, uint8_t *out, size_t len)
{
    static uint32_t counter;
    (void)user_data;
    for (size_t i = 0; i < len; i++) {
        /* Spreads the count over the byte, so that it looks like something. */
        uint32_t mixed = ++counter * 0x9e3779b1u;
        out[i] = (uint8_t)(mixed >> 24 ^ mixed >> 12);
    }
    return 0;
}
