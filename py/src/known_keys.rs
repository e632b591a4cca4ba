//! What `ManyUnsealer` knows of headers and wrapped keys: which data key, or which failure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    failures: HashMap<Name, (Instant, Error)>,
    /// What an unwrapper raised to say that nothing else is to be tried.
    pub(crate) stopped: Option<(Instant, Error)>,
}

impl Failures {
    /// Without those that may have gone away.
    pub(crate) fn for_the_next_window(mut self) -> Self {
        self.failures.retain(is_lasting);
        self.stopped = self.stopped.filter(|stopped| !is_over(stopped));
        match self.failures.len() {
            0..=MAX_FAILURES => self,
            _ => Self::default(),
        }
    }

    pub(crate) fn get(&self, key: &libseal::WrappedKey<'_>) -> Option<Error> {
        let (_, error) = self.failures.get(&name(key))?;
        Some(error.clone())
    }

    pub(crate) fn insert(&mut self, key: &libseal::WrappedKey<'_>, error: Error) {
        self.failures.insert(name(key), (Instant::now(), error));
    }
}

fn is_lasting<K>(_: &K, failure: &mut (Instant, Error)) -> bool {
    !failure.1.kind().is_retryable() || !is_over(failure)
}

fn is_over((since, _): &(Instant, Error)) -> bool {
    since.elapsed() > RETRY_AFTER
}

/// Kind, fingerprint and ciphertext of a wrapped key.
type Name = (u8, [u8; 32], Vec<u8>);

fn name(key: &libseal::WrappedKey<'_>) -> Name {
    (key.kind(), *key.fingerprint(), key.ciphertext().to_vec())
}

/// Never held while Python code runs.
pub(crate) fn lock_failures(failures: &Mutex<Failures>) -> MutexGuard<'_, Failures> {
    failures.lock().unwrap_or_else(PoisonError::into_inner)
}
