/* Seals a reading with random bytes of the operating system, and prints the message as hex. */
#include "seal_reading.h"

#include <stdio.h>

int main(void)
{
    static uint8_t message[SEALED_LEN];
    size_t message_len;

    libseal_status status = seal_reading(NULL, "21.5 C", message, &message_len);
    if (status != LIBSEAL_OK) {
        fprintf(stderr, "%s\n", libseal_status_text(status));
        return 1;
    }
    printf("libseal %s sealed: ", libseal_version());
    for (size_t i = 0; i < message_len; i++)
        printf("%02x", message[i]);
    printf("\n");
    return 0;
}
