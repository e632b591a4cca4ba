/* A loop that took LIBSEAL_NEED_KEY for a success, and went on with the bytes that were not consumed, never
 * ended. */
#include "../check.h"
#include "../unseal.h"

#include <libseal.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    vector v = accepted_vector("worked_example");
    static uint8_t out[65536];
    libseal_unsealer *unsealer;
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    const uint8_t *bytes = v.message;
    size_t left = v.message_len, consumed, written;
    libseal_status status = LIBSEAL_OK;
    int calls = 0;
    while (left > 0 && (status == LIBSEAL_OK || status == LIBSEAL_NEED_KEY) && calls++ < 1000) {
        status = libseal_unsealer_update(unsealer, bytes, left, &consumed, out, sizeof out, &written);
        bytes += consumed, left -= consumed;
    }
    CHECK(calls == 2 && left > 0);
    CHECK_STATUS(status, LIBSEAL_ERR_INVALID_STATE);

    /* Nothing is lost: with the key it goes on. */
    CHECK_STATUS(libseal_unsealer_update(unsealer, NULL, 0, &consumed, NULL, 0, &written),
                 LIBSEAL_NEED_KEY);
    CHECK_STATUS(libseal_unsealer_provide_key(unsealer, v.data_key), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_update(unsealer, bytes, left, NULL, out, sizeof out, &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written), LIBSEAL_OK);
    CHECK(written == v.plaintext_len);
    libseal_unsealer_free(unsealer);
    free_vector(&v);
    return report();
}
