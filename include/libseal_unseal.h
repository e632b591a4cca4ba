/*
 * libseal: unsealing, and sealing on several threads. Only the complete library has these functions.
 *
 * libseal_seal.h states the conventions for every function.
 */

#ifndef LIBSEAL_UNSEAL_H
#define LIBSEAL_UNSEAL_H

#include "libseal_seal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sealing on several threads ------------------------------------------------------------------- */

/**
 * Seals pieces of 512 KiB or more on several threads. Pieces of a few MiB work best. Applies to
 * libseal_sealer_update() and libseal_sealer_finish_with(), from the next call on.
 *
 * Each thread takes a stack and a few KiB of heap, from the first long piece to the end of the sealer.
 * If the system provides no threads, the calling thread does the work.
 *
 * @param threads  How many work at a time, the calling thread included; 0 for as many as the machine
 *                 has cores. More than 256 count as 256.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_NULL_POINTER,
 *         LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_set_threads(libseal_sealer *sealer,
                                          size_t threads);

/* Wrapped keys --------------------------------------------------------------------------------- */

/**
 * A data key as one recipient can unwrap it.
 *
 * Untrusted until a data key was accepted: choose by the fingerprint among keys that you allow, and
 * take the key id as a hint only. What the struct points to is borrowed for as long as the struct
 * is, as the comment of the function says that shows it.
 */
typedef struct libseal_wrapped_key {
    /**
     * Bytes of this struct that the library has filled. Later versions may add members at the end.
     */
    size_t struct_size;
    /**
     * The recipient's kind in the header: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1,
     * or a number that this version does not know.
     */
    uint32_t kind;
    /**
     * What KMS calls the kind, ending with a NUL: "RSAES_OAEP_SHA_256" or "RSAES_OAEP_SHA_1";
     * NULL for a kind that this version does not know.
     */
    const char *algorithm;
    /**
     * Which key unwraps it: LIBSEAL_FINGERPRINT_LEN bytes, see libseal_public_key_fingerprint().
     */
    const uint8_t *fingerprint;
    /**
     * What the sealer says that the key is called: UTF-8, not ended by a NUL, maybe empty, maybe
     * with NULs in it.
     */
    const char *key_id;
    /** Bytes in the key id. */
    size_t key_id_len;
    /** The wrapped data key, for KMS Decrypt as CiphertextBlob. */
    const uint8_t *ciphertext;
    /** Bytes in the wrapped data key. */
    size_t ciphertext_len;
} libseal_wrapped_key;

/*
 * What a header says ------------------------------------------------------------------------------
 *
 * Anybody can read a header, without a key: to route a message, or to find the key that opens it.
 * Nothing in it is to be trusted before a data key was accepted.
 */

/** Most bytes of a header. */
#define LIBSEAL_MAX_HEADER_LEN 65536

/** The header of a message. */
typedef struct libseal_header libseal_header;

/**
 * Reads the header that a message begins with. The first LIBSEAL_MAX_HEADER_LEN bytes of a message
 * are always enough for it.
 *
 * @param in      The message, or its beginning.
 * @param header  Set to a new header, which the caller owns: libseal_header_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT;
 *         LIBSEAL_ERR_EMPTY_MESSAGE, or LIBSEAL_ERR_TRUNCATED if the header goes on after the end;
 *         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
 *         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_parse(const uint8_t *in,
                                    size_t in_len,
                                    libseal_header **header);

/** Frees a header from libseal_header_parse(), and nothing else. NULL is fine. */
LIBSEAL_API
void libseal_header_free(libseal_header *header);

/** Length of the header: where the payload begins in the message. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_len(const libseal_header *header);

/**
 * Which bytes of the message to get for a part of the plaintext, with an HTTP range request for
 * example. They are for libseal_unsealer_update() after libseal_unsealer_seek().
 *
 * They are whole chunks, so up to 32 KiB more. Where the plaintext ends before, so does the message:
 * the end of the range may be beyond it. Of no plaintext at the position 0, the range begins where the
 * first chunk does: what comes before is what libseal_unsealer_seek() wants.
 *
 * @param start        Position in the plaintext.
 * @param len          Bytes of plaintext.
 * @param range_start  Set to the offset in the message.
 * @param range_len    Set to the number of bytes of the message.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_ciphertext_range(const libseal_header *header,
                                               uint64_t start,
                                               uint64_t len,
                                               uint64_t *range_start,
                                               uint64_t *range_len);

/**
 * The inverse: which plaintext lies in a part of the message.
 *
 * Chunks that begin before the part do not count. One that does not end with it is taken for the last
 * one of the message, because only that is shorter than the others; so for a whole message, from 0 on,
 * `range_len` is the length of its plaintext. Nothing is verified yet.
 *
 * @param start        Offset in the message.
 * @param len          Bytes of the message.
 * @param range_start  Set to the position in the plaintext.
 * @param range_len    Set to the number of bytes of plaintext.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_plaintext_range(const libseal_header *header,
                                              uint64_t start,
                                              uint64_t len,
                                              uint64_t *range_start,
                                              uint64_t *range_len);

/** Number of pairs in the encryption context. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_context_count(const libseal_header *header);

/**
 * A pair of the encryption context; pairs are in the order of their keys' bytes.
 *
 * Key and value are UTF-8, not ended by a NUL, and may have NULs in them. Borrowed until the header
 * is freed.
 *
 * @param index  Below libseal_header_context_count().
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_context_pair(const libseal_header *header,
                                           size_t index,
                                           const char **key,
                                           size_t *key_len,
                                           const char **value,
                                           size_t *value_len);

/** Number of recipients. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_wrapped_key_count(const libseal_header *header);

/**
 * The data key as it is wrapped for one recipient, in the order of the header.
 *
 * @param index        Below libseal_header_wrapped_key_count().
 * @param wrapped_key  Set to what is borrowed until the header is freed.
 * @param size         sizeof(libseal_wrapped_key); no more than that is written.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_STORAGE_TOO_SMALL,
 *         LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_wrapped_key(const libseal_header *header,
                                          size_t index,
                                          libseal_wrapped_key *wrapped_key,
                                          size_t size);

/* Unwrapping ----------------------------------------------------------------------------------- */

/** Bytes in a data key. */
#define LIBSEAL_DATA_KEY_LEN 32

/**
 * What a libseal_unwrap_fn returns for a wrapped key that it holds no private key for. An unusual
 * number, so that no `return -1` is taken for it.
 */
#define LIBSEAL_UNWRAP_NOT_MINE -22404

/**
 * Unwraps a data key: a call to a KMS, an HSM or the holder of the private key.
 *
 * The library calls it for one recipient after the other, in the order of the header, until it has
 * a data key: at most once for each, on the calling thread, and not for kinds that this version
 * does not know. It must not leave by longjmp or a C++ exception, nor use the handle that it is
 * called for.
 *
 * @param user_data    As it was given to the library.
 * @param wrapped_key  Borrowed until the function returns. Untrusted: compare its fingerprint with
 *                     those of the keys that you allow, and ask no KMS for any other.
 * @param data_key     For the data key. The library wipes it.
 * @return 0: `data_key` holds the data key.
 *         LIBSEAL_UNWRAP_NOT_MINE: no key for this one; the next recipient is tried.
 *         Any other value: unwrapping failed. The next recipient is tried; if none is left, the
 *         first such value is the code of LIBSEAL_ERR_UNWRAP_FAILED.
 */
typedef int (*libseal_unwrap_fn)(void *user_data,
                                 const libseal_wrapped_key *wrapped_key,
                                 uint8_t data_key[32]);

/* Unsealing in one call ------------------------------------------------------------------------ */

/**
 * The length of the plaintext of a message, from its header and its own length. Nothing is verified
 * yet.
 *
 * @param in   The whole message.
 * @param len  Set to the length of the plaintext.
 * @return as libseal_header_parse(), and LIBSEAL_ERR_TRUNCATED also where no message ends.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_plaintext_len(const uint8_t *in,
                                     size_t in_len,
                                     size_t *len);

/**
 * Unseals a message that is in memory. On LIBSEAL_OK it is authentic and complete.
 *
 * @param in                The whole message.
 * @param unwrap            Unwraps the data key; not NULL. It is not called if `out` is too small.
 * @param user_data         For `unwrap`; may be NULL.
 * @param required_context  Pairs that the message must have, with these values, among others.
 * @param out               For the plaintext, of libseal_plaintext_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NULL_POINTER,
 *         LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have;
 *         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
 *         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
 *         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
 *         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
 *         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_AUTHENTICATION_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unseal(const uint8_t *in,
                              size_t in_len,
                              libseal_unwrap_fn unwrap,
                              void *user_data,
                              const libseal_context_pair *required_context,
                              size_t required_context_count,
                              uint8_t *out,
                              size_t out_cap,
                              size_t *written);

/*
 * Unsealing piece by piece ------------------------------------------------------------------------
 *
 * 1. libseal_unsealer_new(). With libseal_unsealer_set_unwrap(), the data key is unwrapped as soon
 *    as the header is complete, within libseal_unsealer_update().
 * 2. libseal_unsealer_update() with one piece of the message after the other. Without a callback
 *    it returns LIBSEAL_NEED_KEY at the end of the header: show what libseal_unsealer_header()
 *    holds to whoever can unwrap it, now or tomorrow, here or elsewhere. Give the data key to
 *    libseal_unsealer_provide_key(), and the rest of the piece to libseal_unsealer_update().
 * 3. libseal_unsealer_finish() writes the last plaintext and confirms that nothing is missing.
 *
 * Every byte that comes out is authentic and in its place. But until libseal_unsealer_finish() has
 * returned LIBSEAL_OK, the message may still turn out to be cut short.
 *
 * For a part of a message, go on after the first bytes with libseal_unsealer_seek(), and give
 * libseal_unsealer_update() the bytes that libseal_header_ciphertext_range() names.
 */

/** Enough for libseal_unsealer_update() at any time, known to the compiler: in_len + 16 KiB is more. */
#define LIBSEAL_UNSEALER_UPDATE_BOUND(in_len) (((in_len) + 16399) / 16400 * 16384)

/** Most bytes that libseal_unsealer_finish() writes. */
#define LIBSEAL_UNSEALER_FINISH_BOUND 16383

/** A message on the way in. */
typedef struct libseal_unsealer libseal_unsealer;

/**
 * Begins a message.
 *
 * @param required_context  Pairs that the message must have, with these values, among others; it is
 *                          refused before a key is unwrapped if it has not.
 * @param unsealer          Set to a new unsealer, which the caller owns: libseal_unsealer_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
 *         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message
 *         can have.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_new(const libseal_context_pair *required_context,
                                    size_t required_context_count,
                                    libseal_unsealer **unsealer);

/** Frees an unsealer, in any state, and wipes its keys. NULL is fine. */
LIBSEAL_API
void libseal_unsealer_free(libseal_unsealer *unsealer);

/**
 * Sets the callback that unwraps the data key; libseal_unsealer_update() never returns
 * LIBSEAL_NEED_KEY then.
 *
 * @param unwrap     Not NULL. Kept, with `user_data`, until the unsealer is freed.
 * @param user_data  For `unwrap`; may be NULL.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
 *         LIBSEAL_ERR_INVALID_STATE after the first libseal_unsealer_update().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_set_unwrap(libseal_unsealer *unsealer,
                                           libseal_unwrap_fn unwrap,
                                           void *user_data);

/**
 * Has long pieces unsealed on several threads: those of 512 KiB or more, best of a few MiB. From the
 * next libseal_unsealer_update() on.
 *
 * Each thread takes a stack and a few KiB of heap, from the first long piece until the unsealer is
 * freed. Where the system gives no threads, the caller's does the work.
 *
 * @param threads  How many work at a time; 1 is the caller's own, 0 as many as the machine has cores.
 *                 256 are the most.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE after an error, LIBSEAL_ERR_NULL_POINTER,
 *         LIBSEAL_ERR_INVALID_ARGUMENT.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_set_threads(libseal_unsealer *unsealer,
                                            size_t threads);

/**
 * What libseal_unsealer_update() writes for so much input now: exactly, or with a callback and
 * before the end of the header, at most. 0 if `unsealer` is NULL or wants no more input.
 * LIBSEAL_UNSEALER_UPDATE_BOUND is enough at any time.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_unsealer_update_len(const libseal_unsealer *unsealer,
                                   size_t in_len);

/**
 * Takes the next piece of the message, of any length, and writes the plaintext of the chunks of
 * 16 KiB that are complete and authentic.
 *
 * @param in        The next piece.
 * @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK, none on an error.
 *                  May be NULL if there is a callback.
 * @param out       For libseal_unsealer_update_len() bytes.
 * @return LIBSEAL_OK;
 *         LIBSEAL_NEED_KEY, with no callback: wants libseal_unsealer_provide_key(), and then what
 *         was not consumed;
 *         LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NULL_POINTER,
 *         LIBSEAL_ERR_INVALID_ARGUMENT;
 *         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
 *         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE;
 *         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_AUTHENTICATION_FAILED;
 *         with a callback LIBSEAL_ERR_NO_MATCHING_RECIPIENT, LIBSEAL_ERR_UNWRAP_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_update(libseal_unsealer *unsealer,
                                       const uint8_t *in,
                                       size_t in_len,
                                       size_t *consumed,
                                       uint8_t *out,
                                       size_t out_cap,
                                       size_t *written);

/**
 * The header, once it is complete; before that, and if `unsealer` is NULL, NULL. Trusted once a
 * data key was accepted.
 *
 * Borrowed until the unsealer is freed; not for libseal_header_free().
 */
LIBSEAL_API LIBSEAL_NODISCARD
const libseal_header *libseal_unsealer_header(const libseal_unsealer *unsealer);

/**
 * Goes on after LIBSEAL_NEED_KEY with the data key that one of the header's wrapped keys holds.
 *
 * @param data_key  Wipe it after the call; the library has its own copy.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
 *         LIBSEAL_ERR_INVALID_STATE if no key is wanted,
 *         LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_provide_key(libseal_unsealer *unsealer,
                                            const uint8_t data_key[32]);

/**
 * Goes to another place in the plaintext, before or behind: the next byte that comes out is the one at
 * `position`.
 *
 * Wants a data key, and the bytes of the message before the first chunk: those before the range that
 * libseal_header_ciphertext_range() gives for 0 bytes at the position 0. Also fine after
 * libseal_unsealer_finish().
 *
 * Each chunk opens alone, so what comes out is authentic and in its place wherever one starts. Where
 * the plaintext ends is known only after libseal_unsealer_finish(), as ever: the last chunk is enough
 * for it.
 *
 * @param position  Position in the plaintext; one behind its end shows only later.
 * @param offset    Set to the offset in the message of the byte that libseal_unsealer_update() wants
 *                  next, where a chunk begins.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
 *         LIBSEAL_ERR_INVALID_STATE before those bytes are there and after an error,
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG for a position from 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_seek(libseal_unsealer *unsealer,
                                     uint64_t position,
                                     uint64_t *offset);

/**
 * Exactly what libseal_unsealer_finish() writes, at most LIBSEAL_UNSEALER_FINISH_BOUND. 0 if
 * `unsealer` is NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_unsealer_finish_len(const libseal_unsealer *unsealer);

/**
 * Ends the message: writes the last plaintext, and confirms that the message is complete.
 *
 * @param out  For libseal_unsealer_finish_len() bytes.
 * @return LIBSEAL_OK: all plaintext that came out is the whole message, or after
 *         libseal_unsealer_seek(), the end of it;
 *         LIBSEAL_ERR_INVALID_STATE also while a key is wanted, LIBSEAL_ERR_BUFFER_TOO_SMALL,
 *         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT;
 *         LIBSEAL_ERR_EMPTY_MESSAGE if nothing came, LIBSEAL_ERR_TRUNCATED if the end is missing;
 *         LIBSEAL_ERR_AUTHENTICATION_FAILED if the last chunk was altered or cut: the two cannot be
 *         told apart.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_finish(libseal_unsealer *unsealer,
                                       uint8_t *out,
                                       size_t out_cap,
                                       size_t *written);

/**
 * After LIBSEAL_ERR_UNWRAP_FAILED: the first value, other than 0 and LIBSEAL_UNWRAP_NOT_MINE,
 * that the callback returned. 0 if there was none, there is no callback, or `unsealer` is NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
int libseal_unsealer_unwrap_code(const libseal_unsealer *unsealer);

#ifdef __cplusplus
}
#endif

#endif /* LIBSEAL_UNSEAL_H */
