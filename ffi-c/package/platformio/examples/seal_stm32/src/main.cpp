// Seals a reading, and prints the message as hex; a real device would store or send it.
#include <Arduino.h>

#include "seal_reading.h"
#include "stm32_random.h"

static const libseal_random trng = LIBSEAL_RANDOM_INIT(stm32_random, nullptr);
static uint8_t message[SEALED_LEN];

void setup()
{
    Serial.begin(115200);

    size_t message_len;
    libseal_status status = seal_reading(&trng, "21.5 C", message, &message_len);
    if (status != LIBSEAL_OK) {
        Serial.println(libseal_status_text(status));
        return;
    }
    Serial.print("sealed: ");
    for (size_t i = 0; i < message_len; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", message[i]);
        Serial.print(hex);
    }
    Serial.println();
}

void loop()
{
}
