//! What a cache may keep, and what it did.

use std::time::Duration;

/// How long a [`CachingUnwrapper`](crate::CachingUnwrapper) keeps data keys, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    max_age: Duration,
    max_entries: usize,
    max_uses: u64,
}

impl CacheLimits {
    /// Keeps no data key for longer than `max_age`, counted from when the call that unwrapped it
    /// began, by a clock that goes on while the machine sleeps. Without it 5 minutes.
    ///
    /// [`Duration::MAX`] is no limit, and no clock is read then. There is no clock on
    /// `wasm32-unknown-unknown`, where nothing is kept with any other limit.
    #[must_use]
    pub const fn with_max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Keeps at most `max_entries` data keys. A further one takes the place of the one that was not
    /// used for longest. Without it 1000, in about 600 KB.
    #[must_use]
    pub const fn with_max_entries(self, max_entries: usize) -> Self {
        Self {
            max_entries,
            ..self
        }
    }

    /// Hands a data key out at most `max_uses` times before it is unwrapped anew; the caller for whom
    /// it was unwrapped is the first. Without it, and with [`u64::MAX`], there is no limit.
    ///
    /// Callers who wait for the same call all get its data key, even if they are more than `max_uses`.
    #[must_use]
    pub const fn with_max_uses(self, max_uses: u64) -> Self {
        Self { max_uses, ..self }
    }

    /// How long a data key is kept; [`Duration::MAX`] if there is no limit.
    #[must_use]
    pub const fn max_age(self) -> Duration {
        self.max_age
    }

    /// How many data keys are kept.
    #[must_use]
    pub const fn max_entries(self) -> usize {
        self.max_entries
    }

    /// How often a data key is handed out; [`u64::MAX`] if there is no limit.
    #[must_use]
    pub const fn max_uses(self) -> u64 {
        self.max_uses
    }
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(300),
            max_entries: 1000,
            max_uses: u64::MAX,
        }
    }
}

/// What a [`CachingUnwrapper`](crate::CachingUnwrapper) did since it was made, in this process.
///
/// Keys that the inner unwrapper does not hold are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Data keys that came from the cache.
    pub hits: u64,
    /// Calls of the inner unwrapper that ended, for keys that it holds, and data keys that were
    /// [put](crate::CachingUnwrapper::put) into the cache.
    pub misses: u64,
    /// Of the misses, those that failed.
    pub failures: u64,
    /// Answers to callers who waited for the call of another one.
    pub shared: u64,
    /// Data keys that made room for others. If there are many, the cache is too small.
    pub evictions: u64,
    /// Data keys in the cache now.
    pub entries: usize,
}
