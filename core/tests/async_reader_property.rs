//! An asynchronous reader whose futures are dropped now and then, over a source that fails now and then,
//! reads as a file does.
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

use common::{
    Sample,
    jerky::{Call, Jerky, poll_once},
};
use libseal::{AsyncUnsealReader, Header};
use proptest::{prelude::*, sample::Index};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

const LENGTHS: [usize; 6] = [0, 1, 16384, 50_000, 98_304, 700_000];
const BEFORE: &[u8] = b"what comes before the message";

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| LENGTHS.map(Sample::new).into());

#[derive(Clone, Debug)]
enum Step {
    Start(Index),
    Current(i64),
    End(i64),
    Read(usize),
    /// Begins a read, and drops it if it waits.
    DroppedRead(usize),
    Length,
}

/// As one who drops every future that waits, and tries again when the source has failed.
fn insist<T>(mut call: impl AsyncFnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match poll_once(call()) {
            None => {}
            Some(Err(error)) if error.to_string() == "unplugged" => {}
            Some(result) => return result,
        }
    }
}

fn reader(sample: &Sample, plan: &[Call]) -> AsyncUnsealReader<Jerky<Cursor<Vec<u8>>>> {
    let header = Header::parse(&sample.message).unwrap();
    let mut source = Cursor::new([BEFORE, &sample.message].concat());
    source.set_position((BEFORE.len() + header.len()) as u64);
    let source = Jerky::new(source, plan);
    let reader = AsyncUnsealReader::with_key(source, header, sample.data_key.into());
    reader.unwrap().with_piece_len(40_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_reader_reads_as_a_file_does(
        sample in any::<Index>(),
        plan in prop::collection::vec(
            prop_oneof![
                2 => (1_000..50_000_usize).prop_map(Call::Pass),
                1 => Just(Call::Fail),
                1 => Just(Call::Pending),
            ],
            0..10,
        ),
        steps in prop::collection::vec(
            prop_oneof![
                any::<Index>().prop_map(Step::Start),
                (-30_000..30_000_i64).prop_map(Step::Current),
                (-60_000..30_000_i64).prop_map(Step::End),
                prop_oneof![0..100_usize, 0..40_000_usize, 0..800_000_usize].prop_map(Step::Read),
                (1..40_000_usize).prop_map(Step::DroppedRead),
                Just(Step::Length),
            ],
            1..20,
        ),
    ) {
        let sample = sample.get(&SAMPLES);
        let plan = [plan, vec![Call::Pass(7000)]].concat();
        let mut reader = reader(sample, &plan);
        let mut model = Cursor::new(&sample.plaintext);
        for step in steps {
            let to = match step {
                Step::Start(to) => SeekFrom::Start(to.index(sample.plaintext.len() + 10) as u64),
                Step::Current(distance) => SeekFrom::Current(distance),
                Step::End(distance) => SeekFrom::End(distance),
                Step::Read(len) => {
                    let mut expected = vec![0; len];
                    let expected_len = Read::read(&mut model, &mut expected).unwrap();
                    let mut found = vec![0; len];
                    let mut found_len = 0;
                    while found_len < len {
                        match insist(async || reader.read(&mut found[found_len..]).await).unwrap() {
                            0 => break,
                            len => found_len += len,
                        }
                    }
                    prop_assert_eq!(found_len, expected_len);
                    prop_assert!(found == expected);
                    continue;
                }
                Step::DroppedRead(len) => {
                    let mut found = vec![0; len];
                    if let Some(Ok(len)) = poll_once(reader.read(&mut found)) {
                        let mut expected = vec![0; len];
                        Read::read_exact(&mut model, &mut expected).unwrap();
                        prop_assert!(found[..len] == expected);
                    }
                    continue;
                }
                Step::Length => {
                    let len = insist(async || reader.plaintext_len().await).unwrap();
                    prop_assert_eq!(len, sample.plaintext.len() as u64);
                    continue;
                }
            };
            // A seek whose future was dropped is carried out by the next call, so it is not repeated:
            // one relative to the position would go twice as far.
            let mut sought = poll_once(reader.seek(to));
            while sought.is_none() {
                sought = poll_once(reader.stream_position());
            }
            let before = model.position();
            match (sought.unwrap(), Seek::seek(&mut model, to)) {
                (Ok(found), Ok(expected)) => prop_assert_eq!(found, expected),
                // The source failed, and the seek has not happened.
                (Err(found), _) if found.to_string() == "unplugged" => model.set_position(before),
                (Err(found), Err(_)) => prop_assert_eq!(found.kind(), ErrorKind::InvalidInput),
                (found, expected) => panic!("{found:?}, {expected:?}"),
            }
            let position = insist(async || reader.stream_position().await).unwrap();
            prop_assert_eq!(position, model.position());
        }
    }
}
