//! `io::Error`'s `source()` skips the error that it holds, so `anyhow`'s `chain()` and `downcast_ref` did
//! not find the library's error in those of `SealWriter` and `UnsealReader`.

use std::{
    error::Error as _,
    io::{self, Read},
};

use libseal::{Error, ErrorKind, UnsealReader, unwrap_fn};

use crate::common::{local_unwrapper, pattern, seal};

fn cut_error() -> io::Error {
    let message = seal(&[], &pattern(1000));
    let cut = &message[..message.len() - 1];
    let mut reader = UnsealReader::new(cut, local_unwrapper("rsa-2048"), &[]).unwrap();
    reader.read_to_end(&mut Vec::new()).unwrap_err()
}

fn unwrap_error() -> io::Error {
    let message = seal(&[], b"plaintext");
    let refuses = unwrap_fn(|_| Err(io::Error::other("AccessDeniedException").into()));
    let reader = UnsealReader::new(message.as_slice(), refuses, &[]);
    reader.unwrap_err()
}

#[test]
fn by_get_ref_and_downcast() {
    let error = cut_error();
    let inner = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(inner.kind(), ErrorKind::EndNotAuthentic);
    let inner = error.downcast::<Error>().unwrap();
    assert_eq!(inner.kind(), ErrorKind::EndNotAuthentic);
}

#[test]
fn by_source() {
    let error = cut_error();
    let source = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::EndNotAuthentic);
    assert!(source.source().is_none());
}

#[test]
fn by_the_chain_of_anyhow() {
    let error = anyhow::Error::new(cut_error()).context("reading a log");
    let found = error
        .chain()
        .find_map(|error| error.downcast_ref::<Error>());
    assert_eq!(found.unwrap().kind(), ErrorKind::EndNotAuthentic);
}

#[test]
fn with_what_the_unwrapper_said() {
    let error = anyhow::Error::new(unwrap_error());
    let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
    assert_eq!(texts.last().unwrap(), "AccessDeniedException");
    let found = error
        .chain()
        .find_map(|error| error.downcast_ref::<Error>());
    assert_eq!(found.unwrap().kind(), ErrorKind::UnwrapFailed);

    let inner = unwrap_error().downcast::<Error>().unwrap();
    let source = inner.source().unwrap().source().unwrap();
    assert_eq!(source.to_string(), "AccessDeniedException");
    assert!(source.is::<io::Error>());
}

#[test]
fn the_text_is_the_same() {
    let error = cut_error();
    let inner = error.source().unwrap().to_string();
    assert_eq!(error.to_string(), inner);
}
