//! The payload: C2SP chunked-encryption, instantiation Cobblestone-256
//! (<https://c2sp.org/chunked-encryption>).

pub(crate) mod keys;
#[cfg_attr(not(feature = "alloc"), allow(dead_code, reason = "for readers"))]
pub(crate) mod layout;
pub(crate) mod seal;
pub(crate) mod threads;
#[cfg(feature = "alloc")]
pub(crate) mod unseal;

#[cfg(all(test, feature = "alloc"))]
mod tests;
