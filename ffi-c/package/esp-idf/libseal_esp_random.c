#include "libseal_esp_random.h"

#include <string.h>

#include "bootloader_random.h"
#include "esp_random.h"
#include "esp_rom_sys.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "soc/soc_caps.h"

/* In milliseconds. */
#define TIME_OUT 100

/* The ADC makes noise more slowly than the radio, and esp_random() waits only as long as that needs. */
#define MICROSECONDS_FOR_A_WORD 50

static StaticSemaphore_t storage;
static SemaphoreHandle_t turn;

__attribute__((constructor)) static void make_turn(void)
{
    turn = xSemaphoreCreateMutexStatic(&storage);
}

static void noise_on(void)
{
#if SOC_WIFI_SUPPORTED || SOC_BT_SUPPORTED || SOC_IEEE802154_SUPPORTED
    bootloader_random_enable();
#endif
}

static void noise_off(void)
{
#if SOC_WIFI_SUPPORTED || SOC_BT_SUPPORTED || SOC_IEEE802154_SUPPORTED
    bootloader_random_disable();
#endif
}

int libseal_esp_random_with_radio(void *user_data, uint8_t *out, size_t len)
{
    (void)user_data;
    /* It waits for a count of cycles, not for the generator, so it always returns. */
    esp_fill_random(out, len);
    return 0;
}

int libseal_esp_random_without_radio(void *user_data, uint8_t *out, size_t len)
{
    (void)user_data;
    if (xSemaphoreTake(turn, pdMS_TO_TICKS(TIME_OUT)) != pdTRUE)
        return 1;
    noise_on();
    while (len > 0) {
        esp_rom_delay_us(MICROSECONDS_FOR_A_WORD);
        uint32_t word = esp_random();
        size_t part = len < sizeof word ? len : sizeof word;
        memcpy(out, &word, part);
        out += part;
        len -= part;
    }
    noise_off();
    xSemaphoreGive(turn);
    return 0;
}
