//! Structs that a caller fills. They begin with their size, so that later versions can add members.

use core::{mem::MaybeUninit, ptr};

use crate::boundary::{failure::Failure, own_status::LIBSEAL_ERR_STRUCT_SIZE, pointer::check};

/// More than any struct will ever have. What states a larger size was never initialised.
const MAX_SIZE: usize = 1024;

/// A struct whose first member is `size: usize`, which C sets to its `sizeof`.
///
/// Members that are added later begin at or after `FIRST_SIZE` and leave no padding, on any target: C
/// leaves in padding what it likes, and an older library would take that for a member.
///
/// # Safety
/// It is `repr(C)`, its first member is its size, and zeros are a value of every member.
pub(crate) unsafe trait SizedStruct: Copy {
    /// The size that the struct had in the first version.
    const FIRST_SIZE: usize;
}

/// Reads a struct of the size that it states. Members that it does not have yet are zero; those that
/// this version does not know must be zero.
///
/// # Safety
/// `pointer` is NULL, or of a struct that nothing changes during the call and that is as long as it
/// states, if that is at most [`MAX_SIZE`].
pub(crate) unsafe fn read_sized<T: SizedStruct>(pointer: *const T) -> Result<T, Failure> {
    check(pointer)?;
    let mut value = MaybeUninit::<T>::zeroed();
    let known = (size_of::<T>(), align_of::<T>(), T::FIRST_SIZE);
    // SAFETY: of the struct, which is as long as it states, goes no more to `value` than fits.
    unsafe { read_bytes(pointer.cast(), value.as_mut_ptr().cast(), known) }?;
    // SAFETY: every member was copied or is zero, which is a value of it.
    Ok(unsafe { value.assume_init() })
}

/// The size that a struct states: the distance to the next one in an array.
///
/// # Safety
/// `pointer` is NULL, or of a struct whose first member can be read.
pub(crate) unsafe fn stated_size<T: SizedStruct>(pointer: *const T) -> Result<usize, Failure> {
    check(pointer)?;
    // SAFETY: not NULL and aligned, and a sized struct begins with its size.
    Ok(unsafe { pointer.cast::<usize>().read() })
}

/// The same code for every struct.
///
/// # Safety
/// As [`read_sized`]. `known` is size, alignment and first size of the struct; `to` has room for it.
unsafe fn read_bytes(
    from: *const u8,
    to: *mut u8,
    (known_size, align, first_size): (usize, usize, usize),
) -> Result<(), Failure> {
    // SAFETY: a sized struct begins with its size, and is aligned for it.
    let size = unsafe { from.cast::<usize>().read() };
    let is_possible = (first_size..=MAX_SIZE).contains(&size) && size.is_multiple_of(align);
    // SAFETY: the struct is `size` bytes long, and this reads one of them.
    let is_zero = |index| unsafe { from.add(index).read() } == 0;
    if !is_possible || !(known_size..size).all(is_zero) {
        return Err(wrong_size());
    }
    // SAFETY: both are as long as the shorter one, and `to` is memory of the library.
    unsafe { ptr::copy_nonoverlapping(from, to, size.min(known_size)) };
    Ok(())
}

/// The failure of a struct with a size that it cannot have.
pub(crate) const fn wrong_size() -> Failure {
    let fault =
        "was not initialised with its macro, or has members that this library does not know";
    Failure::argument(LIBSEAL_ERR_STRUCT_SIZE, fault)
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    /// As the first version had it.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct First {
        size: usize,
        old: usize,
    }

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Second {
        size: usize,
        old: usize,
        new: usize,
    }

    /// As a later version will have it.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Third {
        size: usize,
        old: usize,
        new: usize,
        unknown: [u8; 16],
    }

    // SAFETY: numbers, and the first one is the size.
    unsafe impl SizedStruct for Second {
        const FIRST_SIZE: usize = size_of::<First>();
    }

    fn read<T>(value: &T) -> Result<Second, Failure> {
        // SAFETY: every struct here is at least as long as it states.
        unsafe { read_sized(ptr::from_ref(value).cast()) }
    }

    #[test]
    fn what_an_older_caller_does_not_have_is_zero() {
        let size = size_of::<First>();
        let found = read(&First { size, old: 5 }).unwrap();
        assert_eq!((found.size, found.old, found.new), (size, 5, 0));
    }

    #[test]
    fn what_a_newer_caller_has_must_be_zero() {
        let mut third = Third {
            size: size_of::<Third>(),
            old: 5,
            new: 6,
            unknown: [0; 16],
        };
        let found = read(&third).unwrap();
        assert_eq!((found.old, found.new), (5, 6));
        for place in [0, 15] {
            third.unknown = [0; 16];
            third.unknown[place] = 1;
            assert_eq!(read(&third).err(), Some(wrong_size()));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let old = 5;
        let of_size = |size| Third {
            size,
            old,
            new: 0,
            unknown: [0; 16],
        };
        let step = align_of::<Second>();
        for size in [
            0,
            offset_of!(First, old),
            size_of::<First>() - step,
            size_of::<First>() + 1,
            MAX_SIZE + step,
            usize::MAX,
        ] {
            let found = read(&of_size(size));
            assert_eq!(found.err(), Some(wrong_size()), "{size}");
        }
    }
}
