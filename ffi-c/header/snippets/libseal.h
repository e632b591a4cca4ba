/*
 * libseal: seal data with an RSA public key, and unseal it with the private key in AWS KMS or another
 * KMS or HSM.
 *
 * libseal_seal.h seals, and begins with an example and with the rules for every function;
 * libseal_unseal.h unseals; libseal_stream.h reads and writes streams, and lends threads. The library
 * for firmware has what libseal_seal.h declares; the complete library has all three.
 */

