//! Threads: the pool of the process, and the argument `threads`.
//!
//! The core starts no threads; it uses those of the pool in which a call runs. There is one pool for
//! the whole process, however many objects there are.

use std::{
    num::NonZero,
    process,
    sync::{Mutex, OnceLock},
    thread,
};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyInt},
};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::convert::{lock_briefly, type_name};

/// Detaching and attaching again costs more than it gains for less.
const DETACH_FROM: usize = 4096;
/// The core gives each thread 256 KiB or more.
const SEVERAL_FROM: usize = 512 * 1024;
/// Fewer messages are not worth a thread that has to be woken up.
const MANY_FROM: usize = 64;
/// What one thread works on between two calls from Python.
const PIECE_LEN: usize = 256 * 1024;
/// The same for each of several threads, which have to be woken up every time.
const PIECE_LEN_OF_SEVERAL: usize = 1024 * 1024;

/// The argument `threads`: how many threads may work on long data.
#[derive(Clone, Copy)]
pub(crate) struct Threads(NonZero<usize>);

impl Threads {
    /// The calling thread alone.
    pub(crate) const ONE: Self = Self(NonZero::<usize>::MIN);

    /// For `with_max_threads` of the core.
    pub(crate) fn most(self) -> NonZero<usize> {
        self.0
    }

    /// How many threads there really are.
    pub(crate) fn count(self) -> usize {
        self.0.get().min(cores())
    }

    /// How much plaintext a stream works on at a time, unless it is told.
    pub(crate) fn piece_len(self) -> usize {
        match self.count() {
            1 => PIECE_LEN,
            several => several.saturating_mul(PIECE_LEN_OF_SEVERAL),
        }
    }

    /// Does `work` on `len` bytes; other Python threads run meanwhile if it takes long enough.
    pub(crate) fn work_on<T: Send>(
        self,
        py: Python<'_>,
        len: usize,
        work: impl FnOnce() -> T + Send,
    ) -> T {
        if len < DETACH_FROM {
            return work();
        }
        self.work_detached(py, len, work)
    }

    /// Does `work` on `len` bytes while other Python threads run.
    pub(crate) fn work_detached<T: Send>(
        self,
        py: Python<'_>,
        len: usize,
        work: impl FnOnce() -> T + Send,
    ) -> T {
        let is_for_several = len >= SEVERAL_FROM && self.count() > 1;
        match is_for_several.then(|| pool(py)).flatten() {
            Some(pool) => py.detach(|| pool.install(work)),
            None => py.detach(work),
        }
    }
}

impl FromPyObject<'_, '_> for Threads {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(NonZero::<usize>::MAX));
        }
        // A bool is an int too, but True would mean one thread, and not threads.
        let count = value.cast::<PyInt>().ok();
        let Some(count) = count.filter(|_| !value.is_instance_of::<PyBool>()) else {
            let message = format!("threads must be an int or None, not {}", type_name(&value));
            return Err(PyTypeError::new_err(message));
        };
        let count = count.extract().ok().and_then(NonZero::new);
        let message = "threads must be at least 1, or None for one on each core";
        count
            .map(Self)
            .ok_or_else(|| PyValueError::new_err(message))
    }
}

impl Threads {
    /// Does `work` on `count` messages of `len` bytes in all while other Python threads run.
    pub(crate) fn work_on_many<T: Send>(
        self,
        py: Python<'_>,
        (count, len): (usize, usize),
        work: impl FnOnce() -> T + Send,
    ) -> T {
        if count < 2 && len < DETACH_FROM {
            return work();
        }
        let is_for_several = count >= MANY_FROM || len >= SEVERAL_FROM;
        match (is_for_several && self.count() > 1)
            .then(|| pool(py))
            .flatten()
        {
            Some(pool) => py.detach(|| pool.install(work)),
            None => py.detach(work),
        }
    }
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// The pool and the process that it was made in.
static POOL: Mutex<Option<(u32, &ThreadPool)>> = Mutex::new(None);

/// The pool of this process, made when it is first needed; `None` if the system has no threads left.
///
/// After a fork the child has none of the threads, so it makes a pool of its own. It leaves the old
/// one alone, because waiting for threads that do not exist would take forever. The lock is only ever
/// held by a thread that is attached to the interpreter, as the one that forks is, so the child never
/// finds it locked.
fn pool(_attached: Python<'_>) -> Option<&'static ThreadPool> {
    let mut pool = lock_briefly(&POOL);
    let process = process::id();
    match *pool {
        Some((made_in, threads)) if made_in == process => Some(threads),
        _ => {
            let builder = ThreadPoolBuilder::new()
                .num_threads(cores())
                .thread_name(|number| format!("libseal-{number}"));
            let threads = Box::leak(Box::new(builder.build().ok()?));
            *pool = Some((process, threads));
            Some(threads)
        }
    }
}

/// How many threads work on long data with this value of threads.
#[pyfunction]
#[pyo3(signature = (threads, /))]
pub(crate) fn thread_count(threads: Threads) -> usize {
    threads.count()
}
