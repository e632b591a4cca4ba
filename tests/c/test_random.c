/* Random bytes from the caller: what becomes of them, and what of a source that is none. */
#include "check.h"
#include "support.h"

#include <string.h>

static libseal_rsa_public_key key;
static libseal_recipient to_key;

static uint8_t out[1000];
static size_t written;

static libseal_envelope envelope_with(const libseal_random *random)
{
    return (libseal_envelope)ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                      .random = random);
}

/* The three calls that draw random bytes first: they leave as much, and say it in the same way. */
static libseal_sealer sealer;
static libseal_sealing_key sealing_key;

static libseal_status seal(const libseal_envelope *envelope)
{
    return libseal_seal(envelope, (const uint8_t *)"21.5 C", 6, out, sizeof out, &written);
}

static libseal_status start(const libseal_envelope *envelope)
{
    return libseal_sealer_start(&sealer, sizeof sealer, envelope, out, sizeof out, &written);
}

static libseal_status init(const libseal_envelope *envelope)
{
    return libseal_sealing_key_init(&sealing_key, sizeof sealing_key, envelope, NULL, out,
                                    sizeof out, &written);
}

static const struct {
    libseal_status (*call)(const libseal_envelope *envelope);
    const char *name;
    int answers; /* that it needs for one recipient */
} calls[] = {
    {seal, "libseal_seal()", 3},
    {start, "libseal_sealer_start()", 3},
    {init, "libseal_sealing_key_init()", 2},
};

static void good_sources(void)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        source s = source_of(good_byte, 0);
        const libseal_random random = random_from(&s);
        const libseal_envelope envelope = envelope_with(&random);
        check_status(calls[i].call(&envelope), LIBSEAL_OK, __FILE__, __LINE__, calls[i].name);
        CHECK(s.calls == calls[i].answers && s.was_asked_well);
    }
    libseal_sealer_wipe(&sealer);
    libseal_sealing_key_wipe(&sealing_key);
}

/* The message is made of what the callback answered, and of nothing else. The longer answers are
 * secrets, the data key among them; the shortest one is the salt, for everybody to see. */
static void bytes_are_used(void)
{
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    const libseal_envelope envelope = envelope_with(&random);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(unseals_to(out, written, (const uint8_t *)"21.5 C", 6, "rsa-2048", NULL, 0));
    int salts = 0;
    for (int i = 0; i < s.calls; i++) {
        bool is_salt = s.answer_lens[i] == 24;
        salts += is_salt;
        CHECK(contains(out, written, s.answers[i], s.answer_lens[i]) == is_salt);
    }
    CHECK(salts == 1);

    uint8_t message[sizeof out];
    size_t len = written;
    memcpy(message, out, len);
    s = source_of(good_byte, 0);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(written == len && memcmp(out, message, len) == 0);
}

/* Nothing is asked for what is not sealed. */
static void not_asked_in_vain(void)
{
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    libseal_envelope envelope = envelope_with(&random);
    size_t len;
    uint64_t sealed_len;
    CHECK_STATUS(libseal_sealer_start_len(&envelope, &len), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealed_len(&envelope, 6, &sealed_len), LIBSEAL_OK);
    CHECK_STATUS(libseal_seal(&envelope, NULL, 0, out, 10, &written), LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(libseal_seal(&envelope, out, 6, out, sizeof out, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, len - 1, &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(libseal_sealer_start(&sealer, 8, &envelope, out, sizeof out, &written),
                 LIBSEAL_ERR_STORAGE_TOO_SMALL);
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, NULL, out, 10,
                                          &written),
                 LIBSEAL_ERR_BUFFER_TOO_SMALL);
    envelope.recipient_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        check_status(calls[i].call(&envelope), LIBSEAL_ERR_NO_RECIPIENTS, __FILE__, __LINE__,
                     calls[i].name);
    CHECK(s.calls == 0);
}

static int only_without_user_data(void *user_data, uint8_t *bytes, size_t len)
{
    static int call;
    call++;
    for (size_t i = 0; i < len; i++)
        bytes[i] = good_byte(call, i);
    return user_data == NULL ? 0 : 1;
}

static void no_user_data(void)
{
    const libseal_random random = RANDOM(.fill = only_without_user_data);
    const libseal_envelope envelope = envelope_with(&random);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
}

/* Sources that are none. */

static uint8_t zero(int call, size_t index)
{
    (void)call, (void)index;
    return 0;
}

static uint8_t all_ones(int call, size_t index)
{
    (void)call, (void)index;
    return 0xff;
}

/* A byte that is another one each time. */
static uint8_t one_byte(int call, size_t index)
{
    (void)index;
    return (uint8_t)call;
}

/* A register of 32 bits, read for each word, that does not move while it is read. */
static uint8_t one_word(int call, size_t index)
{
    return good_byte(call, index % 4);
}

static uint8_t always_the_same(int call, size_t index)
{
    (void)call;
    return good_byte(1, index);
}

static uint8_t same_from_second(int call, size_t index)
{
    return good_byte(call < 2 ? call : 2, index);
}

/* A generator that is restarted for each answer, with a counter at its end. */
static uint8_t only_end_differs(int call, size_t index)
{
    return good_byte(index < 19 ? 1 : call, index);
}

static const struct {
    const char *what;
    uint8_t (*byte)(int call, size_t index);
    int fails_at;
    int refused_at; /* The answer after which there is none asked any more. */
} bad_sources[] = {
    {"fails at once", good_byte, 1, 1},
    {"fails at the second call", good_byte, 2, 2},
    {"fails at the third call", good_byte, 3, 3},
    {"fails and writes nothing", NULL, 1, 1},
    {"says that it is fine and writes nothing", NULL, 0, 1},
    {"zeros", zero, 0, 1},
    {"ones", all_ones, 0, 1},
    {"one byte", one_byte, 0, 1},
    {"one word", one_word, 0, 1},
    {"always the same", always_the_same, 0, 2},
    {"the same from the second on", same_from_second, 0, 3},
    {"only the end differs", only_end_differs, 0, 2},
};

/* What a call that failed has left in `out`: the beginning of a header maybe, but no answer that it
 * took, least of all the data key. */
static bool tells_a_secret(const source *s)
{
    bool found = false;
    for (int i = 0; s->byte == good_byte && i < s->calls - 1; i++)
        found = found || contains(out, sizeof out, s->answers[i], s->answer_lens[i]);
    return found;
}

static void bad_source(size_t index)
{
    const char *what = bad_sources[index].what;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (bad_sources[index].refused_at > calls[i].answers)
            continue;
        source s = source_of(bad_sources[index].byte, bad_sources[index].fails_at);
        const libseal_random random = random_from(&s);
        const libseal_envelope envelope = envelope_with(&random);
        memset(out, 0xaa, sizeof out);
        written = 1;
        check_status(calls[i].call(&envelope), LIBSEAL_ERR_RANDOM_FAILED, __FILE__, __LINE__, what);
        check(written == 0 && !tells_a_secret(&s), __FILE__, __LINE__, what, "output");
        check(s.calls == bad_sources[index].refused_at && s.was_asked_well, __FILE__, __LINE__,
              what, "other calls");
    }
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_NOT_FILLED);
    CHECK(is_filled_with((uint8_t *)&sealer, sizeof sealer, 0));
    if (bad_sources[index].refused_at > 2)
        return;
    CHECK_STATUS(libseal_sealing_key_seal(&sealing_key, NULL, 0, out, sizeof out, &written),
                 LIBSEAL_ERR_NOT_FILLED);
    CHECK(is_filled_with((uint8_t *)&sealing_key, sizeof sealing_key, 0));
}

/* With more recipients more is asked, and each answer is looked at. */
static void several_recipients(void)
{
    const libseal_recipient to[] = {to_key, to_key};
    for (int fails_at = 1; fails_at <= 4; fails_at++) {
        source s = source_of(good_byte, fails_at);
        const libseal_random random = random_from(&s);
        libseal_envelope envelope = envelope_with(&random);
        envelope.recipients = to;
        envelope.recipient_count = 2;
        CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_RANDOM_FAILED);
        CHECK(written == 0 && s.calls == fails_at);
    }
    source s = source_of(stuck_byte, 0);
    const libseal_random random = random_from(&s);
    libseal_envelope envelope = envelope_with(&random);
    envelope.recipients = to;
    envelope.recipient_count = 2;
    CHECK_STATUS(seal(&envelope), LIBSEAL_ERR_RANDOM_FAILED);
    CHECK(written == 0 && s.calls == 4);
}

/* Answers that differ in the least way that counts are none of the library's business. */

static uint8_t only_beginning_differs(int call, size_t index)
{
    return good_byte(index == 0 ? call : 1, index);
}

static uint8_t every_other_is_the_same(int call, size_t index)
{
    return good_byte(call % 2, index);
}

static void poor_sources(void)
{
    uint8_t (*const poor[])(int, size_t) = {only_beginning_differs, every_other_is_the_same};
    for (size_t i = 0; i < ARRAY_LEN(poor); i++) {
        source s = source_of(poor[i], 0);
        const libseal_random random = random_from(&s);
        const libseal_envelope envelope = envelope_with(&random);
        CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    }
}

static void no_source(void)
{
    const libseal_random none = RANDOM(.fill = NULL);
    /* The library for firmware has no operating system to ask. */
    const libseal_random *wrong[] = {&none, NULL};
    for (size_t i = 0; i < (is_complete ? 1 : ARRAY_LEN(wrong)); i++) {
        const libseal_envelope envelope = envelope_with(wrong[i]);
        size_t len = 1;
        uint64_t sealed_len = 1;
        CHECK_STATUS(libseal_sealer_start_len(&envelope, &len), LIBSEAL_ERR_NULL_POINTER);
        CHECK(len == 0);
        CHECK_STATUS(libseal_sealed_len(&envelope, 0, &sealed_len), LIBSEAL_ERR_NULL_POINTER);
        CHECK(sealed_len == 0);
        memset(out, 0xaa, sizeof out);
        for (size_t j = 0; j < ARRAY_LEN(calls); j++) {
            written = 1;
            check_status(calls[j].call(&envelope), LIBSEAL_ERR_NULL_POINTER, __FILE__, __LINE__,
                         calls[j].name);
            CHECK(written == 0 && is_filled_with(out, sizeof out, 0xaa));
        }
    }
}

/* Two messages with the machine's random bytes have nothing in common that is random. */
static void machine_source(void)
{
    uint8_t first[sizeof out];
    const libseal_envelope envelope = envelope_with(machine_random);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    memcpy(first, out, written);
    CHECK_STATUS(seal(&envelope), LIBSEAL_OK);
    CHECK(!contains(first, written, out + written - 22, 22));
    CHECK(!contains(first, written, out + written - 22 - 56, 24));
    CHECK(unseals_to(out, written, (const uint8_t *)"21.5 C", 6, "rsa-2048", NULL, 0));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    to_key = (libseal_recipient)RECIPIENT(.key = &key);
    good_sources();
    bytes_are_used();
    not_asked_in_vain();
    no_user_data();
    for (size_t i = 0; i < ARRAY_LEN(bad_sources); i++)
        bad_source(i);
    several_recipients();
    poor_sources();
    no_source();
    machine_source();
    return report();
}
