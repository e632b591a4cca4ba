//! Plaintext out of the middle of a message.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    cell::RefCell,
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    ops::Range,
    rc::Rc,
};

use common::{LENGTHS, local_unwrapper, pattern};
use libseal::{Error, ErrorKind, Header, UnsealReader, Unsealer};

fn seal(plaintext: &[u8]) -> Vec<u8> {
    common::seal(&[("device", "42")], plaintext)
}

fn positions(len: usize) -> impl Iterator<Item = usize> {
    let around = [
        0,
        1,
        16383,
        16384,
        16385,
        32767,
        32768,
        len.wrapping_sub(1),
        len,
    ];
    around.into_iter().filter(move |position| *position <= len)
}

fn clamped(range: Range<u64>, len: usize) -> Range<usize> {
    let clamp = |offset| usize::try_from(offset).map_or(len, |offset| offset.min(len));
    clamp(range.start)..clamp(range.end)
}

/// An unsealer that has seen the beginning of the message, and the header.
fn opened(message: &[u8]) -> (Unsealer, Header) {
    let header = Header::parse(message).unwrap();
    let start = usize::try_from(header.ciphertext_range(0, 0).start).unwrap();
    let mut unsealer = Unsealer::default();
    let consumed = unsealer
        .update(&message[..start], &mut [])
        .unwrap()
        .consumed;
    unsealer.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
    let _ = unsealer.update(&message[consumed..start], &mut []).unwrap();
    (unsealer, header)
}

#[test]
fn any_range_comes_out_of_the_chunks_that_cover_it() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let message = seal(&plaintext);
        let (mut unsealer, header) = opened(&message);
        for start in positions(len) {
            for end in positions(len).filter(|end| *end >= start) {
                let range = header.ciphertext_range(start as u64, (end - start) as u64);
                let sealed = clamped(range.clone(), message.len());
                assert_eq!(unsealer.seek(start as u64).unwrap(), range.start);

                let mut found = vec![0; unsealer.finish_with_len(sealed.len())];
                let (piece, rest) = message[sealed.clone()].split_at(sealed.len().min(777));
                let mut written = 0;
                for piece in [piece, rest] {
                    written += unsealer
                        .update(piece, &mut found[written..])
                        .unwrap()
                        .written;
                }
                if range.end > message.len() as u64 {
                    written += unsealer.finish(&mut found[written..]).unwrap();
                }
                assert!(found.len() >= end - start || start == end);
                assert_eq!(
                    &found[..written],
                    &plaintext[start..start + written],
                    "{len}: {start}..{end}"
                );
                assert!(written >= end - start, "{len}: {start}..{end}");
                assert!(range.end - range.start < sealed_len(end - start) + 2 * 16400);
            }
        }
    }
}

fn sealed_len(len: usize) -> u64 {
    (len + len / 16384 * 16) as u64
}

#[test]
fn a_seek_needs_the_beginning_of_the_payload() {
    let message = seal(b"x");
    let kind = |result: Result<u64, Error>| result.unwrap_err().kind();
    let mut unsealer = Unsealer::default();
    assert_eq!(kind(unsealer.seek(0)), ErrorKind::InvalidState);
    let _ = unsealer.update(&message, &mut []).unwrap();
    assert_eq!(kind(unsealer.seek(0)), ErrorKind::InvalidState);
    unsealer.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
    assert_eq!(kind(unsealer.seek(0)), ErrorKind::InvalidState);

    let (mut unsealer, _) = opened(&message);
    assert_eq!(kind(unsealer.seek(1 << 52)), ErrorKind::MessageTooLong);
    let first = unsealer.seek(0).unwrap();
    let last = message.len() as u64 - 17;
    assert_eq!((first, unsealer.seek(16383).unwrap()), (last, last));
    assert_eq!(
        unsealer.seek((1 << 52) - 1).unwrap(),
        first + 16400 * ((1 << 38) - 1)
    );

    let mut altered = message.clone();
    *altered.last_mut().unwrap() ^= 1;
    unsealer.seek(0).unwrap();
    let failed = unsealer.finish_with(&altered[altered.len() - 17..], &mut [0]);
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::EndNotAuthentic);
    assert_eq!(kind(unsealer.seek(0)), ErrorKind::InvalidState);
}

#[test]
fn a_chunk_in_the_place_of_another_is_refused() {
    let message = seal(&pattern(50_000));
    let (mut unsealer, header) = opened(&message);
    let second = clamped(header.ciphertext_range(16384, 16384), message.len());
    for position in [0, 1, 32768] {
        let (mut unsealer, _) = opened(&message);
        unsealer.seek(position).unwrap();
        let mut out = vec![0; unsealer.update_len(16400)];
        let error = unsealer
            .update(&message[second.clone()], &mut out)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        assert!(out.iter().all(|byte| *byte == 0));
    }
    unsealer.seek(16384).unwrap();
    assert_eq!(
        unsealer
            .update(&message[second], &mut [0; 16384])
            .unwrap()
            .written,
        16384
    );
    // A full chunk is never the last.
    assert_eq!(
        unsealer.finish(&mut []).unwrap_err().kind(),
        ErrorKind::Truncated
    );
}

/// Notes which bytes are read, and fails when it is told to.
#[derive(Clone, Default)]
struct Source {
    bytes: Cursor<Vec<u8>>,
    read: Rc<RefCell<Vec<Range<u64>>>>,
    unplugged: Rc<RefCell<bool>>,
    /// Most bytes that it gives at a time, if not 0.
    most: usize,
}

impl Source {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Cursor::new(bytes),
            ..Self::default()
        }
    }

    /// Bytes read since the last time.
    fn take_count(&self) -> u64 {
        let read = self.read.borrow_mut().split_off(0);
        read.into_iter().map(|range| range.end - range.start).sum()
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if *self.unplugged.borrow() {
            return Err(io::Error::other("unplugged"));
        }
        let start = self.bytes.position();
        let most = if self.most > 0 { self.most } else { out.len() };
        let len = Read::by_ref(&mut self.bytes).take(most as u64).read(out)?;
        self.read.borrow_mut().push(start..start + len as u64);
        Ok(len)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

fn read_to_end(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest)?;
    Ok(rest)
}

fn own_kind(error: io::Error) -> ErrorKind {
    error.downcast::<Error>().unwrap().kind()
}

#[test]
fn a_reader_goes_anywhere() {
    let unwrapper = local_unwrapper("rsa-2048");
    for len in LENGTHS.into_iter().chain([600_000]) {
        let plaintext = pattern(len);
        let mut file = Cursor::new(b"before".to_vec());
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(&seal(&plaintext)).unwrap();
        file.set_position(6);
        let mut reader = UnsealReader::new(file, &unwrapper, &[]).unwrap();
        let mut model = Cursor::new(&plaintext);
        let end = i64::try_from(len).unwrap();
        for position in positions(len).chain(positions(len)) {
            for to in [
                SeekFrom::Start(position as u64),
                SeekFrom::Current(-1),
                SeekFrom::End(position as i64 - end),
                SeekFrom::Current(3),
                SeekFrom::Current(0),
            ] {
                let Ok(expected) = model.seek(to) else {
                    let error = reader.seek(to).unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
                    continue;
                };
                assert_eq!(reader.seek(to).unwrap(), expected, "{len}: {to:?}");
                assert_eq!(reader.stream_position().unwrap(), expected);
                for piece_len in [1, 100, 20_000] {
                    let (mut found, mut piece) = (Vec::new(), Vec::new());
                    reader
                        .by_ref()
                        .take(piece_len)
                        .read_to_end(&mut found)
                        .unwrap();
                    model
                        .by_ref()
                        .take(piece_len)
                        .read_to_end(&mut piece)
                        .unwrap();
                    assert!(found == piece, "{len}: {to:?}");
                }
            }
        }
        reader.rewind().unwrap();
        assert!(read_to_end(&mut reader).unwrap() == plaintext);
        assert_eq!(reader.stream_position().unwrap(), len as u64);
        assert_eq!(
            reader.seek(SeekFrom::End(-1)).ok(),
            (len as u64).checked_sub(1)
        );
    }
}

#[test]
fn as_with_files_there_is_nothing_after_the_end() {
    let source = Cursor::new(seal(&pattern(16384)));
    let mut reader = UnsealReader::new(source, local_unwrapper("rsa-2048"), &[]).unwrap();
    assert!(reader.seek(SeekFrom::Current(-1)).is_err());
    assert_eq!(reader.read(&mut [1]).unwrap(), 1);
    for beyond in [16384, 16385, 1 << 40, u64::MAX] {
        assert_eq!(reader.seek(SeekFrom::Start(beyond)).unwrap(), beyond);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
    for impossible in [SeekFrom::End(-16385), SeekFrom::Current(1)] {
        let error = reader.seek(impossible).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(reader.stream_position().unwrap(), u64::MAX);
    }
    reader.seek(SeekFrom::End(-2)).unwrap();
    assert_eq!(read_to_end(&mut reader).unwrap(), pattern(16384)[16382..]);
}

#[test]
fn only_what_covers_the_plaintext_is_fetched() {
    let plaintext = pattern(8 << 20);
    let source = Source::new(seal(&plaintext));
    let unwrapper = local_unwrapper("rsa-2048");
    let mut reader = UnsealReader::new(source.clone(), &unwrapper, &[]).unwrap();
    assert!(source.take_count() <= 4096);

    let mut megabyte = vec![0; 1 << 20];
    reader.seek(SeekFrom::Start(3_000_000)).unwrap();
    assert_eq!(source.take_count(), 16, "the last chunk, which is empty");
    reader.read_exact(&mut megabyte).unwrap();
    assert!(megabyte == plaintext[3_000_000..][..1 << 20]);
    let fetched = source.take_count();
    assert!(fetched <= 66 * 16400, "{fetched}");

    reader.seek(SeekFrom::Start(100)).unwrap();
    reader.read_exact(&mut megabyte[..10]).unwrap();
    assert_eq!(source.take_count(), 16400);
    reader.seek(SeekFrom::Start(16000)).unwrap();
    reader.seek(SeekFrom::Current(-15_900)).unwrap();
    reader.read_exact(&mut megabyte[..16284]).unwrap();
    assert_eq!(source.take_count(), 0, "it was there already");
    assert!(megabyte[..16284] == plaintext[100..16384]);
}

#[test]
fn a_source_may_give_less_than_is_asked() {
    let plaintext = pattern(50_000);
    let message = seal(&plaintext);
    let header_len = Header::parse(&message).unwrap().len();
    for most in [
        1,
        7,
        header_len,
        header_len + 1,
        header_len + 55,
        header_len + 56,
        4096,
    ] {
        let mut source = Source::new(message.clone());
        source.most = most;
        let mut reader = UnsealReader::new(source, local_unwrapper("rsa-2048"), &[]).unwrap();
        reader.seek(SeekFrom::Start(20_000)).unwrap();
        assert!(
            read_to_end(&mut reader).unwrap() == plaintext[20_000..],
            "{most}"
        );
        reader.rewind().unwrap();
        assert!(read_to_end(&mut reader).unwrap() == plaintext, "{most}");
    }
}

#[test]
fn a_seek_tells_a_truncated_or_altered_end() {
    let whole = seal(&pattern(100_000));
    let unwrapper = local_unwrapper("rsa-2048");
    let seek = |message: &[u8]| {
        let source = Cursor::new(message.to_vec());
        let mut reader = UnsealReader::new(source, &unwrapper, &[]).unwrap();
        let kind = own_kind(reader.seek(SeekFrom::Start(5)).unwrap_err());
        let again = own_kind(reader.read(&mut [0]).unwrap_err());
        assert_eq!(again, ErrorKind::InvalidState);
        kind
    };
    let last_start = whole.len() - (100_000 % 16384 + 16);
    assert_eq!(seek(&whole[..last_start]), ErrorKind::Truncated);
    assert_eq!(seek(&whole[..last_start + 15]), ErrorKind::Truncated);
    assert_eq!(seek(&whole[..last_start + 16]), ErrorKind::EndNotAuthentic);
    assert_eq!(seek(&whole[..last_start - 16400]), ErrorKind::Truncated);
    assert_eq!(
        seek(&[&whole[..], b"more"].concat()),
        ErrorKind::EndNotAuthentic
    );
    let mut altered = whole.clone();
    altered[last_start] ^= 1;
    assert_eq!(seek(&altered), ErrorKind::EndNotAuthentic);
}

#[test]
fn after_an_error_of_the_source_reading_goes_on_in_the_right_place() {
    let plaintext = pattern(100_000);
    let source = Source::new(seal(&plaintext));
    let unwrapper = local_unwrapper("rsa-2048");
    let mut reader = UnsealReader::new(source.clone(), &unwrapper, &[]).unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();

    // The seek fails on its way to the last chunk; the position stays.
    source.unplugged.replace(true);
    let error = reader.seek(SeekFrom::Start(50_000)).unwrap_err();
    assert_eq!(error.to_string(), "unplugged");
    let error = reader.read(&mut [0]).unwrap_err();
    assert_eq!(error.to_string(), "unplugged");
    source.unplugged.replace(false);
    assert_eq!(reader.stream_position().unwrap(), 10);
    let mut some = [0; 20_000];
    reader.read_exact(&mut some).unwrap();
    assert!(some == plaintext[10..20_010]);

    source.unplugged.replace(true);
    reader.seek(SeekFrom::Start(50_000)).unwrap();
    let error = reader.read(&mut [0]).unwrap_err();
    assert_eq!(error.to_string(), "unplugged");
    source.unplugged.replace(false);
    assert!(read_to_end(&mut reader).unwrap() == plaintext[50_000..]);
}

#[test]
fn a_seek_that_is_refused_changes_nothing() {
    let plaintext = pattern(100_000);
    let source = Cursor::new(seal(&plaintext));
    let mut reader = UnsealReader::new(source, local_unwrapper("rsa-2048"), &[]).unwrap();
    for impossible in [SeekFrom::Current(-1), SeekFrom::End(-100_001)] {
        let error = reader.seek(impossible).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    assert!(read_to_end(&mut reader).unwrap() == plaintext);
}

#[test]
fn a_seek_after_the_end_was_read() {
    let plaintext = pattern(100_000);
    let source = Cursor::new(seal(&plaintext));
    let mut reader = UnsealReader::new(source, local_unwrapper("rsa-2048"), &[]).unwrap();
    assert!(read_to_end(&mut reader).unwrap() == plaintext);
    assert_eq!(reader.seek(SeekFrom::End(-99_000)).unwrap(), 1000);
    assert!(read_to_end(&mut reader).unwrap() == plaintext[1000..]);
}
