//! Writes the C headers into `include/`: `make header`.

use std::{fs, io};

fn main() -> io::Result<()> {
    for header in libseal_header::headers() {
        fs::write(
            libseal_header::INCLUDE.to_owned() + header.name,
            header.text,
        )?;
    }
    Ok(())
}
