//! Sealing on several threads.

use std::{num::NonZero, thread};

use libseal::Sealer;

use crate::{
    guard::guard,
    sealer::{libseal_sealer, run},
    status::libseal_status,
    storage::Storage,
};

/// Seals pieces of 512 KiB or more on several threads. Pieces of a few MiB work best. Applies to
/// libseal_sealer_update() and libseal_sealer_finish_with(), from the next call on.
///
/// Each thread takes a stack and a few KiB of heap, from the first long piece to the end of the sealer.
/// If the system provides no threads, the calling thread does the work.
///
/// @param threads  How many work at a time, the calling thread included; 0 for as many as the machine
///                 has cores. More than 256 count as 256.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_NULL_POINTER,
///         LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_set_threads(
    sealer: *mut libseal_sealer,
    threads: usize,
) -> libseal_status {
    guard(|| {
        let call = |mut storage: Storage<Sealer>| {
            storage.value().set_threads(thread_count(threads));
            Ok(())
        };
        // SAFETY: the caller's word.
        unsafe { run(sealer, call) }
    })
}

/// The number of threads that C asks for; 0 stands for as many as the machine has cores.
pub(crate) fn thread_count(threads: usize) -> NonZero<usize> {
    NonZero::new(threads)
        .or_else(|| thread::available_parallelism().ok())
        .unwrap_or(NonZero::<usize>::MIN)
}
