/*
 * Random bytes from the generator of an ESP32, for libseal:
 *
 *     static const libseal_random trng =
 *         LIBSEAL_RANDOM_INIT(libseal_esp_random_without_radio, NULL);
 *
 * The generator is only as good as the noise that feeds it. Without noise it repeats nothing and looks
 * random, but is not: nothing in the program would notice. So choose the function that fits:
 */
#ifndef LIBSEAL_ESP_RANDOM_H
#define LIBSEAL_ESP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Takes its noise from the radio: Wi-Fi, Bluetooth or 802.15.4 must have been started, and must not be in
 * modem sleep, whenever something is sealed. Never waits, and always returns 0.
 *
 * It cannot know whether a radio is on. If none is, sealing still succeeds, with a data key that an attacker
 * may be able to guess, and nothing shows it.
 */
int libseal_esp_random_with_radio(void *user_data, uint8_t *out, size_t len);

/**
 * Turns on noise from the ADC, reads, and turns it off again, which takes about a millisecond.
 *
 * No radio may be on meanwhile, and no task may use the ADC: this is for early in app_main(), and for
 * programs without both. On chips without a radio, ESP-IDF leaves the noise on, and this only reads.
 *
 * Tasks take turns. One that waits for more than 100 ms gives up, and sealing fails with
 * LIBSEAL_ERR_RANDOM_FAILED.
 */
int libseal_esp_random_without_radio(void *user_data, uint8_t *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
