//! Many messages in one call: what is the same for all of them is done once, and they are spread over
//! the threads that the caller lends.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, num::NonZero};

use crate::{
    crypto::ExpandKey,
    envelope::first,
    error::{Error, ErrorKind},
    payload::{
        keys::MessageKeys,
        layout::{self, SALT_LEN},
        threads::Threads,
    },
    process::Process,
    sealer::seal_rest,
    unsealing_key::UnsealingKey,
};

/// Messages that [`SealingKey::start_many`](crate::SealingKey::start_many) has begun, to be sealed in
/// one call.
///
/// As a [`Sealer`](crate::Sealer) it does not survive `fork()`.
#[must_use = "the messages are taken from the limits, and not sealed yet"]
pub struct ManySealer {
    pub(crate) header: Vec<u8>,
    /// The first bytes of the header, which every payload is bound to.
    pub(crate) bound_len: usize,
    pub(crate) data_key: Box<ExpandKey>,
    /// Length of the plaintext and salt of each message.
    pub(crate) begun: Vec<(u64, [u8; SALT_LEN])>,
    /// Where the messages began.
    pub(crate) process: Process,
}

impl ManySealer {
    /// Seals each plaintext into the buffer beside it, which is
    /// [`sealed_len`](crate::SealingKey::sealed_len) bytes long or longer.
    ///
    /// With the feature `rayon`, a call that runs inside a thread pool uses at most `threads` threads
    /// of it, and all without a number. Otherwise the calling thread does all the work.
    ///
    /// # Errors
    /// [`InvalidState`](ErrorKind::InvalidState) if these are not as many plaintexts as were begun, of
    /// those lengths, or in a forked child; [`BufferTooSmall`](ErrorKind::BufferTooSmall). Nothing is
    /// sealed then.
    pub fn seal(
        self,
        messages: &mut [(&[u8], &mut [u8])],
        threads: Option<NonZero<usize>>,
    ) -> Result<(), Error> {
        self.process.check(
            "the messages were begun before a fork(): only the process that began them can seal them; \
             begin others here",
        )?;
        let lens = messages.iter().map(|(plaintext, _)| plaintext.len() as u64);
        if !lens.eq(self.begun.iter().map(|(len, _)| *len)) {
            let reason = "these are not the plaintexts that the messages were begun for";
            return Err(Error::with_reason(ErrorKind::InvalidState, reason));
        }
        for (plaintext, out) in &*messages {
            let len = layout::sealed_len(plaintext.len() as u64)?;
            if (out.len() as u64) < self.header.len() as u64 + len {
                return Err(ErrorKind::BufferTooSmall.into());
            }
        }
        let threads = Threads::up_to(threads);
        let seal = |number: usize, (plaintext, out): &mut (&[u8], &mut [u8])| {
            let (_, salt) = self.begun.get(number).ok_or(ErrorKind::Internal)?;
            self.seal_one(salt, plaintext, out, threads)
        };
        let sealed = threads.for_each_message(messages, seal);
        sealed.into_iter().collect()
    }

    fn seal_one(
        &self,
        salt: &[u8; SALT_LEN],
        plaintext: &[u8],
        out: &mut [u8],
        threads: Threads,
    ) -> Result<(), Error> {
        let payload_len = layout::sealed_len(plaintext.len() as u64)?;
        let message = first(out, self.header.len() as u64 + payload_len)?;
        let split = message.split_at_mut_checked(self.header.len());
        let (header, payload) = split.ok_or(ErrorKind::Internal)?;
        header.copy_from_slice(&self.header);
        let split = payload.split_at_mut_checked(layout::START_LEN);
        let (start, rest) = split.ok_or(ErrorKind::Internal)?;
        let bound = self.header.get(..self.bound_len);
        let bound = bound.ok_or(ErrorKind::Internal)?;
        let mut keys = MessageKeys::default();
        keys.derive_with(&self.data_key, salt, bound)?;
        let parts = salt.iter().chain(&keys.commitment);
        start
            .iter_mut()
            .zip(parts)
            .for_each(|(out, byte)| *out = *byte);
        seal_rest(&keys, plaintext, rest, threads)
    }
}

impl fmt::Debug for ManySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManySealer")
            .field("messages", &self.begun.len())
            .finish_non_exhaustive()
    }
}

/// Unseals many messages in one call, each with its key into the buffer beside it: see
/// [`UnsealingKey::unseal_into`]. Returns what became of each, in order; an error of one does not
/// affect the others.
///
/// With the feature `rayon`, a call that runs inside a thread pool uses at most `threads` threads of
/// it, and all without a number. Otherwise the calling thread does all the work.
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// # let key = libseal::PublicKey::new(der)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let envelope = libseal::Envelope::new(&recipients);
/// # let mut sealing_key = libseal::SealingKey::new(envelope, Default::default())?;
/// # let messages = sealing_key.seal_many(&[b"21.5 C", b"21.7 C"])?;
/// use libseal::{Header, UnsealingKey, plaintext_len};
///
/// let header = Header::parse(&messages[0])?;
/// let data_key = header.unwrap_with(&unwrapper)?;
/// let key = UnsealingKey::new(header, &data_key)?;
///
/// let mut first = vec![0; plaintext_len(&messages[0])?];
/// let mut second = vec![0; plaintext_len(&messages[1])?];
/// let results = libseal::unseal_many(
///     &mut [(&key, &messages[0], &mut first), (&key, &messages[1], &mut second)],
///     None,
/// );
/// assert!(results.iter().all(Result::is_ok));
/// # assert_eq!((first, second), (b"21.5 C".into(), b"21.7 C".into()));
/// # Ok::<(), libseal::Error>(())
/// ```
pub fn unseal_many(
    messages: &mut [(&UnsealingKey, &[u8], &mut [u8])],
    threads: Option<NonZero<usize>>,
) -> Vec<Result<usize, Error>> {
    let threads = Threads::up_to(threads);
    let open = |_, (key, message, out): &mut (&UnsealingKey, &[u8], &mut [u8])| {
        key.open(message, out, threads)
    };
    threads.for_each_message(messages, open)
}
