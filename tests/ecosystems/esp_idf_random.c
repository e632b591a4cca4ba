/* The source of random bytes for an ESP32, with a stub of its generator. */
#include "esp_idf.h"

#include <libseal_esp_random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
    ((condition) ? (void)0 : (printf("%d: %s\n", __LINE__, #condition), exit(1)))

void app_main(void)
{
    uint8_t out[40] = {0}, zeros[40] = {0};

    for (size_t len = 20; len <= 32; len++) {
        memset(out, 0, sizeof out);
        words_with_noise = 0;
        CHECK(libseal_esp_random_without_radio(NULL, out, len) == 0);
        CHECK(words_with_noise == (len + 3) / 4);
        CHECK(memcmp(out + len - 4, zeros, 4) != 0);
        CHECK(memcmp(out + len, zeros, sizeof out - len) == 0);
        CHECK(!noise);
    }
    CHECK(words_without_noise == 0);

    /* Another task never ends its turn. */
    another_task = true;
    memset(out, 0, sizeof out);
    words_with_noise = 0;
    CHECK(libseal_esp_random_without_radio(NULL, out, 32) != 0);
    CHECK(ticks_waited == 10);
    CHECK(words_with_noise == 0 && !noise);
    CHECK(memcmp(out, zeros, sizeof out) == 0);
    another_task = false;
    CHECK(libseal_esp_random_without_radio(NULL, out, 32) == 0);

    /* The radio makes the noise, and must not be disturbed. */
    words_with_noise = 0;
    CHECK(libseal_esp_random_with_radio(NULL, out, 32) == 0);
    CHECK(words_with_noise == 0 && words_without_noise > 0);
    printf("passed\n");
}
