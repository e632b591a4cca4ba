//! Unsealing: the state machine that stops where it needs the data key, and the one-shot call.

use core::fmt;
#[cfg(feature = "threads")]
use core::num::NonZero;

use alloc::{boxed::Box, string::String, vec, vec::Vec};
use zeroize::Zeroize;

use crate::{
    DataKey, Error, ErrorKind, Header, KeyUnwrap, WrappedKey,
    header::{self, Scan},
    layout,
    payload::PayloadUnsealer,
    threads::Threads,
};

/// What [`Unsealer::update`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// Bytes taken from the input. Less than all of them only when the unsealer
    /// [needs the key](Unsealer::needs_key): the rest is to be given again.
    pub consumed: usize,
    /// Bytes of plaintext written to the output.
    pub written: usize,
}

/// Unseals a message piece by piece, without I/O.
///
/// 1. [`update`](Self::update) with the beginning of the message until [`needs_key`](Self::needs_key).
/// 2. Show the [`header`](Self::header)'s wrapped keys to whoever can unwrap one, in whatever way:
///    a blocking call, an `await`, a queue, a person with a USB stick. Then
///    [`provide_key`](Self::provide_key). Or let [`unwrap_with`](Self::unwrap_with) do both.
/// 3. `update` with the rest; plaintext comes out.
/// 4. [`finish`](Self::finish): the last plaintext, and the only proof that nothing is missing.
///
/// Each byte that comes out is authentic, and stands where it stood. But until `finish` has
/// succeeded the message may still turn out to be cut short.
///
/// After an error other than [`BufferTooSmall`](ErrorKind::BufferTooSmall) every further call
/// fails with [`InvalidState`](ErrorKind::InvalidState).
pub struct Unsealer {
    required_context: Vec<(String, String)>,
    header: Option<Header>,
    state: State,
    threads: Threads,
}

enum State {
    /// Collecting the header; nothing new can be known before `need` bytes are there.
    Header {
        bytes: Vec<u8>,
        need: usize,
    },
    NeedKey,
    /// Collecting salt and commitment.
    PayloadStart {
        data_key: DataKey,
        bytes: [u8; layout::START_LEN],
        len: usize,
    },
    Payload(Box<PayloadUnsealer>),
    Done(Box<PayloadUnsealer>),
    Failed,
}

impl Default for Unsealer {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Unsealer {
    /// Begins a message. It is refused with [`ContextMismatch`](ErrorKind::ContextMismatch), before
    /// any key is unwrapped, unless every pair of `required_context` is in its encryption context.
    #[must_use]
    pub fn new(required_context: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).into(), (*value).into());
        Self {
            required_context: required_context.iter().map(owned).collect(),
            header: None,
            state: State::Header {
                bytes: Vec::new(),
                need: 1,
            },
            threads: Threads::default(),
        }
    }

    /// Has long inputs unsealed on so many threads, at most 256: calls with 512 KiB or more, best with a
    /// few MiB.
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.set_threads(threads);
        self
    }

    /// As [`with_threads`](Self::with_threads), for an unsealer that does not move: the C library's.
    #[cfg(feature = "threads")]
    #[doc(hidden)]
    pub fn set_threads(&mut self, threads: NonZero<usize>) {
        self.threads = Threads::new(threads);
    }

    #[cfg(feature = "std")]
    pub(crate) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// The header, as soon as it is there; trusted once a data key has been accepted.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether the header is complete and the data key is wanted now.
    #[must_use]
    pub const fn needs_key(&self) -> bool {
        matches!(self.state, State::NeedKey)
    }

    /// Exactly what [`update`](Self::update) writes for so much input now.
    #[must_use]
    pub fn update_len(&self, input_len: usize) -> usize {
        match &self.state {
            State::Payload(payload) => payload.update_len(input_len),
            State::PayloadStart { bytes, len, .. } => {
                layout::opened_len(input_len.saturating_sub(bytes.len() - len))
            }
            State::Header { .. } | State::NeedKey | State::Done(_) | State::Failed => 0,
        }
    }

    /// The most that any sequence of calls with `input_len` bytes in all writes, whatever came
    /// before: less than `input_len` + 16 KiB.
    #[must_use]
    pub const fn update_bound(input_len: usize) -> usize {
        layout::update_bound(input_len)
    }

    /// Takes the next piece of the message, of any length, and writes the plaintext of the chunks
    /// that are complete and authentic.
    ///
    /// Stops at the end of the header, where it [needs the key](Self::needs_key): then
    /// [`Progress::consumed`] says how much was taken, and nothing more is until a key is provided.
    ///
    /// # Errors
    /// - [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
    ///   [`update_len`](Self::update_len); nothing was consumed.
    /// - 200 to 204 for what the header is not; [`ContextMismatch`](ErrorKind::ContextMismatch).
    /// - [`AuthenticationFailed`](ErrorKind::AuthenticationFailed). What this call wrote to `out`
    ///   is wiped.
    /// - [`InvalidState`](ErrorKind::InvalidState) after the end or an error.
    pub fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, Error> {
        let out = out.get_mut(..self.update_len(input.len()));
        let out = out.ok_or(ErrorKind::BufferTooSmall)?;
        let mut rest = input;
        match self.advance(&mut rest, out) {
            Ok(written) => Ok(Progress {
                consumed: input.len() - rest.len(),
                written,
            }),
            Err(kind) => Err(self.fail(kind, out)),
        }
    }

    /// Takes `rest` from its front, as far as the state allows.
    fn advance(&mut self, rest: &mut &[u8], out: &mut [u8]) -> Result<usize, ErrorKind> {
        loop {
            match &mut self.state {
                State::Header { bytes, need } => {
                    let missing = need.saturating_sub(bytes.len());
                    bytes.extend_from_slice(take(rest, missing));
                    if bytes.len() < *need {
                        return Ok(0);
                    }
                    match header::scan(bytes)? {
                        Scan::Incomplete { need: more } => *need = more,
                        Scan::Complete { .. } => {
                            let header = Header::from_scanned(core::mem::take(bytes));
                            self.check_context(&header)?;
                            self.header = Some(header);
                            self.state = State::NeedKey;
                        }
                    }
                }
                State::NeedKey => return Ok(0),
                State::PayloadStart {
                    data_key,
                    bytes,
                    len,
                } => {
                    let room = bytes.get_mut(*len..).unwrap_or_default();
                    let taken = take(rest, room.len());
                    room.iter_mut()
                        .zip(taken)
                        .for_each(|(room, byte)| *room = *byte);
                    *len += taken.len();
                    if *len < bytes.len() {
                        return Ok(0);
                    }
                    let header = self.header.as_ref().ok_or(ErrorKind::Internal)?;
                    let context = header.payload_context();
                    let payload = PayloadUnsealer::start(data_key, context, bytes)?;
                    self.state = State::Payload(Box::new(payload));
                }
                State::Payload(payload) => {
                    let written = payload.update_len(rest.len());
                    let out = out.get_mut(..written).ok_or(ErrorKind::BufferTooSmall)?;
                    payload.update(core::mem::take(rest), out, &mut self.threads)?;
                    return Ok(written);
                }
                State::Done(_) | State::Failed => return Err(ErrorKind::InvalidState),
            }
        }
    }

    fn check_context(&self, header: &Header) -> Result<(), ErrorKind> {
        let is_there = |(key, value): &(String, String)| {
            header
                .context()
                .any(|pair| pair == (key.as_str(), value.as_str()))
        };
        if self.required_context.iter().all(is_there) {
            Ok(())
        } else {
            Err(ErrorKind::ContextMismatch)
        }
    }

    /// Goes on with the data key that one of the header's wrapped keys holds.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if it is not the key that this
    /// header was made with, [`InvalidState`](ErrorKind::InvalidState) unless the unsealer
    /// [needs the key](Self::needs_key).
    pub fn provide_key(&mut self, data_key: DataKey) -> Result<(), Error> {
        let (State::NeedKey, Some(header)) = (&self.state, &self.header) else {
            return Err(ErrorKind::InvalidState.into());
        };
        if let Err(kind) = header.verify(&data_key) {
            return Err(self.fail(kind, &mut []));
        }
        self.state = State::PayloadStart {
            data_key,
            bytes: [0; layout::START_LEN],
            len: 0,
        };
        Ok(())
    }

    /// Has `unwrapper` unwrap the data key: asks it for one wrapped key of a known
    /// [algorithm](WrappedKey::algorithm) after the other, until it returns a data key, and provides
    /// that.
    ///
    /// # Errors
    /// - [`NoMatchingRecipient`](ErrorKind::NoMatchingRecipient) if it knew none of them;
    /// - [`UnwrapFailed`](ErrorKind::UnwrapFailed) with its first error as the source if it
    ///   returned one and no data key;
    /// - as [`provide_key`](Self::provide_key).
    pub fn unwrap_with(&mut self, unwrapper: &(impl KeyUnwrap + ?Sized)) -> Result<(), Error> {
        let (State::NeedKey, Some(header)) = (&self.state, &self.header) else {
            return Err(ErrorKind::InvalidState.into());
        };
        match unwrap_first(header, unwrapper) {
            Ok(data_key) => self.provide_key(data_key),
            Err(error) => {
                self.state = State::Failed;
                Err(error)
            }
        }
    }

    /// Exactly what [`finish`](Self::finish) writes: less than 16 KiB.
    #[must_use]
    pub fn finish_len(&self) -> usize {
        self.finish_with_len(0)
    }

    /// Ends the message: writes the last plaintext to `out`, confirms that the message is complete,
    /// and returns how many bytes it wrote.
    ///
    /// # Errors
    /// - [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
    ///   [`finish_len`](Self::finish_len); the call can be repeated.
    /// - [`EmptyMessage`](ErrorKind::EmptyMessage) if nothing came,
    ///   [`Truncated`](ErrorKind::Truncated) if the end is missing for certain.
    /// - [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the last chunk was altered or
    ///   cut: the two cannot be told apart.
    /// - [`InvalidState`](ErrorKind::InvalidState) while the unsealer [needs the
    ///   key](Self::needs_key), after the end, or after an error.
    pub fn finish(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let len = self.finish_len();
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let result = match &mut self.state {
            State::Header { bytes, .. } if bytes.is_empty() => Err(ErrorKind::EmptyMessage),
            // What has come may be enough to tell that it never was a header.
            State::Header { bytes, .. } => header::scan(bytes).and(Err(ErrorKind::Truncated)),
            State::PayloadStart { .. } => Err(ErrorKind::Truncated),
            State::Payload(payload) => payload.finish(out),
            State::NeedKey | State::Done(_) | State::Failed => {
                return Err(ErrorKind::InvalidState.into());
            }
        };
        if let Err(kind) = result {
            return Err(self.fail(kind, out));
        }
        if let State::Payload(payload) = core::mem::replace(&mut self.state, State::Failed) {
            self.state = State::Done(payload);
        }
        Ok(len)
    }

    /// Exactly what [`finish_with`](Self::finish_with) writes for so much input, if it succeeds.
    #[must_use]
    pub fn finish_with_len(&self, input_len: usize) -> usize {
        match &self.state {
            State::Payload(payload) => payload.finish_with_len(input_len),
            State::PayloadStart { bytes, len, .. } => {
                let chunks_len = input_len.saturating_sub(bytes.len() - len);
                let len = layout::opened_to_end_len(chunks_len as u64);
                usize::try_from(len).unwrap_or(usize::MAX)
            }
            State::Header { .. } | State::NeedKey | State::Done(_) | State::Failed => 0,
        }
    }

    /// Takes the rest of the message and ends it: [`update`](Self::update) and
    /// [`finish`](Self::finish) in one, which leaves all plaintext or none in `out`.
    ///
    /// # Errors
    /// As those two, with [`finish_with_len`](Self::finish_with_len) for the length of `out`.
    pub fn finish_with(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let out = out.get_mut(..self.finish_with_len(input.len()));
        let out = out.ok_or(ErrorKind::BufferTooSmall)?;
        let written = self.update(input, out)?.written;
        match self.finish(out.get_mut(written..).unwrap_or_default()) {
            Ok(last) => Ok(written + last),
            Err(error) => {
                out.zeroize();
                Err(error)
            }
        }
    }

    /// Goes to another place in the plaintext, before or behind: the next byte that comes out is the
    /// one at `position`. Returns the offset in the message of the byte that [`update`](Self::update)
    /// wants next, the beginning of a chunk; [`Header::ciphertext_range`] says how far to go from
    /// there.
    ///
    /// Every chunk opens alone, so what comes out is authentic and in its place, wherever one starts.
    /// Where the plaintext ends is known only after [`finish`](Self::finish), as ever: it may follow
    /// from anywhere, and the last chunk is enough for it. After that one can seek again.
    ///
    /// # Errors
    /// [`MessageTooLong`](ErrorKind::MessageTooLong) for a position from 4 PiB on;
    /// [`InvalidState`](ErrorKind::InvalidState) before the first [`ciphertext_range(0,
    /// 0)`](Header::ciphertext_range)`.start` bytes of the message are there and the key is provided,
    /// or after an error. Nothing has changed then.
    pub fn seek(&mut self, position: u64) -> Result<u64, Error> {
        let header_len = self.header.as_ref().map_or(0, Header::len);
        let (State::Payload(payload) | State::Done(payload)) = &mut self.state else {
            return Err(ErrorKind::InvalidState.into());
        };
        let chunk = payload.seek(position)?;
        self.state = match core::mem::replace(&mut self.state, State::Failed) {
            State::Done(payload) => State::Payload(payload),
            state => state,
        };
        Ok(layout::chunk_offset(header_len, chunk))
    }

    /// Takes the header off a message that is all there, and returns its payload.
    fn take_header<'m>(&mut self, message: &'m [u8]) -> Result<&'m [u8], Error> {
        let header_len = self.update(message, &mut [])?.consumed;
        if !self.needs_key() {
            // Tells why there is no whole header.
            self.finish(&mut [])?;
        }
        Ok(message.get(header_len..).unwrap_or_default())
    }

    /// No plaintext stays behind a failed check.
    fn fail(&mut self, kind: ErrorKind, out: &mut [u8]) -> Error {
        out.zeroize();
        self.state = State::Failed;
        kind.into()
    }
}

impl fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealer")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// The data key of the first recipient that the unwrapper opens.
fn unwrap_first(header: &Header, unwrapper: &(impl KeyUnwrap + ?Sized)) -> Result<DataKey, Error> {
    let mut first_error = None;
    let of_known_kind = |key: &WrappedKey<'_>| key.algorithm().is_some();
    for wrapped_key in header.wrapped_keys().filter(of_known_kind) {
        match unwrapper.unwrap_key(&wrapped_key) {
            Ok(Some(data_key)) => return Ok(data_key),
            Ok(None) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let none_matches = || ErrorKind::NoMatchingRecipient.into();
    Err(first_error.map_or_else(none_matches, Error::unwrap_failed))
}

/// Splits up to `len` bytes off the front.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    rest.split_off(..len.min(rest.len())).unwrap_or_default()
}

/// Unseals a message in one call.
///
/// `unwrapper` unwraps the data key: a closure that calls a KMS, or a
/// [`LocalUnwrapper`](crate::LocalUnwrapper). Every pair of `required_context` has to be in the
/// message's encryption context.
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::seal(&[libseal::Recipient::new(&key)], &[("device", "42")], b"21.5 C")?;
/// # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
/// let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// let plaintext = libseal::unseal(&message, &unwrapper, &[("device", "42")])?;
/// assert_eq!(plaintext, b"21.5 C");
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// # Errors
/// As [`Unsealer::update`], [`Unsealer::unwrap_with`] and [`Unsealer::finish`].
pub fn unseal(
    message: &[u8],
    unwrapper: &(impl KeyUnwrap + ?Sized),
    required_context: &[(&str, &str)],
) -> Result<Vec<u8>, Error> {
    let mut unsealer = Unsealer::new(required_context);
    let payload = unsealer.take_header(message)?;
    unsealer.unwrap_with(unwrapper)?;
    let mut plaintext = vec![0; unsealer.finish_with_len(payload.len())];
    unsealer.finish_with(payload, &mut plaintext)?;
    Ok(plaintext)
}

/// Unseals a message in one call into a buffer, and returns how many bytes it wrote; see
/// [`unseal`] and [`plaintext_len`].
///
/// # Errors
/// As [`unseal`], and [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
/// [`plaintext_len`] of a message that is whole. On any error `out` holds no plaintext.
pub fn unseal_into(
    message: &[u8],
    unwrapper: &(impl KeyUnwrap + ?Sized),
    required_context: &[(&str, &str)],
    out: &mut [u8],
) -> Result<usize, Error> {
    let mut unsealer = Unsealer::new(required_context);
    let payload = unsealer.take_header(message)?;
    // Before a KMS is asked for nothing.
    let len = layout::plaintext_len(payload.len() as u64);
    if len.is_some_and(|len| (out.len() as u64) < len) {
        return Err(ErrorKind::BufferTooSmall.into());
    }
    unsealer.unwrap_with(unwrapper)?;
    unsealer.finish_with(payload, out)
}

/// Length of the plaintext of a message, from its header and its own length; nothing is verified
/// yet.
///
/// # Errors
/// As [`Header::parse`], and [`Truncated`](ErrorKind::Truncated) where no message ends.
pub fn plaintext_len(message: &[u8]) -> Result<usize, Error> {
    let payload_len = message.len() - Header::parse(message)?.len();
    let len = layout::plaintext_len(payload_len as u64).ok_or(ErrorKind::Truncated)?;
    usize::try_from(len).map_err(|_| ErrorKind::Internal.into())
}
