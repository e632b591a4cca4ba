//! Rust values in storage that C provides: an array of `uint64_t`.
//!
//! The first word is a mark that tells whether there is a value, and of which type; the value follows
//! at the next address that is aligned for it.

use core::{marker::PhantomData, mem::MaybeUninit, ptr};

use libseal::ErrorKind;
use zeroize::Zeroize;

use crate::boundary::{
    castable::Castable, guard::Failure, own_status::LIBSEAL_ERR_STORAGE_TOO_SMALL, pointer::check,
};

const WORD: usize = size_of::<u64>();

/// A C type that is storage for a Rust value.
///
/// # Safety
/// The C type is an array of `u64` of at least `NEED` bytes. If it `MAY_BE_COPIED`, then as plain
/// bytes: the Rust type is aligned as a `u64` at most and need not be dropped.
pub(crate) unsafe trait Stored: Castable + Sized {
    /// Different for each type, and unlike anything that memory happens to hold.
    const MARK: u64;
    /// Whether the storage may be copied like any other struct. If not, a copy is told by its
    /// address.
    const MAY_BE_COPIED: bool;

    /// Bytes of storage that are enough wherever it begins.
    const NEED: usize =
        WORD + align_of::<Self::Rust>().saturating_sub(WORD) + size_of::<Self::Rust>();
}

/// Where the parts of a storage are.
struct Place<C: Stored> {
    start: *mut u64,
    value: *mut C::Rust,
}

impl<C: Stored> Place<C> {
    fn of(storage: *mut C) -> Result<Self, Failure> {
        let start = storage.cast::<u64>();
        check(start)?;
        let first = start.wrapping_add(1).cast::<u8>();
        let value = first.wrapping_add(first.align_offset(align_of::<C::Rust>()));
        Ok(Self {
            start,
            value: value.cast(),
        })
    }

    fn mark(&self) -> u64 {
        if C::MAY_BE_COPIED {
            C::MARK
        } else {
            C::MARK ^ self.start.addr() as u64
        }
    }

    /// # Safety
    /// The storage can be read.
    unsafe fn is_occupied(&self) -> bool {
        // SAFETY: `of` checked the address, and the mark is the first word of the storage.
        unsafe { self.start.read() == self.mark() }
    }

    /// # Safety
    /// There are `size` bytes of storage, which nothing else uses and nothing is to find a value in.
    unsafe fn wipe_bytes(&self, size: usize) {
        let bytes = ptr::slice_from_raw_parts_mut(self.start.cast::<MaybeUninit<u8>>(), size);
        // SAFETY: these are the bytes of the storage, initialised or not.
        unsafe { &mut *bytes }.zeroize();
    }
}

/// The value of a storage; `None` if there is none.
///
/// # Safety
/// `storage` is NULL or of storage that can be read and that nothing changes during `'a`.
pub(crate) unsafe fn stored<'a, C: Stored>(
    storage: *const C,
) -> Result<Option<&'a C::Rust>, Failure> {
    let place = Place::of(storage.cast_mut())?;
    // SAFETY: the storage can be read; where the mark is, there is a value.
    unsafe { Ok(place.is_occupied().then(|| &*place.value)) }
}

/// Storage without a value, to make one in.
pub(crate) struct Vacant<'a, C: Stored> {
    place: Place<C>,
    storage: PhantomData<&'a mut C>,
}

impl<C: Stored> Vacant<'_, C> {
    /// Empties storage of `size` bytes, whatever it held.
    ///
    /// # Safety
    /// `storage` is NULL or of `size` bytes that nothing else uses during `'a`. They need not be
    /// initialised.
    pub(crate) unsafe fn read(storage: *mut C, size: usize) -> Result<Self, Failure> {
        let place = Place::of(storage)?;
        // SAFETY: no more than the `size` bytes that there are.
        unsafe { place.wipe_bytes(size.min(C::NEED)) };
        if size < C::NEED {
            return Err(Failure(LIBSEAL_ERR_STORAGE_TOO_SMALL));
        }
        Ok(Self {
            place,
            storage: PhantomData,
        })
    }

    /// Where the value belongs.
    pub(crate) fn place(&mut self) -> &mut MaybeUninit<C::Rust> {
        // SAFETY: the storage is large enough for a value there, and nothing else uses it.
        unsafe { &mut *self.place.value.cast() }
    }

    /// Lets the value be found.
    ///
    /// # Safety
    /// There is one in its [`place`](Self::place).
    pub(crate) unsafe fn occupy(self) {
        // SAFETY: the first word of the storage, which nothing else uses.
        unsafe { self.place.start.write(self.place.mark()) };
    }
}

/// Storage with a value.
pub(crate) struct Occupied<'a, C: Stored> {
    place: Place<C>,
    storage: PhantomData<&'a mut C>,
}

impl<C: Stored> Occupied<'_, C> {
    /// # Safety
    /// `storage` is NULL or of storage that can be read and that nothing else uses during `'a`.
    pub(crate) unsafe fn read(storage: *mut C) -> Result<Self, Failure> {
        let place = Place::of(storage)?;
        // SAFETY: not NULL, so it is storage that can be read.
        if !unsafe { place.is_occupied() } {
            return Err(ErrorKind::InvalidState.into());
        }
        Ok(Self {
            place,
            storage: PhantomData,
        })
    }

    /// The value.
    pub(crate) fn value(&mut self) -> &mut C::Rust {
        // SAFETY: `read` found it, and nothing else uses it.
        unsafe { &mut *self.place.value }
    }

    /// Drops the value, and wipes the storage.
    pub(crate) fn wipe(self) {
        // SAFETY: `read` found the value, and after wiping no one finds it again. Storage that has a
        // value is large enough for one.
        unsafe {
            self.place.value.drop_in_place();
            self.place.wipe_bytes(C::NEED);
        }
    }
}
