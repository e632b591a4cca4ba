//! What libseal is built from, without libseal: the least that sealing can cost.

use std::{hint::black_box, rc::Rc};

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use getrandom::SysRng;
use rsa::{Oaep, PublicKey, pkcs8::DecodePublicKey, traits::PaddingScheme};
use sha2::Sha256;

use crate::harness::Case;

const PIECE_LEN: usize = 16 * 1024;
const TAG_LEN: usize = 16;
const SEALED_PIECE_LEN: usize = PIECE_LEN + TAG_LEN;
const KEY: [u8; 32] = [7; 32];

pub(crate) fn memcpy(plaintext: &[u8]) -> Case<'_> {
    Case::new("memcpy", "copy", plaintext.len(), |out| {
        out[..plaintext.len()].copy_from_slice(plaintext);
        plaintext.len() as u64
    })
}

pub(crate) fn fresh_allocation<'a>(len: usize) -> Case<'a> {
    Case::new("fresh allocation", "fill", len, move |_| {
        black_box(vec![1_u8; len]).len() as u64
    })
}

/// AES-256-GCM that works in place.
pub(crate) trait InPlace {
    const NAME: &str;

    fn seal(&self, nonce: [u8; 12], piece: &mut [u8]) -> [u8; TAG_LEN];

    /// Opens a piece that is followed by its tag.
    fn open(&self, nonce: [u8; 12], piece: &mut [u8]);
}

pub(crate) struct AwsLc(LessSafeKey);

impl AwsLc {
    pub(crate) fn new() -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, &KEY).unwrap(),
        ))
    }
}

impl InPlace for AwsLc {
    const NAME: &str = "aws-lc-rs on 16 KiB pieces";

    fn seal(&self, nonce: [u8; 12], piece: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), piece);
        tag.unwrap().as_ref().try_into().unwrap()
    }

    fn open(&self, nonce: [u8; 12], piece: &mut [u8]) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::empty(), piece).unwrap();
    }
}

pub(crate) struct AesGcm(Aes256Gcm);

impl AesGcm {
    pub(crate) fn new() -> Self {
        Self(Aes256Gcm::new(&KEY.into()))
    }
}

impl InPlace for AesGcm {
    const NAME: &str = "aes-gcm on 16 KiB pieces";

    fn seal(&self, nonce: [u8; 12], piece: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), b"", piece.into());
        tag.unwrap().into()
    }

    fn open(&self, nonce: [u8; 12], piece: &mut [u8]) {
        let (piece, tag) = piece.split_at_mut(piece.len() - TAG_LEN);
        let tag = <[u8; TAG_LEN]>::try_from(&*tag).unwrap().into();
        self.0
            .decrypt_inout_detached(&nonce.into(), b"", piece.into(), &tag)
            .unwrap();
    }
}

fn nonce(piece: usize) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(piece as u64).to_be_bytes());
    nonce
}

/// Copies each piece to the output and seals it there, without keys of its own or a format.
fn seal_all(cipher: &impl InPlace, plaintext: &[u8], out: &mut [u8]) {
    let pieces = plaintext.chunks(PIECE_LEN);
    for (number, (piece, out)) in pieces.zip(out.chunks_mut(SEALED_PIECE_LEN)).enumerate() {
        let (sealed, tag) = out.split_at_mut(piece.len());
        sealed.copy_from_slice(piece);
        tag[..TAG_LEN].copy_from_slice(&cipher.seal(nonce(number), sealed));
    }
}

/// The tags are copied as well; the next piece goes over each.
fn open_all(cipher: &impl InPlace, sealed: &[u8], out: &mut [u8]) {
    for (number, piece) in sealed.chunks(SEALED_PIECE_LEN).enumerate() {
        let out = &mut out[number * PIECE_LEN..][..piece.len()];
        out.copy_from_slice(piece);
        cipher.open(nonce(number), out);
    }
}

pub(crate) fn in_place<'a, C: InPlace + 'a>(cipher: C, plaintext: &'a [u8]) -> [Case<'a>; 2] {
    let len = plaintext.len();
    let mut sealed = vec![0; len + len.div_ceil(PIECE_LEN) * TAG_LEN];
    seal_all(&cipher, plaintext, &mut sealed);
    let mut opened = vec![0; len + TAG_LEN];
    open_all(&cipher, &sealed, &mut opened);
    assert!(opened[..len] == *plaintext, "{} opens", C::NAME);

    let cipher = Rc::new(cipher);
    let sealing = Rc::clone(&cipher);
    let seal = Case::new(C::NAME, "seal_into", len, move |out| {
        seal_all(&*sealing, plaintext, out);
        len as u64
    });
    let unseal = Case::new(C::NAME, "unseal_into", len, move |out| {
        open_all(&*cipher, &sealed, out);
        len as u64
    });
    [seal, unseal]
}

/// RSA-OAEP alone: a data key wrapped under a public key that was parsed before.
pub(crate) fn wraps<'a>(public_key: &[u8]) -> [Case<'a>; 2] {
    let aws_lc = PublicEncryptingKey::from_der(public_key).unwrap();
    let aws_lc = OaepPublicEncryptingKey::new(aws_lc).unwrap();
    let portable = PublicKey::from_public_key_der(public_key).unwrap();
    [
        Case::new("aws-lc-rs", "wrap", KEY.len(), move |out| {
            let out = &mut out[..aws_lc.ciphertext_size()];
            let wrapped = aws_lc.encrypt(&OAEP_SHA256_MGF1SHA256, &KEY, out, None);
            wrapped.unwrap().len() as u64
        }),
        Case::new("rsa", "wrap", KEY.len(), move |_| {
            let wrapped = Oaep::<Sha256>::new().encrypt(&mut SysRng, &portable, &KEY);
            wrapped.unwrap().len() as u64
        }),
    ]
}
