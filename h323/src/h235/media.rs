//! The data type of an encrypted channel: the ordinary one, wrapped with its cipher (H.245 H235Media).

use super::capability::{algorithms, protection};
use crate::asn::ObjectIdentifier;
use crate::asn::h245::{
    AudioCapability, DataType, H235Media, H235MediaMediaType as Media, VideoCapability,
};

/// The data type, encrypted with this cipher; nothing for what cannot be.
#[must_use]
pub fn wrap(data: &DataType, algorithm: ObjectIdentifier) -> Option<DataType> {
    let media_type = match data {
        DataType::audioData(audio) => Media::audioData(audio.clone()),
        DataType::videoData(video) => Media::videoData(video.clone()),
        DataType::data(data) => Media::data(data.clone()),
        _ => return None,
    };
    Some(DataType::h235Media(Box::new(H235Media {
        encryption_authentication_and_integrity: protection(&[algorithm]),
        media_type,
        ..H235Media::default()
    })))
}

/// The ordinary data type and the ciphers of an encrypted one; nothing for a clear one.
#[must_use]
pub fn unwrap(data: &DataType) -> Option<(DataType, Vec<ObjectIdentifier>)> {
    let DataType::h235Media(media) = data else { return None };
    let clear = match &media.media_type {
        Media::audioData(audio) => DataType::audioData(audio.clone()),
        Media::videoData(video) => DataType::videoData(video.clone()),
        Media::data(data) => DataType::data(data.clone()),
        _ => DataType::nullData(()),
    };
    Some((clear, algorithms(&media.encryption_authentication_and_integrity)))
}

/// The payload type that a codec has by itself (RFC 3551 §6).
#[must_use]
pub fn static_payload_type(data: &DataType) -> Option<u8> {
    match data {
        DataType::audioData(audio) => match **audio {
            AudioCapability::g711Ulaw64k(_) | AudioCapability::g711Ulaw56k(_) => Some(0),
            AudioCapability::gsmFullRate(_) => Some(3),
            AudioCapability::g7231(_) | AudioCapability::g7231AnnexCCapability(_) => Some(4),
            AudioCapability::g711Alaw64k(_) | AudioCapability::g711Alaw56k(_) => Some(8),
            AudioCapability::g722_64k(_)
            | AudioCapability::g722_56k(_)
            | AudioCapability::g722_48k(_) => Some(9),
            AudioCapability::g728(_) => Some(15),
            AudioCapability::g729(_)
            | AudioCapability::g729AnnexA(_)
            | AudioCapability::g729wAnnexB(_)
            | AudioCapability::g729AnnexAwAnnexB(_) => Some(18),
            _ => None,
        },
        DataType::videoData(video) => match &**video {
            // The second video of H.239 is one of these with a role.
            VideoCapability::extendedVideoCapability(extended) => {
                extended.video_capability.iter().find_map(static_video)
            }
            video => static_video(video),
        },
        _ => None,
    }
}

const fn static_video(video: &VideoCapability) -> Option<u8> {
    match video {
        VideoCapability::h261VideoCapability(_) => Some(31),
        VideoCapability::h262VideoCapability(_) => Some(32),
        VideoCapability::h263VideoCapability(_) => Some(34),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AES128: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 2];

    #[test]
    fn wrapped_and_unwrapped() {
        let audio = DataType::audioData(Box::new(AudioCapability::g711Ulaw64k(20)));
        assert_eq!(static_payload_type(&audio), Some(0));
        let wrapped = wrap(&audio, AES128.into()).unwrap();
        assert_eq!(static_payload_type(&wrapped), None);
        assert_eq!(unwrap(&wrapped), Some((audio.clone(), vec![AES128.into()])));
        assert_eq!(unwrap(&audio), None);
        assert_eq!(wrap(&wrapped, AES128.into()), None, "once");
        assert_eq!(wrap(&DataType::nullData(()), AES128.into()), None);
    }
}
