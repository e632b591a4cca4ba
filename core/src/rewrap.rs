//! Rewrapping: other recipients for a message that exists.

use alloc::{vec, vec::Vec};

use crate::{
    crypto::{
        random::{LastAnswer, Random, SystemRandom},
        secret::DataKey,
    },
    error::Error,
    header::{read::Header, write},
    recipient::{Recipient, wrapped_key::WrappedKey},
};

impl Header {
    /// The header of the same message for other recipients: to rotate keys, or to share a message.
    /// Replace the header with it, and leave the payload as it is. The encryption context stays too.
    ///
    /// Recipients for whom `keep` is true keep their wrapped keys, and stand first, in their order; the
    /// data key is wrapped anew for `recipients`. So:
    ///
    /// - to replace all: `header.rewrap(&data_key, |_| false, &recipients)`
    /// - to add some: `header.rewrap(&data_key, |_| true, &recipients)`
    /// - to remove one: `header.rewrap(&data_key, |key| key.fingerprint() != old.fingerprint(), &[])`
    ///
    /// Whoever could open the old message still can, with a copy of the old header:
    /// rewrapping takes nothing back.
    ///
    /// ```
    /// # let old_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
    /// # let old_key = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
    /// # let new_pem = include_bytes!("../tests/vectors/keys/rsa-3072.key.pem");
    /// # let new_key = include_bytes!("../tests/vectors/keys/rsa-3072.pub.der");
    /// use libseal::{Envelope, Header, LocalUnwrapper, PublicKey, Recipient, unseal};
    ///
    /// # let old_key = PublicKey::new(old_key)?;
    /// # let message = Envelope::new(&[Recipient::new(&old_key)]).seal(b"21.5 C")?;
    /// # let unwrapper = LocalUnwrapper::new(old_pem, None)?;
    /// let header = Header::parse(&message)?;
    /// let data_key = header.unwrap_with(&unwrapper)?;
    /// let new_key = PublicKey::new(new_key)?;
    /// let rewrapped = header.rewrap(&data_key, |_| false, &[Recipient::new(&new_key)])?;
    ///
    /// let message = [rewrapped.as_bytes(), &message[header.len()..]].concat();
    /// # let unwrapper = LocalUnwrapper::new(new_pem, None)?;
    /// assert_eq!(unseal(&message, &unwrapper, &[])?, b"21.5 C");
    /// # Ok::<(), libseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthenticationFailed`] if this header was not made with `data_key`. [`NoRecipients`] if none is
    /// left, [`TooManyRecipients`], [`KeyIdTooLong`], [`HeaderTooLarge`], [`UnsupportedAlgorithm`],
    /// [`RandomFailed`].
    ///
    /// [`AuthenticationFailed`]: crate::ErrorKind::AuthenticationFailed
    /// [`NoRecipients`]: crate::ErrorKind::NoRecipients
    /// [`TooManyRecipients`]: crate::ErrorKind::TooManyRecipients
    /// [`KeyIdTooLong`]: crate::ErrorKind::KeyIdTooLong
    /// [`HeaderTooLarge`]: crate::ErrorKind::HeaderTooLarge
    /// [`UnsupportedAlgorithm`]: crate::ErrorKind::UnsupportedAlgorithm
    /// [`RandomFailed`]: crate::ErrorKind::RandomFailed
    pub fn rewrap(
        &self,
        data_key: &DataKey,
        keep: impl FnMut(&WrappedKey<'_>) -> bool,
        recipients: &[Recipient<'_>],
    ) -> Result<Self, Error> {
        self.verify(data_key)?;
        let bound = self.payload_context()?;
        let kept: Vec<_> = self.wrapped_keys().filter(keep).collect();
        let mut out = vec![0; write::rewrapped_len(bound, &kept, recipients)?];
        let mut last = LastAnswer::default();
        let mut random = Random::new(&SystemRandom, &mut last);
        let data_key = data_key.as_bytes();
        write::encode_rewrapped(bound, &kept, recipients, data_key, &mut random, &mut out)?;
        Ok(Self::from_scanned(out))
    }
}
