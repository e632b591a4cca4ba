/* What a C block of README.md stands in, unless it has a main() of its own. BLOCK is the file with
 * the block: it declares `libseal_status status` and `size_t sealed_len`, and seals `data`.
 */

#include <libseal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t read_file(const char *path, uint8_t *bytes, size_t cap)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        abort();
    size_t len = fread(bytes, 1, cap, file);
    fclose(file);
    return len;
}

int main(void)
{
    static uint8_t der[1024], data[64 * 1024], sealed[128 * 1024];
    const size_t der_len = read_file("device.pub.der", der, sizeof der);
    const size_t data_len = read_file("log", data, sizeof data);

#include BLOCK

    if (status != LIBSEAL_OK) {
        fprintf(stderr, "%s\n", libseal_status_text(status));
        return 1;
    }
    FILE *file = fopen("log.sealed", "wb");
    if (file == NULL || fwrite(sealed, 1, sealed_len, file) != sealed_len || fclose(file) != 0)
        return 1;
    return 0;
}
