// The rest of a firmware around what the README shows.
#![no_std]
#![no_main]

use core::hint::black_box;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut message = [0; 512];
    // Nothing that the compiler could know in advance.
    let trng = |bytes: &mut [u8]| black_box(bytes).first().is_some();
    if let Ok(key) = PublicKey::new(black_box(&[])) {
        let _ = black_box(seal_reading(&key, trng, black_box(b"21.5 C"), &mut message));
        black_box(&message);
    }
    loop {}
}
