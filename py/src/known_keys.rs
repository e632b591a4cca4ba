//! What `ManyUnsealer` knows of headers and wrapped keys: which data key, or which failure.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use libseal::{Error, Header, UnsealingKey};

/// What the header of a message ends with: its MAC.
const MAC_LEN: usize = 32;
/// Headers whose keys are kept, by their length in all.
const KNOWN_LEN: usize = 4 * 1024 * 1024;
/// Wrapped keys that are known to fail.
const MAX_FAILURES: usize = 4096;
/// How long a failure that may go away counts for other messages.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// How long any other failure does: someone may mend permissions or keys.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// The numbers of headers, by MAC. Only strangers make several with one MAC.
#[derive(Default)]
pub(crate) struct Index(HashMap<[u8; MAC_LEN], Vec<usize>>);

impl Index {
    /// The number of the header that `message` begins with, if it is `len` bytes long.
    pub(crate) fn find<'h>(
        &self,
        message: &[u8],
        len: usize,
        header: impl Fn(usize) -> Option<&'h Header>,
    ) -> Option<usize> {
        let mac = message.get(..len)?.last_chunk()?;
        let numbers = self.0.get::<[u8; MAC_LEN]>(mac)?;
        let is_it = |number: &&usize| {
            header(**number).is_some_and(|header| message.starts_with(header.as_bytes()))
        };
        numbers.iter().find(is_it).copied()
    }

    pub(crate) fn insert(&mut self, header: &Header, number: usize) {
        if let Some(mac) = header.as_bytes().last_chunk() {
            self.0.entry(*mac).or_default().push(number);
        }
    }
}

/// Keys of headers that were verified.
#[derive(Default)]
pub(crate) struct Known {
    keys: Vec<Arc<UnsealingKey>>,
    index: Index,
    /// Lengths that headers have: few, because the messages of a fleet look alike. With those, a
    /// header is found without being read.
    pub(crate) lens: Vec<usize>,
    /// Of all headers.
    len: usize,
    pub(crate) since: Option<Instant>,
}

impl Known {
    pub(crate) fn get(&self, message: &[u8], len: usize) -> Option<&Arc<UnsealingKey>> {
        let header = |number: usize| self.keys.get(number).map(|key| key.header());
        self.keys.get(self.index.find(message, len, header)?)
    }

    pub(crate) fn insert(&mut self, key: Arc<UnsealingKey>) {
        const MAX_LENS: usize = 8;
        if self.len > KNOWN_LEN {
            *self = Self::default();
        }
        self.since.get_or_insert_with(Instant::now);
        let len = key.header().len();
        self.len += len;
        if !self.lens.contains(&len) && self.lens.len() < MAX_LENS {
            self.lens.push(len);
        }
        self.index.insert(key.header(), self.keys.len());
        self.keys.push(key);
    }
}

/// What unwrapping has failed for, and how.
#[derive(Default)]
pub(crate) struct Failures {
    failures: HashMap<Name, Failure>,
    /// What an unwrapper raised to say that nothing else is to be tried.
    stopped: Option<Failure>,
}

struct Failure {
    since: Instant,
    error: Error,
    /// Whether it is words only: an exception holds the frames that it went through, and what is in them.
    is_retold: bool,
}

impl Failure {
    fn new(error: Error) -> Self {
        Self {
            since: Instant::now(),
            error,
            is_retold: false,
        }
    }

    fn counts(&self) -> bool {
        match self.error.kind().is_retryable() {
            true => self.is_new(),
            false => self.since.elapsed() <= FORGET_AFTER,
        }
    }

    fn is_new(&self) -> bool {
        self.since.elapsed() <= RETRY_AFTER
    }

    fn retell(&mut self, retell: &impl Fn(&Error) -> Error) {
        if !self.is_retold {
            self.error = retell(&self.error);
            self.is_retold = true;
        }
    }
}

impl Failures {
    /// Without those that may have gone away.
    pub(crate) fn that_count(mut self) -> Self {
        self.failures.retain(|_, failure| failure.counts());
        self.stopped = self.stopped.filter(Failure::is_new);
        match self.failures.len() {
            0..=MAX_FAILURES => self,
            _ => Self::default(),
        }
    }

    /// In the words of `retell`, for messages that come later.
    pub(crate) fn retold(mut self, retell: impl Fn(&Error) -> Error) -> Self {
        let failures = self.failures.values_mut();
        failures
            .chain(&mut self.stopped)
            .for_each(|failure| failure.retell(&retell));
        self
    }

    pub(crate) fn stopped(&self) -> Option<Error> {
        let stopped = self.stopped.as_ref();
        stopped.map(|stopped| stopped.error.clone())
    }

    /// Returns what was known before, to be freed outside of the lock.
    #[must_use]
    pub(crate) fn stop(&mut self, error: Error) -> impl Sized + use<> {
        self.stopped.replace(Failure::new(error))
    }

    pub(crate) fn get(&self, key: &libseal::WrappedKey<'_>) -> Option<Error> {
        let failure = self.failures.get(&name(key))?;
        Some(failure.error.clone())
    }

    /// Returns what was known before, to be freed outside of the lock.
    #[must_use]
    pub(crate) fn insert(
        &mut self,
        key: &libseal::WrappedKey<'_>,
        error: Error,
    ) -> impl Sized + use<> {
        self.failures.insert(name(key), Failure::new(error))
    }
}

/// All of a wrapped key: a stranger can give a good one another key id, and that may be why it failed.
type Name = (u8, [u8; 32], String, Vec<u8>);

fn name(key: &libseal::WrappedKey<'_>) -> Name {
    let (key_id, ciphertext) = (key.key_id().to_owned(), key.ciphertext().to_vec());
    (key.kind(), *key.fingerprint(), key_id, ciphertext)
}
