//! Why a call fails: a status and, in the complete library, a text.
//!
//! The library for firmware has no texts, and what names an argument or a rule here costs it nothing.

use libseal::{Error, ErrorKind};

use crate::status::libseal_status;

/// A status that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    status: libseal_status,
    #[cfg(feature = "unseal")]
    reason: Reason,
}

/// What is known beside the status.
#[cfg(feature = "unseal")]
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Nothing,
    /// What is wrong with an argument, which may have no name yet.
    Argument {
        name: Option<&'static str>,
        fault: &'static str,
    },
    Text(String),
}

impl Failure {
    /// A failure that its status says all about.
    pub(crate) const fn new(status: libseal_status) -> Self {
        Self {
            status,
            #[cfg(feature = "unseal")]
            reason: Reason::Nothing,
        }
    }

    /// A failure by an argument, which [`Named::of`] names: "is NULL".
    #[inline(always)]
    #[cfg_attr(not(feature = "unseal"), expect(unused_variables, reason = "no texts"))]
    pub(crate) const fn argument(status: libseal_status, fault: &'static str) -> Self {
        Self {
            status,
            #[cfg(feature = "unseal")]
            reason: Reason::Argument { name: None, fault },
        }
    }

    /// A failure with a text of its own.
    #[cfg(feature = "unseal")]
    pub(crate) fn with_text(status: libseal_status, text: impl Into<String>) -> Self {
        Self {
            status,
            reason: Reason::Text(text.into()),
        }
    }

    /// A call at the wrong time, and what has happened before it.
    #[cfg(feature = "unseal")]
    pub(crate) fn invalid_state(reason: &str) -> Self {
        Self::with_text(ErrorKind::InvalidState.code(), reason)
    }

    pub(crate) const fn status(&self) -> libseal_status {
        self.status
    }

    /// What the status does not say, if anything.
    #[cfg(feature = "unseal")]
    pub(crate) fn into_text(self) -> Option<String> {
        match self.reason {
            Reason::Argument {
                name: Some(name),
                fault,
            } => Some(format!("{name} {fault}")),
            Reason::Argument { name: None, .. } | Reason::Nothing => None,
            Reason::Text(text) => Some(text),
        }
    }

    /// Whether the call that failed so has changed nothing, and a handle stays usable.
    pub(crate) const fn is_harmless(&self) -> bool {
        self.status == ErrorKind::BufferTooSmall.code()
            || self.status == ErrorKind::InvalidState.code()
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind.code())
    }
}

impl From<Error> for Failure {
    #[cfg(feature = "unseal")]
    fn from(error: Error) -> Self {
        Self::with_text(error.kind().code(), format!("{error:#}"))
    }

    #[cfg(not(feature = "unseal"))]
    fn from(error: Error) -> Self {
        error.kind().into()
    }
}

/// Names the argument that a failure is about.
pub(crate) trait Named {
    /// The name in the header. The last one that is given counts.
    fn of(self, name: &'static str) -> Self;
}

impl<T> Named for Result<T, Failure> {
    #[cfg(feature = "unseal")]
    fn of(mut self, argument: &'static str) -> Self {
        if let Err(Failure {
            reason: Reason::Argument { name, .. },
            ..
        }) = &mut self
        {
            *name = Some(argument);
        }
        self
    }

    #[cfg(not(feature = "unseal"))]
    #[inline(always)]
    fn of(self, _: &'static str) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::own_status::LIBSEAL_ERR_NULL_POINTER;

    #[test]
    fn arguments_have_the_name_given_last() {
        let null: Result<(), _> = Err(Failure::argument(LIBSEAL_ERR_NULL_POINTER, "is NULL"));
        assert_eq!(null.clone().unwrap_err().into_text(), None);
        let named = null.of("out").of("header").unwrap_err();
        assert_eq!(named.into_text().unwrap(), "header is NULL");
    }

    #[test]
    fn errors_name_their_causes() {
        let cause = std::io::Error::other("AccessDeniedException");
        let failure = Failure::from(Error::unwrap_failed(cause));
        assert_eq!(failure.status(), ErrorKind::UnwrapFailed.code());
        assert_eq!(
            failure.into_text().unwrap(),
            "the data key could not be unwrapped: AccessDeniedException"
        );
    }
}
