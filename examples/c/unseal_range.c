/* Unseals a part of a file, and reads no more of it than that takes. The data key is unwrapped by a
 * command. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <libseal.h>

#include "output.h"
#include "unwrap_command.h"

/* Enough for the header of any message and the 56 bytes after it. */
#define PIECE (LIBSEAL_MAX_HEADER_LEN + 4096)

static const char usage[] =
    "usage: unseal_range IN OUT START LEN COMMAND\n"
    "\n"
    "Unseals LEN bytes of plaintext from START on, or as many as there are, from the file IN to the\n"
    "file OUT. START is at most the length of the plaintext. What comes out is authentic and in its\n"
    "place; the rest of IN is not looked at.\n"
    "\n"
    COMMAND_USAGE;

static int fail(const char *file, const char *why)
{
    fprintf(stderr, "unseal_range: %s: %s\n", file, why);
    return 1;
}

struct range {
    FILE *in;
    const char *in_name;
    struct output *out;
    uint64_t start, len; /* Of the plaintext; `len` is what is still wanted. */
};

/* Writes as much of the plaintext as is wanted: the last chunk may hold more. */
static int write_wanted(struct range *range, const uint8_t *plaintext, size_t len)
{
    if (len > range->len)
        len = (size_t)range->len;
    range->len -= len;
    return output_write(range->out, plaintext, len);
}

/* Reads the header, has the data key unwrapped, and finds the chunks that are wanted: how many bytes
 * from which offset in IN on. */
static libseal_status find_chunks(const struct range *range, libseal_unsealer *unsealer,
                                  uint64_t *offset, uint64_t *bytes)
{
    static uint8_t piece[PIECE], ignored[LIBSEAL_UNSEALER_UPDATE_BOUND(PIECE)];
    size_t len;

    size_t piece_len = fread(piece, 1, sizeof piece, range->in);
    libseal_status status = libseal_unsealer_update(unsealer, piece, piece_len, NULL, ignored,
                                                    sizeof ignored, &len);
    if (status != LIBSEAL_OK)
        return status;
    status = libseal_unsealer_seek(unsealer, range->start, offset);
    if (status == LIBSEAL_ERR_INVALID_STATE) /* Cut short: this says how. */
        return libseal_unsealer_finish(unsealer, ignored, sizeof ignored, &len);
    if (status != LIBSEAL_OK)
        return status;
    return libseal_header_ciphertext_range(libseal_unsealer_header(unsealer), range->start,
                                           range->len, offset, bytes);
}

static int unseal(struct range *range, libseal_unsealer *unsealer)
{
    static uint8_t piece[PIECE], plaintext[LIBSEAL_UNSEALER_UPDATE_BOUND(PIECE)];
    size_t piece_len, len;
    uint64_t offset, left;

    libseal_status status = find_chunks(range, unsealer, &offset, &left);
    if (status == LIBSEAL_OK && fseeko(range->in, (off_t)offset, SEEK_SET) != 0)
        return fail(range->in_name, strerror(errno));
    while (status == LIBSEAL_OK && left > 0) {
        piece_len = fread(piece, 1, left < sizeof piece ? (size_t)left : sizeof piece, range->in);
        if (piece_len == 0)
            break;
        left -= piece_len;
        status = libseal_unsealer_update(unsealer, piece, piece_len, NULL, plaintext,
                                         sizeof plaintext, &len);
        if (write_wanted(range, plaintext, len) != 0)
            return fail(range->out->partial, strerror(errno));
    }
    if (ferror(range->in))
        return fail(range->in_name, strerror(errno));
    /* The message ends within the range: only the end of its last chunk shows that it does. */
    if (status == LIBSEAL_OK && left > 0) {
        status = libseal_unsealer_finish(unsealer, plaintext, sizeof plaintext, &len);
        if (write_wanted(range, plaintext, len) != 0)
            return fail(range->out->partial, strerror(errno));
    }
    if (status == LIBSEAL_ERR_UNWRAP_FAILED)
        fprintf(stderr, "unseal_range: COMMAND failed: %d\n",
                libseal_unsealer_unwrap_code(unsealer));
    if (status != LIBSEAL_OK)
        return fail(range->in_name, libseal_status_text(status));
    if (output_commit(range->out) != 0)
        return fail(range->out->name, strerror(errno));
    return 0;
}

static int read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    struct output out;
    struct range range = {.out = &out};
    if (argc != 6 || read_number(argv[3], &range.start) != 0 ||
        read_number(argv[4], &range.len) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    libseal_unsealer *unsealer;
    libseal_status status = libseal_unsealer_new(NULL, 0, &unsealer);
    if (status == LIBSEAL_OK)
        status = libseal_unsealer_set_unwrap(unsealer, unwrap, argv[5]);
    if (status != LIBSEAL_OK) {
        libseal_unsealer_free(unsealer);
        return fail(argv[1], libseal_status_text(status));
    }
    range.in_name = argv[1];
    range.in = fopen(range.in_name, "rb");
    int result = 1;
    if (!range.in) {
        fail(range.in_name, strerror(errno));
    } else {
        result = output_open(&out, argv[2]) == 0 ? unseal(&range, unsealer)
                                                 : fail(argv[2], strerror(errno));
        output_discard(&out);
        fclose(range.in);
    }
    libseal_unsealer_free(unsealer);
    return result;
}
