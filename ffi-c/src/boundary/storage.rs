//! Rust values in storage that C provides: an array of `uint64_t`.
//!
//! The first word is a mark that tells whether there is a value, and of which type; the value follows
//! at the next address that is aligned for it. After its end, the mark is inverted.

use core::{marker::PhantomData, mem::MaybeUninit, ptr};

use libseal::ErrorKind;
use zeroize::Zeroize;

use crate::boundary::{
    castable::Castable,
    failure::{Failure, Named},
    own_status::{LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_STORAGE_TOO_SMALL},
    pointer::check,
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
        check(start).of(C::NAME)?;
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

    /// Fails if there is no value.
    ///
    /// # Safety
    /// The storage can be read.
    unsafe fn check_occupied(&self) -> Result<(), Failure> {
        // SAFETY: `of` checked the address, and the mark is the first word of the storage.
        match unsafe { self.start.read() } {
            word if word == self.mark() => Ok(()),
            word if word == !self.mark() => {
                let fault = "has ended, or an error has ended it";
                Err(Failure::argument(ErrorKind::InvalidState.code(), fault)).of(C::NAME)
            }
            _ => {
                let fault = "was never filled, could not be filled or is a copy";
                Err(Failure::argument(LIBSEAL_ERR_NOT_FILLED, fault)).of(C::NAME)
            }
        }
    }

    /// # Safety
    /// There are `size` bytes of storage, which nothing else uses and nothing is to find a value in.
    unsafe fn wipe_bytes(&self, size: usize) {
        let bytes = ptr::slice_from_raw_parts_mut(self.start.cast::<MaybeUninit<u8>>(), size);
        // SAFETY: these are the bytes of the storage, initialised or not.
        unsafe { &mut *bytes }.zeroize();
    }
}

/// The value of a storage.
///
/// # Safety
/// `storage` is NULL or of storage that can be read and that nothing changes during `'a`.
pub(crate) unsafe fn stored<'a, C: Stored>(storage: *const C) -> Result<&'a C::Rust, Failure> {
    let place = Place::of(storage.cast_mut())?;
    // SAFETY: the storage can be read; where the mark is, there is a value.
    unsafe {
        place.check_occupied()?;
        Ok(&*place.value)
    }
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
    /// `storage` is NULL, or a `C` of `size` bytes that nothing else uses during `'a`. They need not be
    /// initialised. Whatever `size` says, a `C` of every version has a word at least.
    pub(crate) unsafe fn read(storage: *mut C, size: usize) -> Result<Self, Failure> {
        let place = Place::of(storage)?;
        // Whatever size is claimed, what was there must not be found again.
        // SAFETY: no more than the bytes that there are: `size`, and a word at least.
        unsafe { place.wipe_bytes(size.clamp(WORD, C::NEED)) };
        if size < C::NEED {
            return Err(Failure::new(LIBSEAL_ERR_STORAGE_TOO_SMALL));
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
        unsafe { place.check_occupied() }?;
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

    /// Drops the value, wipes the storage, and marks it as ended.
    ///
    /// Not inlined, because that takes less flash.
    #[inline(never)]
    pub(crate) fn wipe(self) {
        // SAFETY: `read` found the value, and after wiping no one finds it again. Storage that has a
        // value is large enough for one, and for the mark.
        unsafe {
            self.place.value.drop_in_place();
            self.place.wipe_bytes(C::NEED);
            self.place.start.write(!self.place.mark());
        }
    }
}
