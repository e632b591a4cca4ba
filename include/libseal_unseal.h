/*
 * libseal: unsealing. Only the complete library has these functions.
 *
 * libseal_seal.h states the rules for every function.
 */

#ifndef LIBSEAL_UNSEAL_H
#define LIBSEAL_UNSEAL_H

#include "libseal_seal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Last error ----------------------------------------------------------------------------------- */

/**
 * What went wrong in the last call of this thread that failed, in English: as libseal_status_text(), or
 * more, such as the argument that is NULL, the pair of the encryption context that is missing, the
 * recipients of the message, or the value that a callback returned. "" if none has failed. Never NULL.
 *
 * Of the functions that return a libseal_status, each that fails replaces the text; one that returns
 * LIBSEAL_OK or LIBSEAL_NEED_KEY leaves it as it is. So call this after an error, on the same thread, and
 * copy what you keep: the text is valid until the next error on this thread, or its end. It contains no
 * secret. It may contain what strangers wrote into a message, shortened and with escapes for anything
 * but printable characters.
 *
 * Only the complete library has it.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const char *libseal_last_error(void);

/* Wrapped keys --------------------------------------------------------------------------------- */

/** Bytes in a data key. */
#define LIBSEAL_DATA_KEY_LEN 32

/**
 * A data key as one recipient can unwrap it.
 *
 * Untrusted until the data key has verified the header. Choose among the keys that you allow, by
 * fingerprint, and take the key id as a hint only. The pointers stay valid as long as the function that
 * gives the struct says.
 */
typedef struct libseal_wrapped_key {
    /** Bytes of this struct that are filled. */
    size_t size;
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
     * What the sealer calls the key: UTF-8 without a NUL at its end, which may be empty and may
     * contain NULs.
     */
    const char *key_id;
    /** Bytes in the key id. */
    size_t key_id_len;
    /** The wrapped data key, for KMS Decrypt as CiphertextBlob. */
    const uint8_t *ciphertext;
    /** Bytes in the wrapped data key. */
    size_t ciphertext_len;
} libseal_wrapped_key;

/** For a struct that you fill, for libseal_wrapped_key_data_key(). */
#define LIBSEAL_WRAPPED_KEY_INIT \
    {sizeof(libseal_wrapped_key), 0, NULL, NULL, NULL, 0, NULL, 0}

/**
 * The second step of unwrapping: makes the data key of what the KMS or HSM returned. For RSA that is the
 * data key itself. Later kinds will have more to do here, so a program that unwraps on its own and goes
 * through this function need not change for them.
 *
 * @param wrapped_key  From a header, or from its parts: kind, fingerprint, key id and ciphertext.
 * @param unwrapped    What the KMS returned for the ciphertext.
 * @param data_key     For libseal_unsealer_provide_key(). Wipe it after that.
 * @return LIBSEAL_OK, LIBSEAL_ERR_DATA_KEY_LENGTH, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_UNSUPPORTED_ALGORITHM for a kind that this version does not know.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_wrapped_key_data_key(const libseal_wrapped_key *wrapped_key,
                                            const uint8_t *unwrapped, size_t unwrapped_len,
                                            uint8_t data_key[32]);

/*
 * Headers -----------------------------------------------------------------------------------------
 *
 * Anyone can read a header, without a key: to route a message, or to find the key that opens it.
 * Trust nothing in it before a data key has been accepted.
 */

/** Most bytes of a header. */
#define LIBSEAL_MAX_HEADER_LEN 65536

/** The header of a message. */
typedef struct libseal_header libseal_header;

/**
 * Reads the header that a message begins with. The first LIBSEAL_MAX_HEADER_LEN bytes of a message
 * are always enough.
 *
 * @param in      The message, or its beginning.
 * @param header  Set to a new header: libseal_header_free().
 * @return LIBSEAL_OK;
 *         LIBSEAL_ERR_EMPTY_MESSAGE, or LIBSEAL_ERR_TRUNCATED if the header goes on after the end;
 *         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
 *         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_parse(const uint8_t *in, size_t in_len, libseal_header **header);

/**
 * Frees a header from libseal_header_parse() or libseal_header_rewrap(), and no other. NULL is fine.
 */
LIBSEAL_API
void libseal_header_free(libseal_header *header);

/** Length of the header: where the payload begins in the message. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_len(const libseal_header *header);

/**
 * The libseal_header_len() bytes of the header, as they stand in the message: to store them and parse
 * them again, or to compare messages. NULL if `header` is NULL.
 *
 * Borrowed until the header is freed.
 */
LIBSEAL_API LIBSEAL_NODISCARD
const uint8_t *libseal_header_bytes(const libseal_header *header);

/**
 * Refuses a header whose encryption context lacks a required pair.
 *
 * @param require        Keys that the context must have: with this value, or with any if it is NULL.
 * @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
 * @return LIBSEAL_OK, LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message can have.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_require(const libseal_header *header,
                                      const libseal_context_pair *require, size_t require_count);

/**
 * Which bytes of the message to fetch for a part of the plaintext, with an HTTP range request for
 * example. Give them to libseal_unsealer_update() after libseal_unsealer_seek().
 *
 * The range covers whole chunks, so it can be up to 32 KiB longer than `len`. If the plaintext ends
 * earlier, so does the message: the end of the range may lie beyond it. For `start` 0 and `len` 0, the
 * range starts at the first chunk. Give everything before that to the unsealer before it can seek.
 *
 * @param start        Position in the plaintext.
 * @param len          Bytes of plaintext.
 * @param range_start  Set to the offset in the message.
 * @param range_len    Set to the number of bytes of the message.
 * @return LIBSEAL_OK.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_ciphertext_range(const libseal_header *header, uint64_t start,
                                               uint64_t len, uint64_t *range_start,
                                               uint64_t *range_len);

/**
 * The inverse: which plaintext lies in a part of the message. Nothing is verified.
 *
 * Chunks that begin before the part do not count. A chunk that goes on after the part is taken for the
 * last one of the message, because only the last is shorter than the others. So for a whole message,
 * from 0 on, `range_len` is the length of its plaintext.
 *
 * @param start        Offset in the message.
 * @param len          Bytes of the message.
 * @param range_start  Set to the position in the plaintext.
 * @param range_len    Set to the number of bytes of plaintext.
 * @return LIBSEAL_OK.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_plaintext_range(const libseal_header *header, uint64_t start,
                                              uint64_t len, uint64_t *range_start,
                                              uint64_t *range_len);

/** Number of pairs in the encryption context. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_context_count(const libseal_header *header);

/**
 * A pair of the encryption context; pairs are in the order of their keys' bytes.
 *
 * Key and value are UTF-8 without a NUL at their end, and may contain NULs. Borrowed until the header
 * is freed.
 *
 * @param index  Below libseal_header_context_count().
 * @return LIBSEAL_OK.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_context_pair(const libseal_header *header, size_t index,
                                           const char **key, size_t *key_len, const char **value,
                                           size_t *value_len);

/** Number of recipients. 0 if `header` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_header_wrapped_key_count(const libseal_header *header);

/**
 * The data key as it is wrapped for one recipient, in the order of the header.
 *
 * @param index        Below libseal_header_wrapped_key_count().
 * @param wrapped_key  Set to a struct whose pointers are borrowed until the header is freed.
 * @param size         sizeof(libseal_wrapped_key). No more than that is written.
 * @return LIBSEAL_OK.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_wrapped_key(const libseal_header *header, size_t index,
                                          libseal_wrapped_key *wrapped_key, size_t size);

/**
 * Makes the header of the same message for other recipients: to rotate keys, or to share a message. Put
 * it in the place of the old header and leave the payload as it is. The encryption context stays too.
 *
 * Whoever could open the old message still can, with a copy of the old header. Random bytes come from
 * the operating system.
 *
 * @param header           The old header.
 * @param data_key         What libseal_wrapped_key_data_key() made of the answer of the KMS. Wipe it
 *                         after the call.
 * @param kept             Indexes of the wrapped keys to keep as they are, in ascending order: see
 *                         libseal_header_wrapped_key(). They stand first.
 * @param kept_count       How many there are. 0 keeps none.
 * @param recipients       For whom to wrap the data key as well.
 * @param recipient_count  How many there are. With those that are kept, 1 to LIBSEAL_MAX_RECIPIENTS.
 * @param rewrapped        Set to a new header: libseal_header_free(). See libseal_header_bytes().
 * @return LIBSEAL_OK;
 *         LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key;
 *         LIBSEAL_ERR_NO_RECIPIENTS, LIBSEAL_ERR_TOO_MANY_RECIPIENTS, LIBSEAL_ERR_KEY_ID_TOO_LONG,
 *         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_NOT_FILLED for a recipient's key;
 *         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_header_rewrap(const libseal_header *header, const uint8_t data_key[32],
                                     const size_t *kept, size_t kept_count,
                                     const libseal_recipient *recipients, size_t recipient_count,
                                     libseal_header **rewrapped);

/* Unwrapping ----------------------------------------------------------------------------------- */

/**
 * A libseal_unwrap_fn returns it for a wrapped key that it holds no private key for. The next
 * recipient is tried. An unusual number, so that no `return -1` is taken for it.
 */
#define LIBSEAL_UNWRAP_NOT_MINE -22404

/**
 * A libseal_unwrap_fn returns it if unwrapping failed and nothing else is to be tried: the KMS is down,
 * for example.
 */
#define LIBSEAL_UNWRAP_STOP -22405

/**
 * A libseal_unwrap_fn returns it if the KMS could not be asked, or could not answer now: a time-out, no
 * connection, too many requests. The next recipient is tried.
 */
#define LIBSEAL_UNWRAP_UNAVAILABLE -22406

/**
 * A libseal_unwrap_fn returns it if the KMS refused: the caller may not decrypt, or the key is disabled
 * or unknown. The next recipient is tried.
 */
#define LIBSEAL_UNWRAP_REFUSED -22407

/**
 * A libseal_unwrap_fn returns it if the KMS cannot decrypt this wrapped key. The next recipient is
 * tried.
 */
#define LIBSEAL_UNWRAP_REJECTED -22408

/**
 * Unwraps a data key: a call to a KMS, an HSM or the holder of the private key.
 *
 * The library calls it for one recipient after the other, in the order of the header, until one call
 * returns 0 or LIBSEAL_UNWRAP_STOP: at most once for each, and not for kinds that this version does not
 * know. It must return: no longjmp, no C++ exception. It must not use the handle that it is called for.
 *
 * @param user_data    From the call that set the callback.
 * @param wrapped_key  Borrowed until the callback returns. Untrusted: compare its fingerprint with
 *                     those of the keys that you allow, and ask no KMS for any other.
 * @param unwrapped    For what the KMS returned: 32 bytes. The library wipes it.
 * @return 0 if `unwrapped` is filled, LIBSEAL_UNWRAP_NOT_MINE or another of these constants, or any other value if unwrapping
 *         failed: the next recipient is tried. If no recipient is left, the call fails with
 *         LIBSEAL_ERR_KMS_UNAVAILABLE if any was unavailable, or else by the first failure: with
 *         LIBSEAL_ERR_KMS_REFUSED, LIBSEAL_ERR_WRAPPED_KEY_REJECTED, or LIBSEAL_ERR_UNWRAP_FAILED,
 *         and what the callback returned is its code.
 */
typedef int (*libseal_unwrap_fn)(void *user_data, const libseal_wrapped_key *wrapped_key,
                                 uint8_t unwrapped[32]);

/* Unsealing in one call ------------------------------------------------------------------------ */

/**
 * The length of the plaintext of a message, from its header and its own length. Needs no key and
 * verifies nothing.
 *
 * @param in   The whole message.
 * @param len  Set to the length of the plaintext.
 * @return as libseal_header_parse(), and LIBSEAL_ERR_TRUNCATED also if no message is this long.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_plaintext_len(const uint8_t *in, size_t in_len, size_t *len);

/**
 * Unseals a message that is in memory. On LIBSEAL_OK it is authentic and complete.
 *
 * After LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_TRUNCATED and LIBSEAL_ERR_END_NOT_AUTHENTIC, the rest of
 * the message may still be on its way: reading it again can help.
 *
 * @param in             The whole message.
 * @param unwrap         Unwraps the data key; not NULL. It is not called if `out` is too small.
 * @param user_data      For `unwrap`; may be NULL.
 * @param require        Keys that the encryption context must have: with this value, or with any if it
 *                       is NULL. The message is refused before a key is unwrapped if one is missing.
 * @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
 * @param out            Room for libseal_plaintext_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have;
 *         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
 *         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
 *         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
 *         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
 *         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED,
 *         LIBSEAL_ERR_WRAPPED_KEY_REJECTED, LIBSEAL_ERR_AUTHENTICATION_FAILED,
 *         LIBSEAL_ERR_END_NOT_AUTHENTIC. What the callback returned is in libseal_last_error().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unseal(const uint8_t *in, size_t in_len, libseal_unwrap_fn unwrap,
                              void *user_data, const libseal_context_pair *require,
                              size_t require_count, uint8_t *out, size_t out_cap, size_t *written);

/*
 * Unsealing piece by piece ------------------------------------------------------------------------
 *
 * 1. libseal_unsealer_new(). With libseal_unsealer_set_unwrap(), the data key is unwrapped within
 *    libseal_unsealer_update(), as soon as the header is complete.
 * 2. libseal_unsealer_update() with one piece of the message after the other. Without a callback
 *    it returns LIBSEAL_NEED_KEY at the end of the header. Unwrap one of the wrapped keys in
 *    libseal_unsealer_header(), now or tomorrow, here or elsewhere, and give the data key to
 *    libseal_unsealer_provide_key(); then the rest of the piece to libseal_unsealer_update().
 * 3. libseal_unsealer_finish() writes the last plaintext and confirms that nothing is missing.
 *
 * Every byte that comes out is authentic and in its place. But until libseal_unsealer_finish() has
 * returned LIBSEAL_OK, the message may still turn out to be cut short.
 *
 * For a part of a message, call libseal_unsealer_seek(), and give libseal_unsealer_update() the bytes
 * that libseal_header_ciphertext_range() names. libseal_stream.h has a reader that does so.
 */

/** Enough for libseal_unsealer_update() at any time, as a constant: less than in_len + 16 KiB. */
#define LIBSEAL_UNSEALER_UPDATE_BOUND(in_len) (((in_len) + 16399) / 16400 * 16384)

/** Most bytes that libseal_unsealer_finish() writes. */
#define LIBSEAL_UNSEALER_FINISH_BOUND 16383

/**
 * A message that is being unsealed.
 *
 * LIBSEAL_ERR_BUFFER_TOO_SMALL and LIBSEAL_ERR_INVALID_STATE change nothing. Any other error ends it:
 * from then on, calls return LIBSEAL_ERR_INVALID_STATE. It takes less than 256 KiB of memory, however
 * long the message is.
 */
typedef struct libseal_unsealer libseal_unsealer;

/**
 * Begins a message.
 *
 * @param require        Keys that the encryption context must have: with this value, or with any if it
 *                       is NULL. The message is refused before a key is unwrapped if one is missing.
 * @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
 * @param unsealer       Set to a new unsealer: libseal_unsealer_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message can have.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_new(const libseal_context_pair *require, size_t require_count,
                                    libseal_unsealer **unsealer);

/**
 * Begins a message whose header and data key are known: goes on right after the header. Give it the
 * bytes of the message from libseal_header_len() on; after the first 56 of them it can seek.
 *
 * @param header    The header of the message. It may be freed after the call.
 * @param data_key  Wipe it after the call; the library has its own copy.
 * @param unsealer  Set to a new unsealer: libseal_unsealer_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_new_with_key(const libseal_header *header,
                                             const uint8_t data_key[32],
                                             libseal_unsealer **unsealer);

/** Frees an unsealer, in any state, and wipes its keys. NULL is fine. */
LIBSEAL_API
void libseal_unsealer_free(libseal_unsealer *unsealer);

/**
 * Sets the callback that unwraps the data key. libseal_unsealer_update() never returns
 * LIBSEAL_NEED_KEY then.
 *
 * @param unwrap     Not NULL. Kept, with `user_data`, until the unsealer is freed.
 * @param user_data  For `unwrap`; may be NULL.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE after the first libseal_unsealer_update().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_set_unwrap(libseal_unsealer *unsealer, libseal_unwrap_fn unwrap,
                                           void *user_data);

/**
 * How many bytes libseal_unsealer_update() will write for `in_len` bytes of input: exactly, or with a
 * callback and before the end of the header, at most. 0 if `unsealer` is NULL or takes no more input.
 * LIBSEAL_UNSEALER_UPDATE_BOUND is enough at any time.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_unsealer_update_len(const libseal_unsealer *unsealer, size_t in_len);

/**
 * Takes the next piece of the message, of any length, and writes the plaintext of the chunks that are
 * complete and authentic.
 *
 * @param in        The next piece.
 * @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK, none on an error.
 *                  May be NULL if there is a callback or the key is known.
 * @param out       Room for libseal_unsealer_update_len() bytes.
 * @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_STATE;
 *         LIBSEAL_NEED_KEY without a callback, at the end of the header: call
 *         libseal_unsealer_provide_key(), and then this function again with the bytes that were not
 *         consumed. Without the key that is LIBSEAL_ERR_INVALID_STATE, so that no loop goes on for ever;
 *         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
 *         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE;
 *         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_AUTHENTICATION_FAILED;
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG after 4 PiB;
 *         with a callback LIBSEAL_ERR_NO_MATCHING_RECIPIENT, LIBSEAL_ERR_UNWRAP_FAILED,
 *         LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED, LIBSEAL_ERR_WRAPPED_KEY_REJECTED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_update(libseal_unsealer *unsealer, const uint8_t *in, size_t in_len,
                                       size_t *consumed, uint8_t *out, size_t out_cap,
                                       size_t *written);

/**
 * The header, once it is complete; before that, and if `unsealer` is NULL, NULL. Trusted once a
 * data key has been accepted.
 *
 * Borrowed until the unsealer is freed. Not for libseal_header_free().
 */
LIBSEAL_API LIBSEAL_NODISCARD
const libseal_header *libseal_unsealer_header(const libseal_unsealer *unsealer);

/**
 * Goes on after LIBSEAL_NEED_KEY with the data key that one of the header's wrapped keys holds.
 *
 * @param data_key  What libseal_wrapped_key_data_key() made of the answer of the KMS. Wipe it after the
 *                  call; the library has its own copy.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if no key is needed,
 *         LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_provide_key(libseal_unsealer *unsealer, const uint8_t data_key[32]);

/**
 * Moves to `position` in the plaintext, forwards or backwards. The next byte released is the one at
 * `position`.
 *
 * It needs a data key, and the bytes of the message before the first chunk: see
 * libseal_header_ciphertext_range(). It may also follow libseal_unsealer_finish().
 *
 * Each chunk opens alone, so what comes out is authentic and in its place wherever one starts. Where
 * the plaintext ends is known only after libseal_unsealer_finish(); the last chunk is enough for it.
 *
 * @param position  Position in the plaintext. That it is beyond the end shows only later.
 * @param offset    Set to the offset in the message of the next byte for libseal_unsealer_update(),
 *                  where a chunk begins.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE before those bytes are there and after an error,
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG for a position from 4 PiB on.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_seek(libseal_unsealer *unsealer, uint64_t position,
                                     uint64_t *offset);

/**
 * Exactly how many bytes libseal_unsealer_finish() will write, at most LIBSEAL_UNSEALER_FINISH_BOUND.
 * 0 if `unsealer` is NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
size_t libseal_unsealer_finish_len(const libseal_unsealer *unsealer);

/**
 * Ends the message: writes the last plaintext, and confirms that the message is complete.
 *
 * @param out  Room for libseal_unsealer_finish_len() bytes.
 * @return LIBSEAL_OK: what came out is all of the plaintext, or after libseal_unsealer_seek() the end
 *         of it;
 *         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_STATE also while a key is needed;
 *         LIBSEAL_ERR_EMPTY_MESSAGE if nothing came, LIBSEAL_ERR_TRUNCATED if the end is missing for
 *         certain, LIBSEAL_ERR_NOT_SEALED if what came is too short to be one and begins otherwise;
 *         LIBSEAL_ERR_END_NOT_AUTHENTIC if the last chunk does not verify: it was cut, extended or
 *         altered, which cannot be told apart.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_finish(libseal_unsealer *unsealer, uint8_t *out, size_t out_cap,
                                       size_t *written);

/**
 * If unwrapping failed: what the callback returned, which libseal_unwrap_fn says more about. 0 if there
 * was no such error, there is no callback, or `unsealer` is
 * NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
int libseal_unsealer_unwrap_code(const libseal_unsealer *unsealer);

#ifdef __cplusplus
}
#endif

#endif /* LIBSEAL_UNSEAL_H */
