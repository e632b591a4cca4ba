//! Where random bytes come from, and what is sealed when they do not come.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{KeyRing, pattern, public_key, repeatable, seal_rest};
use libseal::{
    BoxError, DataKey, Error, ErrorKind, PublicKey, RandomSource, Recipient, Sealer, SealingKey,
    SealingLimits, SystemRandom, WrapAlgorithm, WrappedKey, seal_into_with_random, sealed_len,
    unseal,
};

const PLAINTEXT: &[u8] = b"for the holder of the private key alone";
const CONTEXT: &[(&str, &str)] = &[("device", "42")];

/// The recipients of the messages here: two, of both algorithms.
struct Fleet([PublicKey; 2]);

impl Fleet {
    const NAMES: [&str; 2] = ["rsa-2048", "rsa-2048-b"];

    /// The bytes that a message takes: a data key, a seed as long as its hash for each recipient,
    /// a salt.
    const ANSWERS: [usize; 4] = [32, 32, 20, 24];

    fn new() -> Self {
        Self(Self::NAMES.map(public_key))
    }

    fn recipients(&self) -> [Recipient<'_>; 2] {
        let [first, second] = self.0.each_ref().map(Recipient::new);
        [
            first,
            second.with_algorithm(WrapAlgorithm::from_name("RSAES_OAEP_SHA_1").unwrap()),
        ]
    }
}

/// Seals [`PLAINTEXT`] and returns the message. `memory` becomes all that was written to.
type Way = fn(&mut dyn RandomSource, memory: &mut Vec<u8>) -> Result<Vec<u8>, Error>;

const WAYS: [(&str, Way); 3] = [
    ("one shot", one_shot),
    ("in pieces", in_pieces),
    ("with a sealing key", with_a_sealing_key),
];

fn one_shot(random: &mut dyn RandomSource, memory: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
    let fleet = Fleet::new();
    let len = sealed_len(&fleet.recipients(), CONTEXT, PLAINTEXT.len() as u64)?;
    memory.resize(len.try_into().unwrap(), 0xaa);
    seal_into_with_random(&fleet.recipients(), CONTEXT, PLAINTEXT, random, memory)?;
    Ok(memory.clone())
}

fn in_pieces(random: &mut dyn RandomSource, memory: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
    let fleet = Fleet::new();
    memory.resize(Sealer::start_len(&fleet.recipients(), CONTEXT)?, 0xaa);
    let sealer = Sealer::start_with_random(&fleet.recipients(), CONTEXT, random, memory)?;
    Ok(seal_rest(sealer, memory.clone(), PLAINTEXT, 7))
}

fn with_a_sealing_key(
    random: &mut dyn RandomSource,
    memory: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let fleet = Fleet::new();
    let (recipients, limits) = (&fleet.recipients(), SealingLimits::default());
    let header_len = SealingKey::header_len(recipients, CONTEXT)?;
    let len = sealed_len(recipients, CONTEXT, PLAINTEXT.len() as u64)?;
    memory.resize(header_len + usize::try_from(len).unwrap(), 0xaa);
    let (header, message) = memory.split_at_mut(header_len);
    let mut key = SealingKey::new_with_random(recipients, CONTEXT, limits, random, header)?;
    key.seal_into_with_random(PLAINTEXT, random, message)?;
    Ok(message.to_vec())
}

/// Seals in every way with a source that does not do its work, and expects that nothing is sealed:
/// no message for whoever has the data key, and neither plaintext nor data key in the open.
///
/// The source is good up to its answer number `last`, counted from 0, which ends the call: `spoil` is
/// given the answer before it, and a good one in `out` to make a bad one of.
#[track_caller]
fn expect_nothing_sealed(
    what: &str,
    expected: ErrorKind,
    last: usize,
    spoil: impl Fn(&[u8], &mut [u8]) -> Result<(), Error>,
) {
    for (way, seal) in WAYS {
        let mut good = repeatable("a good source");
        let mut answers: Vec<Vec<u8>> = Vec::new();
        let mut source = |out: &mut [u8]| {
            good(out)?;
            let before = answers.last().cloned().unwrap_or_default();
            let spoiled = (answers.len() >= last).then(|| spoil(&before, out));
            answers.push(out.to_vec());
            spoiled.unwrap_or(Ok(()))
        };
        let mut memory = Vec::new();
        let error = seal(&mut source, &mut memory).unwrap_err();
        let case = format!("{what}, answer {last}, {way}");
        assert_eq!(error.kind(), expected, "{case}");
        assert_eq!(answers.len(), last + 1, "{case}: asked again");

        let data_key = <[u8; 32]>::try_from(&*answers[0]).unwrap();
        let knows_it =
            |_: &WrappedKey<'_>| -> Result<Option<DataKey>, BoxError> { Ok(Some(data_key.into())) };
        for start in 0..memory.len() {
            assert!(
                unseal(&memory[start..], &knows_it, &[]).is_err(),
                "{case}: a message"
            );
            assert!(!memory[start..].starts_with(PLAINTEXT), "{case}: plaintext");
            assert!(!memory[start..].starts_with(&data_key), "{case}: data key");
        }
    }
}

#[test]
fn the_same_random_bytes_give_the_same_message_in_every_way() {
    let ring = KeyRing::new(&Fleet::NAMES);
    let message = one_shot(&mut repeatable("seed"), &mut Vec::new()).unwrap();
    assert_eq!(unseal(&message, &ring, CONTEXT).unwrap(), PLAINTEXT);
    for (way, seal) in WAYS {
        let again = seal(&mut repeatable("seed"), &mut Vec::new()).unwrap();
        assert_eq!(again, message, "{way}");
        let other = seal(&mut repeatable("another seed"), &mut Vec::new()).unwrap();
        assert_ne!(other, message, "{way}");
        assert_eq!(unseal(&other, &ring, CONTEXT).unwrap(), PLAINTEXT, "{way}");
    }
}

#[test]
fn a_message_takes_no_more_random_bytes_than_it_needs() {
    for (way, seal) in WAYS {
        let mut good = repeatable("seed");
        let mut answers = Vec::new();
        let mut source = |out: &mut [u8]| {
            answers.push(out.len());
            good(out)
        };
        seal(&mut source, &mut Vec::new()).unwrap();
        assert_eq!(answers, Fleet::ANSWERS, "{way}");
    }
}

#[test]
fn a_source_that_fails_at_any_time_ends_the_call_with_its_error() {
    for last in 0..Fleet::ANSWERS.len() {
        for kind in [ErrorKind::RandomFailed, ErrorKind::InvalidState] {
            expect_nothing_sealed("an error", kind, last, |_, _| Err(kind.into()));
            let half_done = |_: &[u8], out: &mut [u8]| {
                let half = out.len() / 2;
                out[half..].fill(0);
                Err(kind.into())
            };
            expect_nothing_sealed("an error half-way", kind, last, half_done);
        }
    }
}

#[test]
fn a_source_that_is_stuck_is_refused() {
    type Stuck = fn(before: &[u8], out: &mut [u8]);
    let always: [(&str, Stuck); 5] = [
        ("zeros, as if never written to", |_, out| out.fill(0)),
        ("ones", |_, out| out.fill(0xff)),
        ("one byte", |_, out| out.fill(0x5a)),
        ("two bytes", |_, out| out.fill_with(cycle(&[0, 0x5a]))),
        ("a word of 32 bits", |_, out| {
            out.fill_with(cycle(&[0xde, 0xad, 0xbe, 0xef]));
        }),
    ];
    // At first there is nothing to repeat.
    let again: [(&str, Stuck); 2] = [
        ("the same answer", |before, out| copy(before, out)),
        ("the same beginning", |before, out| copy(&before[..16], out)),
    ];
    let always = always.map(|(name, stuck)| (name, stuck, 0));
    let again = again.map(|(name, stuck)| (name, stuck, 1));
    for (name, stuck, first) in always.into_iter().chain(again) {
        for last in first..Fleet::ANSWERS.len() {
            let spoil = |before: &[u8], out: &mut [u8]| {
                stuck(before, out);
                Ok(())
            };
            expect_nothing_sealed(name, ErrorKind::RandomFailed, last, spoil);
        }
    }
}

fn cycle(word: &'static [u8]) -> impl FnMut() -> u8 {
    let mut bytes = word.iter().cycle();
    move || *bytes.next().unwrap()
}

/// As far as both go.
fn copy(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Whether a source is any good cannot be told from a few of its answers: one bit of difference
/// passes.
#[test]
fn a_source_that_moves_is_not_judged() {
    let ring = KeyRing::new(&Fleet::NAMES);
    for (way, seal) in WAYS {
        let mut counter = 0;
        let mut constant_but_for_the_end = |out: &mut [u8]| {
            counter ^= 1;
            out.fill(counter);
            *out.last_mut().unwrap() ^= 0x80;
            Ok(())
        };
        let mut flipped = 0;
        let mut alike_but_for_the_sixteenth_byte = |out: &mut [u8]| {
            flipped ^= 1;
            out.copy_from_slice(&pattern(out.len()));
            out[15] ^= flipped;
            Ok(())
        };
        let sources: [&mut dyn RandomSource; 2] = [
            &mut constant_but_for_the_end,
            &mut alike_but_for_the_sixteenth_byte,
        ];
        for source in sources {
            let message = seal(source, &mut Vec::new()).unwrap();
            assert_eq!(
                unseal(&message, &ring, CONTEXT).unwrap(),
                PLAINTEXT,
                "{way}"
            );
        }
    }
}

/// A buffer that is used again holds the message before, whose random bytes must not serve twice.
#[test]
fn a_source_that_writes_nothing_finds_nothing_in_the_buffer() {
    let mut memory = Vec::new();
    for (way, seal) in WAYS {
        seal(&mut repeatable("seed"), &mut memory).unwrap();
        for last in 0..Fleet::ANSWERS.len() {
            let mut good = repeatable("another seed");
            let mut answers = 0..last;
            let mut source = |out: &mut [u8]| answers.next().map_or(Ok(()), |_| good(out));
            let error = seal(&mut source, &mut memory).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RandomFailed, "{way}, {last}");
        }
    }
}

#[test]
fn a_sealing_key_remembers_the_answer_before() {
    let fleet = Fleet::new();
    let recipients = &fleet.recipients();
    let mut header = vec![0; SealingKey::header_len(recipients, CONTEXT).unwrap()];
    let mut key = SealingKey::new_with_random(
        recipients,
        CONTEXT,
        SealingLimits::default(),
        &mut repeatable("first"),
        &mut header,
    )
    .unwrap();
    let mut out = vec![0; key.sealed_len(0).unwrap().try_into().unwrap()];
    let mut seal = |seed| key.seal_into_with_random(b"", &mut repeatable(seed), &mut out);
    seal("second").unwrap();
    // Another salt, or the two messages would have the same keys.
    assert_eq!(seal("second").unwrap_err().kind(), ErrorKind::RandomFailed);
    assert_eq!(seal("second").unwrap_err().kind(), ErrorKind::RandomFailed);
    seal("third").unwrap();
}

#[test]
fn the_random_bytes_of_the_system_are_never_refused() {
    let fleet = Fleet::new();
    let recipients = &fleet.recipients();
    for _ in 0..100 {
        one_shot(&mut SystemRandom, &mut Vec::new()).unwrap();
    }
    let mut key = SealingKey::new(recipients, CONTEXT, SealingLimits::default()).unwrap();
    let mut out = vec![0; key.sealed_len(0).unwrap().try_into().unwrap()];
    for _ in 0..10_000 {
        key.seal_into(b"", &mut out).unwrap();
    }
}
