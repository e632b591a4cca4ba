/* Unseals a part of a file, and reads no more of it than that takes. The data key is unwrapped by a
 * command. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <libseal.h>

#include "input.h"
#include "output.h"
#include "unwrap_command.h"

#define PIECE 65536

static const char usage[] =
    "usage: unseal_range IN OUT START LEN COMMAND\n"
    "\n"
    "Unseals LEN bytes of plaintext from START on, or as many as there are, from the file IN to the\n"
    "file OUT. START is at most the length of the plaintext. What comes out is authentic and in its\n"
    "place; the rest of IN is not read. OUT, a regular file or none, is replaced only when it is\n"
    "complete.\n"
    "\n"
    COMMAND_USAGE;

static int fail(const char *file, const char *why)
{
    fprintf(stderr, "unseal_range: %s: %s\n", file, why);
    return 1;
}

static int unseal(libseal_reader *reader, const char *in_name, struct output *out, uint64_t start,
                  uint64_t len)
{
    static uint8_t piece[PIECE];
    size_t piece_len;

    libseal_status status = libseal_reader_seek(reader, start);
    while (status == LIBSEAL_OK && len > 0) {
        size_t room = len < sizeof piece ? (size_t)len : sizeof piece;
        status = libseal_reader_read(reader, piece, room, &piece_len);
        if (piece_len == 0)
            break;
        if (output_write(out, piece, piece_len) != 0)
            return fail(out->name, strerror(errno));
        len -= piece_len;
    }
    if (status == LIBSEAL_ERR_IO_FAILED)
        return fail(in_name, strerror(errno));
    if (status != LIBSEAL_OK)
        return fail(in_name, libseal_last_error());
    if (output_commit(out) != 0)
        return fail(out->name, strerror(errno));
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
    uint64_t start, len;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != 6 || read_number(argv[3], &start) != 0 || read_number(argv[4], &len) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct input in = {fopen(argv[1], "rb"), 0};
    if (!in.file)
        return fail(argv[1], strerror(errno));
    /* With a length, the end of the message would be read and verified too. */
    const libseal_source source = LIBSEAL_SOURCE_INIT(read_input, NULL, &in);
    libseal_reader *reader;
    struct output out;
    int result;
    libseal_status status = libseal_reader_new(&source, unwrap, argv[5], NULL, 0, &reader);
    if (status != LIBSEAL_OK) {
        result = fail(argv[1], libseal_last_error());
    } else {
        const char *why = output_open(&out, argv[2]);
        result = why ? fail(argv[2], why) : unseal(reader, argv[1], &out, start, len);
        output_discard(&out);
    }
    libseal_reader_free(reader);
    fclose(in.file);
    return result;
}
