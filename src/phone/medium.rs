//! The media that a call can have, and the codecs they are sent in.

use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    AudioCapability, CapabilityIdentifier, DataType, ExtendedVideoCapability, GenericCapability,
    GenericParameter, H263VideoCapability, ParameterIdentifier, ParameterValue, VideoCapability,
};

use super::g711::Law;

/// h239ExtendedVideoCapability (H.239 §8.1).
const EXTENDED_VIDEO: [u32; 6] = [0, 0, 8, 239, 1, 2];

/// The parameter roleLabel, and its bit for a presentation (H.239 §8.1).
const ROLE_LABEL: u8 = 1;
const ROLE_PRESENTATION: u8 = 0x02;

/// Frames in a G.711 packet, of a millisecond each.
const FRAMES: u16 = 20;

/// The most video that we receive, in kbit/s, unless more is sent.
const MOST_VIDEO: u32 = 1920;

/// What a channel is for. One call has at most one of each, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Medium {
    /// Speech.
    Audio,
    /// The picture of a person.
    Video,
    /// A second picture (H.239): slides.
    Presentation,
}

impl Medium {
    /// The name in records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Presentation => "presentation",
        }
    }

    /// The RTP session that a channel is opened in. Above 3, only the master assigns them; the slave says 0
    /// (H.245 §C.5.1.1, H2250LogicalChannelParameters.sessionID).
    pub(super) const fn session(self, is_master: bool) -> u8 {
        match self {
            Self::Audio => 1,
            Self::Video => 2,
            Self::Presentation if is_master => 32,
            Self::Presentation => 0,
        }
    }

    /// The numbers that our channels of this medium have: each medium has its own.
    pub(super) const fn numbers(self) -> std::ops::RangeInclusive<u16> {
        match self {
            Self::Audio => 101..=19_999,
            Self::Video => 20_001..=39_999,
            Self::Presentation => 40_001..=65_535,
        }
    }

    /// The medium and the codec of a channel, if it is one that we can receive.
    pub(super) fn of(data_type: &DataType) -> Option<(Self, Codec)> {
        match data_type {
            DataType::audioData(audio) => Some((Self::Audio, Codec::G711(law_of(audio)?))),
            DataType::videoData(video) => video_of(video).map(|medium| (medium, Codec::H263)),
            _ => None,
        }
    }
}

/// How a medium is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// Audio.
    G711(Law),
    /// Video (RFC 2190 payload format).
    H263,
}

impl Codec {
    /// The name in records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::G711(law) => law.name(),
            Self::H263 => "h263",
        }
    }

    /// The static RTP payload type (RFC 3551 tables 4 and 5).
    pub(super) const fn payload_type(self) -> u8 {
        match self {
            Self::G711(law) => law.payload_type(),
            Self::H263 => 34,
        }
    }

    /// Ticks of its RTP clock in a second.
    pub(super) const fn clock(self) -> u32 {
        match self {
            Self::G711(_) => 8000,
            Self::H263 => 90_000,
        }
    }

    /// What a channel of a medium in this codec carries, at this rate in kbit/s.
    pub(super) fn data_type(self, medium: Medium, kbit: u32) -> DataType {
        match self {
            Self::G711(law) => DataType::audioData(Box::new(audio(law))),
            Self::H263 => DataType::videoData(Box::new(video(medium, kbit))),
        }
    }
}

/// The kind of G.711 that an audio capability is, if it is one of the two at 64 kbit/s.
pub(super) const fn law_of(audio: &AudioCapability) -> Option<Law> {
    match audio {
        AudioCapability::g711Alaw64k(_) => Some(Law::A),
        AudioCapability::g711Ulaw64k(_) => Some(Law::Mu),
        _ => None,
    }
}

/// The audio capability of a kind of G.711.
pub(super) const fn audio(law: Law) -> AudioCapability {
    match law {
        Law::A => AudioCapability::g711Alaw64k(FRAMES),
        Law::Mu => AudioCapability::g711Ulaw64k(FRAMES),
    }
}

/// H.263 of so many kbit/s; of none: of as much as we receive. For a presentation, wrapped as H.239 wants it.
pub(super) fn video(medium: Medium, kbit: u32) -> VideoCapability {
    let rate = if kbit == 0 { MOST_VIDEO } else { kbit };
    let plain = VideoCapability::h263VideoCapability(Box::new(H263VideoCapability {
        qcif_mpi: Some(1),
        cif_mpi: Some(1),
        max_bit_rate: (rate * 10).clamp(1, 192_400),
        ..H263VideoCapability::default()
    }));
    if medium != Medium::Presentation {
        return plain;
    }
    let role = GenericParameter {
        parameter_identifier: ParameterIdentifier::standard(ROLE_LABEL),
        parameter_value: ParameterValue::booleanArray(ROLE_PRESENTATION),
        ..GenericParameter::default()
    };
    let extension = GenericCapability {
        capability_identifier: CapabilityIdentifier::standard(ObjectIdentifier::from(
            EXTENDED_VIDEO,
        )),
        non_collapsing: Some(vec![role]),
        ..GenericCapability::default()
    };
    VideoCapability::extendedVideoCapability(ExtendedVideoCapability {
        video_capability: vec![plain],
        video_capability_extension: Some(vec![extension]),
        ..ExtendedVideoCapability::default()
    })
}

/// The medium of a video capability, if it is of H.263.
pub(super) fn video_of(video: &VideoCapability) -> Option<Medium> {
    let plain = |video: &VideoCapability| matches!(video, VideoCapability::h263VideoCapability(_));
    match video {
        VideoCapability::extendedVideoCapability(extended) => {
            let is_second = |one: &GenericCapability| {
                one.capability_identifier
                    == CapabilityIdentifier::standard(ObjectIdentifier::from(EXTENDED_VIDEO))
            };
            let second = extended.video_capability_extension.iter().flatten().any(is_second);
            let known = extended.video_capability.iter().any(plain);
            (second && known).then_some(Medium::Presentation)
        }
        video => plain(video).then_some(Medium::Video),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_channel_is_understood() {
        for (medium, codec) in [
            (Medium::Audio, Codec::G711(Law::A)),
            (Medium::Audio, Codec::G711(Law::Mu)),
            (Medium::Video, Codec::H263),
            (Medium::Presentation, Codec::H263),
        ] {
            assert_eq!(Medium::of(&codec.data_type(medium, 384)), Some((medium, codec)));
        }
        assert_eq!(Medium::of(&DataType::nullData(())), None);
        let other = VideoCapability::extendedVideoCapability(ExtendedVideoCapability::default());
        assert_eq!(video_of(&other), None, "a second picture of no known role and codec");
    }

    #[test]
    fn the_rate_stays_in_its_bounds() {
        for (kbit, rate) in [(384, 3840), (0, 19_200), (20_000, 192_400)] {
            let VideoCapability::h263VideoCapability(h263) = video(Medium::Video, kbit) else {
                panic!()
            };
            assert_eq!(h263.max_bit_rate, rate);
        }
    }
}
