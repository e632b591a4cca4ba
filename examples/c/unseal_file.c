/* Unseals a file, in constant memory. The data key is unwrapped by a command. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <libseal.h>

#include "input.h"
#include "output.h"
#include "unwrap_command.h"

#define PIECE 65536

static const char usage[] =
    "usage: unseal_file IN OUT COMMAND\n"
    "\n"
    "Unseals the file IN to the file OUT. OUT, a regular file or none, is replaced only when it is\n"
    "complete.\n"
    "\n"
    COMMAND_USAGE
    "\n"
    "With the private key in a file:\n"
    "\n"
    "    unseal_file IN OUT 'openssl pkeyutl -decrypt -inkey key.pem \\\n"
    "        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \\\n"
    "        -pkeyopt rsa_mgf1_md:sha256'\n"
    "\n"
    "In KMS:\n"
    "\n"
    "    unseal_file IN OUT 'aws kms decrypt --key-id alias/device-data \\\n"
    "        --encryption-algorithm RSAES_OAEP_SHA_256 --ciphertext-blob fileb:///dev/stdin \\\n"
    "        --query Plaintext --output text | base64 -d'\n";

static int fail(const char *file, const char *why)
{
    fprintf(stderr, "unseal_file: %s: %s\n", file, why);
    return 1;
}

static int unseal(libseal_reader *reader, const char *in_name, struct output *out)
{
    static uint8_t piece[PIECE];
    libseal_status status;
    size_t len;

    /* Reads 0 bytes at the end, and only then it is known that nothing is missing. */
    while ((status = libseal_reader_read(reader, piece, sizeof piece, &len)) == LIBSEAL_OK && len > 0)
        if (output_write(out, piece, len) != 0)
            return fail(out->name, strerror(errno));
    if (status == LIBSEAL_ERR_IO_FAILED)
        return fail(in_name, strerror(errno));
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
    if (argc != 4) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct input in = {fopen(argv[1], "rb"), 0};
    if (!in.file)
        return fail(argv[1], strerror(errno));
    /* A pipe has no length, and none is needed to read from front to back. */
    const libseal_source source = LIBSEAL_SOURCE_INIT(read_input, NULL, &in);
    libseal_reader *reader;
    struct output out;
    int result;
    libseal_status status = libseal_reader_new(&source, unwrap, argv[3], NULL, 0, &reader);
    if (status != LIBSEAL_OK) {
        result = fail(argv[1], libseal_last_error());
    } else {
        const char *why = output_open(&out, argv[2]);
        result = why ? fail(argv[2], why) : unseal(reader, argv[1], &out);
        output_discard(&out);
    }
    libseal_reader_free(reader);
    fclose(in.file);
    return result;
}
