//! Which Rust type is behind a C type.

/// A handle type of C, and the Rust type behind it. Every cast between the two goes through here, so
/// none is inferred.
pub(crate) trait Castable {
    /// The Rust type.
    type Rust;
    /// What functions call an argument of this type.
    const NAME: &'static str;
}
