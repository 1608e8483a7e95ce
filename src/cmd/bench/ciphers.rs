//! What the ciphers of the product are measured against: the plain `cbc` crate and OpenSSL, one packet after the other,
//! key schedules kept ready.

use std::hint::black_box;

use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc, Block};
use pinhole_crypto::Algorithm;

use super::crypto::{HEADER, ROOM, Way, Work};

/// The start value of a packet, as H.235.6 has it.
fn start_value(octets: &[u8]) -> [u8; 16] {
    let mut value = [0; 16];
    let six = octets.get(2..8).unwrap_or_default();
    value.iter_mut().zip(six.iter().cycle()).for_each(|(to, from)| *to = *from);
    value
}

/// The start value and the payload, which is whole blocks.
fn parts(octets: &mut [u8]) -> Option<([u8; 16], &mut [u8])> {
    let iv = start_value(octets);
    let end = octets.len().checked_sub(ROOM)?;
    Some((iv, octets.get_mut(HEADER..end)?))
}

/// The `cbc` crate.
pub(super) fn plain<'a>(algorithm: Algorithm, way: Way, keys: &[Vec<u8>]) -> Work<'a> {
    macro_rules! with {
        ($aes:ty, $mode:ident, $blocks:ident) => {{
            let aes: Vec<$aes> =
                keys.iter().filter_map(|key| <$aes>::new_from_slice(key).ok()).collect();
            Box::new(move |packets| {
                for (octets, aes) in packets.iter_mut().zip(&aes) {
                    let Some((iv, payload)) = parts(octets) else { continue };
                    let (blocks, _) = Block::slice_as_chunks_mut(payload);
                    cbc::$mode::inner_iv_init(aes, &iv.into()).$blocks(blocks);
                }
            })
        }};
    }
    match (algorithm, way) {
        (Algorithm::Aes128, Way::Encrypt) => with!(Aes128Enc, Encryptor, encrypt_blocks),
        (Algorithm::Aes256, Way::Encrypt) => with!(Aes256Enc, Encryptor, encrypt_blocks),
        (Algorithm::Aes128, Way::Decrypt) => with!(Aes128Dec, Decryptor, decrypt_blocks),
        (Algorithm::Aes256, Way::Decrypt) => with!(Aes256Dec, Decryptor, decrypt_blocks),
    }
}

/// The `cbc` crate, but a block of a packet after the other, to show what there is to gain from blocks side by side.
pub(super) fn serial<'a>(algorithm: Algorithm, keys: &[Vec<u8>]) -> Work<'a> {
    macro_rules! with {
        ($aes:ty) => {{
            let aes: Vec<$aes> =
                keys.iter().filter_map(|key| <$aes>::new_from_slice(key).ok()).collect();
            Box::new(move |packets| {
                for (octets, aes) in packets.iter_mut().zip(&aes) {
                    let Some((iv, payload)) = parts(octets) else { continue };
                    let (blocks, _) = Block::slice_as_chunks_mut(payload);
                    let mut mode = cbc::Decryptor::inner_iv_init(aes, &iv.into());
                    blocks.iter_mut().for_each(|block| mode.decrypt_block(black_box(block)));
                }
            })
        }};
    }
    match algorithm {
        Algorithm::Aes128 => with!(Aes128Dec),
        Algorithm::Aes256 => with!(Aes256Dec),
    }
}

/// OpenSSL: only the start value is new for each packet.
#[cfg(feature = "openssl")]
pub(super) fn openssl<'a>(
    algorithm: Algorithm,
    way: Way,
    keys: &[Vec<u8>],
) -> Result<Work<'a>, String> {
    use openssl::cipher::Cipher;
    use openssl::cipher_ctx::CipherCtx;

    let cipher = match algorithm {
        Algorithm::Aes128 => Cipher::aes_128_cbc(),
        Algorithm::Aes256 => Cipher::aes_256_cbc(),
    };
    let init =
        move |context: &mut CipherCtx, cipher, key: Option<&[u8]>, iv: Option<&[u8]>| match way {
            Way::Encrypt => context.encrypt_init(cipher, key, iv),
            Way::Decrypt => context.decrypt_init(cipher, key, iv),
        };
    let context = |key: &Vec<u8>| {
        let mut context = CipherCtx::new()?;
        init(&mut context, Some(cipher), Some(key), None)?;
        context.set_padding(false);
        Ok(context)
    };
    let contexts: Result<Vec<CipherCtx>, openssl::error::ErrorStack> =
        keys.iter().map(context).collect();
    let mut contexts = contexts.map_err(|error| format!("openssl: {error}"))?;
    Ok(Box::new(move |packets| {
        for (octets, context) in packets.iter_mut().zip(&mut contexts) {
            let iv = start_value(octets);
            let length = octets.len().saturating_sub(HEADER + ROOM);
            // The binding insists on room for a block more. What fails shows where the octets are compared.
            if let Some(payload) = octets.get_mut(HEADER..)
                && init(context, None, None, Some(&iv)).is_ok()
            {
                let _ = context.cipher_update_inplace(payload, length);
            }
        }
    }))
}

/// OpenSSL was not asked for.
#[cfg(not(feature = "openssl"))]
pub(super) fn openssl<'a>(_: Algorithm, _: Way, _: &[Vec<u8>]) -> Result<Work<'a>, String> {
    Err("skipped: built without it (cargo build --release --features openssl)".to_owned())
}
