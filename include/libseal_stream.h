/*
 * libseal: streams and threads. Only the complete library has these functions.
 *
 * libseal_seal.h states the rules for every function.
 */

#ifndef LIBSEAL_STREAM_H
#define LIBSEAL_STREAM_H

#include "libseal_unseal.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Threads -----------------------------------------------------------------------------------------
 *
 * The library uses no threads but those of a pool that you make and lend to its handles: as many
 * handles as you like, on as many threads. They never run your callbacks.
 */

/** Threads that work on long pieces, lent to handles. */
typedef struct libseal_pool libseal_pool;

/**
 * Starts the threads of a pool. They inherit the signal mask of the caller.
 *
 * @param threads  How many; 0 for one on each core. More than 256 count as 256.
 * @param pool     Set to a new pool: libseal_pool_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_NO_THREADS.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_pool_new(size_t threads, libseal_pool **pool);

/**
 * Ends a pool: waits for the calls that use it, and until its threads have ended. Handles that it was
 * lent to stay, but return LIBSEAL_ERR_INVALID_STATE; one that is lent another pool goes on. NULL is
 * fine.
 *
 * A forked child has none of the threads: there, handles return LIBSEAL_ERR_INVALID_STATE too, and this
 * function waits for nothing. Some memory is lost in the child.
 */
LIBSEAL_API
void libseal_pool_free(libseal_pool *pool);

/**
 * Seals pieces of 512 KiB or more on the threads of a pool. Pieces of a few MiB work best. Applies to
 * libseal_sealer_update() and libseal_sealer_finish_with(), from the next call on.
 *
 * @param pool  NULL for the calling thread alone, as at first.
 * @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE if `sealer` or `pool` has ended,
 *         or `pool` was made before a fork().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_sealer_set_pool(libseal_sealer *sealer, const libseal_pool *pool);

/**
 * Unseals pieces of 512 KiB or more on the threads of a pool. Pieces of a few MiB work best. Applies to
 * libseal_unsealer_update(), from the next call on.
 *
 * @param pool  NULL for the calling thread alone, as at first.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `unsealer` or `pool` has ended, or `pool` was made
 *         before a fork().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_unsealer_set_pool(libseal_unsealer *unsealer, const libseal_pool *pool);

/* Source: where a reader reads from ------------------------------------------------------------ */

/**
 * Says how long the message is.
 *
 * @param user_data  From the libseal_source.
 * @param len        To be set to the length of the message.
 * @return as libseal_read_fn.
 */
typedef int (*libseal_length_fn)(void *user_data, uint64_t *len);

/**
 * Reads bytes of the message, like pread(): any number of them from 1 to `len`, or 0 at the end.
 *
 * The callback must return: no longjmp, no C++ exception. It must not use the reader.
 *
 * @param user_data  From the libseal_source.
 * @param offset     Where in the message the bytes begin.
 * @param out        For `len` bytes.
 * @param filled     To be set to the number of bytes in `out`.
 * @return 0, or any other value if reading failed. The call that needed the bytes fails with
 *         LIBSEAL_ERR_IO_FAILED, and can be repeated.
 */
typedef int (*libseal_read_fn)(void *user_data, uint64_t offset, uint8_t *out, size_t len,
                               size_t *filled);

/** Where a message is read from: a file, object storage, a device. */
typedef struct libseal_source {
    /** sizeof(libseal_source). */
    size_t size;
    /** Not NULL. */
    libseal_read_fn read;
    /**
     * NULL if the length is not known. If it is there, it is called once, before the first `read`. The
     * first time that the reader moves beyond what it has fetched, it then verifies the end of the
     * message before anything else, so that a message that was cut short cannot pass for a complete one.
     */
    libseal_length_fn length;
    /** For the callbacks; may be NULL. */
    void *user_data;
} libseal_source;

/** `libseal_source source = LIBSEAL_SOURCE_INIT(read_file, length_of_file, &file);` */
#define LIBSEAL_SOURCE_INIT(read, length, user_data) \
    {sizeof(libseal_source), (read), (length), (user_data)}

/*
 * Reading a message -------------------------------------------------------------------------------
 *
 * A reader fetches what it needs from a source, unwraps the data key with a callback, and has the
 * plaintext: from the start, from any place, to its end. It fetches only the chunks that cover what is
 * read.
 */

/**
 * A message that is being read.
 *
 * After LIBSEAL_ERR_IO_FAILED, or if there was no data key, the call can be repeated. After an error of
 * the message, every further call returns LIBSEAL_ERR_INVALID_STATE. It takes some 600 KiB of memory, and with a pool up to 12 MiB.
 */
typedef struct libseal_reader libseal_reader;

/**
 * Makes a reader. Nothing is read yet: that happens within the first libseal_reader_read() or
 * libseal_reader_plaintext_len(), and so do the errors of a message that cannot be opened.
 *
 * @param source         The callbacks and their `user_data` are kept until the reader is freed.
 * @param unwrap         Unwraps the data key; not NULL. Kept until the reader is freed.
 * @param user_data      For `unwrap`; may be NULL.
 * @param require        Keys that the encryption context must have: with this value, or with any if it
 *                       is NULL. The message is refused before a key is unwrapped if one is missing.
 * @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
 * @param reader         Set to a new reader: libseal_reader_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_UTF8,
 *         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_new(const libseal_source *source, libseal_unwrap_fn unwrap,
                                  void *user_data, const libseal_context_pair *require,
                                  size_t require_count, libseal_reader **reader);

/**
 * Makes a reader for a message whose header and data key are known: the header is not read again.
 *
 * @param source    The callbacks and their `user_data` are kept until the reader is freed.
 * @param header    The header of the message. It may be freed after the call.
 * @param data_key  Wipe it after the call; the library has its own copy.
 * @param reader    Set to a new reader: libseal_reader_free().
 * @return LIBSEAL_OK, LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_new_with_key(const libseal_source *source,
                                           const libseal_header *header, const uint8_t data_key[32],
                                           libseal_reader **reader);

/** Frees a reader, in any state, and wipes its keys. NULL is fine. */
LIBSEAL_API
void libseal_reader_free(libseal_reader *reader);

/**
 * Reads the plaintext that comes next, like read(): any number of bytes from 1 to `out_cap`.
 *
 * 0 bytes are the end of the plaintext, and with them the message is known to be complete. For an
 * `out_cap` of 0, it only reads the header and unwraps the data key.
 *
 * Where a message was cut short or altered, every chunk of 16 KiB before that comes out before the error
 * does.
 *
 * @return LIBSEAL_OK, LIBSEAL_ERR_IO_FAILED, LIBSEAL_ERR_INVALID_STATE after an error of the message or
 *         the end of the pool;
 *         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
 *         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
 *         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
 *         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
 *         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED,
 *         LIBSEAL_ERR_WRAPPED_KEY_REJECTED, LIBSEAL_ERR_AUTHENTICATION_FAILED,
 *         LIBSEAL_ERR_END_NOT_AUTHENTIC;
 *         LIBSEAL_ERR_MESSAGE_TOO_LONG at a position from 4 PiB on.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_read(libseal_reader *reader, uint8_t *out, size_t out_cap,
                                   size_t *written);

/**
 * Moves to `position` in the plaintext, forwards or backwards. The next libseal_reader_read() fetches
 * what it needs, and fails if it cannot.
 *
 * The position may lie beyond the end of the plaintext, where 0 bytes are read, if the source knows the
 * length of the message. If not, a position more than 16 KiB beyond the end looks like one in a message
 * that was cut short: reading returns LIBSEAL_ERR_TRUNCATED, and that is the end of the reader.
 *
 * @return LIBSEAL_OK.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_seek(libseal_reader *reader, uint64_t position);

/** The position in the plaintext of the byte that is read next. 0 if `reader` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
uint64_t libseal_reader_position(const libseal_reader *reader);

/**
 * The length of the plaintext. Fetches and verifies the end of the message for it; the position stays.
 *
 * @param len  Set to the length.
 * @return as libseal_reader_read(), and LIBSEAL_ERR_INVALID_STATE if the source does not know the length
 *         of the message and its end has not been read.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_plaintext_len(libseal_reader *reader, uint64_t *len);

/**
 * The header, once it has been read; before that, and if `reader` is NULL, NULL. Trusted once a data key
 * has been accepted.
 *
 * Borrowed until the next call that is not on a const reader. Not for libseal_header_free().
 */
LIBSEAL_API LIBSEAL_NODISCARD
const libseal_header *libseal_reader_header(const libseal_reader *reader);

/**
 * After LIBSEAL_ERR_IO_FAILED: what the callback of the source returned; 0 if it claimed to have read
 * more than it was asked for. 0 if `reader` is NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
int libseal_reader_source_code(const libseal_reader *reader);

/** If unwrapping failed: as libseal_unsealer_unwrap_code(). 0 if `reader` is NULL. */
LIBSEAL_API LIBSEAL_NODISCARD
int libseal_reader_unwrap_code(const libseal_reader *reader);

/**
 * Unseals on the threads of a pool, in larger pieces, from the next call on.
 *
 * @param pool  NULL for the calling thread alone, as at first.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `pool` has ended or was made before a fork().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_set_pool(libseal_reader *reader, const libseal_pool *pool);

/* Sink: what is written goes here -------------------------------------------------------------- */

/**
 * Writes the next bytes of the message, or of the plaintext that libseal_reader_salvage() finds: all of
 * them or, if it fails, none.
 *
 * The callback must return: no longjmp, no C++ exception. It must not use the writer or the reader.
 *
 * @param user_data  From the libseal_sink.
 * @param data       The bytes; borrowed until the callback returns.
 * @param len        How many there are, at least 1.
 * @return 0, or any other value if writing failed. The call fails with LIBSEAL_ERR_IO_FAILED. If it is
 *         repeated, the same bytes come again. If only some of them were written, what was written is
 *         broken.
 */
typedef int (*libseal_write_fn)(void *user_data, const uint8_t *data, size_t len);

/** Where bytes are written to: a file, a socket, a device. */
typedef struct libseal_sink {
    /** sizeof(libseal_sink). */
    size_t size;
    /** Not NULL. */
    libseal_write_fn write;
    /** For `write`; may be NULL. */
    void *user_data;
} libseal_sink;

/** `libseal_sink sink = LIBSEAL_SINK_INIT(write_file, &file);` */
#define LIBSEAL_SINK_INIT(write, user_data) {sizeof(libseal_sink), (write), (user_data)}

/*
 * Writing a message -------------------------------------------------------------------------------
 *
 * A writer takes plaintext in pieces of any length, seals it in large ones, and hands the message on to
 * a sink. A libseal_sealer hands every byte on at once, and needs no heap; a writer is faster for small
 * pieces.
 */

/**
 * A message that is being written.
 *
 * It does not survive fork(): in the child, calls return LIBSEAL_ERR_INVALID_STATE and the sink is not
 * called. The parent is not affected.
 *
 * After LIBSEAL_ERR_IO_FAILED the call can be repeated. It takes some 600 KiB of memory, and with a pool
 * up to 12 MiB.
 */
typedef struct libseal_writer libseal_writer;

/**
 * Begins a message: draws a data key and wraps it for each recipient. The sink is not called yet.
 *
 * @param envelope  What the message is sealed with.
 * @param sink      The callback and its `user_data` are kept until the writer is freed.
 * @param writer    Set to a new writer: libseal_writer_free().
 * @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_RANDOM_FAILED.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_writer_new(const libseal_envelope *envelope, const libseal_sink *sink,
                                  libseal_writer **writer);

/**
 * Frees a writer, in any state, and wipes its keys. If it was not finished, every reader refuses the
 * message as cut short. NULL is fine.
 */
LIBSEAL_API
void libseal_writer_free(libseal_writer *writer);

/**
 * Takes the next plaintext, of any length.
 *
 * @param in        The next plaintext.
 * @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK. After
 *                  LIBSEAL_ERR_IO_FAILED, repeat the call with the bytes that were not. May be NULL.
 * @return LIBSEAL_OK, LIBSEAL_ERR_IO_FAILED, LIBSEAL_ERR_INVALID_STATE after the end of the message or of
 *         the pool and in a forked child, LIBSEAL_ERR_MESSAGE_TOO_LONG at 4 PiB.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_writer_write(libseal_writer *writer, const uint8_t *in, size_t in_len,
                                    size_t *consumed);

/**
 * Seals all that was taken, and hands it on to the sink. The message goes on.
 *
 * @return as libseal_writer_write().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_writer_flush(libseal_writer *writer);

/**
 * Ends the message, and hands its last bytes on to the sink. Only after LIBSEAL_OK it is complete.
 *
 * @return as libseal_writer_write(), and LIBSEAL_ERR_INVALID_STATE after a libseal_writer_write() that
 *         failed and was not repeated: the message would lack something.
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_writer_finish(libseal_writer *writer);

/**
 * After LIBSEAL_ERR_IO_FAILED: what the callback of the sink returned. 0 if `writer` is NULL.
 */
LIBSEAL_API LIBSEAL_NODISCARD
int libseal_writer_sink_code(const libseal_writer *writer);

/**
 * Seals on the threads of a pool, in larger pieces, from the next call on.
 *
 * @param pool  NULL for the calling thread alone, as at first.
 * @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `pool` has ended or was made before a fork().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_writer_set_pool(libseal_writer *writer, const libseal_pool *pool);

/* Salvage: what is left of a message that was cut short or altered ----------------------------- */

/**
 * Writes the verified beginning of a message to a sink: the plaintext of every chunk of 16 KiB up to
 * the first that is not whole or not authentic. A part of a chunk cannot be verified, so it is left
 * out.
 *
 * LIBSEAL_OK alone means that the message is whole, and that all of its plaintext has been written.
 * On any other status libseal_reader_position() is the number of bytes that have been written and
 * are authentic, if the reader began at the start. Mark them as incomplete wherever you keep them.
 *
 * If the source fails, for example at a bad sector, what came before is written too. A call that is
 * repeated goes on from there. If the message is to end where the source fails, let the callback
 * answer with 0 bytes.
 *
 * @param reader  Begins at its position: at the start, unless it was moved.
 * @param sink    Not kept after the call.
 * @return LIBSEAL_OK if the message is whole;
 *         LIBSEAL_ERR_TRUNCATED or LIBSEAL_ERR_END_NOT_AUTHENTIC if its end is missing,
 *         LIBSEAL_ERR_AUTHENTICATION_FAILED if a chunk was altered, or header or data key are wrong;
 *         LIBSEAL_ERR_IO_FAILED if source or sink failed: libseal_last_error() says which one;
 *         otherwise as libseal_reader_read().
 */
LIBSEAL_API LIBSEAL_NODISCARD
libseal_status libseal_reader_salvage(libseal_reader *reader, const libseal_sink *sink);

#ifdef __cplusplus
}
#endif

#endif /* LIBSEAL_STREAM_H */
