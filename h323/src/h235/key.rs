//! A session key on its way from the master to the slave (H.245 EncryptionSync; H.235.6 §8.6).

use crate::asn::h235::{H235Key, V3KeySyncMaterial};
use crate::asn::h245::{
    CommandMessage, EncryptionSync, EncryptionUpdateDirection,
    EncryptionUpdateRequest as UpdateRequest, LogicalChannelNumber, MiscellaneousCommand,
    MiscellaneousCommandType as Kind, MiscellaneousCommandTypeEncryptionUpdateAck as UpdateAck,
    MiscellaneousCommandTypeEncryptionUpdateCommand as UpdateCommand,
};
use crate::asn::{ObjectIdentifier, OctetString, decode_h235_key, encode_h235_key};
use crate::control::Control;
use crate::error::Malformed;

/// A session key, wrapped with the key that both sides have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The RTP payload type of what is encrypted with it (`synchFlag`).
    pub payload_type: u8,
    /// What it encrypts with; some leave that out.
    pub algorithm: Option<ObjectIdentifier>,
    /// The wrapped key.
    pub octets: Vec<u8>,
}

impl WrappedKey {
    /// The element that carries it.
    ///
    /// # Errors
    /// If there are no octets, or too many.
    pub fn to_sync(&self) -> Result<EncryptionSync, Malformed> {
        let material = V3KeySyncMaterial {
            algorithm_oid: self.algorithm.clone(),
            encrypted_session_key: Some(self.octets.clone().into()),
            ..V3KeySyncMaterial::default()
        };
        let key = encode_h235_key(&H235Key::secureSharedSecret(Box::new(material)))?;
        Ok(EncryptionSync {
            synch_flag: self.payload_type,
            h235_key: OctetString::from(key),
            ..EncryptionSync::default()
        })
    }

    /// The key that an element carries; nothing when it is of another form than that of version 3 (a key in clear, a
    /// key protected by a certificate), has an initial value of its own, or is no key at all.
    #[must_use]
    pub fn read(sync: &EncryptionSync) -> Option<Self> {
        let H235Key::secureSharedSecret(material) = decode_h235_key(&sync.h235_key).ok()? else {
            return None;
        };
        let V3KeySyncMaterial { algorithm_oid, param_s, encrypted_session_key, .. } = *material;
        let plain = param_s.iv8.is_none() && param_s.iv16.is_none() && param_s.iv.is_none();
        let octets = encrypted_session_key.filter(|_| plain)?.to_vec();
        Some(Self { payload_type: sync.synch_flag, algorithm: algorithm_oid, octets })
    }
}

fn command(channel: u16, kind: Kind, from_master: bool) -> Control {
    let direction = if from_master {
        EncryptionUpdateDirection::masterToSlave(())
    } else {
        EncryptionUpdateDirection::slaveToMaster(())
    };
    let command = MiscellaneousCommand {
        logical_channel_number: LogicalChannelNumber(channel),
        r_type: kind,
        direction: Some(direction),
        ..MiscellaneousCommand::default()
    };
    Control::command(CommandMessage::miscellaneousCommand(Box::new(command)))
}

/// The master's command to use a new key on a channel. `from_master` is true for a channel that the master opened.
#[must_use]
pub fn command_update(channel: u16, sync: EncryptionSync, from_master: bool) -> Control {
    let update = UpdateCommand { encryption_sync: sync, ..UpdateCommand::default() };
    command(channel, Kind::encryptionUpdateCommand(Box::new(update)), from_master)
}

/// The slave's answer: it is ready for the key with this payload type.
#[must_use]
pub fn acknowledge_update(channel: u16, payload_type: u8, from_master: bool) -> Control {
    let ack = UpdateAck { synch_flag: payload_type, ..UpdateAck::default() };
    command(channel, Kind::encryptionUpdateAck(ack), from_master)
}

/// The slave's wish for a new key, of a channel whose packets have this payload type.
#[must_use]
pub fn request_update(channel: u16, payload_type: u8, from_master: bool) -> Control {
    let request = UpdateRequest { synch_flag: Some(payload_type), ..UpdateRequest::default() };
    command(channel, Kind::encryptionUpdateRequest(request), from_master)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AES128: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 2];
    const WRAPPED: [u8; 16] = [
        0xf7, 0xcb, 0x9d, 0xf8, 0xa5, 0x7d, 0x8c, 0x78, 0x47, 0x58, 0xaa, 0xe0, 0x8d, 0xd9, 0x99,
        0x68,
    ];
    const SYNC: [u8; 31] = [
        0x80, 0x1d, 0x30, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02, 0x00, 0x10,
        0xf7, 0xcb, 0x9d, 0xf8, 0xa5, 0x7d, 0x8c, 0x78, 0x47, 0x58, 0xaa, 0xe0, 0x8d, 0xd9, 0x99,
        0x68,
    ];

    fn key() -> WrappedKey {
        let (algorithm, octets) = (Some(AES128.into()), WRAPPED.to_vec());
        WrappedKey { payload_type: 110, algorithm, octets }
    }

    #[test]
    fn a_wrapped_key_is_these_octets() {
        let sync = key().to_sync().unwrap();
        assert_eq!(&sync.h235_key[..], SYNC);
        assert_eq!(WrappedKey::read(&sync), Some(key()));
    }

    #[test]
    fn updates_are_these_octets() {
        let update = command_update(101, key().to_sync().unwrap(), true).encode().unwrap();
        let around =
            [&[0x4d, 0, 0x64, 0x8d, 0x23, 0, 0x6e, 0, 0x1e][..], &SYNC, &[1, 1, 0]].concat();
        assert_eq!(update, around);
        let ack = acknowledge_update(101, 110, true).encode().unwrap();
        assert_eq!(ack, [0x4d, 0, 0x64, 0x8e, 2, 0, 0x6e, 1, 1, 0]);
        // The beginning as in `encryptionUpdateRequest ch101 synchFlag110`, which says no direction.
        let request = request_update(101, 110, true).encode().unwrap();
        assert_eq!(request[2..8], [0x64, 0x83, 0x04, 0x80, 0x40, 0x01]);
    }

    #[test]
    fn keys_of_another_form_are_none() {
        let of = |key: &H235Key| EncryptionSync {
            h235_key: encode_h235_key(key).unwrap().into(),
            ..EncryptionSync::default()
        };
        let clear = H235Key::secureChannel(Default::default());
        let material = V3KeySyncMaterial::default();
        for other in [clear, H235Key::secureSharedSecret(Box::new(material))] {
            let Ok(_) = encode_h235_key(&other) else { continue };
            assert_eq!(WrappedKey::read(&of(&other)), None, "{other:?}");
        }
        let mut with_iv = V3KeySyncMaterial {
            encrypted_session_key: Some(WRAPPED.to_vec().into()),
            ..V3KeySyncMaterial::default()
        };
        with_iv.param_s.iv = Some(vec![1].into());
        let with_iv = H235Key::secureSharedSecret(Box::new(with_iv));
        assert_eq!(WrappedKey::read(&of(&with_iv)), None);
        let junk = EncryptionSync { h235_key: vec![0xff].into(), ..EncryptionSync::default() };
        assert_eq!(WrappedKey::read(&junk), None);
    }
}
