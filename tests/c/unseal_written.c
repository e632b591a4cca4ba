/* Unseals, with the complete library, what firmware.c wrote into this folder. */
#include "check.h"
#include "unseal.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *read_numbered(const char *number, const char *extension, size_t *len)
{
    char path[64];
    snprintf(path, sizeof path, "%s.%s", number, extension);
    return read_file(path, len);
}

/* "NUMBER PRIVATE_KEY KEY=VALUE KEY=VALUE ..." */
static void check_line(char *line)
{
    const char *number = strtok(line, " ");
    const char *private_key = strtok(NULL, " ");
    libseal_context_pair required[LIBSEAL_MAX_CONTEXT_PAIRS];
    size_t required_count = 0;
    for (char *pair; (pair = strtok(NULL, " ")) != NULL; required_count++) {
        char *equals = strchr(pair, '=');
        if (!equals || required_count == ARRAY_LEN(required))
            fatal("bad line", number);
        *equals = 0;
        required[required_count] = (libseal_context_pair){.key = pair, .value = equals + 1};
    }
    size_t message_len, len;
    uint8_t *message = read_numbered(number, "message", &message_len);
    uint8_t *plaintext = read_numbered(number, "plaintext", &len);
    CHECK(unseals_to(message, message_len, plaintext, len, private_key, required, required_count));
    free(message);
    free(plaintext);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    size_t len;
    char *list = (char *)read_file("messages", &len);
    for (char *line = list, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        check_line(line);
    }
    free(list);
    return report();
}
