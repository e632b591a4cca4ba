//! As symbols go, the worst neighbour: the same crates, a panic handler, `memcpy`.

#![cfg_attr(target_os = "none", no_std)]

use core::slice;

use sha2::{Digest, Sha256};

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// # Safety
/// `input` has `input_len` bytes and `out` room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn other_sha256(input: *const u8, input_len: usize, out: *mut [u8; 32]) {
    // SAFETY: the caller's word.
    let (input, out) = unsafe { (slice::from_raw_parts(input, input_len), &mut *out) };
    *out = Sha256::digest(input).into();
}

/// 1 if a panic is caught. Under a name that ffi-c/hide_symbols.sh leaves visible, to see that Rust
/// still unwinds afterwards.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
pub extern "C" fn libseal_catches_panics() -> i32 {
    std::panic::catch_unwind(|| panic!("on purpose"))
        .is_err()
        .into()
}
