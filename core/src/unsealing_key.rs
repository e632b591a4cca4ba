//! What opens all messages of one sealing key.

use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;

use zeroize::Zeroize;

use crate::{
    crypto::{ExpandKey, secret::DataKey, stack::with_wiped_stack},
    error::{Error, ErrorKind},
    header::read::{Header, Scan, scan},
    payload::{layout, threads::Threads, unseal::PayloadUnsealer},
};

/// A header that its data key has verified: opens every message that begins with it, and so all
/// messages of one [`SealingKey`](crate::SealingKey). What is the same for all of them is done once.
///
/// See [`unseal_many`](crate::unseal_many) for an example. Threads can share it. What the encryption
/// context must have is for the caller to check: [`Header::require`].
pub struct UnsealingKey {
    header: Header,
    /// The first bytes of the header, which every payload is bound to.
    bound_len: usize,
    /// In one place on the heap: moving it would leave copies.
    data_key: Box<ExpandKey>,
}

impl UnsealingKey {
    /// Verifies `header` with its data key.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the header was not made with this
    /// data key.
    pub fn new(header: Header, data_key: &DataKey) -> Result<Self, Error> {
        let bound_len = header.payload_context()?.len();
        let data_key = with_wiped_stack(|| {
            header.verify(data_key)?;
            Ok::<_, ErrorKind>(Box::new(ExpandKey::new(data_key.as_bytes())))
        })?;
        Ok(Self {
            header,
            bound_len,
            data_key,
        })
    }

    /// The header, which can be trusted.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Unseals a message that begins with the [`header`](Self::header).
    ///
    /// # Errors
    /// As [`unseal_into`](Self::unseal_into).
    pub fn unseal(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let payload = self.payload(message)?;
        let len = layout::payload_room(payload.len() as u64);
        let mut plaintext = vec![0; usize::try_from(len).map_err(|_| ErrorKind::Internal)?];
        self.unseal_into(message, &mut plaintext)?;
        Ok(plaintext)
    }

    /// Unseals a message that begins with the [`header`](Self::header) into a buffer, and returns how
    /// many bytes it wrote: see [`plaintext_len`](crate::plaintext_len). `out` may be longer.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the message has another header, or
    /// was altered; [`Truncated`](ErrorKind::Truncated) or
    /// [`EndNotAuthentic`](ErrorKind::EndNotAuthentic) if its end is missing or does not verify;
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall); what [`Header::parse`] returns for what is not a
    /// message. On any error `out` holds no plaintext.
    pub fn unseal_into(&self, message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        with_wiped_stack(|| self.open(message, out, Threads::ALL))
    }

    /// As [`unseal_into`](Self::unseal_into), and leaves the stack to be wiped.
    pub(crate) fn open(
        &self,
        message: &[u8],
        out: &mut [u8],
        threads: Threads,
    ) -> Result<usize, Error> {
        let payload = self.payload(message)?;
        let (start, chunks) = payload.split_first_chunk().ok_or(ErrorKind::Truncated)?;
        let len = layout::opened_to_end_len(chunks.len() as u64);
        let len = usize::try_from(len).map_err(|_| ErrorKind::BufferTooSmall)?;
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let bound = self.header.as_bytes().get(..self.bound_len);
        let bound = bound.ok_or(ErrorKind::Internal)?;
        let mut unsealer = PayloadUnsealer::start_with(start, |keys, salt| {
            keys.derive_with(&self.data_key, salt, bound)
        })?;
        unsealer.threads = threads;
        if let Err(kind) = unsealer.open_to_end(chunks, out) {
            out.zeroize();
            return Err(kind.into());
        }
        Ok(len)
    }

    /// What comes after the header in a message that begins with it.
    fn payload<'m>(&self, message: &'m [u8]) -> Result<&'m [u8], Error> {
        if let Some(payload) = message.strip_prefix(self.header.as_bytes()) {
            return Ok(payload);
        }
        Err(match scan(message, &[])? {
            Scan::Incomplete { .. } if message.is_empty() => ErrorKind::EmptyMessage.into(),
            Scan::Incomplete { .. } => ErrorKind::Truncated.into(),
            Scan::Complete { .. } => {
                let reason =
                    "the message has another header than the one that the data key verified";
                Error::with_reason(ErrorKind::AuthenticationFailed, reason)
            }
        })
    }
}

impl fmt::Debug for UnsealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsealingKey")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
