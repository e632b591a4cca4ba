/** Enough for libseal_unsealer_update() at any time, known to the compiler: in_len + 16 KiB is more. */
#define LIBSEAL_UNSEALER_UPDATE_BOUND(in_len) (((in_len) + 16399) / 16400 * 16384)
