// The header from C++17: a message sealed, read and unsealed again.
#include "check.h"

#include <libseal.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    std::ifstream file(std::string(argv[1]) + "/keys/rsa-2048.pub.pem", std::ios::binary);
    std::vector<char> pem{std::istreambuf_iterator<char>(file), {}};

    libseal_rsa_public_key key;
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key,
                                         reinterpret_cast<const std::uint8_t *>(pem.data()),
                                         pem.size()),
                 LIBSEAL_OK);
    std::uint8_t pin[LIBSEAL_FINGERPRINT_LEN];
    CHECK_STATUS(libseal_public_key_fingerprint(&key, pin), LIBSEAL_OK);
    CHECK_STATUS(libseal_rsa_public_key_init_pinned(&key, sizeof key,
                                                reinterpret_cast<const std::uint8_t *>(pem.data()),
                                                pem.size(), pin),
                 LIBSEAL_OK);
    const libseal_recipient to = LIBSEAL_RECIPIENT_INIT(&key, "C++");
    const libseal_context_pair context = LIBSEAL_CONTEXT_PAIR_INIT("language", "C++");
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    envelope.context = &context;
    envelope.context_count = 1;
    std::vector<std::uint8_t> message(1000);
    std::size_t len = 0;
    const std::uint8_t plaintext[] = {1, 2, 3};
    CHECK_STATUS(libseal_seal(&envelope, plaintext, sizeof plaintext, message.data(), message.size(),
                              &len),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_plaintext_len(message.data(), len, &len), LIBSEAL_OK);
    CHECK(len == sizeof plaintext);
    libseal_unwrap_fn not_mine = [](void *, const libseal_wrapped_key *, std::uint8_t *) {
        return int{LIBSEAL_UNWRAP_NOT_MINE};
    };
    CHECK_STATUS(libseal_unseal(message.data(), message.size(), not_mine, nullptr, nullptr, 0,
                                message.data(), 0, &len),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    return report();
}
