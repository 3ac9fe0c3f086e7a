//! A node's key and its request for a certificate.
//!
//! The request is the bare key and a signature by it, at a fixed length, and not PKCS #10: it is
//! the one thing that a stranger may send, and fixed lengths need no parser. What is to be in the
//! certificate is not the requester's to say.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use aws_lc_rs::{rand, signature};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::Error;
use crate::Pin;

/// Version, key and signature of a request, in bytes: 1 + 65 + 64.
pub const REQUEST_BYTES: usize = 1 + POINT_BYTES + SIGNATURE_BYTES;
/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;
/// `r` and `s`, 32 bytes each.
const SIGNATURE_BYTES: usize = 64;
const VERSION: u8 = 1;
/// Signed before the key, so that the signature means nothing elsewhere.
const PURPOSE: &[u8] = b"tollgate certificate request 1\0";

pub(super) fn generate() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Encode)
}

pub(super) fn read(pkcs8: &[u8]) -> Result<KeyPair, Error> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ECDSA_P256_SHA256)
        .map_err(|_| Error::Key)
}

/// A node's private key, ECDSA P-256.
pub struct NodeKey(KeyPair);

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey")
    }
}

impl NodeKey {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::Encode`], which a working random generator rules out.
    pub fn generate() -> Result<Self, Error> {
        generate().map(Self)
    }

    /// PKCS #8, DER: secret, for the node's own disk only.
    #[must_use]
    pub fn to_pkcs8(&self) -> Vec<u8> {
        self.0.serialize_der()
    }

    /// Reads [`NodeKey::to_pkcs8`].
    ///
    /// # Errors
    /// [`Error::Key`] when the bytes are no P-256 key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, Error> {
        read(bytes).map(Self)
    }

    /// As [`SigningRequest::key_hash`].
    #[must_use]
    pub fn key_hash(&self) -> [u8; 32] {
        Pin::of_key(&self.0.subject_public_key_info()).0
    }

    /// Asks for a certificate for this key. The same key may ask again, with other bytes: who must
    /// recognise a retry compares [`SigningRequest::key_hash`].
    ///
    /// # Errors
    /// [`Error::Key`], which a key that was read or generated rules out.
    pub fn request(&self) -> Result<SigningRequest, Error> {
        let key = signature::EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &self.to_pkcs8(),
        )
        .map_err(|_| Error::Key)?;
        let point = self.0.public_key_raw();
        let signed = key
            .sign(&rand::SystemRandom::new(), &[PURPOSE, point].concat())
            .map_err(|_| Error::Key)?;
        Ok(SigningRequest {
            point: point.try_into().map_err(|_| Error::Key)?,
            signature: signed.as_ref().try_into().map_err(|_| Error::Key)?,
        })
    }
}

/// A key that asks for a certificate and proves that the asker has its private half.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningRequest {
    point: [u8; POINT_BYTES],
    signature: [u8; SIGNATURE_BYTES],
}

impl fmt::Debug for SigningRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningRequest")
    }
}

impl SigningRequest {
    /// The bytes to send.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; REQUEST_BYTES] {
        let mut bytes = [VERSION; REQUEST_BYTES];
        bytes[1..=POINT_BYTES].copy_from_slice(&self.point);
        bytes[1 + POINT_BYTES..].copy_from_slice(&self.signature);
        bytes
    }

    /// Reads and verifies [`SigningRequest::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Request`] when it is not one, or not signed by the key in it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; REQUEST_BYTES] = bytes.try_into().map_err(|_| Error::Request)?;
        let (version, rest) = bytes.split_at(1);
        let (point, signature) = rest.split_at(POINT_BYTES);
        if version != [VERSION] {
            return Err(Error::Request);
        }
        let request = Self {
            point: point.try_into().map_err(|_| Error::Request)?,
            signature: signature.try_into().map_err(|_| Error::Request)?,
        };
        request.verify()?;
        Ok(request)
    }

    /// The SHA-256 of the key as in a certificate (SubjectPublicKeyInfo, DER): by which the cluster
    /// remembers a node.
    #[must_use]
    pub fn key_hash(&self) -> [u8; 32] {
        Pin::of_key(&self.subject_public_key_info()).0
    }

    pub(super) fn verify(&self) -> Result<(), Error> {
        let message = [PURPOSE, &self.point].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point)
            .verify(&message, &self.signature)
            .map_err(|_| Error::Request)
    }
}

impl PublicKeyData for SigningRequest {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
