/* A callback that fills only a part of what it is asked for is found. */
#include "../check.h"
#include "../support.h"

#include <string.h>

/* Fills the bytes before `end` and those from `start` on. */
typedef struct part {
    size_t end, start;
    int call, from_call;
} part;

static int fill_part(void *user_data, uint8_t *out, size_t len)
{
    part *p = user_data;
    p->call++;
    for (size_t i = 0; i < len; i++)
        if (p->call < p->from_call || i < p->end || i >= p->start)
            out[i] = good_byte(p->call, i);
    return 0;
}

static libseal_status seal_with(part *p)
{
    static uint8_t out[1000];
    size_t len;
    libseal_rsa_public_key key = public_key("rsa-2048");
    libseal_recipient to_key = RECIPIENT(.key = &key);
    libseal_random random = RANDOM(.fill = fill_part, .user_data = p);
    libseal_envelope envelope = ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                         .random = &random);
    return libseal_seal(&envelope, NULL, 0, out, sizeof out, &len);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    static const size_t ends[] = {0, 1, 4, 8, 12, 15, 16};
    for (int from_call = 1; from_call <= 3; from_call++)
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
            part rest = {.end = ends[i], .start = 32, .from_call = from_call};
            CHECK_STATUS(seal_with(&rest), LIBSEAL_ERR_RANDOM_FAILED);
            CHECK(rest.call == from_call);
        }
    part middle = {.end = 8, .start = 16, .from_call = 1};
    CHECK_STATUS(seal_with(&middle), LIBSEAL_ERR_RANDOM_FAILED);
    part beginning = {.end = 0, .start = 8, .from_call = 1};
    CHECK_STATUS(seal_with(&beginning), LIBSEAL_ERR_RANDOM_FAILED);
    part nothing = {.end = 32, .start = 32, .from_call = 1};
    CHECK_STATUS(seal_with(&nothing), LIBSEAL_OK);
    return report();
}
