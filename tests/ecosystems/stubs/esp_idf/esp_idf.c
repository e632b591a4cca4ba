#include "esp_idf.h"

#include "bootloader_random.h"
#include "esp_random.h"
#include "esp_rom_sys.h"
#include "freertos/semphr.h"

#include <string.h>
#include <sys/random.h>

bool noise, another_task;
unsigned words_with_noise, words_without_noise, ticks_waited;

void bootloader_random_enable(void)
{
    noise = true;
}

void bootloader_random_disable(void)
{
    noise = false;
}

uint32_t esp_random(void)
{
    uint32_t word = 0;
    *(noise ? &words_with_noise : &words_without_noise) += 1;
    return getrandom(&word, sizeof word, 0) == sizeof word ? word : 0;
}

void esp_fill_random(void *buf, size_t len)
{
    for (uint8_t *out = buf; len-- > 0;)
        *out++ = (uint8_t)esp_random();
}

void esp_rom_delay_us(uint32_t us)
{
    (void)us;
}

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *storage)
{
    return storage;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t ticks)
{
    if (another_task || semaphore->taken) {
        ticks_waited = ticks;
        return pdFALSE;
    }
    semaphore->taken = 1;
    return pdTRUE;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore)
{
    semaphore->taken = 0;
    return pdTRUE;
}

/* As ESP-IDF does after start. */
extern void app_main(void);

int main(void)
{
    app_main();
    return 0;
}
