/*
 * Seals with random bytes that are known, and looks for secrets in all of the RAM: after each call
 * outside of the handle that is alive, and in the end everywhere.
 */
#include "../c/regressions/scan.h"
#include "board.h"

#include <libseal_seal.h>

extern const uint8_t public_key[], public_key_end[];
extern uint8_t data_start[], stack_top[];

static unsigned calls;
static const libseal_random random_source = LIBSEAL_RANDOM_INIT(known_random, &calls);
static libseal_rsa_public_key key;
static const libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, NULL);
static const libseal_envelope envelope = {
    .size = sizeof(libseal_envelope),
    .recipients = &recipient,
    .recipient_count = 1,
    .random = &random_source,
};
static libseal_sealer sealer;
static libseal_sealing_key sealing_key;
static uint8_t header[400], in[256], out[LIBSEAL_SEALER_START_BOUND(1, 0, 0) + 300];
static size_t len;

/* `handle` is `handle_len` bytes that may hold secrets. */
static void look(const char *after, const void *handle, size_t handle_len)
{
    const uint8_t *hole = handle ? handle : stack_top;
    const char *found = secret_in(data_start, (size_t)(hole - data_start));
    if (!found && handle)
        found = secret_in(hole + handle_len, (size_t)(stack_top - hole) - handle_len);
    if (!found)
        return;
    print(after);
    print(" leaves the ");
    print(found);
    print("\n");
    stop(1);
}

static void check(const char *call, libseal_status status)
{
    if (status == LIBSEAL_OK)
        return;
    print(call);
    print(": ");
    print(libseal_status_text(status));
    print("\n");
    stop(1);
}

#define CALL(name, ...) check(#name, name(__VA_ARGS__))

static void piece_by_piece(void)
{
    calls = 0;
    CALL(libseal_sealer_start, &sealer, sizeof sealer, &envelope, out, sizeof out, &len);
    look("libseal_sealer_start()", &sealer, sizeof sealer);
    CALL(libseal_sealer_update, &sealer, in, sizeof in, out, sizeof out, &len);
    look("libseal_sealer_update()", &sealer, sizeof sealer);
    CALL(libseal_sealer_finish, &sealer, out, sizeof out, &len);
    look("libseal_sealer_finish()", NULL, 0);
}

static void in_one_call(void)
{
    calls = 0;
    CALL(libseal_seal, &envelope, in, sizeof in, out, sizeof out, &len);
    look("libseal_seal()", NULL, 0);
}

static void under_one_data_key(void)
{
    calls = 0;
    CALL(libseal_sealing_key_init, &sealing_key, sizeof sealing_key, &envelope, NULL, header,
         sizeof header, &len);
    look("libseal_sealing_key_init()", &sealing_key, sizeof sealing_key);
    CALL(libseal_sealing_key_seal, &sealing_key, in, sizeof in, out, sizeof out, &len);
    look("libseal_sealing_key_seal()", &sealing_key, sizeof sealing_key);
    libseal_sealing_key_wipe(&sealing_key);
    look("libseal_sealing_key_wipe()", NULL, 0);
}

int main(void)
{
    CALL(libseal_rsa_public_key_init, &key, sizeof key, public_key,
         (size_t)(public_key_end - public_key));
    in_one_call();
    piece_by_piece();
    under_one_data_key();
    /* A secret that is there is found. */
    calls = 0;
    known_random(&calls, in, 32);
    print(secret_in(data_start, (size_t)(stack_top - data_start)));
    return 0;
}
