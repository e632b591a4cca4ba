//! Chunks on several threads.

#[cfg(feature = "threads")]
use core::num::NonZero;
#[cfg(feature = "threads")]
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::{ParallelSlice, ParallelSliceMut},
};

#[cfg(feature = "alloc")]
use crate::ErrorKind;

/// Chunks that a thread takes at a time: 256 KiB, so that asking for more costs next to nothing.
#[cfg(feature = "threads")]
const SHARE: usize = 16;

/// More than any machine has use for, but not enough to exhaust one.
#[cfg(feature = "threads")]
const MOST: usize = 256;

/// The threads that one message is worked on with: the caller's, or a pool of their own, which is
/// there from the first time there is enough to do.
#[derive(Default)]
pub(crate) struct Threads {
    #[cfg(feature = "threads")]
    several: Option<alloc::boxed::Box<Several>>,
}

#[cfg(feature = "threads")]
struct Several {
    count: usize,
    pool: Option<ThreadPool>,
    /// The process that the pool was made in: a forked one has the pool, but not its threads.
    process: u32,
}

impl Threads {
    #[cfg(feature = "threads")]
    pub(crate) fn new(count: NonZero<usize>) -> Self {
        let several = (count.get() > 1).then(|| Several {
            count: count.get().min(MOST),
            pool: None,
            process: 0,
        });
        Self {
            several: several.map(Into::into),
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn count(&self) -> usize {
        #[cfg(feature = "threads")]
        if let Some(several) = &self.several {
            return several.count;
        }
        1
    }

    /// Does `work` on each `input_len` bytes of `input` and the `out_len` bytes of `out` that go with
    /// them, and gives it their number. Both are as many.
    #[cfg(feature = "alloc")]
    pub(crate) fn for_each_chunk(
        &mut self,
        (input, input_len): (&[u8], usize),
        (out, out_len): (&mut [u8], usize),
        work: impl Fn(usize, &[u8], &mut [u8]) -> Result<(), ErrorKind> + Sync,
    ) -> Result<(), ErrorKind> {
        #[cfg(feature = "threads")]
        if input.len() / input_len >= 2 * SHARE
            && let Some(pool) = self.pool()
        {
            let chunks = input.par_chunks(input_len).zip(out.par_chunks_mut(out_len));
            let numbered = chunks.with_min_len(SHARE).enumerate();
            return pool.install(|| {
                numbered.try_for_each(|(number, (input, out))| work(number, input, out))
            });
        }
        let mut chunks = input.chunks(input_len).zip(out.chunks_mut(out_len));
        (0..)
            .zip(&mut chunks)
            .try_for_each(|(number, (input, out))| work(number, input, out))
    }

    /// `None` for one thread, and where the system gives no more: the work is done all the same.
    #[cfg(feature = "threads")]
    fn pool(&mut self) -> Option<&ThreadPool> {
        let several = self.several.as_deref_mut()?;
        let process = std::process::id();
        if several.pool.is_none() || several.process != process {
            let builder = ThreadPoolBuilder::new().num_threads(several.count);
            let named = builder.thread_name(|number| alloc::format!("libseal-{number}"));
            // One of another process is left alone: its threads are not here, and may hold its locks.
            core::mem::forget(several.pool.take());
            several.pool = named.build().ok();
            several.process = process;
        }
        several.pool.as_ref()
    }
}
