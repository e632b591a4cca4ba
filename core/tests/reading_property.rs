//! A reading that is driven at random gives the bytes of the plaintext and no others.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::sync::LazyLock;

use common::{
    Sample,
    driver::{Stored, read},
    known_key,
};
use libseal::{Error, ErrorKind, Header, Next, Reading};
use proptest::{prelude::*, sample::Index};

const CHUNK: usize = 16384;

/// Around the boundaries, and long enough for several pieces.
const LENGTHS: [usize; 11] = [
    0, 1, 100, 16383, 16384, 16385, 32768, 50_000, 98_304, 150_001, 700_000,
];

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| LENGTHS.map(Sample::new).into());

/// What a driver may do at any time.
#[derive(Clone, Debug)]
enum Step {
    /// To a position in the plaintext or a little beyond it.
    Seek(Index),
    /// By some bytes, as one who skips a few.
    Skip(i64),
    Read(usize),
    ReadToEnd,
    SetMessageLen,
    ConfirmEnd,
    /// Asks, and gives no answer.
    Ask(usize),
    /// Asks, and seeks before it answers.
    AskAndSeek(usize, Index),
    /// Gives bytes that were not asked for.
    Unasked(usize),
    /// Gives more bytes than were asked for.
    TooMany(usize),
    GiveAtMost(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![
        Just(0_usize),
        1..20_usize,
        1..20_000_usize,
        16_380..16_390_usize,
        1..400_000_usize
    ];
    let step = prop_oneof![
        4 => any::<Index>().prop_map(Step::Seek),
        2 => (-20_000..20_000_i64).prop_map(Step::Skip),
        6 => len.clone().prop_map(Step::Read),
        1 => Just(Step::ReadToEnd),
        1 => Just(Step::SetMessageLen),
        1 => Just(Step::ConfirmEnd),
        1 => len.clone().prop_map(Step::Ask),
        2 => (len.clone(), any::<Index>()).prop_map(|(len, to)| Step::AskAndSeek(len, to)),
        1 => len.clone().prop_map(Step::Unasked),
        1 => len.prop_map(Step::TooMany),
        2 => prop_oneof![1..100_usize, 1..40_000_usize, Just(usize::MAX)]
            .prop_map(Step::GiveAtMost),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Debug)]
enum Damage {
    Altered(Index, u8),
    Cut(Index),
    Extended(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Altered(at, bit)),
        any::<Index>().prop_map(Damage::Cut),
        (1..20_000_usize).prop_map(Damage::Extended),
    ]
}

impl Damage {
    fn of(&self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        match self {
            Self::Altered(at, bit) => {
                let at = at.index(message.len());
                message[at] ^= 1 << bit;
            }
            Self::Cut(at) => message.truncate(at.index(message.len())),
            Self::Extended(more) => message.resize(message.len() + more, 0),
        }
        message
    }
}

/// A reading beside the plaintext that it should give.
struct Driven<'a> {
    sample: &'a Sample,
    stored: Stored,
    reading: Reading,
    position: usize,
}

impl<'a> Driven<'a> {
    fn new(sample: &'a Sample, message: Vec<u8>, reading: Reading) -> Self {
        Self {
            sample,
            stored: Stored::new(message),
            reading,
            position: 0,
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), Error> {
        match step {
            Step::Seek(to) => self.seek(self.place(to)),
            Step::Skip(distance) => {
                let position = self.position as i64 + distance;
                let position = usize::try_from(position).unwrap_or(0);
                self.seek(position.min(self.furthest()));
            }
            Step::Read(len) => self.read(*len)?,
            Step::ReadToEnd => {
                self.read(usize::MAX / 2)?;
                let len = self.reading.plaintext_len();
                assert_eq!(len, Some(self.sample.plaintext.len() as u64));
            }
            Step::SetMessageLen => self.reading.set_message_len(self.stored.len()),
            Step::ConfirmEnd => self.confirm_end()?,
            Step::Ask(len) => {
                let asked = self.reading.next(*len)?;
                assert_eq!(self.reading.next(*len)?, asked);
            }
            Step::AskAndSeek(len, to) => {
                let asked = self.reading.next(*len)?;
                self.seek(self.place(to));
                if let Next::Message(range) = asked {
                    let message = self.stored.get(range).to_vec();
                    self.expect_refused(&message);
                }
            }
            Step::Unasked(len) => {
                self.seek(self.position);
                self.expect_refused(&vec![0; *len]);
            }
            Step::TooMany(len) => {
                if let Next::Message(range) = self.reading.next(*len)? {
                    let asked = usize::try_from(range.end - range.start).unwrap();
                    self.expect_refused(&vec![0; asked + 1]);
                }
            }
            Step::GiveAtMost(most) => {
                // Or a long message takes all day.
                let least = self.stored.message.len() / 1000;
                self.stored.most.set(*most.max(&least));
            }
        }
        Ok(())
    }

    /// Only who knows the length can look for the end where there is no chunk.
    fn furthest(&self) -> usize {
        let len = self.sample.plaintext.len();
        match self.reading.message_len() {
            Some(_) => len + 40_000,
            None => len / CHUNK * CHUNK + CHUNK - 1,
        }
    }

    fn place(&self, to: &Index) -> usize {
        to.index(self.furthest() + 1)
    }

    fn seek(&mut self, position: usize) {
        self.position = position;
        self.reading.seek(position as u64);
    }

    /// As many bytes as there are, up to `len`.
    fn read(&mut self, len: usize) -> Result<(), Error> {
        let sample = self.sample;
        let unwrapper = known_key(sample.data_key);
        let mut left = len;
        loop {
            let expected = sample.plaintext.get(self.position..).unwrap_or_default();
            let mut out = vec![0; left.min(expected.len() + 1)];
            let written = read(&mut self.reading, &self.stored, &unwrapper, &mut out)?;
            assert!(written <= expected.len(), "more than there is");
            assert!(out[..written] == expected[..written], "wrong plaintext");
            self.position += written;
            left -= written;
            if left == 0 {
                return Ok(());
            }
            if written == 0 {
                assert!(out.is_empty() || expected.is_empty(), "ended too early");
                return Ok(());
            }
        }
    }

    fn confirm_end(&mut self) -> Result<(), Error> {
        let is_known = self.reading.message_len().is_some();
        if self.reading.confirm_end().is_err() {
            assert!(!is_known || self.reading.next(1).is_err());
        }
        Ok(())
    }

    fn expect_refused(&mut self, message: &[u8]) {
        let mut out = vec![0xee; 20_000];
        let error = self.reading.feed(message, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert!(out.iter().all(|byte| *byte == 0xee));
    }
}

fn reading(sample: &Sample, from_header: bool, piece_len: usize) -> Reading {
    let reading = if from_header {
        let header = Header::parse(&sample.message).unwrap();
        Reading::with_key(header, sample.data_key.into()).unwrap()
    } else {
        Reading::new(&[])
    };
    reading.with_piece_len(piece_len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_order_of_calls_gives_the_plaintext(
        sample in any::<Index>(),
        from_header in any::<bool>(),
        piece_len in prop_oneof![Just(1_usize), Just(40_000), Just(262_144)],
        steps in steps(),
    ) {
        let sample = sample.get(&SAMPLES);
        let reading = reading(sample, from_header, piece_len);
        let mut driven = Driven::new(sample, sample.message.clone(), reading);
        for step in &steps {
            if let Err(error) = driven.take(step) {
                panic!("{step:?}: {error}");
            }
            assert_eq!(driven.reading.position(), driven.position as u64);
        }
        driven.seek(0);
        driven.take(&Step::ReadToEnd).unwrap();
    }

    #[test]
    fn a_message_that_is_not_whole_gives_no_other_plaintext(
        sample in any::<Index>(),
        from_header in any::<bool>(),
        piece_len in prop_oneof![Just(1_usize), Just(40_000), Just(262_144)],
        damage in damage(),
        steps in steps(),
    ) {
        let sample = sample.get(&SAMPLES);
        let message = damage.of(&sample.message);
        let reading = reading(sample, from_header, piece_len);
        let mut driven = Driven::new(sample, message.clone(), reading);
        let to_end = [Step::Skip(i64::from(i32::MIN)), Step::ReadToEnd];
        let steps = steps.iter().chain(&to_end);
        for step in steps {
            // Whatever comes out is checked there, and so is the length.
            if let Err(error) = driven.take(step) {
                prop_assert_ne!(error.kind(), ErrorKind::Internal);
                prop_assert_ne!(error.kind(), ErrorKind::InvalidState);
                if error.kind() == ErrorKind::NoMatchingRecipient {
                    // Altered to an unknown kind of recipient: another unwrapper may be tried.
                    prop_assert_eq!(driven.reading.next(1).unwrap(), Next::Key);
                    return Ok(());
                }
                let again = driven.reading.next(1).unwrap_err();
                prop_assert_eq!(again.kind(), ErrorKind::InvalidState);
                let len = driven.reading.plaintext_len();
                prop_assert!(len.is_none_or(|len| len == sample.plaintext.len() as u64));
                return Ok(());
            }
        }
        // The damage was in the header, which was not read.
        let header_len = Header::parse(&sample.message).unwrap().len();
        prop_assert!(from_header);
        prop_assert!(message[header_len..] == sample.message[header_len..]);
    }
}
