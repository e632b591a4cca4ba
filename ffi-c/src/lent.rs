//! The threads that a handle was lent, if any.

#[cfg(feature = "unseal")]
pub(crate) use crate::pool::Lent;

/// The library for firmware knows no threads.
#[cfg(not(feature = "unseal"))]
pub(crate) struct Lent;

#[cfg(not(feature = "unseal"))]
impl Lent {
    pub(crate) const NONE: Self = Self;

    #[expect(clippy::unnecessary_wraps, reason = "a pool may have ended")]
    pub(crate) fn run<R>(
        &self,
        _: usize,
        call: impl FnOnce() -> R,
    ) -> Result<R, crate::boundary::failure::Failure> {
        Ok(call())
    }
}
