/* libseal_unseal() asked for the data key of a message that was cut, although `out` was too small for what
 * is left of it. */
#include "../check.h"
#include "../unseal.h"

#include <libseal.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    vector v = accepted_vector("length_16384");
    static uint8_t out[40000];
    size_t written;
    for (size_t cut = 0; cut < 1000; cut += 8) {
        CHECK_STATUS(libseal_unseal(v.message, v.message_len - cut, unwrap_vector, &v, NULL, 0, out,
                                    100, &written),
                     LIBSEAL_ERR_BUFFER_TOO_SMALL);
        CHECK(written >= 16384 - cut && written <= sizeof out && v.calls == 0);
    }
    /* With the room that it takes, the cut is found. */
    CHECK_STATUS(libseal_unseal(v.message, v.message_len - 8, unwrap_vector, &v, NULL, 0, out,
                                sizeof out, &written),
                 LIBSEAL_ERR_TRUNCATED);
    CHECK(v.calls == 1);
    free_vector(&v);
    return report();
}
