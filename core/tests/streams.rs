//! The `std::io` adapters, with readers and writers that misbehave.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    cell::{Cell, RefCell},
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    rc::Rc,
};

use common::{LENGTHS, Vector, data_key_of, local_unwrapper, pattern, public_key, seal};
use libseal::{Envelope, Error, ErrorKind, Header, PublicKey, Recipient, SealWriter, UnsealReader};

/// Fails once `left` bytes have passed, and passes at most 1000 at a time.
struct Failing<T> {
    inner: T,
    left: Rc<Cell<usize>>,
}

impl<T> Failing<T> {
    fn new(inner: T, left: usize) -> Self {
        let left = Rc::new(Cell::new(left));
        Self { inner, left }
    }

    fn pass(&mut self, len: usize) -> io::Result<usize> {
        let len = len.min(1000).min(self.left.get());
        self.left.set(self.left.get() - len);
        if len == 0 {
            Err(io::Error::other("unplugged"))
        } else {
            Ok(len)
        }
    }
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.pass(out.len())?;
        self.inner.read(&mut out[..len])
    }
}

impl<W: Write> Write for Failing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.pass(bytes.len())?;
        self.inner.write(&bytes[..len])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn seal_writer<W: Write>(inner: W, key: &PublicKey) -> SealWriter<W> {
    SealWriter::new(inner, &Envelope::new(&[Recipient::new(key)])).unwrap()
}

fn own_kind(error: io::Error) -> ErrorKind {
    error.downcast::<Error>().unwrap().kind()
}

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    for len in LENGTHS.into_iter().chain([200_000]) {
        for piece_len in [1, 100, 16384, 100_000] {
            let plaintext = pattern(len);
            let mut writer = seal_writer(Vec::new(), &key);
            for piece in plaintext.chunks(piece_len) {
                writer.write_all(piece).unwrap();
            }
            assert_eq!(writer.write(b"").unwrap(), 0);
            let message = writer.finish().unwrap();

            let mut reader = UnsealReader::new(Cursor::new(message), &unwrapper, &[]).unwrap();
            let mut found = Vec::new();
            let mut piece = vec![0; piece_len];
            loop {
                match reader.read(&mut piece).unwrap() {
                    0 => break,
                    len => found.extend_from_slice(&piece[..len]),
                }
            }
            assert_eq!(found, plaintext);
            assert_eq!(reader.read(&mut piece).unwrap(), 0, "the end stays the end");
        }
    }
}

#[test]
fn a_writer_that_fails_anywhere_leaves_no_whole_message() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    let plaintext = pattern(20_000);
    let seal_to = |left: usize, message: &mut Vec<u8>| -> io::Result<()> {
        let mut writer = seal_writer(Failing::new(message, left), &key);
        writer.write_all(&plaintext)?;
        writer.finish().map(|_| ())
    };
    let mut whole = Vec::new();
    seal_to(usize::MAX, &mut whole).unwrap();
    for left in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let mut message = Vec::new();
        assert_eq!(
            seal_to(left, &mut message).unwrap_err().to_string(),
            "unplugged"
        );
        assert_eq!(message.len(), left);
        assert!(libseal::unseal(&message, &unwrapper, &[]).is_err());
    }
}

/// Memory that can be looked at while something writes to it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_an_error_of_the_inner_writer_nothing_is_lost() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    let plaintext = pattern(600_000);
    for piece_len in [1000, 40_000, 300_000] {
        let target = Shared::default();
        let inner = Failing::new(target.clone(), 0);
        let left = Rc::clone(&inner.left);
        let mut writer = seal_writer(inner, &key);
        let mut failures = 0;
        for piece in plaintext.chunks(piece_len) {
            let mut unwritten = piece;
            while !unwritten.is_empty() {
                match writer.write(unwritten) {
                    Ok(len) => unwritten = &unwritten[len..],
                    Err(error) => {
                        assert_eq!(error.to_string(), "unplugged");
                        failures += 1;
                        left.set(33_333);
                    }
                }
            }
        }
        while let Err(error) = writer.flush() {
            assert_eq!(error.to_string(), "unplugged");
            failures += 1;
            left.set(33_333);
        }
        left.set(1000);
        drop(writer.finish().unwrap());
        assert!(failures > 10, "{failures}");
        let message = target.0.take();
        assert!(libseal::unseal(&message, &unwrapper, &[]).unwrap() == plaintext);
    }
}

#[test]
fn a_flush_hands_over_everything_and_the_message_goes_on() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    let plaintext = pattern(700_000);
    for piece_len in [1000, 16384, 300_000] {
        let mut writer = seal_writer(Vec::new(), &key);
        for piece in plaintext.chunks(piece_len) {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        let message = writer.finish().unwrap();
        assert!(libseal::unseal(&message, &unwrapper, &[]).unwrap() == plaintext);
    }

    let mut message = Vec::new();
    let mut writer = seal_writer(&mut message, &key);
    writer.write_all(&plaintext[..1000]).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let header_len = Header::parse(&message).unwrap().len();
    assert_eq!(message.len(), header_len + 56 + 1000);
}

#[test]
fn no_length_of_a_piece_is_too_large() {
    let key = public_key("rsa-2048");
    let plaintext = pattern(100_000);
    for len in [0, usize::MAX] {
        let mut writer = seal_writer(Vec::new(), &key).with_piece_len(len);
        writer.write_all(&plaintext).unwrap();
        let message = writer.finish().unwrap();
        let unwrapper = local_unwrapper("rsa-2048");
        let reader = UnsealReader::new(message.as_slice(), unwrapper, &[]).unwrap();
        let mut found = Vec::new();
        reader.with_piece_len(len).read_to_end(&mut found).unwrap();
        assert!(found == plaintext);
    }
}

#[test]
fn a_reader_goes_on_after_a_header_that_is_known() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let message = seal(&[("device", "42")], &plaintext);
        let data_key = data_key_of(&message, "rsa-2048");
        let header = Header::parse(&message).unwrap();
        // The header has been taken off the stream.
        let rest = &message[header.len()..];
        let mut reader = UnsealReader::with_key(rest, header.clone(), data_key.into()).unwrap();
        assert_eq!(reader.header(), Some(&header));
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == plaintext);

        // In a file, the position stands after it.
        let mut file = Cursor::new([b"before", &message[..]].concat());
        file.set_position((6 + header.len()) as u64);
        let mut reader = UnsealReader::with_key(file, header.clone(), data_key.into()).unwrap();
        let middle = len / 2;
        reader.seek(SeekFrom::Start(middle as u64)).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == plaintext[middle..]);

        let error = UnsealReader::with_key(rest, header, [7; 32].into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    }
}

#[test]
fn a_reader_that_fails_is_not_an_end() {
    let vector = Vector::accepted("length_16385");
    let unwrapper = local_unwrapper("rsa-2048");
    for left in (0..vector.message.len()).step_by(487) {
        let inner = Failing::new(vector.message.as_slice(), left);
        let read = || UnsealReader::new(inner, &unwrapper, &[])?.read_to_end(&mut Vec::new());
        assert_eq!(read().unwrap_err().to_string(), "unplugged");
    }
}

#[test]
fn a_truncated_message_ends_in_an_error() {
    let vector = Vector::accepted("length_16384");
    let unwrapper = local_unwrapper("rsa-2048");
    let cut = &vector.message[..vector.message.len() - 16];
    let mut reader = UnsealReader::new(cut, &unwrapper, &[]).unwrap();
    let mut plaintext = Vec::new();
    let error = reader.read_to_end(&mut plaintext).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(own_kind(error), ErrorKind::Truncated);
    assert_eq!(plaintext.len(), 16384, "what came before was authentic");
    assert_eq!(
        own_kind(reader.read(&mut [0]).unwrap_err()),
        ErrorKind::InvalidState
    );

    let empty = UnsealReader::new(io::empty(), &unwrapper, &[])
        .err()
        .unwrap();
    assert_eq!(own_kind(empty), ErrorKind::EmptyMessage);
}

#[test]
fn after_a_failed_check_nothing_more_is_read() {
    let unwrapper = local_unwrapper("rsa-2048");
    let plaintext = pattern(200_001);
    let whole = seal(&[], &plaintext);
    for (altered, expected) in [
        (whole.len() - 1, ErrorKind::EndNotAuthentic),
        (whole.len() - 20_000, ErrorKind::AuthenticationFailed),
    ] {
        let mut message = whole.clone();
        message[altered] ^= 1;
        let mut reader = UnsealReader::new(message.as_slice(), &unwrapper, &[]).unwrap();
        let mut found = Vec::new();
        let error = reader.read_to_end(&mut found).unwrap_err();
        assert_eq!(own_kind(error), expected);
        assert_eq!(found, plaintext[..found.len()]);
        for _ in 0..2 {
            let again = reader.read(&mut [0; 100]).unwrap_err();
            assert_eq!(own_kind(again), ErrorKind::InvalidState);
        }
    }
}
