/* Unseals a file, in constant memory. The data key is unwrapped by a command. */
#define _POSIX_C_SOURCE 200809L

#include <libseal.h>

#include "output.h"
#include "unwrap_command.h"

#define PIECE 65536

static const char usage[] =
    "usage: unseal_file IN OUT COMMAND\n"
    "\n"
    "Unseals the file IN to the file OUT, which appears only when it is complete.\n"
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

static int unseal(FILE *in, const char *in_name, struct output *out, libseal_unsealer *unsealer)
{
    static uint8_t piece[PIECE];
    static uint8_t plaintext[LIBSEAL_UNSEALER_UPDATE_BOUND(PIECE)];
    libseal_status status = LIBSEAL_OK;
    size_t piece_len, len;

    while (status == LIBSEAL_OK && (piece_len = fread(piece, 1, sizeof piece, in)) > 0) {
        status = libseal_unsealer_update(unsealer, piece, piece_len, NULL, plaintext,
                                         sizeof plaintext, &len);
        if (output_write(out, plaintext, len) != 0)
            return fail(out->partial, strerror(errno));
    }
    if (ferror(in))
        return fail(in_name, strerror(errno));
    if (status == LIBSEAL_OK)
        status = libseal_unsealer_finish(unsealer, plaintext, sizeof plaintext, &len);
    if (status == LIBSEAL_ERR_UNWRAP_FAILED)
        fprintf(stderr, "unseal_file: COMMAND failed: %d\n",
                libseal_unsealer_unwrap_code(unsealer));
    if (status != LIBSEAL_OK)
        return fail(in_name, libseal_status_text(status));
    if (output_write(out, plaintext, len) != 0)
        return fail(out->partial, strerror(errno));
    /* Only now is it known that nothing is missing. */
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
    libseal_unsealer *unsealer;
    libseal_status status = libseal_unsealer_new(NULL, 0, &unsealer);
    if (status == LIBSEAL_OK)
        status = libseal_unsealer_set_unwrap(unsealer, unwrap, argv[3]);
    if (status != LIBSEAL_OK) {
        libseal_unsealer_free(unsealer);
        return fail(argv[1], libseal_status_text(status));
    }
    FILE *in = fopen(argv[1], "rb");
    int result = 1;
    if (!in) {
        fail(argv[1], strerror(errno));
    } else {
        struct output out;
        result = output_open(&out, argv[2]) == 0 ? unseal(in, argv[1], &out, unsealer)
                                                 : fail(argv[2], strerror(errno));
        output_discard(&out);
        fclose(in);
    }
    libseal_unsealer_free(unsealer);
    return result;
}
