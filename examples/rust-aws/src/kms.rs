//! An unwrapper over `aws-sdk-kms`: copy this file.

use std::{collections::HashMap, error::Error as StdError};

use anyhow::{Context, ensure};
use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::KeyUsageType,
};
use libseal::{AsyncUnwrap, BoxError, DataKey, Error, ErrorKind, PublicKey, Unwrapped, WrappedKey};
use zeroize::Zeroizing;

/// Unwraps with the keys that it is given, and makes no call for any other.
pub struct KmsUnwrapper {
    client: Client,
    /// By the fingerprint of their public halves: what a message calls its key is not trusted.
    arns: HashMap<[u8; 32], String>,
}

impl KmsUnwrapper {
    /// Asks the KMS for the public half of each key: an id, an ARN or an alias. Takes the permissions
    /// `kms:GetPublicKey` and `kms:Decrypt`.
    pub async fn new(client: Client, keys: &[String]) -> anyhow::Result<Self> {
        let mut arns = HashMap::new();
        for key in keys {
            let answer = client.get_public_key().key_id(key).send().await;
            let answer = answer.map_err(failure).with_context(|| key.clone())?;
            let usage = answer.key_usage();
            ensure!(
                usage == Some(&KeyUsageType::EncryptDecrypt),
                "{key} is not for decryption"
            );
            let public_key = answer.public_key().with_context(|| key.clone())?;
            let public_key = PublicKey::new(public_key.as_ref())?;
            // Not the alias, which may move to another key.
            let arn = answer.key_id().unwrap_or(key).to_owned();
            arns.insert(*public_key.fingerprint(), arn);
        }
        Ok(Self { client, arns })
    }

    async fn decrypt(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        let (Some(arn), Some(algorithm)) = (self.arns.get(key.fingerprint()), key.algorithm())
        else {
            return Ok(None);
        };
        let request = self.client.decrypt();
        let request = request
            .key_id(arn)
            .encryption_algorithm(algorithm.name().into());
        let request = request.ciphertext_blob(Blob::new(key.ciphertext()));
        let answer = request.send().await.map_err(failure)?;
        let unwrapped = answer.plaintext.map(Blob::into_inner).unwrap_or_default();
        Ok(Some(key.data_key(&Zeroizing::new(unwrapped))?))
    }
}

impl AsyncUnwrap for KmsUnwrapper {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.decrypt(key).await.into()
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.arns.keys().copied().collect()
    }
}

/// What a failure means for a message. The SDK has retried by then, where that makes sense.
fn failure<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let kind = match &error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => ErrorKind::KmsUnavailable,
        // A connection that failed, or else credentials that are missing.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            ErrorKind::KmsUnavailable
        }
        SdkError::ServiceError(answer) => match answer.err().code() {
            Some("InvalidCiphertextException" | "IncorrectKeyException") => {
                ErrorKind::WrappedKeyRejected
            }
            Some("ThrottlingException" | "KeyUnavailableException") => ErrorKind::KmsUnavailable,
            _ if answer.raw().status().is_server_error() => ErrorKind::KmsUnavailable,
            _ => ErrorKind::KmsRefused,
        },
        _ => ErrorKind::KmsRefused,
    };
    Error::with_source(kind, error)
}
