/*
 * libseal: unsealing, and sealing on several threads. Only the complete library has these functions.
 *
 * libseal_seal.h states the conventions for every function.
 */

