/* Seals a reading, and prints the message as hex; a real device would store or send it. */
#include "seal_reading.h"

#include <libseal_zephyr.h>
#include <zephyr/kernel.h>

int main(void)
{
    static const libseal_random trng = LIBSEAL_RANDOM_INIT(libseal_zephyr_random, NULL);
    static uint8_t message[SEALED_LEN];
    size_t message_len;

    libseal_status status = seal_reading(&trng, "21.5 C", message, &message_len);
    if (status != LIBSEAL_OK) {
        printk("%s\n", libseal_status_text(status));
        return 1;
    }
    printk("sealed: ");
    for (size_t i = 0; i < message_len; i++)
        printk("%02x", message[i]);
    printk("\n");
    return 0;
}
