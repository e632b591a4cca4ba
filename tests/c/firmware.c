/* The library for firmware. What it sealed goes into numbered files, with a line for each message in the
 * file `messages`: unseal_written.c reads them. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

const bool is_complete = false;

static int fill_from_system(void *user_data, uint8_t *out, size_t len)
{
    (void)user_data;
    FILE *file = fopen("/dev/urandom", "rb");
    if (!file)
        fatal("cannot read", "/dev/urandom");
    bool filled = fread(out, 1, len, file) == len;
    fclose(file);
    return filled ? 0 : -1;
}

static const libseal_random from_system = RANDOM(.fill = fill_from_system);
const libseal_random *const machine_random = &from_system;

static void write_file(int number, const char *extension, const uint8_t *bytes, size_t len)
{
    char path[64];
    snprintf(path, sizeof path, "%d.%s", number, extension);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        fatal("cannot write", path);
}

bool unseals_to(const uint8_t *message, size_t message_len, const uint8_t *plaintext, size_t len,
                const char *private_key, const libseal_context_pair *required,
                size_t required_count)
{
    static FILE *list;
    static int number;
    if (!list)
        list = fopen("messages", "w");
    if (!list)
        fatal("cannot write", "messages");
    number++;
    write_file(number, "message", message, message_len);
    write_file(number, "plaintext", plaintext, len);
    fprintf(list, "%d %s", number, private_key);
    for (size_t i = 0; i < required_count; i++)
        fprintf(list, " %s=%s", required[i].key, required[i].value);
    fprintf(list, "\n");
    if (fflush(list) != 0)
        fatal("cannot write", "messages");
    return true;
}
