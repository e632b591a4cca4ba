//! Sealed objects in any store of the crate `object_store`, read as if they were not sealed.
//!
//! [`scan`] finds them, [`DataKeys`](libseal::DataKeys) unwraps each data key once, and [`SealedStore`] is
//! an [`ObjectStore`](object_store::ObjectStore) of the plaintext, for everything that reads through one.

mod scan;
mod sealed_store;

pub use scan::{Object, Scan, scan};
pub use sealed_store::SealedStore;
