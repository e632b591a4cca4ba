//! What calls leave on the stack.
//!
//! Secrets are made where they stay, and wipe themselves. But functions leave in their stack frames what
//! the compiler put there: copies of values that were moved, registers, the schedules of hashes and
//! ciphers.

#[cfg(feature = "alloc")]
use core::hint;
#[cfg(not(feature = "alloc"))]
use core::mem::MaybeUninit;

#[cfg(not(feature = "alloc"))]
use zeroize::Zeroize;

/// Bytes that are wiped: as deep as the calls go. The `aes` crate is what goes deepest, with its
/// batches for vector instructions. In firmware, more than the calls use would add to the stack that
/// sealing takes.
const LEN: usize = if cfg!(feature = "alloc") {
    16 * 1024
} else {
    2 * 1024
};

/// Does work with secrets, and wipes the stack that it used. What it returns should hold none, because
/// it may be moved about.
#[inline(always)]
pub(crate) fn with_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    let result = on_top(work);
    wipe();
    result
}

/// Wipes the stack when it is dropped, up to the frame that it is dropped in.
#[cfg(feature = "rayon")]
pub(crate) struct WipesStack;

#[cfg(feature = "rayon")]
impl Drop for WipesStack {
    fn drop(&mut self) {
        wipe();
    }
}

/// Not inlined, so that all of it is on top of the frame of the caller, as [`wipe`] is.
#[inline(never)]
fn on_top<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn wipe() {
    let mut frames = [0_u8; LEN];
    // As if it were read: or else the compiler would leave it out.
    hint::black_box(&mut frames);
}

/// Word by word: in firmware, memset may take byte by byte.
#[cfg(not(feature = "alloc"))]
#[inline(never)]
fn wipe() {
    let mut frames = [MaybeUninit::<u64>::uninit(); LEN / size_of::<u64>()];
    frames.zeroize();
}
