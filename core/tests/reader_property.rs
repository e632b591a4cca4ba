//! A reader over a source that fails now and then reads as a file does.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom},
    sync::LazyLock,
};

use common::{Sample, known_key};
use libseal::{Header, UnsealReader};
use proptest::{prelude::*, sample::Index};

const LENGTHS: [usize; 6] = [0, 1, 16384, 50_000, 98_304, 700_000];
const BEFORE: &[u8] = b"what comes before the message";

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| LENGTHS.map(Sample::new).into());

/// What a call of the source does.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Gives at most this many bytes.
    Give(usize),
    Fail,
    Interrupted,
}

/// Does what comes next in its plan, over and over.
struct Flaky {
    bytes: Cursor<Vec<u8>>,
    plan: Vec<Call>,
    calls: usize,
}

impl Flaky {
    fn next_call(&mut self) -> io::Result<usize> {
        self.calls += 1;
        match self.plan[self.calls % self.plan.len()] {
            Call::Give(most) => Ok(most),
            Call::Fail => Err(io::Error::other("unplugged")),
            Call::Interrupted => Err(ErrorKind::Interrupted.into()),
        }
    }
}

impl Read for Flaky {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.next_call()?.min(out.len());
        self.bytes.read(&mut out[..most])
    }
}

impl Seek for Flaky {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self.next_call() {
            Err(error) if error.kind() == ErrorKind::Other => Err(error),
            _ => self.bytes.seek(to),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Start(Index),
    Current(i64),
    End(i64),
    Read(usize),
}

/// As one who tries again when the source has failed.
fn insist<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.to_string() == "unplugged" => {}
            result => return result,
        }
    }
}

fn reader(sample: &Sample, plan: Vec<Call>, from_header: bool) -> UnsealReader<Flaky> {
    let mut source = Flaky {
        bytes: Cursor::new([BEFORE, &sample.message].concat()),
        plan: vec![Call::Give(usize::MAX)],
        calls: 0,
    };
    let header = Header::parse(&sample.message).unwrap();
    source.bytes.set_position(BEFORE.len() as u64);
    let reader = if from_header {
        source
            .bytes
            .set_position((BEFORE.len() + header.len()) as u64);
        source.plan = plan;
        UnsealReader::with_key(source, header, sample.data_key.into()).unwrap()
    } else {
        // With nothing in between, or it would not begin.
        source.plan = plan
            .into_iter()
            .filter(|call| matches!(call, Call::Give(_)))
            .collect();
        UnsealReader::new(source, known_key(sample.data_key), &[]).unwrap()
    };
    reader.with_piece_len(40_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_reader_reads_as_a_file_does(
        sample in any::<Index>(),
        from_header in any::<bool>(),
        plan in prop::collection::vec(
            prop_oneof![
                3 => (1_000..50_000_usize).prop_map(Call::Give),
                1 => Just(Call::Fail),
                1 => Just(Call::Interrupted),
            ],
            0..10,
        ),
        steps in prop::collection::vec(
            prop_oneof![
                any::<Index>().prop_map(Step::Start),
                (-30_000..30_000_i64).prop_map(Step::Current),
                (-60_000..30_000_i64).prop_map(Step::End),
                prop_oneof![0..100_usize, 0..40_000_usize, 0..800_000_usize].prop_map(Step::Read),
            ],
            1..20,
        ),
    ) {
        let sample = sample.get(&SAMPLES);
        let plan = [plan, vec![Call::Give(7000)]].concat();
        let mut reader = reader(sample, plan, from_header);
        let mut model = Cursor::new(&sample.plaintext);
        for step in steps {
            let to = match step {
                Step::Start(to) => SeekFrom::Start(to.index(sample.plaintext.len() + 10) as u64),
                Step::Current(distance) => SeekFrom::Current(distance),
                Step::End(distance) => SeekFrom::End(distance),
                Step::Read(len) => {
                    let mut expected = vec![0; len];
                    let expected_len = model.read(&mut expected).unwrap();
                    let mut found = vec![0; len];
                    let mut found_len = 0;
                    while found_len < len {
                        match insist(|| reader.read(&mut found[found_len..])).unwrap() {
                            0 => break,
                            len => found_len += len,
                        }
                    }
                    prop_assert_eq!(found_len, expected_len);
                    prop_assert!(found == expected);
                    continue;
                }
            };
            match (insist(|| reader.seek(to)), model.seek(to)) {
                (Ok(found), Ok(expected)) => prop_assert_eq!(found, expected),
                (Err(found), Err(_)) => prop_assert_eq!(found.kind(), ErrorKind::InvalidInput),
                (found, expected) => panic!("{found:?}, {expected:?}"),
            }
            prop_assert_eq!(reader.stream_position().unwrap(), model.position());
        }
    }
}
