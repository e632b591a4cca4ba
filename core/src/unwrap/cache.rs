//! What a `CachingUnwrapper` holds in one process: data keys, and calls that are under way.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    hash::{Hash, Hasher},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    thread::{self, ThreadId},
    time::Duration,
};

use lru::LruCache;
use once_cell::race::OnceBox;

use crate::{
    clock,
    crypto::secret::DataKey,
    error::{BoxError, Error, ErrorKind},
    process::Process,
    recipient::wrapped_key::WrappedKey,
    unwrap::{
        Unwrapped,
        cache_limits::{CacheLimits, CacheStatistics},
    },
};

/// How often someone who waits is asked whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);

/// The cache of the process that made it, and those of its children, each made in the child.
///
/// In a child, another thread of the parent may hold the lock of the parent's cache for ever, and calls
/// that were under way there never end. So a child leaves it alone.
pub(super) struct Processes {
    cache: Cache,
    /// Never seen half-way by a child, unlike a `OnceLock`.
    child: OnceBox<Processes>,
}

impl Processes {
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self {
            cache: Cache::new(limits),
            child: OnceBox::new(),
        }
    }

    /// `None` if forks cannot be noticed.
    #[inline]
    pub(super) fn current(&self) -> Option<&Cache> {
        let mut this = self;
        loop {
            let process = this.cache.process.as_ref()?;
            if process.check("").is_ok() {
                return Some(&this.cache);
            }
            this = this.child.get_or_init(|| {
                this.cache.wipe_in_child();
                Box::new(Self::new(this.cache.limits))
            });
        }
    }
}

pub(super) struct Cache {
    limits: CacheLimits,
    process: Option<Process>,
    state: Mutex<State>,
}

/// No code of the caller runs while this is locked.
struct State {
    entries: LruCache<OwnedKey, Entry>,
    flights: HashMap<OwnedKey, Arc<Flight>>,
    statistics: CacheStatistics,
    /// When it was last looked for data keys past their age.
    swept: Duration,
}

struct Entry {
    data_key: DataKey,
    since: Duration,
    uses_left: u64,
}

/// What [`Cache::find`] found.
pub(super) enum Found<'c> {
    Answer(Unwrapped),
    /// No data key, and no one who asks for it: the caller does.
    Nothing(Lead<'c>),
    /// This is a child of the process to which the cache belongs.
    Forked,
}

impl Cache {
    fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            process: Process::current().ok(),
            state: Mutex::new(State {
                // Grows as it fills: one with a capacity would reserve the room for all at once.
                entries: LruCache::unbounded(),
                flights: HashMap::new(),
                statistics: CacheStatistics::default(),
                swept: Duration::ZERO,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_forked(&self) -> bool {
        let process = self.process.as_ref();
        process.is_none_or(|process| process.check("").is_err())
    }

    /// The parent's keys, as far as a child can get at them.
    fn wipe_in_child(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.entries.clear();
        }
    }

    /// The time, if age matters. With an age and no clock, none.
    fn now(&self) -> Option<Duration> {
        match self.limits.max_age() {
            Duration::MAX => Some(Duration::ZERO),
            _ => clock::now(),
        }
    }

    pub(super) fn get(&self, key: &WrappedKey<'_>) -> Option<DataKey> {
        let now = self.now()?;
        self.lock().take(key, now, self.limits)
    }

    pub(super) fn put(&self, key: &WrappedKey<'_>, data_key: DataKey) {
        let since = self.now();
        let mut state = self.lock();
        state.statistics.misses += 1;
        if let Some(since) = since {
            state.keep(OwnedKey::new(key), data_key, since, 1, self.limits);
        }
    }

    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.entries.clear();
        // The data keys of flights that are not known here are not kept.
        state.flights.clear();
    }

    pub(super) fn statistics(&self) -> CacheStatistics {
        let now = self.now();
        let mut state = self.lock();
        if let Some(now) = now {
            state.sweep(now, self.limits);
        }
        CacheStatistics {
            entries: state.entries.len(),
            ..state.statistics
        }
    }

    /// The data key from here or from the call of another thread, for which it waits.
    pub(super) fn find(
        &self,
        key: &WrappedKey<'_>,
        give_up: &mut dyn FnMut() -> Option<BoxError>,
    ) -> Found<'_> {
        let mut now = self.now();
        let mut state = self.lock();
        // Again if the one who asked gave up.
        loop {
            let data_key = now.and_then(|now| state.take(key, now, self.limits));
            if let Some(data_key) = data_key {
                return Found::Answer(Unwrapped::DataKey(data_key));
            }
            let Some(flight) = state.flights.get(key as &dyn Identity).map(Arc::clone) else {
                let leader = Some(thread::current().id());
                return Found::Nothing(self.lead(&mut state, key, now, leader));
            };
            if flight.leader == Some(thread::current().id()) {
                return Found::Answer(Unwrapped::Failed(waits_for_itself().into()));
            }
            while flight.answer.get().is_none() {
                let waited = flight.ended.wait_timeout(state, PATIENCE);
                let (woken, time_out) = waited.unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if time_out.timed_out() {
                    drop(state);
                    if let Some(error) = give_up() {
                        return Found::Answer(Unwrapped::Stop(error));
                    }
                    if self.is_forked() {
                        return Found::Forked;
                    }
                    state = self.lock();
                }
            }
            if let Some(answer) = flight.answer.get().and_then(Answer::unwrapped) {
                state.count_shared(&answer);
                return Found::Answer(answer);
            }
            now = self.now();
        }
    }

    /// As [`find`](Self::find), for a task.
    pub(super) async fn find_async(&self, key: &WrappedKey<'_>) -> Found<'_> {
        let mut waiting = None;
        poll_fn(|cx| self.poll_find(key, &mut waiting, cx)).await
    }

    fn poll_find(
        &self,
        key: &WrappedKey<'_>,
        waiting: &mut Option<Waiting>,
        cx: &Context<'_>,
    ) -> Poll<Found<'_>> {
        // Again if the one who asked gave up, or just ended.
        loop {
            if self.is_forked() {
                return Poll::Ready(Found::Forked);
            }
            if let Some(ended) = waiting.take_if(|waiting| waiting.flight.answer.get().is_some())
                && let Some(answer) = ended.flight.answer.get().and_then(Answer::unwrapped)
            {
                self.lock().count_shared(&answer);
                return Poll::Ready(Found::Answer(answer));
            }
            // Wakers are the executor's: not touched while the state is locked.
            let waker = cx.waker().clone();
            let now = self.now();
            let mut state = self.lock();
            if waiting.is_none() {
                if let Some(data_key) = now.and_then(|now| state.take(key, now, self.limits)) {
                    return Poll::Ready(Found::Answer(Unwrapped::DataKey(data_key)));
                }
                let Some(flight) = state.flights.get(key as &dyn Identity).map(Arc::clone) else {
                    return Poll::Ready(Found::Nothing(self.lead(&mut state, key, now, None)));
                };
                *waiting = Some(Waiting {
                    flight,
                    number: None,
                });
            }
            if let Some(waiting) = waiting
                && waiting.flight.answer.get().is_none()
            {
                let old = waiting.set_waker(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
        }
    }

    /// The caller asks. A task has no thread that would wait for itself.
    fn lead(
        &self,
        state: &mut State,
        key: &WrappedKey<'_>,
        now: Option<Duration>,
        leader: Option<ThreadId>,
    ) -> Lead<'_> {
        let flight = Arc::new(Flight {
            leader,
            answer: OnceLock::new(),
            ended: Condvar::new(),
            wakers: Mutex::default(),
        });
        let key = OwnedKey::new(key);
        state.flights.insert(key.clone(), Arc::clone(&flight));
        Lead {
            cache: self,
            key,
            flight,
            began: now,
        }
    }
}

#[cold]
fn waits_for_itself() -> Error {
    let reason = "the unwrapper asked its own cache for the key that it was unwrapping, and would wait for \
                  itself: give the cache an unwrapper that does not use it";
    Error::with_reason(ErrorKind::InvalidState, reason)
}

impl State {
    /// One use of a data key.
    fn take(
        &mut self,
        key: &WrappedKey<'_>,
        now: Duration,
        limits: CacheLimits,
    ) -> Option<DataKey> {
        let key: &dyn Identity = key;
        let entry = self.entries.get_mut(key)?;
        if now.saturating_sub(entry.since) >= limits.max_age() {
            self.entries.pop(key);
            return None;
        }
        self.statistics.hits += 1;
        entry.uses_left = match entry.uses_left {
            // There is no limit.
            u64::MAX => u64::MAX,
            left => left.saturating_sub(1),
        };
        if entry.uses_left == 0 {
            return self.entries.pop(key).map(|entry| entry.data_key);
        }
        Some(entry.data_key.clone())
    }

    /// Someone got the answer to the call of another one.
    fn count_shared(&mut self, answer: &Unwrapped) {
        self.statistics.shared += u64::from(!matches!(answer, Unwrapped::NotMine));
    }

    /// Keeps a data key that was handed out `uses` times, if the limits allow it.
    fn keep(
        &mut self,
        key: OwnedKey,
        data_key: DataKey,
        since: Duration,
        uses: u64,
        limits: CacheLimits,
    ) {
        let uses_left = match limits.max_uses() {
            u64::MAX => u64::MAX,
            uses_in_all => uses_in_all.saturating_sub(uses),
        };
        if uses_left == 0 || limits.max_entries() == 0 || limits.max_age().is_zero() {
            return;
        }
        // Not each time: it looks at every entry.
        if since.saturating_sub(self.swept) >= limits.max_age() / 4 {
            self.sweep(since, limits);
        }
        let entry = Entry {
            data_key,
            since,
            uses_left,
        };
        self.entries.put(key, entry);
        while self.entries.len() > limits.max_entries() {
            self.entries.pop_lru();
            self.statistics.evictions += 1;
        }
    }

    /// Wipes the data keys that are past their age.
    fn sweep(&mut self, now: Duration, limits: CacheLimits) {
        self.swept = now;
        let is_old = |entry: &Entry| now.saturating_sub(entry.since) >= limits.max_age();
        let old = self.entries.iter().filter(|(_, entry)| is_old(entry));
        let old: Vec<_> = old.map(|(key, _)| key.clone()).collect();
        for key in &old {
            self.entries.pop(key);
        }
    }
}

/// A call of the inner unwrapper, and those who wait for it.
struct Flight {
    /// Unless it is a task.
    leader: Option<ThreadId>,
    /// Set while the state is locked.
    answer: OnceLock<Answer>,
    /// Wakes threads; goes with the lock of the cache.
    ended: Condvar,
    /// Tasks to wake, by the number of their [`Waiting`]. Locked only for a moment.
    wakers: Mutex<BTreeMap<u64, Waker>>,
}

/// A task that waits for the end of a flight.
struct Waiting {
    flight: Arc<Flight>,
    /// Once there is a waker.
    number: Option<u64>,
}

impl Waiting {
    /// Returns the waker that is not needed any more.
    fn set_waker(&mut self, waker: Waker) -> Option<Waker> {
        let wakers = self.flight.wakers.lock();
        let mut wakers = wakers.unwrap_or_else(PoisonError::into_inner);
        let next = || wakers.last_key_value().map_or(0, |(last, _)| last + 1);
        let number = *self.number.get_or_insert_with(next);
        wakers.insert(number, waker)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // In a forked child, the lock may be held for ever. A waker that stays does no harm.
        if let Some(number) = self.number
            && let Ok(mut wakers) = self.flight.wakers.try_lock()
        {
            let old = wakers.remove(&number);
            drop(wakers);
            drop(old);
        }
    }
}

/// An answer that can be given to several.
enum Answer {
    DataKey(DataKey),
    NotMine,
    Failed(Error),
    Stop(Error),
    /// The leader panicked, or was dropped.
    None,
}

impl Answer {
    fn unwrapped(&self) -> Option<Unwrapped> {
        match self {
            Self::DataKey(data_key) => Some(Unwrapped::DataKey(data_key.clone())),
            Self::NotMine => Some(Unwrapped::NotMine),
            Self::Failed(error) => Some(Unwrapped::Failed(error.clone().into())),
            Self::Stop(error) => Some(Unwrapped::Stop(error.clone().into())),
            Self::None => None,
        }
    }
}

/// The duty to end a flight. Dropping it without an answer lets those who wait ask themselves.
pub(super) struct Lead<'c> {
    cache: &'c Cache,
    key: OwnedKey,
    flight: Arc<Flight>,
    began: Option<Duration>,
}

impl Lead<'_> {
    /// Gives `answer` to those who wait, and to the caller.
    pub(super) fn end_with(mut self, answer: Unwrapped) -> Unwrapped {
        let answer = match answer {
            Unwrapped::DataKey(data_key) => Answer::DataKey(data_key),
            Unwrapped::NotMine => Answer::NotMine,
            Unwrapped::Failed(error) => Answer::Failed(Error::unwrap_failed(error)),
            Unwrapped::Stop(error) => Answer::Stop(Error::unwrap_failed(error)),
        };
        let own = answer.unwrapped().unwrap_or(Unwrapped::NotMine);
        self.end(answer);
        own
    }

    fn end(&mut self, answer: Answer) {
        // The unwrapper may have forked. No one waits in the child, and the cache is the parent's.
        if self.flight.answer.get().is_some() || self.cache.is_forked() {
            return;
        }
        let limits = self.cache.limits;
        let mut state = self.cache.lock();
        let known = state.flights.get(&self.key);
        let is_known = known.is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        if is_known {
            state.flights.remove(&self.key);
        }
        match &answer {
            Answer::DataKey(data_key) => {
                state.statistics.misses += 1;
                // Each of those who wait has the flight, and gets the data key.
                let uses = Arc::strong_count(&self.flight) as u64;
                if let Some(since) = self.began.filter(|_| is_known) {
                    let key = mem::take(&mut self.key);
                    state.keep(key, data_key.clone(), since, uses, limits);
                }
            }
            Answer::Failed(_) | Answer::Stop(_) => {
                state.statistics.misses += 1;
                state.statistics.failures += 1;
            }
            Answer::NotMine | Answer::None => {}
        }
        let _ = self.flight.answer.set(answer);
        drop(state);
        self.flight.ended.notify_all();
        let wakers = self
            .flight
            .wakers
            .lock()
            .map(|mut wakers| mem::take(&mut *wakers));
        wakers
            .unwrap_or_default()
            .into_values()
            .for_each(Waker::wake);
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.end(Answer::None);
    }
}

/// What a data key belongs to. The key id is only a hint.
trait Identity {
    fn identity(&self) -> (u8, &[u8; 32], &[u8]);
}

impl Identity for WrappedKey<'_> {
    fn identity(&self) -> (u8, &[u8; 32], &[u8]) {
        (self.kind(), self.fingerprint(), self.ciphertext())
    }
}

#[derive(Clone, Default)]
struct OwnedKey {
    kind: u8,
    fingerprint: [u8; 32],
    ciphertext: Arc<[u8]>,
}

impl OwnedKey {
    fn new(key: &WrappedKey<'_>) -> Self {
        Self {
            kind: key.kind(),
            fingerprint: *key.fingerprint(),
            ciphertext: key.ciphertext().into(),
        }
    }
}

impl Identity for OwnedKey {
    fn identity(&self) -> (u8, &[u8; 32], &[u8]) {
        (self.kind, &self.fingerprint, &self.ciphertext)
    }
}

impl Hash for dyn Identity + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The rest is compared.
        self.identity().2.hash(state);
    }
}

impl PartialEq for dyn Identity + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for dyn Identity + '_ {}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self as &dyn Identity).hash(state);
    }
}

impl PartialEq for OwnedKey {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for OwnedKey {}

impl<'a> Borrow<dyn Identity + 'a> for OwnedKey {
    fn borrow(&self) -> &(dyn Identity + 'a) {
        self
    }
}
