/*
 * libseal: seal data with an RSA public key. Only the private key, which stays in AWS KMS or another
 * KMS or HSM, unseals it.
 *
 *     libseal_rsa_public_key key;
 *     libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, "alias/device-data");
 *     libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&backend, 1);
 *     uint8_t message[1000];
 *     size_t message_len;
 *
 *     libseal_status status = libseal_rsa_public_key_init(&key, sizeof key, der, der_len);
 *     if (status == LIBSEAL_OK)
 *         status = libseal_seal(&envelope, reading, reading_len,
 *                               message, sizeof message, &message_len);
 *     if (status != LIBSEAL_OK)
 *         fprintf(stderr, "%s\n", libseal_status_text(status));
 *
 * The library for firmware has the functions in this header. It needs no heap and no operating
 * system, only memcpy, memmove, memset and memcmp, and it takes random bytes from a callback: see
 * libseal_random. The complete library also has those in libseal_unseal.h and libseal_stream.h. What
 * this header declares works the same with both.
 *
 * A message does not say who sealed it: anyone can have the public key.
 *
 * These rules hold for every function:
 *
 * - Status. LIBSEAL_OK is 0. Any function that returns a libseal_status can return
 *   LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_STRUCT_SIZE for a struct that
 *   was not initialised, and LIBSEAL_ERR_INTERNAL for a bug in this library. Comments list the others.
 *   libseal_status_text() has a sentence for each. In the complete library, libseal_last_error() says
 *   more about the call: which argument it was, for example.
 * - Output. `out` has room for `out_cap` bytes, and `*written` becomes the number of bytes in it. On
 *   LIBSEAL_ERR_BUFFER_TOO_SMALL `*written` is the room that it takes, and nothing else has happened.
 *   On any other error `*written` is 0 and `out` holds no plaintext and no secret. `out` may be NULL
 *   if `out_cap` is 0. Lengths become 0 and pointers NULL on errors.
 * - Input. Pointers must not be NULL unless the comment says so; an input of length 0 may be.
 *   Nothing is kept after the call unless the comment says so. No output may overlap an input or another
 *   output.
 * - Text is UTF-8 and ends with a NUL.
 * - Structs that you fill begin with their size. Initialise them with their LIBSEAL_..._INIT macro, or
 *   set `size` to the sizeof of the struct and all that you do not use to 0. That keeps your program
 *   working with later versions, which may add members.
 * - Storage that an `_init` or `_start` fills is yours: static, on the stack or anywhere else. What a
 *   `_new` or `_parse` returns is yours until its `_free`, which accepts NULL.
 * - Threads. A handle is for one thread at a time, except for functions that take it as const. It may
 *   move between threads. Callbacks run on the thread that made the call.
 * - Forks. A handle that seals does not survive fork(): in the child it returns
 *   LIBSEAL_ERR_INVALID_STATE and writes nothing. Begin another there. The parent goes on.
 *
 * The numbers of statuses never change. While the major version is 0, a minor version may break the
 * ABI.
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

/** The stack, in bytes, that any call of this header needs on a microcontroller, its callbacks aside. */
#define LIBSEAL_STACK_SIZE 3328

#ifdef __cplusplus
extern "C" {
#endif

/* Status --------------------------------------------------------------------------------------- */

/**
 * The outcome of a call: LIBSEAL_OK, LIBSEAL_NEED_KEY or one of LIBSEAL_ERR_*.
 *
 * 1xx: the call is wrong. 2xx: the input is not a message that this library can read. 3xx: the message
 * is not authentic. 4xx: no data key. 9xx: the machine failed. Later versions may add numbers. Some are
 * only for other languages: no comment here lists them.
 */
typedef uint32_t libseal_status;

/** Success. */
#define LIBSEAL_OK 0
/** Not an error: the header is complete, and the data key is needed next. */
#define LIBSEAL_NEED_KEY 1

/**
 * Called out of order, after the end, after an error, or in a child of the process that began it.
 */
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
/** A struct was not initialised with its macro, or has members that this library does not know. */
#define LIBSEAL_ERR_STRUCT_SIZE 107
/**
 * There is no key or sealer in this storage: it was never filled, filling it failed, or it is a
 * copy.
 */
#define LIBSEAL_ERR_NOT_FILLED 108
/** Not a public key; give a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it. */
#define LIBSEAL_ERR_NOT_A_PUBLIC_KEY 110
/**
 * This is a private key; it does not belong on a sealing device: extract the public key with
 * `openssl pkey -pubout -outform DER`.
 */
#define LIBSEAL_ERR_PRIVATE_KEY_GIVEN 111
/**
 * This is a certificate; extract its public key with `openssl x509 -pubkey -noout | openssl pkey
 * -pubin -outform DER`.
 */
#define LIBSEAL_ERR_CERTIFICATE_GIVEN 112
/**
 * This is a bare PKCS#1 RSAPublicKey; convert it with `openssl rsa -RSAPublicKey_in -pubout
 * -outform DER`.
 */
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
/**
 * This key is for signatures, or another use than encryption: what it seals could never be
 * unsealed; use a key whose KeyUsage is ENCRYPT_DECRYPT.
 */
#define LIBSEAL_ERR_WRONG_KEY_USAGE 119
/**
 * Not a private key; give an RSA private key in PEM or DER: PKCS#8, encrypted or not, or PKCS#1.
 */
#define LIBSEAL_ERR_NOT_A_PRIVATE_KEY 120
/** The password of the private key is missing or wrong, or the key is not encrypted. */
#define LIBSEAL_ERR_PRIVATE_KEY_PASSWORD 121
/**
 * The public key has another fingerprint than the one expected: get the right key from a source you
 * trust, or correct the fingerprint.
 */
#define LIBSEAL_ERR_FINGERPRINT_MISMATCH 122
/**
 * The key bundle or certificate has expired, or is not valid yet: get a current one, or set the
 * clock.
 */
#define LIBSEAL_ERR_KEY_NOT_VALID_NOW 123
/**
 * The certificate does not lead to one of the given roots: give the right roots, and the
 * intermediate certificates behind the certificate.
 */
#define LIBSEAL_ERR_CERTIFICATE_NOT_TRUSTED 124
/** Not a job key; give the text that one was turned into: 43 letters, digits, `-` and `_`. */
#define LIBSEAL_ERR_NOT_A_JOB_KEY 125
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
/**
 * This build of libseal does not have this algorithm for wrapping keys; use RSAES_OAEP_SHA_256.
 */
#define LIBSEAL_ERR_UNSUPPORTED_ALGORITHM 152
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

/** Not authentic: altered, or unwrapped with the wrong data key. */
#define LIBSEAL_ERR_AUTHENTICATION_FAILED 300
/** A required pair is missing from the encryption context or has another value. */
#define LIBSEAL_ERR_CONTEXT_MISMATCH 301
/** The end of the message does not verify: it was cut short, extended or damaged there. */
#define LIBSEAL_ERR_END_NOT_AUTHENTIC 302

/** Sealed for other keys: the unwrapper holds none of the recipients. */
#define LIBSEAL_ERR_NO_MATCHING_RECIPIENT 400
/** The data key could not be unwrapped. */
#define LIBSEAL_ERR_UNWRAP_FAILED 401
/** The unwrapped data key is not 32 bytes long. */
#define LIBSEAL_ERR_DATA_KEY_LENGTH 402
/** The KMS could not be asked, or could not answer now; try again later. */
#define LIBSEAL_ERR_KMS_UNAVAILABLE 403
/**
 * The KMS refused to unwrap the data key: check the permissions of the caller and the state of the
 * key.
 */
#define LIBSEAL_ERR_KMS_REFUSED 404
/**
 * The KMS cannot decrypt this wrapped key: it was altered or forged, or wrapped for another key or
 * with another hash.
 */
#define LIBSEAL_ERR_WRAPPED_KEY_REJECTED 405

/** Internal error: please report it. */
#define LIBSEAL_ERR_INTERNAL 900
/** The source of random bytes failed, repeated itself or left bytes out; nothing was sealed. */
#define LIBSEAL_ERR_RANDOM_FAILED 901
/** A known answer came out wrong; nothing that this machine seals can be trusted. */
#define LIBSEAL_ERR_SELF_TEST_FAILED 902
/** The callback that reads or writes failed; the call can be repeated. */
#define LIBSEAL_ERR_IO_FAILED 910
/** The operating system did not start the threads of a pool. */
#define LIBSEAL_ERR_NO_THREADS 911

/**
 * One sentence in English that says what a status means and what to do. Never NULL.
 *
 * Valid for as long as the library is loaded.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_status_text(libseal_status status);

/**
 * The name of a status without LIBSEAL_ERR_ or LIBSEAL_, such as "TRUNCATED". Never NULL.
 *
 * Valid for as long as the library is loaded.
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
 * header. Never NULL. Valid for as long as the library is loaded.
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

/**
 * What does the cryptography: "aws-lc", "portable" (RustCrypto) or "compact" (for firmware). Never NULL.
 * Valid for as long as the library is loaded.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_provider(void);

/* RSA public key ------------------------------------------------------------------------------- */

/** Bytes in a libseal_rsa_public_key. */
#define LIBSEAL_RSA_PUBLIC_KEY_SIZE 576

/**
 * An RSA public key of 2048, 3072 or 4096 bits, filled by libseal_rsa_public_key_init() or
 * libseal_rsa_public_key_init_pinned().
 *
 * Contains no heap memory and no secret: copy it freely; it need not be released. If the storage was
 * zero-initialised, functions detect a key that was never filled.
 */
typedef struct libseal_rsa_public_key {
    uint64_t opaque_[72];
} libseal_rsa_public_key;

/**
 * Reads a public key: a SubjectPublicKeyInfo (RFC 5280) in DER, as KMS GetPublicKey returns it. The
 * library for firmware reads nothing else. The complete library also reads PEM ("-----BEGIN PUBLIC
 * KEY-----") and what `aws kms get-public-key` prints: JSON, or the DER in base64.
 *
 * @param key       Overwritten. After an error it holds no key.
 * @param key_size  sizeof(libseal_rsa_public_key).
 * @return LIBSEAL_OK, LIBSEAL_ERR_STORAGE_TOO_SMALL;
 *         LIBSEAL_ERR_NOT_A_PUBLIC_KEY, or for what was given instead:
 *         LIBSEAL_ERR_PRIVATE_KEY_GIVEN, LIBSEAL_ERR_CERTIFICATE_GIVEN,
 *         LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, LIBSEAL_ERR_NOT_RSA;
 *         LIBSEAL_ERR_KEY_TOO_SMALL, LIBSEAL_ERR_KEY_TOO_LARGE, LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE,
 *         LIBSEAL_ERR_INVALID_RSA_KEY, LIBSEAL_ERR_WRONG_KEY_USAGE;
 *         LIBSEAL_ERR_FINGERPRINT_MISMATCH if JSON says another fingerprint than that of its key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_rsa_public_key_init(libseal_rsa_public_key *key, size_t key_size,
                                           const uint8_t *encoded, size_t len);

/**
 * Reads a public key as libseal_rsa_public_key_init() does, and refuses it unless it has this
 * fingerprint: see libseal_public_key_fingerprint().
 *
 * For a key from a place that others can write to, such as a file or a partition: whoever replaces the
 * key could read what is sealed for it. Get the fingerprint over another way, and keep it in the program.
 *
 * @param key          Overwritten. After an error it holds no key.
 * @param key_size     sizeof(libseal_rsa_public_key).
 * @param fingerprint  The expected one, LIBSEAL_FINGERPRINT_LEN bytes.
 * @return as libseal_rsa_public_key_init(); LIBSEAL_ERR_FINGERPRINT_MISMATCH for another key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_rsa_public_key_init_pinned(libseal_rsa_public_key *key, size_t key_size,
                                                  const uint8_t *encoded, size_t len,
                                                  const uint8_t fingerprint[32]);

/**
 * The size of the key's modulus in bits: 2048, 3072 or 4096; 0 if `key` is NULL or was not filled.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_rsa_public_key_bits(const libseal_rsa_public_key *key);

/* Public keys of any kind ---------------------------------------------------------------------- */

/** Bytes in a fingerprint. */
#define LIBSEAL_FINGERPRINT_LEN 32

/**
 * The fingerprint of a public key, by which messages name their recipients: SHA-256 of its
 * SubjectPublicKeyInfo in DER, as from `openssl pkey -pubin -outform DER | sha256sum`.
 *
 * @param key  A key of any kind: a libseal_rsa_public_key.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_public_key_fingerprint(const void *key, uint8_t fingerprint[32]);

/* Recipients ----------------------------------------------------------------------------------- */

/** Most recipients of a message. */
#define LIBSEAL_MAX_RECIPIENTS 16

/** Most bytes of a key id. */
#define LIBSEAL_MAX_KEY_ID_LEN 2048

/** The KMS algorithm RSAES_OAEP_SHA_256: the default. */
#define LIBSEAL_RSAES_OAEP_SHA_256 1

/**
 * The KMS algorithm RSAES_OAEP_SHA_1: only for a KMS or HSM that supports no other. The library for
 * firmware does not have it.
 */
#define LIBSEAL_RSAES_OAEP_SHA_1 2

/** Someone who can unseal a message, and needs no other recipient for it. */
typedef struct libseal_recipient {
    /** sizeof(libseal_recipient). In an array, all have the same. */
    size_t size;
    /** The public key: a libseal_rsa_public_key. Not NULL. */
    const void *key;
    /**
     * A hint for the backend, such as the alias or ARN of the KMS key, of at most
     * LIBSEAL_MAX_KEY_ID_LEN bytes; NULL stands for "". Anyone can read it.
     */
    const char *key_id;
    /**
     * How the data key is wrapped: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1, or 0 for
     * the default.
     */
    uint32_t algorithm;
} libseal_recipient;

/** `libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, "alias/device-data");` */
#define LIBSEAL_RECIPIENT_INIT(key, key_id) {sizeof(libseal_recipient), (key), (key_id), 0}

/* Encryption context --------------------------------------------------------------------------- */

/** Most bytes of an encryption context: its keys and values, and 4 bytes for each pair. */
#define LIBSEAL_MAX_CONTEXT_LEN 8192

/** Most pairs that a call takes. A message from elsewhere may have more. */
#define LIBSEAL_MAX_CONTEXT_PAIRS 16

/**
 * A pair of the encryption context: anyone can read it, and no one can change it unnoticed.
 *
 * A context has each key once, in any order. Keys are not empty and do not begin with "libseal:".
 * This struct never changes, so it has no size.
 */
typedef struct libseal_context_pair {
    /** Not NULL. */
    const char *key;
    /**
     * May be empty. To seal, it must not be NULL; to require a key with any value, it is NULL.
     */
    const char *value;
} libseal_context_pair;

/** `libseal_context_pair device = LIBSEAL_CONTEXT_PAIR_INIT("device", "42");` */
#define LIBSEAL_CONTEXT_PAIR_INIT(key, value) {(key), (value)}

/* Random bytes --------------------------------------------------------------------------------- */

/**
 * Fills `out` with `len` bytes from a cryptographic random source, such as the hardware's.
 *
 * Sealing checks every answer. It fails with LIBSEAL_ERR_RANDOM_FAILED for one that repeats a word of 32
 * bits, whose first 16 bytes are those of the one before, or in which eight bytes are equal, at a
 * multiple of eight or at the end, as if nothing had filled them. That finds a generator that was not switched on. It says nothing about the quality of one
 * that was, and a smaller gap can pass.
 *
 * The callback must return: no longjmp, no C++ exception. It must not use the handle that it is called
 * for. If handles on several threads share it, it runs on several threads at a time.
 *
 * @param user_data  From the libseal_random.
 * @param out        All zeros; 20 to 32 bytes.
 * @return 0 if `out` is filled. With any other value, sealing fails with LIBSEAL_ERR_RANDOM_FAILED.
 */
typedef int (*libseal_random_fn)(void *user_data, uint8_t *out, size_t len);

/** A source of random bytes. */
typedef struct libseal_random {
    /** sizeof(libseal_random). */
    size_t size;
    /** Not NULL. */
    libseal_random_fn fill;
    /** For `fill`; may be NULL. */
    void *user_data;
} libseal_random;

/** `libseal_random trng = LIBSEAL_RANDOM_INIT(read_trng, NULL);` */
#define LIBSEAL_RANDOM_INIT(fill, user_data) {sizeof(libseal_random), (fill), (user_data)}

/* Envelope ------------------------------------------------------------------------------------- */

/**
 * What a message is sealed with: for whom, with which encryption context, and with whose random bytes.
 *
 * A call that takes an envelope can refuse what is in it:
 *
 * - LIBSEAL_ERR_NO_RECIPIENTS, LIBSEAL_ERR_TOO_MANY_RECIPIENTS, LIBSEAL_ERR_KEY_ID_TOO_LONG,
 *   LIBSEAL_ERR_UNSUPPORTED_ALGORITHM;
 * - LIBSEAL_ERR_CONTEXT_TOO_LONG, LIBSEAL_ERR_CONTEXT_KEY_EMPTY, LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE,
 *   LIBSEAL_ERR_CONTEXT_KEY_RESERVED;
 * - LIBSEAL_ERR_INVALID_UTF8 for a text;
 * - LIBSEAL_ERR_NOT_FILLED for a key that was not filled; LIBSEAL_ERR_INVALID_ARGUMENT for an unknown
 *   algorithm, or too many pairs.
 */
typedef struct libseal_envelope {
    /** sizeof(libseal_envelope). */
    size_t size;
    /** 1 to LIBSEAL_MAX_RECIPIENTS of them. */
    const libseal_recipient *recipients;
    /** How many there are. */
    size_t recipient_count;
    /** At most LIBSEAL_MAX_CONTEXT_PAIRS pairs, in any order; NULL if there are none. */
    const libseal_context_pair *context;
    /** How many there are. */
    size_t context_count;
    /**
     * Where random bytes come from; NULL for the operating system. The library for firmware does not
     * know one, so it must not be NULL there.
     */
    const libseal_random *random;
} libseal_envelope;

/** `libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&backend, 1);` */
#define LIBSEAL_ENVELOPE_INIT(recipients, recipient_count) \
    {sizeof(libseal_envelope), (recipients), (recipient_count), NULL, 0, NULL}

/* Sealing in one call -------------------------------------------------------------------------- */

/**
 * The length of a sealed message.
 *
 * @param in_len  Length of the plaintext.
 * @param len     Set to the length of the message.
 * @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_MESSAGE_TOO_LONG from 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealed_len(const libseal_envelope *envelope, uint64_t in_len, uint64_t *len);

/**
 * Seals a message that is in memory.
 *
 * @param in   The plaintext.
 * @param out  Room for libseal_sealed_len() bytes.
 * @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_seal(const libseal_envelope *envelope, const uint8_t *in, size_t in_len,
                            uint8_t *out, size_t out_cap, size_t *written);

/*
 * Sealing piece by piece --------------------------------------------------------------------------
 *
 * 1. libseal_sealer_start() writes the first bytes of the message.
 * 2. libseal_sealer_update(), any number of times, turns each piece of plaintext into ciphertext at
 *    once. Nothing is buffered.
 * 3. libseal_sealer_finish() writes the last bytes; libseal_sealer_finish_with() takes the last piece
 *    as well.
 *
 * Without its last bytes, every reader refuses the message. To abandon one: libseal_sealer_wipe().
 */

/**
 * Enough for libseal_sealer_start(), as a constant: `key_ids_len` is the length of all key ids together,
 * `context_len` that of all keys and values, with 4 bytes more for each pair.
 */
#define LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) \
    (97 + (recipients) * 549 + (key_ids_len) + (context_len))

/**
 * Enough for libseal_sealer_update() at any time, as a constant. libseal_sealer_finish_with() takes
 * LIBSEAL_SEALER_FINISH_LEN more.
 */
#define LIBSEAL_SEALER_UPDATE_BOUND(in_len) ((in_len) + ((in_len) / 16384 + 1) * 16)

/** Bytes in a libseal_sealer. */
#define LIBSEAL_SEALER_SIZE 512

/** Bytes that libseal_sealer_finish() writes. */
#define LIBSEAL_SEALER_FINISH_LEN 16

/**
 * A message that is being sealed, filled by libseal_sealer_start().
 *
 * Holds the message's key until it ends: with libseal_sealer_finish(), libseal_sealer_finish_with(),
 * libseal_sealer_wipe() or an error. In the complete library it holds heap memory until then, which
 * leaks if the storage is reused before.
 *
 * Do not copy or move it: calls with a copy return LIBSEAL_ERR_NOT_FILLED, as do calls with storage that
 * was never started, if it was zero-initialised. A copy that is put back later is not noticed, and
 * reveals what was sealed in between.
 *
 * It does not survive fork(): in the child, calls return LIBSEAL_ERR_INVALID_STATE and write nothing,
 * because both processes would encrypt with the same key stream. The parent is not affected.
 */
typedef struct libseal_sealer {
    uint64_t opaque_[64];
} libseal_sealer;

/**
 * Exactly how many bytes libseal_sealer_start() will write.
 *
 * @return LIBSEAL_OK, what libseal_envelope lists.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_start_len(const libseal_envelope *envelope, size_t *len);

/**
 * Begins a message: draws a data key, wraps it for each recipient, and writes the first bytes of
 * the message.
 *
 * @param sealer       Overwritten: what it held must have ended. After an error it holds no sealer,
 *                     also after LIBSEAL_ERR_BUFFER_TOO_SMALL.
 * @param sealer_size  sizeof(libseal_sealer).
 * @param out          Room for libseal_sealer_start_len() bytes.
 * @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_STORAGE_TOO_SMALL,
 *         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_start(libseal_sealer *sealer, size_t sealer_size,
                                    const libseal_envelope *envelope, uint8_t *out, size_t out_cap,
                                    size_t *written);

/**
 * Exactly how many bytes libseal_sealer_update() will write for `in_len` bytes of input: `in_len`, and
 * 16 for each 16 KiB of plaintext that it completes. 0 if `sealer` is NULL or not started, SIZE_MAX if
 * no buffer is that long. LIBSEAL_SEALER_UPDATE_BOUND is enough at any time.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_sealer_update_len(const libseal_sealer *sealer, size_t in_len);

/**
 * Seals the next piece, of any length. Any error but LIBSEAL_ERR_BUFFER_TOO_SMALL ends the message and
 * wipes the storage.
 *
 * @param in   The next plaintext.
 * @param out  Room for libseal_sealer_update_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE
 *         after the end and in a forked child, LIBSEAL_ERR_MESSAGE_TOO_LONG at 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_update(libseal_sealer *sealer, const uint8_t *in, size_t in_len,
                                     uint8_t *out, size_t out_cap, size_t *written);

/**
 * Ends the message: writes its last LIBSEAL_SEALER_FINISH_LEN bytes, and wipes the storage.
 *
 * @param out  Room for LIBSEAL_SEALER_FINISH_LEN bytes.
 * @return as libseal_sealer_update().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_finish(libseal_sealer *sealer, uint8_t *out, size_t out_cap,
                                     size_t *written);

/**
 * Takes the rest of the plaintext and ends the message: libseal_sealer_update() and
 * libseal_sealer_finish() in one. Wipes the storage.
 *
 * @param in   The last plaintext, or all of it.
 * @param out  Room for libseal_sealer_update_len() and LIBSEAL_SEALER_FINISH_LEN bytes.
 * @return as libseal_sealer_update().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_finish_with(libseal_sealer *sealer, const uint8_t *in, size_t in_len,
                                          uint8_t *out, size_t out_cap, size_t *written);

/**
 * Abandons a message: wipes the storage. Does nothing if `sealer` is NULL, has ended or was not
 * started.
 */
LIBSEAL_API
void libseal_sealer_wipe(libseal_sealer *sealer);

/*
 * One data key for many messages ------------------------------------------------------------------
 *
 * For telemetry. libseal_sealing_key_init() wraps a data key once; after that,
 * libseal_sealing_key_seal() seals without the cost of RSA, and the backend unwraps all the messages
 * with one KMS call. Each opens alone, like any other. All have the same header, so anyone can see that
 * they come from one device, and the same encryption context.
 */

/** Enough for libseal_sealing_key_init(), as LIBSEAL_SEALER_START_BOUND. */
#define LIBSEAL_SEALING_KEY_HEADER_BOUND(recipients, key_ids_len, context_len) \
    (LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) - 56)

/** Bytes in a libseal_sealing_key. */
#define LIBSEAL_SEALING_KEY_SIZE 160

/**
 * A data key for many messages, filled by libseal_sealing_key_init().
 *
 * Holds the data key until libseal_sealing_key_wipe(), and no heap memory. Do not copy or move it: calls
 * with a copy return LIBSEAL_ERR_NOT_FILLED, as do calls with storage that was never filled, if it was
 * zero-initialised. An error changes nothing.
 *
 * It does not survive fork(): in the child, calls that seal return LIBSEAL_ERR_INVALID_STATE, because the
 * limits would not hold if both processes could seal. Make one in each process. The parent is not
 * affected.
 */
typedef struct libseal_sealing_key {
    uint64_t opaque_[20];
} libseal_sealing_key;

/**
 * How much one sealing key seals. Every message has keys of its own, so the cipher needs no limit. The
 * limits bound what is lost with one data key.
 */
typedef struct libseal_sealing_limits {
    /** sizeof(libseal_sealing_limits). */
    size_t size;
    /** Messages; 0 for 1,048,576. */
    uint64_t messages;
    /** Bytes of plaintext; 0 for 64 GiB. */
    uint64_t bytes;
    /**
     * Seconds from libseal_sealing_key_init() to the last message, by a clock that goes on while the
     * machine sleeps; 0 for no limit. The library for firmware has no clock, so it refuses any other value
     * with LIBSEAL_ERR_INVALID_ARGUMENT.
     */
    uint64_t age_seconds;
} libseal_sealing_limits;

/** `libseal_sealing_limits limits = LIBSEAL_SEALING_LIMITS_INIT;` */
#define LIBSEAL_SEALING_LIMITS_INIT {sizeof(libseal_sealing_limits), 0, 0, 0}

/**
 * The length of the header that the messages of a sealing key have in common.
 *
 * @return LIBSEAL_OK, what libseal_envelope lists.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_header_len(const libseal_envelope *envelope, size_t *len);

/**
 * Draws a data key and wraps it for each recipient.
 *
 * @param key         Overwritten, whatever it held. After an error it holds no key.
 * @param key_size    sizeof(libseal_sealing_key).
 * @param envelope    What each message is sealed with. The callback for random bytes and its
 *                    `user_data` are borrowed until libseal_sealing_key_wipe().
 * @param limits      NULL for the default ones.
 * @param header      Room for libseal_sealing_key_header_len() bytes: the header of each message.
 *                    Borrowed until libseal_sealing_key_wipe(). Do not change it.
 * @param header_len  Set to the length of the header.
 * @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_STORAGE_TOO_SMALL,
 *         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_init(libseal_sealing_key *key, size_t key_size,
                                        const libseal_envelope *envelope,
                                        const libseal_sealing_limits *limits, uint8_t *header,
                                        size_t header_cap, size_t *header_len);

/**
 * The length of a message sealed by libseal_sealing_key_seal(). 0 if `key` is NULL or not filled, or
 * if no message has this length, which begins at 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
uint64_t libseal_sealing_key_sealed_len(const libseal_sealing_key *key, uint64_t in_len);

/**
 * Seals a message that is in memory.
 *
 * @param in   The plaintext.
 * @param out  Room for libseal_sealing_key_sealed_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE after
 *         libseal_sealing_key_wipe() and in a forked child, LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED;
 *         LIBSEAL_ERR_SEALING_KEY_EXHAUSTED if the message would exceed the limits.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_seal(libseal_sealing_key *key, const uint8_t *in, size_t in_len,
                                        uint8_t *out, size_t out_cap, size_t *written);

/**
 * Exactly how many bytes libseal_sealing_key_start() will write. 0 if `key` is NULL or not filled.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_sealing_key_start_len(const libseal_sealing_key *key);

/**
 * Begins a message that goes on like one of libseal_sealer_start(). The sealer is independent of the
 * sealing key from then on. A stream of unknown length is better off with a data key of its own:
 * libseal_sealer_start().
 *
 * @param sealer       As for libseal_sealer_start().
 * @param sealer_size  sizeof(libseal_sealer).
 * @param max_len      The most plaintext that the message will hold, taken from the limits at once.
 * @param out          Room for libseal_sealing_key_start_len() bytes.
 * @return as libseal_sealing_key_seal(), and LIBSEAL_ERR_STORAGE_TOO_SMALL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealing_key_start(libseal_sealing_key *key, libseal_sealer *sealer,
                                         size_t sealer_size, uint64_t max_len, uint8_t *out,
                                         size_t out_cap, size_t *written);

/** Wipes a sealing key. Does nothing if `key` is NULL or not filled. */
LIBSEAL_API
void libseal_sealing_key_wipe(libseal_sealing_key *key);

/* Self-test ------------------------------------------------------------------------------------ */

/**
 * Runs known-answer tests of SHA-256, HMAC and HKDF with SHA-512, AES-256-GCM and RSAES-OAEP. A device
 * can call it at boot to check that its memory and processor still work. Optional.
 *
 * @return LIBSEAL_OK, LIBSEAL_ERR_SELF_TEST_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_self_test(void);

#ifdef __cplusplus
}
#endif

#endif /* LIBSEAL_SEAL_H */
