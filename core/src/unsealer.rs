//! Unsealing piece by piece: the state machine, which stops where it needs the data key.

use core::fmt;
#[cfg(feature = "rayon")]
use core::num::NonZero;

use alloc::{boxed::Box, string::String, vec::Vec};
use zeroize::Zeroize;

use crate::{
    crypto::{secret::DataKey, stack::with_wiped_stack},
    error::{Error, ErrorKind},
    header::read::{self as header, Header, Scan},
    payload::{layout, threads::Threads, unseal::PayloadUnsealer},
    unwrap::{Unwrap, asynchronous::AsyncUnwrap},
};

/// What [`Unsealer::update`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// Bytes taken from the input. Fewer than it has only if the unsealer
    /// [needs the key](Unsealer::needs_key): give it the rest again after that.
    pub consumed: usize,
    /// Bytes of plaintext written to the output.
    pub written: usize,
}

/// Unseals a message piece by piece, without I/O.
///
/// 1. [`update`](Self::update) with the beginning of the message until [`needs_key`](Self::needs_key).
/// 2. Unwrap one of the [`header`](Self::header)'s wrapped keys in any way you like: with a blocking
///    call, an `await`, a queue, a USB stick. Then [`provide_key`](Self::provide_key). Or let
///    [`unwrap_with`](Self::unwrap_with) do both.
/// 3. `update` with the rest; plaintext comes out.
/// 4. [`finish`](Self::finish): the last plaintext, and the only proof that nothing is missing.
///
/// Every byte that comes out is authentic and in its place. But until `finish` has succeeded, the
/// message may still turn out to be cut short.
///
/// After an error other than [`BufferTooSmall`](ErrorKind::BufferTooSmall), every further call fails
/// with [`InvalidState`](ErrorKind::InvalidState), unless the call says otherwise.
///
/// With the feature `rayon`, a call with 512 KiB or more that runs inside a thread pool
/// (`pool.install(|| unsealer.update(..))`) is spread over the threads of that pool. Pieces of a few
/// MiB work best. Outside of a pool the calling thread does all the work: this crate starts no threads.
pub struct Unsealer {
    required: Vec<(String, Option<String>)>,
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
    /// any key is unwrapped, unless its encryption context has each `required` key, with the value
    /// that is given, or with any value if that is `None`.
    #[must_use]
    pub fn new(required: &[(&str, Option<&str>)]) -> Self {
        let owned = |(key, value): &(&str, Option<&str>)| ((*key).into(), value.map(Into::into));
        Self {
            required: required.iter().map(owned).collect(),
            header: None,
            state: State::Header {
                bytes: Vec::new(),
                need: 1,
            },
            threads: Threads::ALL,
        }
    }

    /// Begins a message whose header and data key are known: goes on right after the header. The
    /// first bytes that it takes are the 56 before the first chunk (salt and commitment), and after
    /// those it can [`seek`](Self::seek). What the encryption context must have is for the caller to
    /// check: [`Header::require`].
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the header was not made with this
    /// data key.
    pub fn with_key(header: Header, data_key: DataKey) -> Result<Self, Error> {
        let mut unsealer = Self {
            header: Some(header),
            state: State::NeedKey,
            ..Self::default()
        };
        unsealer.provide_key(data_key)?;
        Ok(unsealer)
    }

    /// Uses at most `threads` threads of the pool in which a call runs.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Threads::at_most(threads);
        if let State::Payload(payload) | State::Done(payload) = &mut self.state {
            payload.threads = self.threads;
        }
        self
    }

    /// The header, as soon as it is there; trusted once a data key has been accepted.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether the header is complete and the data key is needed now.
    #[must_use]
    pub const fn needs_key(&self) -> bool {
        matches!(self.state, State::NeedKey)
    }

    /// Exactly how many bytes [`update`](Self::update) will write for `input_len` bytes of input.
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

    /// The most that any sequence of calls with `input_len` bytes in all can write, whatever came
    /// before: less than `input_len` + 16 KiB.
    #[must_use]
    pub const fn update_bound(input_len: usize) -> usize {
        layout::update_bound(input_len)
    }

    /// Takes the next piece of the message, of any length, and writes the plaintext of the chunks
    /// that are complete and authentic.
    ///
    /// Stops at the end of the header, where it [needs the key](Self::needs_key):
    /// [`Progress::consumed`] says how much it took. Give it the rest again after the key.
    ///
    /// # Errors
    /// - [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
    ///   [`update_len`](Self::update_len), and [`InvalidState`](ErrorKind::InvalidState) while the
    ///   key is missing, after the end, and after an error. Nothing was consumed, and the unsealer is
    ///   as before.
    /// - What [`Header::parse`] returns for what is not a header;
    ///   [`ContextMismatch`](ErrorKind::ContextMismatch).
    /// - [`AuthenticationFailed`](ErrorKind::AuthenticationFailed). What this call wrote to `out`
    ///   is wiped.
    pub fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, Error> {
        let is_over = matches!(self.state, State::Done(_) | State::Failed);
        if is_over || self.needs_key() && !input.is_empty() {
            return Err(self.not_now());
        }
        let out = out.get_mut(..self.update_len(input.len()));
        let out = out.ok_or(ErrorKind::BufferTooSmall)?;
        let mut rest = input;
        match self.advance(&mut rest, out) {
            Ok(written) => Ok(Progress {
                consumed: input.len() - rest.len(),
                written,
            }),
            Err(error) => Err(self.fail(error, out)),
        }
    }

    /// As [`update`](Self::update) after the header, but keeps the chunks before one that does not
    /// verify: returns how much plaintext is in `out`, and the error, which the caller has to
    /// [report](Self::fail) before anything else is fed.
    pub(crate) fn update_verified(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> (usize, Result<(), Error>) {
        let mut input = input;
        if let Err(error) = self.take_start(&mut input) {
            return (0, Err(error));
        }
        let State::Payload(payload) = &mut self.state else {
            let updated = self.update(input, out);
            return (0, updated.map(|_| ()));
        };
        let Some(out) = out.get_mut(..payload.update_len(input.len())) else {
            return (0, Err(ErrorKind::BufferTooSmall.into()));
        };
        let (verified, result) = payload.update_verified(input, out);
        let (_, rest) = out.split_at_mut(verified);
        if result.is_err() {
            rest.zeroize();
        }
        (verified, result.map_err(Error::from))
    }

    /// Takes `rest` from its front, as far as the state allows.
    fn advance(&mut self, rest: &mut &[u8], out: &mut [u8]) -> Result<usize, Error> {
        loop {
            match &mut self.state {
                State::Header { bytes, need } => {
                    let missing = need.saturating_sub(bytes.len());
                    bytes.extend_from_slice(take(rest, missing));
                    if bytes.len() < *need {
                        return Ok(0);
                    }
                    match header::scan(bytes, rest)? {
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
                    let room = bytes.iter_mut().skip(*len);
                    let taken = take(rest, room.len());
                    room.zip(taken).for_each(|(room, byte)| *room = *byte);
                    *len += taken.len();
                    if *len < bytes.len() {
                        return Ok(0);
                    }
                    let header = self.header.as_ref().ok_or(ErrorKind::Internal)?;
                    let bound = header.payload_context()?;
                    let start = || PayloadUnsealer::start(data_key, bound, bytes);
                    let mut payload = with_wiped_stack(start)?;
                    payload.threads = self.threads;
                    self.state = State::Payload(payload);
                }
                State::Payload(payload) => {
                    let written = payload.update_len(rest.len());
                    let out = out.get_mut(..written).ok_or(ErrorKind::BufferTooSmall)?;
                    payload.update(core::mem::take(rest), out)?;
                    return Ok(written);
                }
                State::Done(_) | State::Failed => return Err(ErrorKind::InvalidState.into()),
            }
        }
    }

    fn check_context(&self, header: &Header) -> Result<(), Error> {
        let pair = |(key, value): &'_ (String, Option<String>)| {
            header.require(&[(key.as_str(), value.as_deref())])
        };
        self.required.iter().try_for_each(pair)
    }

    /// Goes on with the data key that one of the header's wrapped keys holds.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the header was not made with
    /// this data key. [`InvalidState`](ErrorKind::InvalidState) unless the unsealer [needs the
    /// key](Self::needs_key).
    pub fn provide_key(&mut self, data_key: DataKey) -> Result<(), Error> {
        let header = self.header_without_key()?;
        if let Err(kind) = with_wiped_stack(|| header.verify(&data_key)) {
            return Err(self.fail(kind, &mut []));
        }
        self.state = State::PayloadStart {
            data_key,
            bytes: [0; layout::START_LEN],
            len: 0,
        };
        Ok(())
    }

    /// Unwraps the data key with `unwrapper` and goes on with it.
    ///
    /// # Errors
    /// As [`Header::unwrap_with`]: the unsealer still needs the key then, and another unwrapper can be
    /// tried. As [`provide_key`](Self::provide_key).
    pub fn unwrap_with(&mut self, unwrapper: impl Unwrap) -> Result<(), Error> {
        let data_key = self.header_without_key()?.unwrap_with(unwrapper)?;
        self.provide_key(data_key)
    }

    /// As [`unwrap_with`](Self::unwrap_with), with an `await`. If the future is dropped, the unsealer
    /// still needs the key.
    ///
    /// # Errors
    /// As [`unwrap_with`](Self::unwrap_with).
    pub async fn unwrap_with_async(&mut self, unwrapper: impl AsyncUnwrap) -> Result<(), Error> {
        let header = self.header_without_key()?;
        let data_key = header.unwrap_with_async(unwrapper).await?;
        self.provide_key(data_key)
    }

    fn header_without_key(&self) -> Result<&Header, Error> {
        match (&self.state, &self.header) {
            (State::NeedKey, Some(header)) => Ok(header),
            _ => Err(self.not_now()),
        }
    }

    /// Exactly how many bytes [`finish`](Self::finish) will write: less than 16 KiB.
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
    /// - [`EndNotAuthentic`](ErrorKind::EndNotAuthentic) if the last chunk does not verify: it was
    ///   cut, extended or altered, which cannot be told apart.
    /// - [`InvalidState`](ErrorKind::InvalidState) while the unsealer [needs the
    ///   key](Self::needs_key), after the end, or after an error.
    pub fn finish(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let len = self.finish_len();
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let result = match &mut self.state {
            State::Header { bytes, .. } if bytes.is_empty() => Err(ErrorKind::EmptyMessage),
            // What has come may be enough to tell that it never was a header.
            State::Header { bytes, .. } => match header::scan(bytes, &[]) {
                Ok(_) => Err(ErrorKind::Truncated),
                Err(error) => Err(error.kind()),
            },
            State::PayloadStart { .. } => Err(ErrorKind::Truncated),
            State::Payload(payload) => payload.finish(out),
            State::NeedKey | State::Done(_) | State::Failed => return Err(self.not_now()),
        };
        if let Err(kind) = result {
            return Err(self.fail(kind, out));
        }
        self.end();
        Ok(len)
    }

    /// After the end has verified.
    fn end(&mut self) {
        if let State::Payload(payload) = core::mem::replace(&mut self.state, State::Failed) {
            self.state = State::Done(payload);
        }
    }

    /// Exactly how many bytes [`finish_with`](Self::finish_with) will write for `input_len` bytes of
    /// input, if it succeeds.
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
        let mut input = input;
        self.take_start(&mut input)?;
        if let State::Payload(payload) = &mut self.state
            && payload.is_at_chunk()
        {
            // Not through the buffer for the chunk that is not complete yet.
            if let Err(kind) = with_wiped_stack(|| payload.open_to_end(input, out)) {
                return Err(self.fail(kind, out));
            }
            self.end();
            return Ok(out.len());
        }
        let written = self.update(input, out)?.written;
        let rest = out.get_mut(written..).ok_or(ErrorKind::Internal);
        match rest.map_err(Error::from).and_then(|rest| self.finish(rest)) {
            Ok(last) => Ok(written + last),
            Err(error) => {
                out.zeroize();
                Err(error)
            }
        }
    }

    /// Takes what is missing of salt and commitment from the front of `input`.
    fn take_start(&mut self, input: &mut &[u8]) -> Result<(), Error> {
        if let State::PayloadStart { bytes, len, .. } = &self.state {
            let start = take(input, bytes.len() - len);
            let _ = self.update(start, &mut [])?;
        }
        Ok(())
    }

    /// Moves to `position` in the plaintext, forwards or backwards. The next byte released is the
    /// one at `position`. Returns the offset in the message of the next byte to give to
    /// [`update`](Self::update), where a chunk begins; [`Header::ciphertext_range`] says how far to
    /// go from there.
    ///
    /// Each chunk opens alone, so every byte released is authentic and in its place, wherever one
    /// starts. Where the plaintext ends is known only after [`finish`](Self::finish), which may come
    /// after any place; the last chunk is enough for it. After that one can seek again.
    ///
    /// # Errors
    /// [`MessageTooLong`](ErrorKind::MessageTooLong) for a position from 4 PiB on.
    /// [`InvalidState`](ErrorKind::InvalidState) before the key and the first [`ciphertext_range(0,
    /// 0)`](Header::ciphertext_range)`.start` bytes of the message are there, or after an error.
    /// Nothing has changed then.
    pub fn seek(&mut self, position: u64) -> Result<u64, Error> {
        let header_len = self.header.as_ref().map_or(0, Header::len);
        self.check()?;
        let (State::Payload(payload) | State::Done(payload)) = &mut self.state else {
            let missing = "seeking needs the data key, and the message up to its first chunk";
            return Err(Error::with_reason(ErrorKind::InvalidState, missing));
        };
        let chunk = payload.seek(position)?;
        self.state = match core::mem::replace(&mut self.state, State::Failed) {
            State::Done(payload) => State::Payload(payload),
            state => state,
        };
        Ok(layout::chunk_offset(header_len, chunk))
    }

    /// Takes the header off a message that is all there, and returns its payload.
    pub(crate) fn take_header<'m>(&mut self, message: &'m [u8]) -> Result<&'m [u8], Error> {
        let header_len = self.update(message, &mut [])?.consumed;
        if !self.needs_key() {
            // Says why there is no whole header.
            self.finish(&mut [])?;
        }
        Ok(message.get(header_len..).ok_or(ErrorKind::Internal)?)
    }

    pub(crate) const fn threads(&self) -> Threads {
        self.threads
    }

    /// [`InvalidState`](ErrorKind::InvalidState) after an error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.state {
            State::Failed => Err(self.not_now()),
            _ => Ok(()),
        }
    }

    /// [`InvalidState`](ErrorKind::InvalidState), with what the state is.
    fn not_now(&self) -> Error {
        let state = match self.state {
            State::Header { .. } => "the header is not complete yet",
            State::NeedKey => "the data key is needed first",
            State::PayloadStart { .. } | State::Payload(_) => "the data key is there already",
            State::Done(_) => "the message has ended",
            State::Failed => "an error has ended the message",
        };
        Error::with_reason(ErrorKind::InvalidState, state)
    }

    /// Every further call fails, and no plaintext stays in `out`.
    pub(crate) fn fail(&mut self, error: impl Into<Error>, out: &mut [u8]) -> Error {
        out.zeroize();
        self.state = State::Failed;
        error.into()
    }
}

impl fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealer")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Splits up to `len` bytes off the front.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(len.min(rest.len()));
    *rest = after;
    taken
}
