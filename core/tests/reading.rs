//! A reading: any plaintext of a message, from any source, and no more fetched than that takes.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{
    LENGTHS, Vector, data_key_of,
    driver::{Stored, read, read_exactly, read_to_end},
    key_ring, known_key, pattern, seal,
};
use libseal::{ErrorKind, Header, Next, Reading};

const MIB: usize = 1 << 20;
const CHUNK: usize = 16384;
const SEALED_CHUNK: usize = CHUNK + 16;

/// A message and its data key.
fn sealed(plaintext: &[u8]) -> (Stored, [u8; 32]) {
    let message = seal(&[("device", "42")], plaintext);
    let data_key = data_key_of(&message, "rsa-2048");
    (Stored::new(message), data_key)
}

/// The three ways in which a reading begins.
fn readings(stored: &Stored, data_key: [u8; 32]) -> [(&'static str, Reading); 3] {
    let mut with_len = Reading::new(&[]);
    with_len.set_message_len(stored.len());
    let header = Header::parse(&stored.message).unwrap();
    let with_key = Reading::with_key(header, data_key.into()).unwrap();
    [
        ("length not known", Reading::new(&[])),
        ("length known", with_len),
        ("header and data key known", with_key),
    ]
}

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    for len in LENGTHS.into_iter().chain([300_000]) {
        let plaintext = pattern(len);
        let (stored, data_key) = sealed(&plaintext);
        for piece_len in [1, 1000, CHUNK, CHUNK + 1, MIB] {
            for most in [usize::MAX, 1, 999, SEALED_CHUNK] {
                if most == 1 && len > 50_000 {
                    continue;
                }
                stored.most.set(most);
                for (name, mut reading) in readings(&stored, data_key) {
                    let unwrapper = known_key(data_key);
                    let found = read_to_end(&mut reading, &stored, &unwrapper, piece_len).unwrap();
                    assert!(found == plaintext, "{len}, {piece_len}, {most}, {name}");
                    assert_eq!(reading.plaintext_len(), Some(len as u64));
                    assert_eq!(reading.message_len(), Some(stored.len()));
                    assert_eq!(reading.position(), len as u64);
                    assert_eq!(reading.next(1).unwrap(), Next::End, "the end stays the end");
                }
            }
        }
    }
}

#[test]
fn reading_starts_anywhere() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let (stored, data_key) = sealed(&plaintext);
        for start in LENGTHS.into_iter().filter(|start| *start <= len) {
            for most in [usize::MAX, 777] {
                stored.most.set(most);
                for (name, mut reading) in readings(&stored, data_key) {
                    // The first thing that it does: before there is a header or a key.
                    reading.seek(start as u64);
                    let unwrapper = known_key(data_key);
                    // At the end of a message of unknown length, there may be no chunk to read.
                    let found = read_to_end(&mut reading, &stored, &unwrapper, 5000).unwrap();
                    assert!(found == plaintext[start..], "{len}: {start}, {name}");
                    assert_eq!(reading.plaintext_len(), Some(len as u64), "{name}");
                }
            }
        }
    }
}

#[test]
fn reading_goes_back_and_forth() {
    let plaintext = pattern(300_000);
    let (stored, data_key) = sealed(&plaintext);
    let unwrapper = known_key(data_key);
    for (name, mut reading) in readings(&stored, data_key) {
        for (position, len) in [
            (299_999, 100),
            (0, 1),
            (1, 20_000),
            (150_000, 50_000),
            (150_001, 3),
            (149_999, 3),
            (16383, 2),
            (300_000, 1),
            (163_840, 16384),
            (0, 300_000),
        ] {
            reading.seek(position);
            let position = usize::try_from(position).unwrap();
            let found = read_exactly(&mut reading, &stored, &unwrapper, len).unwrap();
            let expected = &plaintext[position..plaintext.len().min(position + len)];
            assert!(found == expected, "{position}, {len}, {name}");
        }
    }
}

#[test]
fn beyond_the_end_there_is_nothing() {
    for len in LENGTHS {
        let (stored, data_key) = sealed(&pattern(len));
        let unwrapper = known_key(data_key);
        for beyond in [len, len + 1, len + 20_000, 1 << 40, 1 << 52, usize::MAX] {
            let mut reading = Reading::new(&[]);
            reading.set_message_len(stored.len());
            reading.seek(beyond as u64);
            assert_eq!(
                read(&mut reading, &stored, &unwrapper, &mut [0; 9]).unwrap(),
                0
            );
            assert_eq!(reading.plaintext_len(), Some(len as u64), "{len}: {beyond}");
            assert_eq!(reading.position(), beyond as u64);
            reading.seek(0);
            let found = read_to_end(&mut reading, &stored, &unwrapper, 5000).unwrap();
            assert!(found == pattern(len), "{len}: {beyond}");
        }
    }
}

#[test]
fn without_a_length_the_end_is_still_the_true_one() {
    let plaintext = pattern(20_000);
    let (stored, data_key) = sealed(&plaintext);
    let unwrapper = known_key(data_key);
    // In the last chunk, but beyond what it holds.
    for beyond in [20_000, 20_001, 2 * CHUNK as u64 - 1] {
        let mut reading = Reading::new(&[]);
        reading.seek(beyond);
        assert_eq!(
            read(&mut reading, &stored, &unwrapper, &mut [0]).unwrap(),
            0
        );
        assert_eq!(reading.plaintext_len(), Some(20_000), "{beyond}");
    }
    // Where a longer message would have a chunk, this one looks cut short.
    let mut reading = Reading::new(&[]);
    reading.seek(2 * CHUNK as u64);
    let error = read(&mut reading, &stored, &unwrapper, &mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
}

#[test]
fn the_end_is_verified_before_anything_out_of_the_middle() {
    let (stored, data_key) = sealed(&pattern(100_000));
    let unwrapper = known_key(data_key);
    let mut reading = Reading::new(&[]);
    assert_eq!(
        reading.confirm_end().unwrap_err().kind(),
        ErrorKind::InvalidState,
        "its place is not known"
    );
    reading.set_message_len(stored.len());
    reading.seek(50_000);
    let mut order = Vec::new();
    loop {
        match reading.next(10).unwrap() {
            Next::Message(range) => {
                order.push((range.start, reading.plaintext_len()));
                assert_eq!(reading.feed(stored.get(range), &mut []).unwrap(), 0);
            }
            Next::Key => reading.unwrap_with(&unwrapper).unwrap(),
            Next::Plaintext | Next::End => break,
        }
    }
    let header = Header::parse(&stored.message).unwrap();
    let chunk_at = |position| header.ciphertext_range(position, 1).start;
    let expected = [
        (0, None),
        (chunk_at(98_304), None),
        (chunk_at(50_000), Some(100_000)),
    ];
    assert_eq!(order, expected);
}

#[test]
fn the_end_can_be_confirmed_at_any_time() {
    let plaintext = pattern(100_000);
    let (stored, data_key) = sealed(&plaintext);
    let unwrapper = known_key(data_key);
    for (name, mut reading) in readings(&stored, data_key) {
        for read_before in [0, 10, 40_000] {
            let found = read_exactly(&mut reading, &stored, &unwrapper, read_before).unwrap();
            assert_eq!(found.len(), read_before);
            reading.set_message_len(stored.len());
            reading.confirm_end().unwrap();
            while reading.plaintext_len().is_none() {
                let mut out = [0; 100];
                match reading.next(out.len()).unwrap() {
                    Next::Message(range) => {
                        assert_eq!(reading.feed(stored.get(range), &mut out).unwrap(), 0);
                    }
                    Next::Key => reading.unwrap_with(&unwrapper).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(reading.plaintext_len(), Some(100_000), "{name}");
            let rest = read_to_end(&mut reading, &stored, &unwrapper, 7000).unwrap();
            assert!(rest == plaintext[read_before..], "{name}, {read_before}");
            reading.seek(0);
        }
    }
}

#[test]
fn a_megabyte_out_of_the_middle_fetches_a_megabyte() {
    let plaintext = pattern(8 * MIB);
    let (stored, data_key) = sealed(&plaintext);
    let unwrapper = known_key(data_key);
    let mut reading = Reading::new(&[]);
    reading.set_message_len(stored.len());
    reading.seek(4 * MIB as u64);
    let found = read_exactly(&mut reading, &stored, &unwrapper, MIB).unwrap();
    assert!(found == plaintext[4 * MIB..][..MIB]);
    let (header, chunks, last_chunk) = (4096, 64 * SEALED_CHUNK as u64, 16);
    assert_eq!(stored.asked.get(), header + chunks + last_chunk);
    assert!(stored.asked.get() <= 1029 * 1024 + last_chunk);

    // Where it does not begin with a chunk, it takes one more.
    stored.asked.set(0);
    reading.seek(1_000_000);
    let found = read_exactly(&mut reading, &stored, &unwrapper, MIB).unwrap();
    assert!(found == plaintext[1_000_000..][..MIB]);
    assert_eq!(stored.asked.get(), 65 * SEALED_CHUNK as u64);
}

#[test]
fn what_is_there_already_is_not_fetched_again() {
    let plaintext = pattern(MIB);
    let (stored, data_key) = sealed(&plaintext);
    let unwrapper = known_key(data_key);
    let mut reading = Reading::new(&[]);
    // Whole chunks go to the caller at once; the rest of the piece stays here, from 98,304 on.
    read_exactly(&mut reading, &stored, &unwrapper, 100_000).unwrap();
    stored.asked.set(0);
    for position in [100_001, 98_304, 200_000, 100_000, 262_134] {
        reading.seek(position);
        let found = read_exactly(&mut reading, &stored, &unwrapper, 10).unwrap();
        assert_eq!(found, plaintext[usize::try_from(position).unwrap()..][..10]);
        assert_eq!(stored.asked.get(), 0, "{position}");
    }
}

#[test]
fn a_single_byte_takes_a_single_chunk() {
    let (stored, data_key) = sealed(&pattern(MIB));
    let unwrapper = known_key(data_key);
    let header = Header::parse(&stored.message).unwrap();
    let mut reading = Reading::with_key(header, data_key.into()).unwrap();
    for position in [0_u64, 16383, 16384, 500_000] {
        reading.seek(1_000_000);
        read_exactly(&mut reading, &stored, &unwrapper, 1).unwrap();
        stored.asked.set(0);
        reading.seek(position);
        read_exactly(&mut reading, &stored, &unwrapper, 1).unwrap();
        assert_eq!(stored.asked.get(), SEALED_CHUNK as u64, "{position}");
    }
}

#[test]
fn small_reads_become_large_pieces() {
    let (stored, data_key) = sealed(&pattern(4 * MIB));
    let unwrapper = known_key(data_key);
    for (piece_len, expected) in [(MIB, MIB), (100_000, 98_304), (0, CHUNK)] {
        let mut reading = Reading::new(&[]).with_piece_len(piece_len);
        read_exactly(&mut reading, &stored, &unwrapper, 1).unwrap();
        let mut longest = 0;
        while let Next::Message(range) = next_message(&mut reading) {
            longest = longest.max(range.end - range.start);
            reading.feed(stored.get(range), &mut []).unwrap();
        }
        let chunks = (expected / CHUNK) as u64;
        assert_eq!(longest, chunks * SEALED_CHUNK as u64, "{piece_len}");
    }
}

/// Reads what is there.
fn next_message(reading: &mut Reading) -> Next {
    loop {
        match reading.next(1).unwrap() {
            Next::Plaintext => {
                reading.read(&mut [0; 1000]).unwrap();
            }
            other => return other,
        }
    }
}

#[test]
fn the_header_is_not_read_again() {
    let plaintext = pattern(100_000);
    let (stored, data_key) = sealed(&plaintext);
    let header = Header::parse(&stored.message).unwrap();
    let header_len = header.len() as u64;
    for position in [0, 70_000] {
        let mut reading = Reading::with_key(header.clone(), data_key.into()).unwrap();
        assert_eq!(reading.header(), Some(&header));
        assert!(!reading.needs_key());
        reading.seek(position);
        let Next::Message(range) = reading.next(1).unwrap() else {
            panic!("there is something to read");
        };
        assert_eq!(range.start, header_len, "salt and commitment come first");
        let len = stored.get(range.clone()).len();
        assert!(position == 0 || len == 56, "and nothing but them");
    }
}

#[test]
fn a_header_and_the_data_key_of_another_message_do_not_go_together() {
    let (stored, _) = sealed(b"one");
    let (_, other) = sealed(b"another");
    let header = Header::parse(&stored.message).unwrap();
    let error = Reading::with_key(header, other.into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
}

#[test]
fn the_header_is_there_before_the_key() {
    let (stored, data_key) = sealed(b"plaintext");
    let mut reading = Reading::new(&[("device", Some("42"))]);
    assert_eq!(reading.header(), None);
    let Next::Message(range) = reading.next(1).unwrap() else {
        panic!("the header has to be read");
    };
    reading.feed(stored.get(range), &mut []).unwrap();
    assert!(reading.needs_key());
    assert_eq!(reading.next(1).unwrap(), Next::Key);
    let header = reading.header().unwrap();
    assert_eq!(header.context().next(), Some(("device", "42")));
    reading.provide_key(data_key.into()).unwrap();
    assert!(!reading.needs_key());
}

#[test]
fn every_vector_reads_as_it_should() {
    for vector in Vector::all() {
        let ring = key_ring(&vector.keys);
        for most in [usize::MAX, 1] {
            if most == 1 && vector.message.len() > 70_000 {
                continue;
            }
            let stored = Stored::new(vector.message.clone()).giving_at_most(most);
            let mut reading = Reading::new(&vector.require());
            let result = read_to_end(&mut reading, &stored, &ring, 20_000);
            let kind = result
                .as_ref()
                .map_or_else(|error| error.kind().name(), |_| "OK");
            assert_eq!(kind, vector.expect, "{}, {most}", vector.name);
            if let Ok(plaintext) = result {
                let (len, _) = vector.plaintext.as_ref().unwrap();
                assert_eq!(plaintext.len(), *len);
            }
        }
    }
}
