//! How many threads C asks for.

use std::{num::NonZero, thread};

/// 0 stands for as many as the machine has cores.
pub(crate) fn thread_count(threads: usize) -> NonZero<usize> {
    NonZero::new(threads)
        .or_else(|| thread::available_parallelism().ok())
        .unwrap_or(NonZero::<usize>::MIN)
}
