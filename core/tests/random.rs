//! Random bytes: where they come from, and that nothing is sealed without them.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::cell::{Cell, RefCell};

use common::{key_ring, known_key, pattern, public_key, repeatable, seal_rest};
use libseal::{
    Envelope, Error, ErrorKind, PublicKey, RandomSource, Recipient, SealingKey, SealingLimits,
    SystemRandom, WrapAlgorithm, Writing, random_fn, unseal,
};

const PLAINTEXT: &[u8] = b"for the holder of the private key alone";
const CONTEXT: &[(&str, &str)] = &[("device", "42")];
const REQUIRED: &[(&str, Option<&str>)] = &[("device", Some("42"))];

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
        [first, second.with_algorithm(WrapAlgorithm::RsaesOaepSha1)]
    }
}

/// Seals [`PLAINTEXT`] and returns the message. `memory` becomes all that was written to.
type Way = fn(&Envelope<'_, &dyn RandomSource>, memory: &mut Vec<u8>) -> Result<Vec<u8>, Error>;

const WAYS: [(&str, Way); 4] = [
    ("one shot", one_shot),
    ("in pieces", in_pieces),
    ("with a sealing key", with_a_sealing_key),
    ("with a writing", with_a_writing),
];

fn seal(way: Way, random: &dyn RandomSource, memory: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
    let fleet = Fleet::new();
    let recipients = fleet.recipients();
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    way(&envelope.with_random(random), memory)
}

fn one_shot(
    envelope: &Envelope<'_, &dyn RandomSource>,
    memory: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let len = envelope.sealed_len(PLAINTEXT.len() as u64)?;
    memory.resize(len.try_into().unwrap(), 0xaa);
    envelope.seal_into(PLAINTEXT, memory)?;
    Ok(memory.clone())
}

fn in_pieces(
    envelope: &Envelope<'_, &dyn RandomSource>,
    memory: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    memory.resize(envelope.start_len()?, 0xaa);
    let sealer = envelope.start(memory)?;
    Ok(seal_rest(sealer, memory.clone(), PLAINTEXT, 7))
}

fn with_a_sealing_key(
    envelope: &Envelope<'_, &dyn RandomSource>,
    memory: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let header_len = envelope.header_len()?;
    let len = envelope.sealed_len(PLAINTEXT.len() as u64)?;
    memory.resize(header_len + usize::try_from(len).unwrap(), 0xaa);
    let (header, message) = memory.split_at_mut(header_len);
    let mut key = SealingKey::new_in(*envelope, SealingLimits::default(), header)?;
    key.seal_into(PLAINTEXT, message)?;
    Ok(message.to_vec())
}

fn with_a_writing(
    envelope: &Envelope<'_, &dyn RandomSource>,
    memory: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    memory.clear();
    let mut writing = Writing::new(envelope)?;
    let mut hand_on = |writing: &mut Writing| {
        memory.extend_from_slice(writing.sealed().unwrap());
        writing.advance(writing.sealed().unwrap().len());
    };
    hand_on(&mut writing);
    writing.write(PLAINTEXT)?;
    hand_on(&mut writing);
    writing.finish()?;
    hand_on(&mut writing);
    Ok(memory.clone())
}

/// Seals in every way with a source that does not do its work, and expects that nothing is sealed:
/// no message for one who has the data key, and neither plaintext nor data key in the open.
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
    for (name, way) in WAYS {
        let good = repeatable("a good source");
        let answers = RefCell::new(Vec::<Vec<u8>>::new());
        let source = random_fn(|out| {
            good.fill(out)?;
            let mut answers = answers.borrow_mut();
            let before = answers.last().cloned().unwrap_or_default();
            let spoiled = (answers.len() >= last).then(|| spoil(&before, out));
            answers.push(out.to_vec());
            spoiled.unwrap_or(Ok(()))
        });
        let mut memory = Vec::new();
        let error = seal(way, &source, &mut memory).unwrap_err();
        let case = format!("{what}, answer {last}, {name}");
        let answers = answers.into_inner();
        assert_eq!(error.kind(), expected, "{case}");
        assert_eq!(answers.len(), last + 1, "{case}: asked again");

        let data_key = <[u8; 32]>::try_from(&*answers[0]).unwrap();
        for start in 0..memory.len() {
            assert!(
                unseal(&memory[start..], known_key(data_key), &[]).is_err(),
                "{case}: a message"
            );
            assert!(!memory[start..].starts_with(PLAINTEXT), "{case}: plaintext");
            assert!(!memory[start..].starts_with(&data_key), "{case}: data key");
        }
    }
}

#[test]
fn the_same_random_bytes_give_the_same_message_in_every_way() {
    let ring = key_ring(&Fleet::NAMES);
    let message = seal(one_shot, &repeatable("seed"), &mut Vec::new()).unwrap();
    assert_eq!(unseal(&message, &ring, REQUIRED).unwrap(), PLAINTEXT);
    for (name, way) in WAYS {
        let again = seal(way, &repeatable("seed"), &mut Vec::new()).unwrap();
        assert_eq!(again, message, "{name}");
        let other = seal(way, &repeatable("another seed"), &mut Vec::new()).unwrap();
        assert_ne!(other, message, "{name}");
        assert_eq!(
            unseal(&other, &ring, REQUIRED).unwrap(),
            PLAINTEXT,
            "{name}"
        );
    }
}

#[test]
fn a_message_takes_no_more_random_bytes_than_it_needs() {
    for (name, way) in WAYS {
        let good = repeatable("seed");
        let answers = RefCell::new(Vec::new());
        let source = random_fn(|out| {
            answers.borrow_mut().push(out.len());
            good.fill(out)
        });
        seal(way, &source, &mut Vec::new()).unwrap();
        assert_eq!(answers.take(), Fleet::ANSWERS, "{name}");
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

/// A few answers do not show whether a source is any good: one bit of difference passes.
#[test]
fn a_source_that_moves_is_not_judged() {
    let ring = key_ring(&Fleet::NAMES);
    for (name, way) in WAYS {
        let counter = Cell::new(0);
        let constant_but_for_the_end = random_fn(|out| {
            counter.set(counter.get() ^ 1);
            out.fill_with(cycle(&[0, 0x5a]));
            out[0] = counter.get();
            *out.last_mut().unwrap() ^= 0x80;
            Ok(())
        });
        let flipped = Cell::new(0);
        let alike_but_for_the_sixteenth_byte = random_fn(|out| {
            flipped.set(flipped.get() ^ 1);
            out.copy_from_slice(&pattern(out.len()));
            out[15] ^= flipped.get();
            Ok(())
        });
        let sources: [&dyn RandomSource; 2] =
            [&constant_but_for_the_end, &alike_but_for_the_sixteenth_byte];
        for source in sources {
            let message = seal(way, source, &mut Vec::new()).unwrap();
            assert_eq!(
                unseal(&message, &ring, REQUIRED).unwrap(),
                PLAINTEXT,
                "{name}"
            );
        }
    }
}

/// A buffer that is used again holds the message before, whose random bytes must not serve twice.
#[test]
fn a_source_that_writes_nothing_finds_nothing_in_the_buffer() {
    let mut memory = Vec::new();
    for (name, way) in WAYS {
        seal(way, &repeatable("seed"), &mut memory).unwrap();
        for last in 0..Fleet::ANSWERS.len() {
            let good = repeatable("another seed");
            let answers = Cell::new(0);
            let source = random_fn(|out| {
                answers.set(answers.get() + 1);
                if answers.get() > last {
                    return Ok(());
                }
                good.fill(out)
            });
            let error = seal(way, &source, &mut memory).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RandomFailed, "{name}, {last}");
        }
    }
}

#[test]
fn a_sealing_key_remembers_the_answer_before() {
    let source: RefCell<Box<dyn RandomSource>> = RefCell::new(Box::new(repeatable("first")));
    let random = random_fn(|out| source.borrow().fill(out));
    let fleet = Fleet::new();
    let recipients = fleet.recipients();
    let envelope = Envelope::new(&recipients).with_random(random);
    let mut key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    let mut out = vec![0; key.sealed_len(0).unwrap().try_into().unwrap()];
    let mut seal = |seed| {
        source.replace(Box::new(repeatable(seed)));
        key.seal_into(b"", &mut out)
    };
    seal("second").unwrap();
    // Another salt, or the two messages would have the same keys.
    assert_eq!(seal("second").unwrap_err().kind(), ErrorKind::RandomFailed);
    assert_eq!(seal("second").unwrap_err().kind(), ErrorKind::RandomFailed);
    seal("third").unwrap();
}

#[test]
fn the_random_bytes_of_the_system_are_never_refused() {
    let fleet = Fleet::new();
    let recipients = fleet.recipients();
    for _ in 0..100 {
        seal(one_shot, &SystemRandom, &mut Vec::new()).unwrap();
    }
    let mut key = SealingKey::new(Envelope::new(&recipients), SealingLimits::default()).unwrap();
    let mut out = vec![0; key.sealed_len(0).unwrap().try_into().unwrap()];
    for _ in 0..10_000 {
        key.seal_into(b"", &mut out).unwrap();
    }
}
