//! Which process something belongs to.
//!
//! `fork()` copies keys and nonces. If both processes went on with them, they would encrypt different
//! plaintext with the same key stream. So what seals remembers its process, and refuses in a child.

#[cfg(all(feature = "std", unix, not(target_env = "newlib")))]
pub(crate) use with_forks::Process;
#[cfg(not(all(feature = "std", unix, not(target_env = "newlib"))))]
pub(crate) use without_forks::Process;

#[cfg(all(feature = "std", unix, not(target_env = "newlib")))]
mod with_forks {
    use forkguard::Guard;

    use crate::error::{Error, ErrorKind};

    /// The process that made something.
    ///
    /// It is known by a count of forks. Its id would not do: a child in a new PID namespace may have
    /// the same, and asking for it is a system call, which takes longer than to seal a small piece.
    pub(crate) struct Process(Guard);

    impl Process {
        pub(crate) fn current() -> Result<Self, Error> {
            let guard = Guard::try_new().map_err(|_| {
                let reason = "out of memory: the system could not register a handler for fork()";
                Error::with_reason(ErrorKind::Internal, reason)
            })?;
            Ok(Self(guard))
        }

        /// Fails with [`InvalidState`](ErrorKind::InvalidState) and `reason` in a child.
        #[inline]
        pub(crate) fn check(&self, reason: &'static str) -> Result<(), Error> {
            // A clone, because a guard reports a fork only once.
            if self.0.clone().detected_fork() {
                return Err(refusal(reason));
            }
            Ok(())
        }
    }

    #[cold]
    fn refusal(reason: &'static str) -> Error {
        Error::with_reason(ErrorKind::InvalidState, reason)
    }
}

#[cfg(not(all(feature = "std", unix, not(target_env = "newlib"))))]
mod without_forks {
    use crate::error::Error;

    pub(crate) struct Process;

    #[allow(clippy::unnecessary_wraps, reason = "as with forks")]
    impl Process {
        #[inline(always)]
        pub(crate) const fn current() -> Result<Self, Error> {
            Ok(Self)
        }

        #[inline(always)]
        #[allow(clippy::unused_self, reason = "as with forks")]
        pub(crate) const fn check(&self, _: &'static str) -> Result<(), Error> {
            Ok(())
        }
    }
}
