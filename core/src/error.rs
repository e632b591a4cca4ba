//! The one error type, and the table of every way a call can fail.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, boxed::Box, sync::Arc};

/// Any error, as an unwrapper may return one.
#[cfg(feature = "alloc")]
pub type BoxError = Box<dyn core::error::Error + Send + Sync + 'static>;

macro_rules! error_kinds {
    ($($variant:ident = $code:literal, $name:literal, $message:literal;)+) => {
        /// What went wrong.
        ///
        /// The number is the status that the C library returns and the `code` of the Python
        /// exception: 1xx the call is wrong, 2xx this is no message that we can read, 3xx it is not
        /// authentic, 4xx no data key, 9xx trouble in the machine. Numbers are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum ErrorKind {
            $(#[doc = $message] $variant = $code,)+
        }

        impl ErrorKind {
            /// Every kind, by ascending code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable number: the C status.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The stable name: the C status without `LIBSEAL_ERR_`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence for people: what is wrong and what to do.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }

            /// Whether the same call can succeed a little later: the KMS could not be asked now.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                matches!(self, Self::KmsUnavailable)
            }

            /// Whether the message is at fault, and will never open: a queue puts such a message aside.
            /// A message that was [cut](Self::Truncated) may open if it is fetched again.
            #[must_use]
            pub const fn never_opens(self) -> bool {
                matches!(self.code(), 200..400)
                    || matches!(
                        self,
                        Self::NoMatchingRecipient | Self::DataKeyLength | Self::WrappedKeyRejected
                    )
            }
        }
    };
}

error_kinds! {
    InvalidState = 101, "INVALID_STATE",
        "called out of order, after the end, after an error, or in a child of the process that began it";
    BufferTooSmall = 102, "BUFFER_TOO_SMALL",
        "the output buffer is too small; nothing was consumed";

    NotAPublicKey = 110, "NOT_A_PUBLIC_KEY",
        "not a public key; give a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it";
    PrivateKeyGiven = 111, "PRIVATE_KEY_GIVEN",
        "this is a private key; it does not belong on a sealing device: extract the public key with `openssl pkey -pubout -outform DER`";
    CertificateGiven = 112, "CERTIFICATE_GIVEN",
        "this is a certificate; extract its public key with `openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER`";
    Pkcs1PublicKeyGiven = 113, "PKCS1_PUBLIC_KEY_GIVEN",
        "this is a bare PKCS#1 RSAPublicKey; convert it with `openssl rsa -RSAPublicKey_in -pubout -outform DER`";
    NotRsa = 114, "NOT_RSA",
        "not an RSA key; use RSA_2048, RSA_3072 or RSA_4096";
    KeyTooSmall = 115, "KEY_TOO_SMALL",
        "the RSA key is shorter than 2048 bits; use 2048, 3072 or 4096";
    KeyTooLarge = 116, "KEY_TOO_LARGE",
        "the RSA key is longer than 4096 bits; use 2048, 3072 or 4096";
    UnsupportedKeySize = 117, "UNSUPPORTED_KEY_SIZE",
        "no KMS holds RSA keys of this size; use 2048, 3072 or 4096 bits";
    InvalidRsaKey = 118, "INVALID_RSA_KEY",
        "broken RSA key: the modulus must be odd, the exponent odd, at least 3 and below 2^32";
    WrongKeyUsage = 119, "WRONG_KEY_USAGE",
        "this key is for signatures, or another use than encryption: what it seals could never be unsealed; use a key whose KeyUsage is ENCRYPT_DECRYPT";
    NotAPrivateKey = 120, "NOT_A_PRIVATE_KEY",
        "not a private key; give an RSA private key in PEM or DER: PKCS#8, encrypted or not, or PKCS#1";
    PrivateKeyPassword = 121, "PRIVATE_KEY_PASSWORD",
        "the password of the private key is missing or wrong, or the key is not encrypted";
    FingerprintMismatch = 122, "FINGERPRINT_MISMATCH",
        "the public key has another fingerprint than the one expected: get the right key from a source you trust, or correct the fingerprint";
    KeyNotValidNow = 123, "KEY_NOT_VALID_NOW",
        "the key bundle or certificate has expired, or is not valid yet: get a current one, or set the clock";
    CertificateNotTrusted = 124, "CERTIFICATE_NOT_TRUSTED",
        "the certificate does not lead to one of the given roots: give the right roots, and the intermediate certificates behind the certificate";
    NotAJobKey = 125, "NOT_A_JOB_KEY",
        "not a job key; give the text that one was turned into: 43 letters, digits, `-` and `_`";

    ContextTooLong = 130, "CONTEXT_TOO_LONG",
        "the encryption context is longer than 8192 bytes when encoded";
    ContextKeyEmpty = 131, "CONTEXT_KEY_EMPTY",
        "a key of the encryption context is empty";
    ContextKeyDuplicate = 132, "CONTEXT_KEY_DUPLICATE",
        "a key of the encryption context is given twice";
    ContextKeyReserved = 133, "CONTEXT_KEY_RESERVED",
        "keys of the encryption context that begin with `libseal:` are reserved";
    KeyIdTooLong = 140, "KEY_ID_TOO_LONG",
        "the key id is longer than 2048 bytes";
    NoRecipients = 150, "NO_RECIPIENTS",
        "no recipient; give at least one public key";
    TooManyRecipients = 151, "TOO_MANY_RECIPIENTS",
        "too many recipients; a message has at most 16";
    UnsupportedAlgorithm = 152, "UNSUPPORTED_ALGORITHM",
        "this build of libseal does not have this algorithm for wrapping keys; use RSAES_OAEP_SHA_256";
    MessageTooLong = 160, "MESSAGE_TOO_LONG",
        "a message holds less than 4 PiB, and no more than was announced when it was started";
    SealingKeyExhausted = 170, "SEALING_KEY_EXHAUSTED",
        "the limits of the sealing key allow no more messages, bytes or time; make a new one";

    NotSealed = 200, "NOT_SEALED",
        "not a sealed message: it does not begin with `SEAL`";
    UnsupportedVersion = 201, "UNSUPPORTED_VERSION",
        "sealed in a version of the format that this library does not know; upgrade it";
    UnsupportedSuite = 202, "UNSUPPORTED_SUITE",
        "sealed with a cipher suite that this library does not know; upgrade it";
    HeaderMalformed = 203, "HEADER_MALFORMED",
        "the header breaks the rules of the format";
    HeaderTooLarge = 204, "HEADER_TOO_LARGE",
        "the header is longer than 64 KiB";
    EmptyMessage = 210, "EMPTY_MESSAGE",
        "the message is empty: there is nothing to unseal";
    Truncated = 211, "TRUNCATED",
        "the message is cut short: its end is missing";

    AuthenticationFailed = 300, "AUTHENTICATION_FAILED",
        "not authentic: altered, or unwrapped with the wrong data key";
    ContextMismatch = 301, "CONTEXT_MISMATCH",
        "a required pair is missing from the encryption context or has another value";
    EndNotAuthentic = 302, "END_NOT_AUTHENTIC",
        "the end of the message does not verify: it was cut short, extended or damaged there";

    NoMatchingRecipient = 400, "NO_MATCHING_RECIPIENT",
        "sealed for other keys: the unwrapper holds none of the recipients";
    UnwrapFailed = 401, "UNWRAP_FAILED",
        "the data key could not be unwrapped";
    DataKeyLength = 402, "DATA_KEY_LENGTH",
        "the unwrapped data key is not 32 bytes long";
    KmsUnavailable = 403, "KMS_UNAVAILABLE",
        "the KMS could not be asked, or could not answer now; try again later";
    KmsRefused = 404, "KMS_REFUSED",
        "the KMS refused to unwrap the data key: check the permissions of the caller and the state of the key";
    WrappedKeyRejected = 405, "WRAPPED_KEY_REJECTED",
        "the KMS cannot decrypt this wrapped key: it was altered or forged, or wrapped for another key or with another hash";

    Internal = 900, "INTERNAL",
        "internal error: please report it";
    RandomFailed = 901, "RANDOM_FAILED",
        "the source of random bytes failed, repeated itself or left bytes out; nothing was sealed";
    SelfTestFailed = 902, "SELF_TEST_FAILED",
        "a known answer came out wrong; nothing that this machine seals can be trusted";
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// An error of this library: its [kind](Error::kind) and, if an unwrapper failed, the unwrapper's own
/// error as [`source`](core::error::Error::source). Clones share it.
///
/// With `alloc`, its text can say more than its kind: which pair of the encryption context is missing,
/// for example. `{:#}` adds the texts of its sources, each after a colon. It never holds keys, plaintext
/// or anything else secret.
///
/// With `std`, the calls of [`SealWriter`](crate::SealWriter) and [`UnsealReader`](crate::UnsealReader)
/// wrap it in an [`io::Error`](std::io::Error). It is found there both by `get_ref` or `downcast` and on
/// the way through the sources, as crates like `anyhow` go it, so its text stands there twice:
///
/// ```
/// # use std::io::Read;
/// # let pem = include_bytes!("../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(b"21.5 C")?;
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// use std::error::Error;
/// use libseal::{ErrorKind, UnsealReader};
///
/// let cut = &message[..message.len() - 1];
/// let mut reader = UnsealReader::new(cut, &unwrapper, &[])?;
/// let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
///
/// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<libseal::Error>());
/// assert_eq!(inner.unwrap().kind(), ErrorKind::EndNotAuthentic);
/// let source = error.source().and_then(|source| source.downcast_ref::<libseal::Error>());
/// assert_eq!(source.unwrap().kind(), ErrorKind::EndNotAuthentic);
/// # Ok::<(), Box<dyn Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    /// A sentence that takes the place of the kind's.
    #[cfg(feature = "alloc")]
    reason: Option<Cow<'static, str>>,
    #[cfg(feature = "alloc")]
    source: Option<Arc<dyn core::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of this `kind` whose text is `reason`: a whole sentence without anything secret.
    #[cfg(feature = "alloc")]
    pub(crate) fn with_reason(kind: ErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: Some(reason.into()),
            source: None,
        }
    }

    /// An error of this `kind`. Without a heap there is no room for more.
    #[cfg(not(feature = "alloc"))]
    #[inline(always)]
    pub(crate) const fn with_reason(kind: ErrorKind, _: &'static str) -> Self {
        Self { kind }
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// An error of this `kind`, with the error that it comes from: for unwrappers that know whether the
    /// KMS was [unavailable](ErrorKind::KmsUnavailable), [refused](ErrorKind::KmsRefused), or
    /// [rejected the wrapped key](ErrorKind::WrappedKeyRejected).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn with_source(kind: ErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            reason: None,
            source: Some(source.into().into()),
        }
    }

    /// The error for an unwrapper that failed, with its own error as the source: for callers that
    /// unwrap on their own, with an `await` for example. An [`Error`] stays what it is.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn unwrap_failed(source: impl Into<BoxError>) -> Self {
        match source.into().downcast::<Self>() {
            Ok(own) => *own,
            Err(source) => Self::with_source(ErrorKind::UnwrapFailed, source),
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            #[cfg(feature = "alloc")]
            reason: None,
            #[cfg(feature = "alloc")]
            source: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "alloc")]
        match &self.reason {
            Some(reason) => f.write_str(reason)?,
            None => f.write_str(self.kind.message())?,
        }
        #[cfg(not(feature = "alloc"))]
        f.write_str(self.kind.message())?;
        #[cfg(feature = "alloc")]
        if f.alternate() {
            let mut source = self
                .source
                .as_deref()
                .map(|source| source as &dyn core::error::Error);
            while let Some(cause) = source {
                // One in an `io::Error` has itself as its source.
                if !cause.is::<Self>() {
                    write!(f, ": {cause}")?;
                }
                source = cause.source();
            }
        }
        Ok(())
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        #[cfg(feature = "alloc")]
        if let Some(source) = &self.source {
            return Some(source.as_ref());
        }
        None
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    /// Keeps the error where `get_ref()`, `downcast` and `source()` find it again.
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            ErrorKind::Truncated | ErrorKind::EmptyMessage | ErrorKind::EndNotAuthentic => {
                Io::UnexpectedEof
            }
            ErrorKind::UnwrapFailed
            | ErrorKind::KmsUnavailable
            | ErrorKind::KmsRefused
            | ErrorKind::RandomFailed => Io::Other,
            kind if kind.code() < 200 => Io::InvalidInput,
            _ => Io::InvalidData,
        };
        // The source of an `io::Error` is that of the error in it, which would be left out.
        let outer = Error {
            kind: error.kind,
            reason: error.reason.clone(),
            source: Some(Arc::new(error)),
        };
        Self::new(kind, outer)
    }
}
