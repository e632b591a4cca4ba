/*
 * libseal: seal data with an RSA public key, and unseal it with the private key in AWS KMS or another
 * KMS or HSM.
 *
 * libseal_seal.h seals; libseal_unseal.h unseals. The library for firmware has what libseal_seal.h
 * declares, and the complete library has both. libseal_seal.h begins with an example and with the
 * conventions for every function.
 */

