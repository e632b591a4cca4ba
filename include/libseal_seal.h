/*
 * libseal: seal data offline with a public RSA key; only the private key, which stays in AWS KMS
 * or another KMS or HSM, unseals it.
 *
 *     libseal_public_key key;
 *     uint8_t message[512];
 *     size_t message_len;
 *
 *     libseal_status status = libseal_public_key_init(&key, sizeof key, der, der_len);
 *     if (status == LIBSEAL_OK) {
 *         libseal_recipient recipient = {.key = &key};
 *         libseal_context_pair context = {.key = "device", .value = "42"};
 *         libseal_seal_params params = {&recipient, 1, &context, 1, NULL};
 *         status = libseal_seal(&params, reading, reading_len,
 *                               message, sizeof message, &message_len);
 *     }
 *     if (status != LIBSEAL_OK)
 *         fprintf(stderr, "%s\n", libseal_status_text(status));
 *
 * Link the shared library with `pkg-config --libs libseal`, and the static one with
 * `pkg-config --static --libs libseal`. For servers the library can be built on AWS-LC, which is
 * faster: `make lib PROVIDER=aws-lc-rs`.
 *
 * There are two libraries. The complete one has what libseal_seal.h and libseal_unseal.h declare. The
 * one for firmware has what this file declares: it needs no heap and no operating system, and the
 * caller gives it random bytes. It calls memcpy, memmove, memset and memcmp, as the compiler does
 * anyway. A program that includes only this file compiles and links with either.
 *
 * A message says nothing about who sealed it: the public key is public.
 *
 * The two headers follow the life of a message: status, public key, recipients, context and random
 * bytes, sealing in one call, piece by piece, and many messages under one data key; then what a header
 * says, unsealing in one call, piece by piece and in part.
 *
 * Conventions, for every function:
 *
 * Status. LIBSEAL_OK is 0. A function that returns libseal_status lists each status that it can
 * return, but for LIBSEAL_ERR_INTERNAL, which any of them returns if it runs into a bug of this
 * library. There are no partial successes, no last-error variables and no other global state.
 *
 * State after an error. LIBSEAL_ERR_BUFFER_TOO_SMALL and LIBSEAL_ERR_INVALID_STATE change nothing:
 * the first can be retried with more room. Any other error, a wrong argument included, ends the
 * libseal_sealer or libseal_unsealer it was returned for; from then on it answers
 * LIBSEAL_ERR_INVALID_STATE.
 *
 * Output. A buffer is `out` with room for `out_cap` bytes; `*written` is set to the number of
 * bytes in it, to the number needed on LIBSEAL_ERR_BUFFER_TOO_SMALL, and to 0 on any other error.
 * Lengths become 0 and pointers NULL on errors. After an error `out` holds nothing of use and no
 * secret: plaintext that was written is overwritten with zeros. Output parameters are never read.
 * `out` must point to at least `out_cap` writable bytes; it may be NULL only if `out_cap` is 0.
 *
 * Input. NULL with length 0 is an empty input; NULL with another length is
 * LIBSEAL_ERR_NULL_POINTER. Other pointers must not be NULL, unless the comment of the function
 * says so. Nothing is kept after the call, unless the comment says so. Pointers must be aligned
 * as their type is.
 *
 * Overlap. `in` and `out` must not overlap; if they do, the call fails with
 * LIBSEAL_ERR_INVALID_ARGUMENT. No other output may overlap any other argument.
 *
 * Text. Text given to the library is UTF-8 and ends with a NUL. Text that the library takes from a
 * message comes with a length and does not.
 *
 * Ownership. What `_init` and `_start` fill belongs to the caller, memory included. What `_new` and
 * `_parse` return belongs to the caller until the `_free` of the same name; `_free` of NULL does
 * nothing. "Borrowed until" says how long any other pointer is valid.
 *
 * Threads. Functions on a const handle may run at the same time; any other function needs its
 * handle for itself. Handles may move from thread to thread.
 *
 * The library starts threads of its own only for a handle that was given several:
 * libseal_sealer_set_threads(), libseal_unsealer_set_threads(). Threads start with the first piece that
 * is large enough and inherit the caller's signal mask. Ending the handle tells them to stop but does
 * not wait for them. They never call back into your code. After fork(), the handle starts new threads
 * in the child.
 *
 * Heap. The library for firmware uses none. The complete one uses some to read keys in PEM, for the RSA
 * arithmetic and for a libseal_sealer until its end. Unsealing uses less than 256 KiB plus the length of
 * the required context, however long the message is; each thread adds a few KiB and a stack. On AWS-LC,
 * each thread that has sealed keeps some until it ends. If there is no memory, the process ends.
 *
 * Compatibility. The meaning of a number never changes. While the major version is 0, a minor version
 * may break the ABI: see libseal_version_number().
 */

#ifndef LIBSEAL_SEAL_H
#define LIBSEAL_SEAL_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(LIBSEAL_DLL)
#define LIBSEAL_API __declspec(dllimport)
#else
#define LIBSEAL_API
#endif

#if defined(__GNUC__)
#define LIBSEAL_NODISCARD __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define LIBSEAL_NODISCARD _Check_return_
#else
#define LIBSEAL_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status --------------------------------------------------------------------------------------- */

/**
 * The outcome of a call: LIBSEAL_OK, LIBSEAL_NEED_KEY or one of LIBSEAL_ERR_*.
 *
 * 1xx: the call is wrong. 2xx: the input is not a message that this library can read. 3xx: the message
 * is not authentic. 4xx: no data key. 9xx: the machine failed. Later versions may add numbers. Only the
 * libraries for other languages return the ones that no function here lists.
 */
typedef uint32_t libseal_status;

/** Success. */
#define LIBSEAL_OK 0

/** Not an error: the header is complete, and the data key is needed next. */
#define LIBSEAL_NEED_KEY 1

/** Called out of order, after the end, or after an error. */
#define LIBSEAL_ERR_INVALID_STATE 101

/** The output buffer is too small; nothing was consumed. */
#define LIBSEAL_ERR_BUFFER_TOO_SMALL 102

/** A pointer is NULL that must not be. */
#define LIBSEAL_ERR_NULL_POINTER 103

/**
 * The storage is smaller than this library needs; pass its sizeof, and compile with the header of
 * this version.
 */
#define LIBSEAL_ERR_STORAGE_TOO_SMALL 104

/** A text is not valid UTF-8. */
#define LIBSEAL_ERR_INVALID_UTF8 105

/** An argument is out of range or misaligned, or input and output overlap. */
#define LIBSEAL_ERR_INVALID_ARGUMENT 106

/** Not a public key; give a SubjectPublicKeyInfo in DER or PEM, as KMS GetPublicKey returns it. */
#define LIBSEAL_ERR_NOT_A_PUBLIC_KEY 110

/**
 * This is a private key; it does not belong on a sealing device: extract the public key with
 * `openssl pkey -pubout`.
 */
#define LIBSEAL_ERR_PRIVATE_KEY_GIVEN 111

/** This is a certificate; extract its public key with `openssl x509 -pubkey -noout`. */
#define LIBSEAL_ERR_CERTIFICATE_GIVEN 112

/** This is a bare PKCS#1 RSAPublicKey; convert it with `openssl rsa -RSAPublicKey_in -pubout`. */
#define LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN 113

/** Not an RSA key; use RSA_2048, RSA_3072 or RSA_4096. */
#define LIBSEAL_ERR_NOT_RSA 114

/** The RSA key is shorter than 2048 bits; use 2048, 3072 or 4096. */
#define LIBSEAL_ERR_KEY_TOO_SMALL 115

/** The RSA key is longer than 4096 bits; use 2048, 3072 or 4096. */
#define LIBSEAL_ERR_KEY_TOO_LARGE 116

/** No KMS holds RSA keys of this size; use 2048, 3072 or 4096 bits. */
#define LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE 117

/** Broken RSA key: the modulus must be odd, the exponent odd, at least 3 and below 2^32. */
#define LIBSEAL_ERR_INVALID_RSA_KEY 118

/** Not an RSA private key of 2048, 3072 or 4096 bits in PEM (PKCS#8, encrypted or not). */
#define LIBSEAL_ERR_NOT_A_PRIVATE_KEY 120

/** The private key is encrypted and the password is missing or wrong. */
#define LIBSEAL_ERR_PRIVATE_KEY_PASSWORD 121

/** The encryption context is longer than 8192 bytes when encoded. */
#define LIBSEAL_ERR_CONTEXT_TOO_LONG 130

/** A key of the encryption context is empty. */
#define LIBSEAL_ERR_CONTEXT_KEY_EMPTY 131

/** A key of the encryption context is given twice. */
#define LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE 132

/** Keys of the encryption context that begin with `libseal:` are reserved. */
#define LIBSEAL_ERR_CONTEXT_KEY_RESERVED 133

/** The key id is longer than 2048 bytes. */
#define LIBSEAL_ERR_KEY_ID_TOO_LONG 140

/** No recipient; give at least one public key. */
#define LIBSEAL_ERR_NO_RECIPIENTS 150

/** Too many recipients; a message has at most 16. */
#define LIBSEAL_ERR_TOO_MANY_RECIPIENTS 151

/** A message holds less than 4 PiB, and no more than was announced when it was started. */
#define LIBSEAL_ERR_MESSAGE_TOO_LONG 160

/** The limits of the sealing key allow no more messages, bytes or time; make a new one. */
#define LIBSEAL_ERR_SEALING_KEY_EXHAUSTED 170

/** Not a sealed message: it does not begin with `SEAL`. */
#define LIBSEAL_ERR_NOT_SEALED 200

/** Sealed in a version of the format that this library does not know; upgrade it. */
#define LIBSEAL_ERR_UNSUPPORTED_VERSION 201

/** Sealed with a cipher suite that this library does not know; upgrade it. */
#define LIBSEAL_ERR_UNSUPPORTED_SUITE 202

/** The header breaks the rules of the format. */
#define LIBSEAL_ERR_HEADER_MALFORMED 203

/** The header is longer than 64 KiB. */
#define LIBSEAL_ERR_HEADER_TOO_LARGE 204

/** The message is empty: there is nothing to unseal. */
#define LIBSEAL_ERR_EMPTY_MESSAGE 210

/** The message is cut short: its end is missing. */
#define LIBSEAL_ERR_TRUNCATED 211

/** Not authentic: altered, cut inside its last chunk, or unwrapped with the wrong data key. */
#define LIBSEAL_ERR_AUTHENTICATION_FAILED 300

/** A required pair is missing from the encryption context or has another value. */
#define LIBSEAL_ERR_CONTEXT_MISMATCH 301

/** Sealed for other keys: the unwrapper holds none of the recipients. */
#define LIBSEAL_ERR_NO_MATCHING_RECIPIENT 400

/** The data key could not be unwrapped. */
#define LIBSEAL_ERR_UNWRAP_FAILED 401

/** The unwrapped data key is not 32 bytes long. */
#define LIBSEAL_ERR_DATA_KEY_LENGTH 402

/** Internal error: please report it. */
#define LIBSEAL_ERR_INTERNAL 900

/** The source of random bytes failed or gave the same bytes again; nothing was sealed. */
#define LIBSEAL_ERR_RANDOM_FAILED 901

/** A known answer came out wrong; nothing that this machine seals can be trusted. */
#define LIBSEAL_ERR_SELF_TEST_FAILED 902

/**
 * One sentence in English that says what a status means and what to do. Never NULL.
 *
 * Borrowed for as long as the library is loaded.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_status_text(libseal_status status);

/**
 * The name of a status without LIBSEAL_ERR_ or LIBSEAL_, such as "TRUNCATED". Never NULL.
 *
 * Borrowed for as long as the library is loaded.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_status_name(libseal_status status);

/* Version -------------------------------------------------------------------------------------- */

#define LIBSEAL_VERSION_MAJOR 0
#define LIBSEAL_VERSION_MINOR 1
#define LIBSEAL_VERSION_PATCH 0
#define LIBSEAL_VERSION "0.1.0"

/** Grows with each version; the preprocessor can compare it. */
#define LIBSEAL_VERSION_NUMBER \
    (LIBSEAL_VERSION_MAJOR << 16 | LIBSEAL_VERSION_MINOR << 8 | LIBSEAL_VERSION_PATCH)

/**
 * The version of the library that is linked, such as "1.2.3"; LIBSEAL_VERSION is that of this
 * header. Never NULL. Borrowed for as long as the library is loaded.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_version(void);

/**
 * The version of the library that is linked, as a number to compare with LIBSEAL_VERSION_NUMBER, which
 * is that of this header: `major << 16 | minor << 8 | patch`.
 *
 * A library with the same major version and a number that is not lower has everything that this header
 * declares. While the major version is 0, the minor version must be the same too.
 */
LIBSEAL_API LIBSEAL_NODISCARD
uint32_t libseal_version_number(void);

/* Public key ----------------------------------------------------------------------------------- */

/** Bytes in a libseal_public_key. */
#define LIBSEAL_PUBLIC_KEY_SIZE 576

/** Bytes in a fingerprint. */
#define LIBSEAL_FINGERPRINT_LEN 32

/**
 * An RSA public key of 2048, 3072 or 4096 bits, filled by libseal_public_key_init().
 *
 * Holds no heap memory and no secret: it may be copied, and needs no end. Functions tell a key that
 * was not filled by its storage, provided that it is zero-initialised.
 */
typedef struct libseal_public_key {
    uint64_t opaque_[72];
} libseal_public_key;

/**
 * Reads a public key: a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, or in PEM
 * ("-----BEGIN PUBLIC KEY-----"). The library for firmware reads DER only; for PEM it returns
 * LIBSEAL_ERR_NOT_A_PUBLIC_KEY.
 *
 * @param key       Storage for the key; overwritten. After an error it holds none.
 * @param key_size  sizeof(libseal_public_key).
 * @return LIBSEAL_OK;
 *         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_STORAGE_TOO_SMALL, LIBSEAL_ERR_INVALID_ARGUMENT;
 *         LIBSEAL_ERR_NOT_A_PUBLIC_KEY, or for what was given instead:
 *         LIBSEAL_ERR_PRIVATE_KEY_GIVEN, LIBSEAL_ERR_CERTIFICATE_GIVEN,
 *         LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, LIBSEAL_ERR_NOT_RSA;
 *         LIBSEAL_ERR_KEY_TOO_SMALL, LIBSEAL_ERR_KEY_TOO_LARGE, LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE,
 *         LIBSEAL_ERR_INVALID_RSA_KEY.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_public_key_init(libseal_public_key *key,
                                       size_t key_size,
                                       const uint8_t *der_or_pem,
                                       size_t len);

/** The size of the key's modulus: 2048, 3072 or 4096; 0 if `key` is NULL or was not filled. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_public_key_bits(const libseal_public_key *key);

/**
 * The key's fingerprint, by which messages name their recipients: SHA-256 of its
 * SubjectPublicKeyInfo in DER, as from `openssl pkey -pubin -outform DER | sha256sum`.
 *
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
 *         LIBSEAL_ERR_INVALID_STATE if the key was not filled.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_public_key_fingerprint(const libseal_public_key *key,
                                              uint8_t fingerprint[32]);

/* Recipients ----------------------------------------------------------------------------------- */

/** Most recipients of a message. */
#define LIBSEAL_MAX_RECIPIENTS 16

/** Most bytes of a key id. */
#define LIBSEAL_MAX_KEY_ID_LEN 2048

/** The KMS algorithm RSAES_OAEP_SHA_256: the default. */
#define LIBSEAL_RSAES_OAEP_SHA_256 1

/**
 * The KMS algorithm RSAES_OAEP_SHA_1: only for a KMS or HSM that supports no other. The library for
 * firmware refuses it with LIBSEAL_ERR_INVALID_ARGUMENT.
 */
#define LIBSEAL_RSAES_OAEP_SHA_1 2

/**
 * Who can unseal a message: each of 1 to LIBSEAL_MAX_RECIPIENTS recipients alone can.
 *
 * `{.key = &key}` is all that is needed. The struct and what it points to are borrowed until the
 * call that takes it returns.
 */
typedef struct libseal_recipient {
    /** The public key; not NULL. */
    const libseal_public_key *key;
    /**
     * A hint for whoever unseals, such as the alias or ARN of the KMS key, of at most
     * LIBSEAL_MAX_KEY_ID_LEN bytes; NULL is the empty one. Everybody can read it.
     */
    const char *key_id;
    /**
     * How the data key is wrapped: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1, or 0 for
     * the default.
     */
    uint32_t algorithm;
} libseal_recipient;

/* Encryption context --------------------------------------------------------------------------- */

/** Most bytes of an encryption context: its keys and values, and 4 bytes for each pair. */
#define LIBSEAL_MAX_CONTEXT_LEN 8192

/** Most pairs that a call takes. A message from elsewhere may have more. */
#define LIBSEAL_MAX_CONTEXT_PAIRS 16

/**
 * A pair of the encryption context: everybody can read it, and nobody can change it unnoticed.
 *
 * Keys are not empty, not given twice and do not begin with "libseal:"; the order does not matter.
 * The struct and what it points to are borrowed until the call that takes it returns.
 */
typedef struct libseal_context_pair {
    /** Not NULL. */
    const char *key;
    /** Not NULL; may be empty. */
    const char *value;
} libseal_context_pair;

/* Random bytes --------------------------------------------------------------------------------- */

/**
 * Fills `out` with `len` bytes from a cryptographic random source, such as the hardware's.
 *
 * An answer that is constant, or begins as the one before, makes sealing fail with
 * LIBSEAL_ERR_RANDOM_FAILED; nothing is sealed with it. This finds a generator that was not switched
 * on, and says nothing about the quality of one that was.
 *
 * The library calls it on the calling thread. It must not leave by longjmp or a C++ exception, nor
 * use the handle that it is called for. Handles on several threads that share a source call it at the
 * same time.
 *
 * @param user_data  As it was given to the library.
 * @param out        All zeros; from 20 to 32 bytes.
 * @return 0: `out` is filled. Any other value: the source failed, and so does the call that needed
 *         it, with LIBSEAL_ERR_RANDOM_FAILED.
 */
typedef int (*libseal_random_fn)(void *user_data,
                                 uint8_t *out,
                                 size_t len);

/** A source of random bytes. */
typedef struct libseal_random {
    /** Not NULL. */
    libseal_random_fn fill;
    /** Handed on to `fill`. */
    void *user_data;
} libseal_random;

/* What a message is sealed with ---------------------------------------------------------------- */

/**
 * What a message is sealed with: for whom, with which public context, with whose random bytes.
 *
 * `{.recipients = &recipient, .recipient_count = 1}` is all that is needed on a machine with an
 * operating system. Borrowed, with all that it points to, until the call that takes it returns.
 */
typedef struct libseal_seal_params {
    /** 1 to LIBSEAL_MAX_RECIPIENTS of them. */
    const libseal_recipient *recipients;
    /** How many there are. */
    size_t recipient_count;
    /** At most LIBSEAL_MAX_CONTEXT_PAIRS pairs, in any order; NULL if there are none. */
    const libseal_context_pair *context;
    /** How many there are. */
    size_t context_count;
    /**
     * Where random bytes come from; NULL for the operating system. The library for firmware knows no
     * operating system: it must not be NULL there.
     */
    const libseal_random *random;
} libseal_seal_params;

/* Sealing in one call -------------------------------------------------------------------------- */

/**
 * The length of a sealed message.
 *
 * @param in_len  Length of the plaintext.
 * @param len     Set to the length of the message.
 * @return as libseal_sealer_start_len(), and LIBSEAL_ERR_MESSAGE_TOO_LONG from 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealed_len(const libseal_seal_params *params,
                                  uint64_t in_len,
                                  uint64_t *len);

/**
 * Seals a message that is in memory.
 *
 * @param in       The plaintext.
 * @param out      For the message, of libseal_sealed_len() bytes.
 * @return as libseal_sealer_start_len(), LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_seal(const libseal_seal_params *params,
                            const uint8_t *in,
                            size_t in_len,
                            uint8_t *out,
                            size_t out_cap,
                            size_t *written);

/*
 * Sealing piece by piece --------------------------------------------------------------------------
 *
 * 1. libseal_sealer_start() writes the first bytes of the message: header, salt and commitment.
 * 2. libseal_sealer_update(), any number of times, turns each piece of plaintext into as many bytes
 *    of the message at once; nothing is buffered.
 * 3. libseal_sealer_finish() writes the last bytes; libseal_sealer_finish_with() takes the last piece
 *    of plaintext as well.
 *
 * A message without those last bytes is refused by every reader. That is how to abandon one:
 * libseal_sealer_wipe(), and no more.
 */

/**
 * Enough for libseal_sealer_start(), known to the compiler: `key_ids_len` is the length of all key
 * ids together, `context_len` that of all keys and values with 4 bytes more for each pair.
 */
#define LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) \
    (97 + (recipients) * 549 + (key_ids_len) + (context_len))

/**
 * Enough for libseal_sealer_update() at any time, known to the compiler; with
 * LIBSEAL_SEALER_FINISH_LEN more, for libseal_sealer_finish_with().
 */
#define LIBSEAL_SEALER_UPDATE_BOUND(in_len) ((in_len) + ((in_len) / 16384 + 1) * 16)

/** Bytes in a libseal_sealer. */
#define LIBSEAL_SEALER_SIZE 512

/** Bytes that libseal_sealer_finish() writes. */
#define LIBSEAL_SEALER_FINISH_LEN 16

/**
 * A message on the way out, filled by libseal_sealer_start().
 *
 * Holds the message's key until its end: libseal_sealer_finish(), libseal_sealer_finish_with(),
 * libseal_sealer_wipe() or an error. In the complete library it may hold heap memory and threads until
 * then: storage that is reused or given up before its end leaks them.
 *
 * Not to be copied or moved: a copy is refused with LIBSEAL_ERR_INVALID_STATE. So is storage that was
 * never started, provided that it is zero-initialised.
 */
typedef struct libseal_sealer {
    uint64_t opaque_[64];
} libseal_sealer;

/**
 * Exactly what libseal_sealer_start() writes.
 *
 * @return LIBSEAL_OK;
 *         LIBSEAL_ERR_NULL_POINTER;
 *         LIBSEAL_ERR_INVALID_ARGUMENT for more than LIBSEAL_MAX_CONTEXT_PAIRS pairs or an unknown
 *         algorithm;
 *         LIBSEAL_ERR_INVALID_STATE if a public key was not filled;
 *         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_KEY_ID_TOO_LONG, LIBSEAL_ERR_NO_RECIPIENTS,
 *         LIBSEAL_ERR_TOO_MANY_RECIPIENTS;
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG, LIBSEAL_ERR_CONTEXT_KEY_EMPTY,
 *         LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE, LIBSEAL_ERR_CONTEXT_KEY_RESERVED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_start_len(const libseal_seal_params *params,
                                        size_t *len);

/**
 * Begins a message: draws a data key, wraps it for each recipient, and writes the first bytes of
 * the message.
 *
 * @param sealer       Storage; overwritten, whatever it held: a sealer in it has to have ended.
 *                     After an error it holds none, also after LIBSEAL_ERR_BUFFER_TOO_SMALL.
 * @param sealer_size  sizeof(libseal_sealer).
 * @param out          For libseal_sealer_start_len() bytes.
 * @return as libseal_sealer_start_len(), LIBSEAL_ERR_STORAGE_TOO_SMALL,
 *         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_start(libseal_sealer *sealer,
                                    size_t sealer_size,
                                    const libseal_seal_params *params,
                                    uint8_t *out,
                                    size_t out_cap,
                                    size_t *written);

/**
 * Exactly what libseal_sealer_update() writes for so much input now: as many bytes, and 16 more for
 * each 16 KiB of plaintext that it completes. 0 if `sealer` is NULL or not started, SIZE_MAX if no
 * buffer is that long. LIBSEAL_SEALER_UPDATE_BOUND is enough at any time.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_sealer_update_len(const libseal_sealer *sealer,
                                 size_t in_len);

/**
 * Seals the next piece, of any length.
 *
 * @param in   The next plaintext.
 * @param out  For libseal_sealer_update_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_MESSAGE_TOO_LONG at
 *         4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_update(libseal_sealer *sealer,
                                     const uint8_t *in,
                                     size_t in_len,
                                     uint8_t *out,
                                     size_t out_cap,
                                     size_t *written);

/**
 * Ends the message: writes its last LIBSEAL_SEALER_FINISH_LEN bytes, and wipes the storage.
 *
 * @param out  For LIBSEAL_SEALER_FINISH_LEN bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_finish(libseal_sealer *sealer,
                                     uint8_t *out,
                                     size_t out_cap,
                                     size_t *written);

/**
 * Takes the rest of the plaintext and ends the message: libseal_sealer_update() and
 * libseal_sealer_finish() in one. Wipes the storage.
 *
 * @param in   The last plaintext, or all of it.
 * @param out  For libseal_sealer_update_len() and LIBSEAL_SEALER_FINISH_LEN bytes.
 * @return as libseal_sealer_update().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_finish_with(libseal_sealer *sealer,
                                          const uint8_t *in,
                                          size_t in_len,
                                          uint8_t *out,
                                          size_t out_cap,
                                          size_t *written);

/**
 * Abandons a message: wipes the storage. Does nothing if `sealer` is NULL, finished or not started.
 */
LIBSEAL_API
void libseal_sealer_wipe(libseal_sealer *sealer);

/*
 * One data key for many messages ------------------------------------------------------------------
 *
 * For telemetry: libseal_sealing_key_init() wraps a data key once; each libseal_sealing_key_seal()
 * is a message like any other, without the cost of RSA for the device and of another KMS call for
 * the backend. All the messages have the same header, so everybody sees that they come from one
 * device, and the same encryption context.
 */

/** Enough for libseal_sealing_key_init(), as LIBSEAL_SEALER_START_BOUND. */
#define LIBSEAL_SEALING_KEY_HEADER_BOUND(recipients, key_ids_len, context_len) \
    (LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) - 56)

/** Bytes in a libseal_sealing_key. */
#define LIBSEAL_SEALING_KEY_SIZE 160

/**
 * A data key for many messages, filled by libseal_sealing_key_init().
 *
 * Holds the data key until libseal_sealing_key_wipe(), and no heap memory. Not to be copied or
 * moved: a copy is refused with LIBSEAL_ERR_INVALID_STATE. So is storage that was never filled,
 * provided that it is zero-initialised. An error leaves it as it was.
 */
typedef struct libseal_sealing_key {
    uint64_t opaque_[20];
} libseal_sealing_key;

/**
 * How much one sealing key seals. Every message has keys of its own, derived with a fresh salt, so
 * the cipher needs no limit: these bound what is lost with one data key.
 */
typedef struct libseal_sealing_limits {
    /** Messages; 0 for 1,048,576. */
    uint64_t messages;
    /** Bytes of plaintext; 0 for 64 GiB. */
    uint64_t bytes;
    /**
     * Seconds from libseal_sealing_key_init() to the last message, by the monotonic clock of the
     * machine; 0 for no limit. The library for firmware has no clock, so it refuses any other value
     * with LIBSEAL_ERR_INVALID_ARGUMENT.
     */
    uint64_t age_seconds;
} libseal_sealing_limits;

/**
 * The size of the header that the messages of a sealing key have in common.
 *
 * @return as libseal_sealer_start_len().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_header_len(const libseal_seal_params *params,
                                              size_t *len);

/**
 * Draws a data key and wraps it for each recipient.
 *
 * @param key         Storage; overwritten, whatever it held. After an error it holds no key.
 * @param key_size    sizeof(libseal_sealing_key).
 * @param params      What each message is sealed with. The callback for random bytes and its
 *                    `user_data` are borrowed until libseal_sealing_key_wipe().
 * @param limits      NULL for the default ones.
 * @param header      For libseal_sealing_key_header_len() bytes: the header of each message.
 *                    Borrowed until libseal_sealing_key_wipe(), and not to be changed.
 * @param header_len  Set to the length of the header, or of the one that is needed.
 * @return as libseal_sealer_start().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_init(libseal_sealing_key *key,
                                        size_t key_size,
                                        const libseal_seal_params *params,
                                        const libseal_sealing_limits *limits,
                                        uint8_t *header,
                                        size_t header_cap,
                                        size_t *header_len);

/**
 * The length of a message sealed by libseal_sealing_key_seal(). 0 if `key` is NULL or not filled, or
 * if there is no message of this length, which is from 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
uint64_t libseal_sealing_key_sealed_len(const libseal_sealing_key *key,
                                        uint64_t in_len);

/**
 * Seals a message that is in memory.
 *
 * @param in   The plaintext.
 * @param out  For the message, of libseal_sealing_key_sealed_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_NULL_POINTER,
 *         LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_MESSAGE_TOO_LONG,
 *         LIBSEAL_ERR_RANDOM_FAILED;
 *         LIBSEAL_ERR_SEALING_KEY_EXHAUSTED if the message would go beyond the limits.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_seal(libseal_sealing_key *key,
                                        const uint8_t *in,
                                        size_t in_len,
                                        uint8_t *out,
                                        size_t out_cap,
                                        size_t *written);

/** Exactly what libseal_sealing_key_start() writes. 0 if `key` is NULL or not filled. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_sealing_key_start_len(const libseal_sealing_key *key);

/**
 * Begins a message that goes on as one of libseal_sealer_start() does. The sealer is independent of
 * the sealing key from then on. A stream of unknown length is better off with a data key of its own:
 * libseal_sealer_start().
 *
 * @param sealer       Storage, as for libseal_sealer_start().
 * @param sealer_size  sizeof(libseal_sealer).
 * @param max_len      The most plaintext that the message will hold, taken from the limits at once.
 * @param out          For libseal_sealing_key_start_len() bytes.
 * @return as libseal_sealing_key_seal(), and LIBSEAL_ERR_STORAGE_TOO_SMALL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_start(libseal_sealing_key *key,
                                         libseal_sealer *sealer,
                                         size_t sealer_size,
                                         uint64_t max_len,
                                         uint8_t *out,
                                         size_t out_cap,
                                         size_t *written);

/** Wipes a sealing key. Does nothing if `key` is NULL or not filled. */
LIBSEAL_API
void libseal_sealing_key_wipe(libseal_sealing_key *key);

/* Self-test ------------------------------------------------------------------------------------ */

/**
 * Computes known answers of SHA-256, HMAC and HKDF with SHA-512, AES-256-GCM and RSAES-OAEP: for a
 * device that is to find out at boot whether its memory and its processor still do what they
 * should. Nobody has to call it.
 *
 * @return LIBSEAL_OK, LIBSEAL_ERR_SELF_TEST_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_self_test(void);

#ifdef __cplusplus
}
#endif

#endif /* LIBSEAL_SEAL_H */
