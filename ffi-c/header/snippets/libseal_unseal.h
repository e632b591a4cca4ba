/*
 * libseal: unsealing. Only the complete library has these functions.
 *
 * libseal_seal.h states the rules for every function.
 */

