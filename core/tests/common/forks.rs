//! Forks of the test.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::{
    libc,
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, fork},
};

/// Runs `test` in a child, which must neither panic nor hang.
pub(crate) fn in_a_child(test: impl FnOnce()) {
    // SAFETY: of the threads there is only this one in the child, and it leaves alone what others
    // may have locked: it allocates, which is fine in children, and ends without cleaning up.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // SAFETY: neither touches memory.
            unsafe {
                libc::alarm(60);
                let failed = catch_unwind(AssertUnwindSafe(test)).is_err();
                libc::_exit(failed.into());
            }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
    }
}
