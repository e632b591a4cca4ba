//! The key that data keys travel under.

use core::fmt;

use alloc::string::String;
use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

#[cfg(feature = "getrandom")]
use crate::crypto::{
    random::{LastAnswer, Random, SystemRandom},
    stack::with_wiped_stack,
};
use crate::{
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
};

/// The key of one job: [`DataKeys`] are encrypted under it on their way to the workers.
///
/// It is 32 random bytes, never printed, and wiped when it is dropped. Workers get it as
/// [text](Self::to_text) through what their engine has for secrets, such as a variable of the
/// environment. Whoever has it and what was encrypted under it can read all messages of the job, and no
/// others: make one for each job.
///
/// [`DataKeys`]: crate::DataKeys
pub struct JobKey(DataKey);

impl JobKey {
    /// A new one, from random bytes of the operating system.
    ///
    /// # Errors
    /// [`RandomFailed`](ErrorKind::RandomFailed).
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        with_wiped_stack(|| {
            let mut last = LastAnswer::default();
            let mut bytes = Zeroizing::new([0; DataKey::LEN]);
            Random::new(&SystemRandom, &mut last).fill(&mut *bytes)?;
            DataKey::try_from(bytes.as_slice()).map(Self)
        })
    }

    /// Reads the text of a job key, with or without white space around it.
    ///
    /// # Errors
    /// [`NotAJobKey`](ErrorKind::NotAJobKey). The error does not hold the text.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; DataKey::LEN]);
        let decoded = Base64UrlUnpadded::decode(text.trim(), &mut *bytes);
        let decoded = decoded.map_err(|_| ErrorKind::NotAJobKey)?;
        match decoded.len() {
            DataKey::LEN => DataKey::try_from(decoded).map(Self),
            _ => Err(ErrorKind::NotAJobKey.into()),
        }
    }

    /// The secret as text, for the environment of a worker: 43 characters of base64 that need no quoting
    /// in a shell or an URL.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(self.as_bytes()))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; DataKey::LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobKey(..)")
    }
}
