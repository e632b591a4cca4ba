//! The same joint for KMS clients that are awaited.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use crate::{
    recipient::wrapped_key::WrappedKey,
    unwrap::{First, Unwrapped},
};

/// As [`Unwrap`](crate::Unwrap), with an `await`: for the asynchronous client of a KMS.
///
/// It runs on any executor. References, boxes and [`Arc`]s of unwrappers are unwrappers, and so is a slice
/// or a `Vec` of them: it asks one after the other.
///
/// A future can be dropped at any time, so an unwrapper must not depend on coming to its end.
///
/// ```
/// # struct Kms;
/// # impl Kms {
/// #     async fn decrypt(&self, _: &str, _: &str, _: &[u8]) -> Result<Vec<u8>, BoxError> { Ok(vec![]) }
/// # }
/// use std::collections::HashMap;
/// use libseal::{AsyncUnwrap, BoxError, DataKey, Unwrapped, WrappedKey};
///
/// struct KmsUnwrapper {
///     kms: Kms,
///     /// The keys that are allowed, by fingerprint.
///     arns: HashMap<[u8; 32], String>,
/// }
///
/// impl KmsUnwrapper {
///     async fn decrypt(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
///         let (Some(arn), Some(algorithm)) = (self.arns.get(key.fingerprint()), key.algorithm()) else {
///             return Ok(None);
///         };
///         let unwrapped = self.kms.decrypt(arn, algorithm.name(), key.ciphertext()).await?;
///         Ok(Some(key.data_key(&unwrapped)?))
///     }
/// }
///
/// impl AsyncUnwrap for KmsUnwrapper {
///     async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
///         self.decrypt(key).await.into()
///     }
/// }
/// ```
pub trait AsyncUnwrap: Sync {
    /// Unwraps the data key of one recipient: see [`Unwrap::unwrap_key`](crate::Unwrap::unwrap_key).
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> impl Future<Output = Unwrapped> + Send;

    /// Unwraps the data key of a message, given all its recipients of known kinds: see
    /// [`Unwrap::unwrap_keys`](crate::Unwrap::unwrap_keys).
    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> impl Future<Output = Unwrapped> + Send {
        async move {
            let mut first = First::default();
            for key in keys {
                if let Some(answer) = first.take(self.unwrap_key(key).await) {
                    return answer;
                }
            }
            first.answer()
        }
    }

    /// As [`Unwrap::fingerprints`](crate::Unwrap::fingerprints).
    fn fingerprints(&self) -> Vec<[u8; 32]> {
        Vec::new()
    }
}

macro_rules! pointers_are_unwrappers {
    ($([$($bound:tt)*] $pointer:ty),+) => {
        $(impl<U: AsyncUnwrap + $($bound)* ?Sized> AsyncUnwrap for $pointer {
            fn unwrap_key(&self, key: &WrappedKey<'_>) -> impl Future<Output = Unwrapped> + Send {
                (**self).unwrap_key(key)
            }

            fn unwrap_keys(
                &self,
                keys: &[WrappedKey<'_>],
            ) -> impl Future<Output = Unwrapped> + Send {
                (**self).unwrap_keys(keys)
            }

            fn fingerprints(&self) -> Vec<[u8; 32]> {
                (**self).fingerprints()
            }
        })+
    };
}

pointers_are_unwrappers!([] &U, [] Box<U>, [Send +] Arc<U>);

/// Asks one unwrapper after the other about all recipients, until one answers with a data key or
/// [`Stop`](Unwrapped::Stop).
impl<U: AsyncUnwrap> AsyncUnwrap for [U] {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let mut first = First::default();
        for unwrapper in self {
            if let Some(answer) = first.take(unwrapper.unwrap_key(key).await) {
                return answer;
            }
        }
        first.answer()
    }

    async fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        let mut first = First::default();
        for unwrapper in self {
            if let Some(answer) = first.take(unwrapper.unwrap_keys(keys).await) {
                return answer;
            }
        }
        first.answer()
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.iter().flat_map(AsyncUnwrap::fingerprints).collect()
    }
}

/// As a slice of unwrappers.
impl<U: AsyncUnwrap> AsyncUnwrap for Vec<U> {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.as_slice().unwrap_key(key).await
    }

    async fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        self.as_slice().unwrap_keys(keys).await
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.as_slice().fingerprints()
    }
}
