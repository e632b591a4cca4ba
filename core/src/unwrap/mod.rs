//! The joint where KMSs plug in: what the holder of a private key is asked, and how it answers.

pub(crate) mod asynchronous;
#[cfg(feature = "std")]
mod cache;
#[cfg(feature = "std")]
pub(crate) mod cache_limits;
#[cfg(feature = "std")]
pub(crate) mod caching;
#[cfg(feature = "local-unwrapper")]
pub(crate) mod local;
#[cfg(feature = "local-unwrapper")]
pub(crate) mod private_key;

use core::fmt;

use alloc::{boxed::Box, rc::Rc, sync::Arc, vec::Vec};

use crate::{
    crypto::secret::DataKey,
    error::{BoxError, Error},
    recipient::wrapped_key::WrappedKey,
};

/// Something that can unwrap data keys: a KMS client, an HSM session, a private key.
///
/// [`unwrap_fn`] makes one from a closure. References, boxes and [`Arc`]s of unwrappers are
/// unwrappers, and so is a slice or a `Vec` of them: it asks one after the other. Threads share an `Arc<dyn Unwrap + Send + Sync>`.
#[diagnostic::on_unimplemented(note = "`unwrap_fn` makes an unwrapper from a closure")]
pub trait Unwrap {
    /// Unwraps the data key of one recipient.
    ///
    /// Choose the private key by the wrapped key's [fingerprint](WrappedKey::fingerprint), among
    /// those that you allow. Give what the KMS returns to [`WrappedKey::data_key`].
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped;

    /// Unwraps the data key of a message, given all its recipients of known kinds.
    ///
    /// Unless an unwrapper knows better which one to take, it tries them in order, until one answer
    /// is a data key or [`Stop`](Unwrapped::Stop). If there is none, the answer is the first failure
    /// that is [retryable](crate::ErrorKind::is_retryable), or else the first one.
    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        first_of(keys.iter().map(|key| self.unwrap_key(key)))
    }

    /// The [fingerprints](WrappedKey::fingerprint) of the keys that this unwrapper holds, if it knows
    /// them. They are for the text of an error alone: nothing is decided by them.
    fn fingerprints(&self) -> Vec<[u8; 32]> {
        Vec::new()
    }
}

/// The answer of an unwrapper.
///
/// A failure that is an [`Error`] keeps its kind, so an unwrapper can tell a KMS that is down from one
/// that refuses: [`Error::with_source`].
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "there is no fifth answer")]
pub enum Unwrapped {
    /// The data key.
    DataKey(DataKey),
    /// Wrapped for a key that this unwrapper does not hold. No KMS was asked.
    NotMine,
    /// Unwrapping failed. The next recipient, or the next unwrapper, is tried.
    Failed(BoxError),
    /// Unwrapping failed and nothing else is to be tried: the KMS is down, or the user gave up.
    Stop(BoxError),
}

/// For functions that use `?`: `Ok(None)` is [`NotMine`](Unwrapped::NotMine), and an error is
/// [`Failed`](Unwrapped::Failed) unless it is a [`Stop`].
impl From<Result<Option<DataKey>, BoxError>> for Unwrapped {
    fn from(result: Result<Option<DataKey>, BoxError>) -> Self {
        match result {
            Ok(Some(data_key)) => Self::DataKey(data_key),
            Ok(None) => Self::NotMine,
            Err(error) => match error.downcast::<Stop>() {
                Ok(stop) => Self::Stop(stop.0),
                Err(error) => Self::Failed(error),
            },
        }
    }
}

/// Marks an error after which nothing else is to be tried: `.map_err(Stop::new)?`.
#[derive(Debug)]
pub struct Stop(BoxError);

impl Stop {
    /// Marks `error`.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl core::error::Error for Stop {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}

/// An unwrapper from a closure, which returns `None` for a key that it does not hold.
///
/// ```
/// # use libseal::{BoxError, unwrap_fn};
/// # struct Kms;
/// # impl Kms {
/// #     fn arn_of(&self, _: &[u8; 32]) -> Option<&str> { None }
/// #     fn decrypt(&self, _: &str, _: &str, _: &[u8]) -> Result<Vec<u8>, BoxError> { Ok(vec![]) }
/// # }
/// # let kms = Kms;
/// let unwrapper = unwrap_fn(|key| {
///     let (Some(arn), Some(algorithm)) = (kms.arn_of(key.fingerprint()), key.algorithm()) else {
///         return Ok(None);
///     };
///     let unwrapped = kms.decrypt(arn, algorithm.name(), key.ciphertext())?;
///     Ok(Some(key.data_key(&unwrapped)?))
/// });
/// ```
pub fn unwrap_fn<F>(unwrap: F) -> UnwrapFn<F>
where
    F: Fn(&WrappedKey<'_>) -> Result<Option<DataKey>, BoxError>,
{
    UnwrapFn(unwrap)
}

/// What [`unwrap_fn`] returns.
#[derive(Clone, Copy, Debug)]
pub struct UnwrapFn<F>(F);

impl<F> Unwrap for UnwrapFn<F>
where
    F: Fn(&WrappedKey<'_>) -> Result<Option<DataKey>, BoxError>,
{
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        (self.0)(key).into()
    }
}

macro_rules! pointers_are_unwrappers {
    ($($pointer:ty),+) => {
        $(impl<U: Unwrap + ?Sized> Unwrap for $pointer {
            fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
                (**self).unwrap_key(key)
            }

            fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
                (**self).unwrap_keys(keys)
            }

            fn fingerprints(&self) -> Vec<[u8; 32]> {
                (**self).fingerprints()
            }
        })+
    };
}

pointers_are_unwrappers!(&U, &mut U, Box<U>, Rc<U>, Arc<U>);

/// Asks one unwrapper after the other about all recipients, until one answers with a data key or
/// [`Stop`](Unwrapped::Stop).
impl<U: Unwrap> Unwrap for [U] {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        first_of(self.iter().map(|unwrapper| unwrapper.unwrap_key(key)))
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        first_of(self.iter().map(|unwrapper| unwrapper.unwrap_keys(keys)))
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.iter().flat_map(Unwrap::fingerprints).collect()
    }
}

/// As a slice of unwrappers.
impl<U: Unwrap, const N: usize> Unwrap for [U; N] {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.as_slice().unwrap_key(key)
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        self.as_slice().unwrap_keys(keys)
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.as_slice().fingerprints()
    }
}

/// As a slice of unwrappers.
impl<U: Unwrap> Unwrap for Vec<U> {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.as_slice().unwrap_key(key)
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        self.as_slice().unwrap_keys(keys)
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.as_slice().fingerprints()
    }
}

fn first_of(answers: impl Iterator<Item = Unwrapped>) -> Unwrapped {
    let mut first = First::default();
    for answer in answers {
        if let Some(answer) = first.take(answer) {
            return answer;
        }
    }
    first.answer()
}

/// Which of several answers counts: the first data key or stop; else the first failure that may go away;
/// else the first failure.
#[derive(Default)]
struct First {
    failure: Option<BoxError>,
}

impl First {
    /// Takes the next answer, and returns it if nothing else is to be asked.
    fn take(&mut self, answer: Unwrapped) -> Option<Unwrapped> {
        match answer {
            Unwrapped::DataKey(_) | Unwrapped::Stop(_) => return Some(answer),
            Unwrapped::NotMine => {}
            Unwrapped::Failed(error) => {
                let counts_more = |known| is_retryable(&error) && !is_retryable(known);
                if self.failure.as_ref().is_none_or(counts_more) {
                    self.failure = Some(error);
                }
            }
        }
        None
    }

    /// The answer when all have been asked.
    fn answer(self) -> Unwrapped {
        self.failure.map_or(Unwrapped::NotMine, Unwrapped::Failed)
    }
}

fn is_retryable(error: &BoxError) -> bool {
    let error = error.downcast_ref::<Error>();
    error.is_some_and(|error| error.kind().is_retryable())
}
