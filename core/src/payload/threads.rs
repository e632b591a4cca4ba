//! Chunks on the calling thread, or on the threads that the caller lends.
//!
//! With the feature `rayon`, those are the threads of the pool in which the call runs. This crate
//! starts none.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::num::NonZero;
#[cfg(feature = "rayon")]
use rayon::{
    iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator},
    slice::{ParallelSlice, ParallelSliceMut},
};

#[cfg(feature = "rayon")]
use crate::crypto::stack::WipesStack;
#[cfg(feature = "alloc")]
use crate::{crypto::stack::with_wiped_stack, error::ErrorKind, payload::layout::CHUNK_LEN};

/// Chunks that a thread takes at a time: 256 KiB, so that asking for more costs next to nothing.
#[cfg(feature = "rayon")]
const SHARE: usize = 16;

/// Messages that a thread takes at a time: when they are small, some 30 µs.
#[cfg(feature = "rayon")]
const SMALL_SHARE: usize = 16;

/// How many of the lent threads to use.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    #[cfg(feature = "rayon")]
    most: u32,
}

impl Threads {
    /// All that are lent.
    pub(crate) const ALL: Self = Self {
        #[cfg(feature = "rayon")]
        most: u32::MAX,
    };

    #[cfg(feature = "rayon")]
    pub(crate) fn at_most(most: NonZero<usize>) -> Self {
        let most = u32::try_from(most.get()).unwrap_or(u32::MAX);
        Self { most }
    }

    /// That many, or all.
    #[cfg(feature = "alloc")]
    pub(crate) fn up_to(most: Option<NonZero<usize>>) -> Self {
        #[cfg(feature = "rayon")]
        if let Some(most) = most {
            return Self::at_most(most);
        }
        let _ = most;
        Self::ALL
    }

    /// How much plaintext a stream gathers before it is worked on: 256 KiB, which stays in the cache
    /// of a processor, and 512 KiB for each of several threads, which have to be woken up.
    #[cfg(feature = "alloc")]
    pub(crate) fn piece_len(self) -> usize {
        let count = self.count();
        if count < 2 {
            return 16 * CHUNK_LEN;
        }
        count.saturating_mul(32 * CHUNK_LEN).min(1024 * CHUNK_LEN)
    }

    /// How many threads a call uses that runs here.
    #[cfg(feature = "alloc")]
    fn count(self) -> usize {
        #[cfg(feature = "rayon")]
        // Outside of a pool, rayon would start one.
        if rayon::current_thread_index().is_some() {
            let most = usize::try_from(self.most).unwrap_or(usize::MAX);
            return most.min(rayon::current_num_threads());
        }
        1
    }

    /// Does `work` on each `input_len` bytes of `input` and the `out_len` bytes of `out` that go with
    /// them, and gives it their number. There are as many of the one as of the other.
    #[cfg(feature = "alloc")]
    pub(crate) fn for_each_chunk(
        self,
        (input, input_len): (&[u8], usize),
        (out, out_len): (&mut [u8], usize),
        work: impl Fn(usize, &[u8], &mut [u8]) -> Result<(), ErrorKind> + Sync,
    ) -> Result<(), ErrorKind> {
        #[cfg(feature = "rayon")]
        if let Some(share) = self.share(input.len() / input_len) {
            let chunks = input.par_chunks(input_len).zip(out.par_chunks_mut(out_len));
            let numbered = chunks.with_min_len(share).enumerate();
            // What is left on the stacks of the threads, the calling thread does not reach.
            return numbered.try_for_each_init(
                || WipesStack,
                |_wipes, (number, (input, out))| work(number, input, out),
            );
        }
        let mut chunks = input.chunks(input_len).zip(out.chunks_mut(out_len));
        (0..)
            .zip(&mut chunks)
            .try_for_each(|(number, (input, out))| work(number, input, out))
    }

    /// Does `work` on each of `items`, and returns what it returned, in order. What they leave on the
    /// stacks is wiped.
    #[cfg(feature = "alloc")]
    pub(crate) fn for_each_message<T: Send, R: Send>(
        self,
        items: &mut [T],
        work: impl Fn(usize, &mut T) -> R + Sync,
    ) -> Vec<R> {
        #[cfg(feature = "rayon")]
        if self.count() > 1 && items.len() > SMALL_SHARE {
            let most = usize::try_from(self.most).unwrap_or(usize::MAX);
            let share = items.len().div_ceil(most).max(SMALL_SHARE);
            let numbered = items.par_iter_mut().enumerate().with_min_len(share);
            let done =
                numbered.map_init(|| WipesStack, |_wipes, (number, item)| work(number, item));
            return done.collect();
        }
        let numbered = items.iter_mut().enumerate();
        with_wiped_stack(|| numbered.map(|(number, item)| work(number, item)).collect())
    }

    /// Chunks for each thread; `None` if the calling thread does them all.
    #[cfg(feature = "rayon")]
    fn share(self, chunks: usize) -> Option<usize> {
        if chunks < 2 * SHARE || self.count() < 2 {
            return None;
        }
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        Some(chunks.div_ceil(most).max(SHARE))
    }
}
