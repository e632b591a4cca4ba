//! What a panic does where there is nothing to unwind with.

use core::panic::PanicInfo;

/// Stops at an instruction that no processor executes, so that the fault handler of the firmware
/// decides. No input leads here; a bug of this library might.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        // SAFETY: the instruction does nothing but trap.
        #[cfg(target_arch = "arm")]
        unsafe {
            core::arch::asm!("udf #0");
        }
        // SAFETY: as above.
        #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
        unsafe {
            core::arch::asm!("unimp");
        }
    }
}
