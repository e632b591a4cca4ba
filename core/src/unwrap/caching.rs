//! A cache around an unwrapper.

use std::fmt;

use crate::{
    crypto::secret::DataKey,
    error::BoxError,
    recipient::wrapped_key::WrappedKey,
    unwrap::{
        First, Unwrap, Unwrapped,
        asynchronous::AsyncUnwrap,
        cache::{Cache, Found, Processes},
        cache_limits::{CacheLimits, CacheStatistics},
        first_of,
    },
};

/// Keeps the data keys that another unwrapper has unwrapped, so a KMS is called once for each and not
/// for each message: for messages of a [`SealingKey`](crate::SealingKey), and for parts of one message
/// that are read at different times.
///
/// - Threads or tasks that ask for the same key at the same time cause one call of the inner unwrapper.
///   The others wait for it, and get its data key or its failure. If the future that makes the call is
///   dropped, one of the others makes another call. So go on polling a future that was polled, or drop it:
///   one that is held and not polled, after a `select!` by reference for example, makes all others wait.
///   If callers give up sooner than the KMS answers, let the inner unwrapper spawn its call as a task,
///   which goes on without them.
/// - Only data keys are kept. A failure, and a key that the inner unwrapper does not hold, is answered
///   to those who waited; the next caller asks again. So strangers fill the cache only with messages
///   that are sealed for your keys.
/// - A data key belongs to its algorithm, its fingerprint and its ciphertext, and the inner unwrapper
///   is asked about one recipient at a time. So no message can put a wrong data key in the place of the
///   right one.
/// - [Limits](CacheLimits) bound age, number and uses. A data key is wiped when it leaves the cache.
///   There is no thread that waits for it to grow old: one past its age is never used again, and is
///   wiped by a later call, at the latest by [`clear`](Self::clear) or when the cache is dropped.
/// - A forked child begins with an empty cache, and can use it.
///
/// While a data key is in the cache, the memory of this process opens its messages, without the KMS
/// and its log. Revoking the permission in the KMS takes effect when the data key is past its age.
///
/// An inner unwrapper that asks its own cache for the key which it is unwrapping would wait for itself.
/// This fails with [`InvalidState`](crate::ErrorKind::InvalidState); a task waits for ever. So does a thread
/// that blocks until a task has a key, if the task needs that thread.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
/// # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
/// # let key = libseal::PublicKey::new(der)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let mut sealing_key =
/// #     libseal::SealingKey::new(libseal::Envelope::new(&recipients), Default::default())?;
/// # let messages = [sealing_key.seal(b"21.5 C")?, sealing_key.seal(b"21.7 C")?];
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// use std::time::Duration;
/// use libseal::{CacheLimits, CachingUnwrapper, unseal};
///
/// let limits = CacheLimits::default().with_max_age(Duration::from_secs(60));
/// let unwrapper = CachingUnwrapper::new(unwrapper, limits);
/// for message in &messages {
///     let reading = unseal(message, &unwrapper, &[])?;
/// }
/// assert_eq!(unwrapper.statistics().misses, 1);
/// # Ok::<(), libseal::Error>(())
/// ```
pub struct CachingUnwrapper<U> {
    inner: U,
    limits: CacheLimits,
    processes: Processes,
}

impl<U> CachingUnwrapper<U> {
    /// An empty cache around `inner`. [`Default`] limits are 5 minutes and 1000 data keys.
    #[must_use]
    pub fn new(inner: U, limits: CacheLimits) -> Self {
        Self {
            inner,
            limits,
            processes: Processes::new(limits),
        }
    }

    /// The unwrapper that is asked for what is not in the cache.
    pub const fn inner(&self) -> &U {
        &self.inner
    }

    /// The unwrapper without the cache, which is wiped.
    pub fn into_inner(self) -> U {
        self.inner
    }

    /// The limits that it was made with.
    pub const fn limits(&self) -> CacheLimits {
        self.limits
    }

    /// The data key, if it is in the cache; a hit is one of its uses. For callers who unwrap with an
    /// `await`, and [put](Self::put) the data key here afterwards. The inner unwrapper is not asked.
    pub fn get(&self, key: &WrappedKey<'_>) -> Option<DataKey> {
        self.cache()?.get(key)
    }

    /// Keeps a data key that the caller has unwrapped, and whose first use is the caller's. Its age
    /// counts from now.
    ///
    /// It must be the one that `key` was unwrapped to: every later caller gets it for that key.
    pub fn put(&self, key: &WrappedKey<'_>, data_key: DataKey) {
        if let Some(cache) = self.cache() {
            cache.put(key, data_key);
        }
    }

    /// Wipes every data key. Calls that are under way are answered, but their data keys are not kept.
    pub fn clear(&self) {
        if let Some(cache) = self.cache() {
            cache.clear();
        }
    }

    /// What the cache did, for a dashboard. Wipes data keys that are past their age.
    pub fn statistics(&self) -> CacheStatistics {
        self.cache().map(Cache::statistics).unwrap_or_default()
    }

    /// `None` where forks could not be noticed: then nothing is kept.
    fn cache(&self) -> Option<&Cache> {
        self.processes.current()
    }
}

impl<U: Unwrap> CachingUnwrapper<U> {
    /// As [`unwrap_key`](Unwrap::unwrap_key), for callers whom something may call away from waiting.
    /// While another thread unwraps the key, asks `give_up` about ten times a second, and answers
    /// [`Stop`](Unwrapped::Stop) with the error if there is one.
    pub fn unwrap_key_unless(
        &self,
        key: &WrappedKey<'_>,
        mut give_up: impl FnMut() -> Option<BoxError>,
    ) -> Unwrapped {
        while let Some(cache) = self.cache() {
            match cache.find(key, &mut give_up) {
                Found::Answer(answer) => return answer,
                Found::Nothing(flight) => return flight.end_with(self.inner.unwrap_key(key)),
                Found::Forked => {}
            }
        }
        self.inner.unwrap_key(key)
    }

    /// As [`unwrap_keys`](Unwrap::unwrap_keys), otherwise as
    /// [`unwrap_key_unless`](Self::unwrap_key_unless).
    pub fn unwrap_keys_unless(
        &self,
        keys: &[WrappedKey<'_>],
        mut give_up: impl FnMut() -> Option<BoxError>,
    ) -> Unwrapped {
        match keys.iter().find_map(|key| self.get(key)) {
            Some(data_key) => Unwrapped::DataKey(data_key),
            None => first_of(
                keys.iter()
                    .map(|key| self.unwrap_key_unless(key, &mut give_up)),
            ),
        }
    }
}

/// A failure that is not an [`Error`](crate::Error) becomes the source of one, which callers share.
impl<U: Unwrap> Unwrap for CachingUnwrapper<U> {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.unwrap_key_unless(key, || None)
    }

    /// Looks for all of them in the cache first, then unwraps them in order. The inner unwrapper is
    /// asked about one at a time.
    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        self.unwrap_keys_unless(keys, || None)
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.inner.fingerprints()
    }
}

/// As for [`Unwrap`], on any executor.
impl<U: AsyncUnwrap> AsyncUnwrap for CachingUnwrapper<U> {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        while let Some(cache) = self.cache() {
            match cache.find_async(key).await {
                Found::Answer(answer) => return answer,
                Found::Nothing(flight) => return flight.end_with(self.inner.unwrap_key(key).await),
                Found::Forked => {}
            }
        }
        self.inner.unwrap_key(key).await
    }

    /// Looks for all of them in the cache first, then unwraps them in order. The inner unwrapper is
    /// asked about one at a time.
    async fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        if let Some(data_key) = keys.iter().find_map(|key| self.get(key)) {
            return Unwrapped::DataKey(data_key);
        }
        let mut first = First::default();
        for key in keys {
            if let Some(answer) = first.take(AsyncUnwrap::unwrap_key(self, key).await) {
                return answer;
            }
        }
        first.answer()
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.inner.fingerprints()
    }
}

impl<U: fmt::Debug> fmt::Debug for CachingUnwrapper<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingUnwrapper")
            .field("inner", &self.inner)
            .field("limits", &self.limits)
            .field("statistics", &self.statistics())
            .finish()
    }
}
