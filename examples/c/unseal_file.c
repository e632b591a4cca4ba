/* Unseals a file, in constant memory. The data key is unwrapped by a command. */
#define _POSIX_C_SOURCE 200809L

#include <libseal.h>

#include "output.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 65536

static const char usage[] =
    "usage: unseal_file IN OUT COMMAND\n"
    "\n"
    "Unseals the file IN to the file OUT, which appears only when it is complete.\n"
    "\n"
    "COMMAND is run by /bin/sh for each recipient of the message until it exits with 0. It reads\n"
    "the wrapped key from stdin and writes the 32 bytes of the data key to stdout. It finds in its\n"
    "environment LIBSEAL_ALGORITHM (RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1), LIBSEAL_FINGERPRINT\n"
    "(hex) and LIBSEAL_KEY_ID, of which only the fingerprint is fit to choose a key by.\n"
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

static int set_environment(const libseal_wrapped_key *key)
{
    char hex[2 * LIBSEAL_FINGERPRINT_LEN + 1];
    for (size_t i = 0; i < LIBSEAL_FINGERPRINT_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", key->fingerprint[i]);
    /* Not ended by a NUL; one inside of it ends it here. */
    char key_id[LIBSEAL_MAX_KEY_ID_LEN + 1];
    memcpy(key_id, key->key_id, key->key_id_len);
    key_id[key->key_id_len] = 0;
    return setenv("LIBSEAL_ALGORITHM", key->algorithm, 1) == 0 &&
                   setenv("LIBSEAL_FINGERPRINT", hex, 1) == 0 &&
                   setenv("LIBSEAL_KEY_ID", key_id, 1) == 0
               ? 0
               : -1;
}

static ssize_t read_all(int fd, uint8_t *bytes, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return; /* The command does not read it; its exit status tells. */
        bytes += put;
        len -= (size_t)put;
    }
}

/* The child: never returns. */
static void run_command(const char *command, int in[2], int out[2])
{
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0) {
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    _exit(127);
}

/* A libseal_unwrap_fn. The wrapped key is shorter than any pipe, so it is written before anything is
 * read. Returns the exit status of the command, or 255. */
static int unwrap(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    int in[2], out[2], status;
    uint8_t more;

    if (set_environment(key) != 0 || pipe(in) != 0)
        return 255;
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return 255;
    }
    pid_t child = fork();
    if (child == 0)
        run_command(user_data, in, out);
    close(in[0]);
    close(out[1]);
    if (child > 0)
        write_all(in[1], key->ciphertext, key->ciphertext_len);
    close(in[1]);
    int is_key = child > 0 && read_all(out[0], data_key, 32) == 32 && read_all(out[0], &more, 1) == 0;
    close(out[0]);
    if (child < 0)
        return 255;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 255;
    if (!WIFEXITED(status))
        return 255;
    if (WEXITSTATUS(status) != 0)
        return WEXITSTATUS(status);
    if (is_key)
        return 0;
    fail("COMMAND", "did not write 32 bytes");
    return 255;
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
