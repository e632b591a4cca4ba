//! Threads.
//!
//! The library uses no threads but those of a pool that you make and lend to its handles: as many
//! handles as you like, on as many threads. They never run your callbacks.

use core::ptr;
use std::{
    mem::ManuallyDrop,
    num::NonZero,
    process,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, JoinHandle},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{
    boundary::{
        boxed::Boxed,
        castable::Castable,
        failure::{Failure, Named},
        guard::{guard, guard_value},
        own_status::LIBSEAL_ERR_NO_THREADS,
        pointer::output,
        storage::Occupied,
    },
    sealer::{After, libseal_sealer, run},
    status::libseal_status,
    unsealer::libseal_unsealer,
};

/// More threads than this are of no use.
const MAX_THREADS: usize = 256;
/// The core does not spread less than this over threads.
const MIN_LEN: usize = 512 * 1024;
/// How long the pieces of a stream are for each thread.
const PIECE_LEN: usize = 512 * 1024;
/// How long they are at most, to bound the memory.
const MAX_PIECE_LEN: usize = 4 * 1024 * 1024;

/// Threads that work on long pieces, lent to handles.
pub struct libseal_pool {
    _private: [u8; 0],
}

impl Castable for libseal_pool {
    const NAME: &'static str = "pool";
    type Rust = Arc<Pool>;
}

impl Boxed for libseal_pool {}

/// What handles share.
pub(crate) struct Pool {
    /// `None` after the end. Not dropped with the pool, because in a forked child there is nothing to
    /// join and a lock may be taken for ever.
    threads: RwLock<Option<ManuallyDrop<Threads>>>,
    count: usize,
    /// The process that has the threads.
    process: u32,
}

struct Threads {
    pool: ThreadPool,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// As many as there are, or none.
    fn start(count: usize) -> Option<Self> {
        let handles = Mutex::new(Vec::with_capacity(count));
        let pool = ThreadPoolBuilder::new()
            .num_threads(count)
            .spawn_handler(|thread| {
                let name = String::from("libseal");
                let handle = thread::Builder::new().name(name).spawn(|| thread.run())?;
                handles
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(handle);
                Ok(())
            })
            .build();
        let handles = handles.into_inner().unwrap_or_else(PoisonError::into_inner);
        match pool {
            Ok(pool) => Some(Self { pool, handles }),
            Err(_) => {
                // Those that did start end now.
                join(handles);
                None
            }
        }
    }

    /// Waits until all have ended.
    fn end(self) {
        drop(self.pool);
        join(self.handles);
    }
}

fn join(handles: Vec<JoinHandle<()>>) {
    for handle in handles {
        // One that panicked has ended too.
        let _ = handle.join();
    }
}

impl Pool {
    fn start(count: usize) -> Result<Self, Failure> {
        let threads = Threads::start(count).ok_or(Failure::new(LIBSEAL_ERR_NO_THREADS))?;
        Ok(Self {
            threads: RwLock::new(Some(ManuallyDrop::new(threads))),
            count,
            process: process::id(),
        })
    }

    /// Waits for the calls that use it, and for its threads.
    fn end(&self) {
        if !self.is_here() {
            return;
        }
        let mut threads = self.threads.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(threads) = threads.take() {
            ManuallyDrop::into_inner(threads).end();
        }
    }

    /// Not in a forked child, which has none of the threads and must not touch a lock.
    fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// Runs `call` on the threads, or on this one if that is as good.
    fn run<R: Send>(&self, len: usize, call: impl FnOnce() -> R + Send) -> Result<R, Failure> {
        if !self.is_here() {
            return Err(Failure::invalid_state(
                "the pool was made before a fork(): make another one here",
            ));
        }
        let threads = self.threads.read().unwrap_or_else(PoisonError::into_inner);
        let threads = threads.as_ref();
        let threads = threads.ok_or_else(|| Failure::invalid_state("the pool has been freed"))?;
        Ok(if len < MIN_LEN {
            call()
        } else {
            threads.pool.install(call)
        })
    }
}

/// The pool that a handle was lent, if any.
pub(crate) struct Lent(Option<Arc<Pool>>);

impl Lent {
    pub(crate) const NONE: Self = Self(None);

    /// # Safety
    /// As [`Boxed::shared`].
    pub(crate) unsafe fn read(pool: *const libseal_pool) -> Result<Self, Failure> {
        if pool.is_null() {
            return Ok(Self::NONE);
        }
        // SAFETY: not NULL, so it is a pool that stays during the call.
        let pool = unsafe { libseal_pool::shared(pool) }?;
        let lent = Self(Some(Arc::clone(pool)));
        lent.check()?;
        Ok(lent)
    }

    /// Refuses a pool that has ended, or that another process has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.run(0, || ())
    }

    /// Runs `call`, which works on `len` bytes, on the threads of the pool or on this one. It must not
    /// call back into C.
    pub(crate) fn run<R: Send>(
        &self,
        len: usize,
        call: impl FnOnce() -> R + Send,
    ) -> Result<R, Failure> {
        match &self.0 {
            Some(pool) => pool.run(len, call),
            None => Ok(call()),
        }
    }

    /// How long pieces must be for all threads to take part; `None` if there are none.
    pub(crate) fn piece_len(&self) -> Option<usize> {
        let pool = self.0.as_ref()?;
        Some(pool.count.saturating_mul(PIECE_LEN).min(MAX_PIECE_LEN))
    }
}

/// Starts the threads of a pool. They inherit the signal mask of the caller.
///
/// @param threads  How many; 0 for one on each core. More than 256 count as 256.
/// @param pool     Set to a new pool: libseal_pool_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_NO_THREADS.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_pool_new(
    threads: usize,
    pool: *mut *mut libseal_pool,
) -> libseal_status {
    guard(|| {
        // SAFETY: `pool` is memory for a pointer.
        let pool = unsafe { output(pool, ptr::null_mut()) }.of("pool")?;
        let count = NonZero::new(threads)
            .or_else(|| thread::available_parallelism().ok())
            .map_or(1, NonZero::get);
        let started = Pool::start(count.min(MAX_THREADS))?;
        *pool = libseal_pool::new(Arc::new(started));
        Ok(())
    })
}

/// Ends a pool: waits for the calls that use it, and until its threads have ended. Handles that it was
/// lent to stay, but return LIBSEAL_ERR_INVALID_STATE; one that is lent another pool goes on. NULL is
/// fine.
///
/// A forked child has none of the threads: there, handles return LIBSEAL_ERR_INVALID_STATE too, and this
/// function waits for nothing. Some memory is lost in the child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_pool_free(pool: *mut libseal_pool) {
    guard_value(|| {
        if !pool.is_null() {
            // SAFETY: not NULL, so it is from `libseal_pool_new`, and this is its last use.
            unsafe {
                libseal_pool::shared(pool)?.end();
                libseal_pool::free(pool);
            }
        }
        Ok(())
    });
}

/// Seals pieces of 512 KiB or more on the threads of a pool. Pieces of a few MiB work best. Applies to
/// libseal_sealer_update() and libseal_sealer_finish_with(), from the next call on.
///
/// @param pool  NULL for the calling thread alone, as at first.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE if `sealer` or `pool` has ended,
///         or `pool` was made before a fork().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_set_pool(
    sealer: *mut libseal_sealer,
    pool: *const libseal_pool,
) -> libseal_status {
    guard(|| {
        // SAFETY: `sealer` is NULL or storage that only this call uses, and `pool` stays during it.
        let (sealer, lent) = unsafe { (Occupied::read(sealer)?, Lent::read(pool)) };
        run(sealer, |sealer| {
            sealer.lent = lent?;
            Ok(After::GoesOn)
        })
    })
}

/// Unseals pieces of 512 KiB or more on the threads of a pool. Pieces of a few MiB work best. Applies to
/// libseal_unsealer_update(), from the next call on.
///
/// @param pool  NULL for the calling thread alone, as at first.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `unsealer` or `pool` has ended, or `pool` was made
///         before a fork().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_set_pool(
    unsealer: *mut libseal_unsealer,
    pool: *const libseal_pool,
) -> libseal_status {
    guard(|| {
        // SAFETY: `unsealer` is NULL or used only by this call, and `pool` stays during it.
        let (unsealer, lent) =
            unsafe { (libseal_unsealer::exclusive(unsealer)?, Lent::read(pool)) };
        unsealer.run(|unsealer| {
            unsealer.lent = lent?;
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use libseal::ErrorKind;

    use super::*;

    #[test]
    fn calls_run_where_they_belong() {
        let pool = Pool::start(2).unwrap();
        let thread_of = |len| pool.run(len, rayon::current_thread_index).unwrap();
        assert_eq!(thread_of(MIN_LEN - 1), None);
        assert!(thread_of(MIN_LEN).is_some());
        pool.end();
        pool.end();
        for len in [0, MIN_LEN] {
            let failure = pool.run(len, || ()).unwrap_err();
            assert_eq!(failure.status(), ErrorKind::InvalidState.code());
        }
    }
}
