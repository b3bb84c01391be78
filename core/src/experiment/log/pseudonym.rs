//! Pseudonyms: HMAC-SHA-256 of ids under the caller's key (RFC 2104), cut to 128 bits. Who does not
//! have the key can neither compute nor test one.

use hmac_sha256::HMAC;

use super::record::invalid;
use crate::error::Result;

/// A key; it does not show in debug output.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// What the fingerprint of a key is the HMAC of; no id has a zero byte at its end by chance.
const FINGERPRINT: &[u8] = b"tastemaker decision log\0";

impl Key {
    pub(crate) fn new(secret: &str) -> Result<Self> {
        if secret.len() < 16 {
            // The key itself is not shown.
            return Err(invalid(format!(
                "key has {} bytes; the secret of pseudonyms has at least 16",
                secret.len()
            )));
        }
        Ok(Self(secret.as_bytes().to_vec()))
    }

    pub(crate) fn pseudonym(&self, user: &str) -> String {
        let mac = HMAC::mac(user.as_bytes(), &self.0);
        mac.iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Eight bytes that tell one key from another.
    pub(crate) fn fingerprint(&self) -> [u8; 8] {
        let mut out = [0; 8];
        let mac = HMAC::mac(FINGERPRINT, &self.0);
        for (out, byte) in out.iter_mut().zip(mac) {
            *out = byte;
        }
        out
    }
}
