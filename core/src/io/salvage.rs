//! What is left of a message that is not whole.

use std::io::{self, ErrorKind::Interrupted, Read, Write};

use zeroize::Zeroizing;

use crate::{io::unseal_reader::UnsealReader, unwrap::Unwrap};

/// What [`salvage`] found.
#[derive(Debug)]
#[must_use = "only this says whether the message was whole"]
#[non_exhaustive]
pub struct Salvaged {
    /// Bytes of plaintext that were written: a multiple of 16 KiB unless the message is whole.
    pub plaintext_len: u64,
    /// Why the rest is missing; `None` if the message is whole. It is an [`Error`](crate::Error)
    /// inside, unless it came from the source.
    pub error: Option<io::Error>,
}

/// Writes the verified beginning of a message that was cut short or altered.
///
/// That is every chunk of 16 KiB up to the first that is not whole or not authentic. A part of a
/// chunk cannot be verified, so it is left out. The result says whether the message was whole; if it
/// was, all of the plaintext has been written.
///
/// If the source fails, for example at a bad sector, the message ends there, and what came before
/// counts. Unless that is a whole message, the result has the error of the source.
///
/// For the arguments see [`unseal`](crate::unseal()). The target is not flushed. With the feature
/// `rayon`, a call inside a thread pool unseals on its threads.
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let log = [b'.'; 50_000];
/// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(&log)?;
/// # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// let cut = &message[..40_000];
/// let mut beginning = Vec::new();
/// let salvaged = libseal::salvage(cut, &mut beginning, &unwrapper, &[])?;
/// assert_eq!(salvaged.plaintext_len, 2 * 16_384);
/// assert_eq!(beginning, log[..32_768]);
/// assert!(salvaged.error.is_some(), "the message was not whole");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`UnsealReader`], or the error of the source, if not even the first chunk verifies: nothing
/// was written then. Those of the target.
pub fn salvage(
    source: impl Read,
    mut target: impl Write,
    unwrapper: impl Unwrap,
    required: &[(&str, Option<&str>)],
) -> io::Result<Salvaged> {
    let mut source = UntilFailure {
        inner: source,
        failure: None,
    };
    let mut reader = match UnsealReader::new(&mut source, unwrapper, required) {
        Ok(reader) => reader,
        Err(error) => return Err(source.failure.unwrap_or(error)),
    };
    let mut piece = Zeroizing::new(vec![0; reader.piece_len()]);
    let mut plaintext_len = 0;
    let error = loop {
        match reader.read(&mut piece) {
            Ok(0) => break None,
            Ok(len) => {
                target.write_all(piece.split_at(len).0)?;
                plaintext_len += len as u64;
            }
            Err(error) => break Some(source.failure.unwrap_or(error)),
        }
    };
    match error {
        Some(error) if plaintext_len == 0 => Err(error),
        error => Ok(Salvaged {
            plaintext_len,
            error,
        }),
    }
}

/// A source that ends where it fails: what came before may still be a whole message.
struct UntilFailure<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R: Read> Read for UntilFailure<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.failure.is_some() {
            return Ok(0);
        }
        match self.inner.read(out) {
            Err(error) if error.kind() != Interrupted => {
                self.failure = Some(error);
                Ok(0)
            }
            read => read,
        }
    }
}
