//! AWS-LC's random generator. It stands beneath the rest of the provider.

use crate::error::ErrorKind;

/// Fills `out` with random bytes.
pub(crate) fn fill(out: &mut [u8]) -> Result<(), ErrorKind> {
    aws_lc_rs::rand::fill(out).map_err(|_| ErrorKind::RandomFailed)
}
