/* Seals a reading, and prints the message as hex; a real device would store or send it. */
#include "seal_reading.h"

#include <libseal_esp_random.h>
#include <stdio.h>

void app_main(void)
{
    /* This program has no radio and uses no ADC. */
    static const libseal_random trng =
        LIBSEAL_RANDOM_INIT(libseal_esp_random_without_radio, NULL);
    static uint8_t message[SEALED_LEN];
    size_t message_len;

    libseal_status status = seal_reading(&trng, "21.5 C", message, &message_len);
    if (status != LIBSEAL_OK) {
        printf("%s\n", libseal_status_text(status));
        return;
    }
    printf("sealed: ");
    for (size_t i = 0; i < message_len; i++)
        printf("%02x", message[i]);
    printf("\n");
}
