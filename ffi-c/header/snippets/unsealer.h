/** Enough for libseal_unsealer_update() at any time, as a constant: less than in_len + 16 KiB. */
#define LIBSEAL_UNSEALER_UPDATE_BOUND(in_len) (((in_len) + 16399) / 16400 * 16384)
