/* Seals a file for the holder of a private key, in constant memory. */
#define _POSIX_C_SOURCE 200809L

#include <libseal.h>

#include "output.h"

#define PIECE 65536

static const char usage[] =
    "usage: seal_file PUBLIC_KEY IN OUT [KEY_ID]\n"
    "\n"
    "Seals the file IN to the file OUT, for the RSA key whose public half is in the file PUBLIC_KEY,\n"
    "in DER or PEM, or as the AWS CLI prints it in JSON. KEY_ID is a hint for the backend, such as\n"
    "the ARN of the KMS key.\n"
    "OUT, a regular file or none, is replaced only when it is complete.\n";

static int fail(const char *file, const char *why)
{
    fprintf(stderr, "seal_file: %s: %s\n", file, why);
    return 1;
}

static int read_key(const char *path, libseal_rsa_public_key *key)
{
    uint8_t bytes[65537]; /* More than the library takes. */
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(path, strerror(errno));
    size_t len = fread(bytes, 1, sizeof bytes, file);
    int failed = ferror(file);
    fclose(file);
    if (failed)
        return fail(path, "cannot be read");
    libseal_status status = libseal_rsa_public_key_init(key, sizeof *key, bytes, len);
    return status == LIBSEAL_OK ? 0 : fail(path, libseal_last_error());
}

/* Where the message goes: a libseal_write_fn. Its code is an errno. */
static int write_out(void *user_data, const uint8_t *data, size_t len)
{
    return output_write(user_data, data, len) == 0 ? 0 : errno;
}

static int seal(FILE *in, const char *in_name, struct output *out, const libseal_recipient *to)
{
    static uint8_t piece[PIECE];
    const libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(to, 1);
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_out, out);
    libseal_writer *writer;
    size_t len;
    int in_error = 0;

    libseal_status status = libseal_writer_new(&envelope, &sink, &writer);
    while (status == LIBSEAL_OK && (len = fread(piece, 1, sizeof piece, in)) > 0)
        status = libseal_writer_write(writer, piece, len, NULL);
    if (ferror(in))
        in_error = errno;
    else if (status == LIBSEAL_OK)
        status = libseal_writer_finish(writer);
    int out_error = libseal_writer_sink_code(writer);
    libseal_writer_free(writer);

    if (in_error)
        return fail(in_name, strerror(in_error));
    if (status == LIBSEAL_ERR_IO_FAILED)
        return fail(out->name, strerror(out_error));
    if (status != LIBSEAL_OK)
        return fail(in_name, libseal_last_error());
    if (output_commit(out) != 0)
        return fail(out->name, strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != 4 && argc != 5) {
        fputs(usage, stderr);
        return 2;
    }
    libseal_rsa_public_key key;
    if (read_key(argv[1], &key) != 0)
        return 1;
    const libseal_recipient to = LIBSEAL_RECIPIENT_INIT(&key, argv[4]); /* argv ends with NULL */

    FILE *in = fopen(argv[2], "rb");
    if (!in)
        return fail(argv[2], strerror(errno));
    struct output out;
    const char *why = output_open(&out, argv[3]);
    int result = why ? fail(argv[3], why) : seal(in, argv[2], &out, &to);
    output_discard(&out);
    fclose(in);
    return result;
}
