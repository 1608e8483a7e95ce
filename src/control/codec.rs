//! What a channel carries, in the words of people.

use pinhole_h323::asn::h245::{
    AudioCapability, DataApplicationCapability,
    DataApplicationCapabilityApplication as Application, DataType, H235MediaMediaType,
    OpenLogicalChannel, VideoCapability,
};

/// The codec of a second video (H.239 §6).
pub(super) const PRESENTATION: &str = "extended";

/// What a channel carries, whichever way it goes: that of its reverse direction, if it has none forward.
pub(super) fn carried(olc: &OpenLogicalChannel) -> &DataType {
    match (
        &olc.forward_logical_channel_parameters.data_type,
        &olc.reverse_logical_channel_parameters,
    ) {
        (DataType::nullData(()), Some(reverse)) => &reverse.data_type,
        (forward, _) => forward,
    }
}

/// The medium of a channel (`audio`, `video`, `data`) and its codec.
pub(super) fn describe(data: &DataType) -> (&'static str, String) {
    match data {
        DataType::audioData(audio) => ("audio", audio_codec(audio).to_owned()),
        DataType::videoData(video) => ("video", video_codec(video).to_owned()),
        DataType::data(data) => ("data", data_application(data).to_owned()),
        DataType::h235Media(media) => match &media.media_type {
            H235MediaMediaType::audioData(audio) => ("audio", audio_codec(audio).to_owned()),
            H235MediaMediaType::videoData(video) => ("video", video_codec(video).to_owned()),
            H235MediaMediaType::data(data) => ("data", data_application(data).to_owned()),
            _ => ("data", "unknown".to_owned()),
        },
        // Avaya wraps its second video so.
        DataType::multiplePayloadStream(stream) => match stream.elements.first() {
            Some(element) if !is_wrapped(&element.data_type) => describe(&element.data_type),
            _ => ("data", "unknown".to_owned()),
        },
        _ => ("data", "unknown".to_owned()),
    }
}

const fn is_wrapped(data: &DataType) -> bool {
    matches!(data, DataType::multiplePayloadStream(_))
}

const fn data_application(data: &DataApplicationCapability) -> &'static str {
    match data.application {
        Application::t120(_) => "t120",
        Application::t84(_) => "t84",
        Application::t434(_) => "t434",
        Application::h224(_) => "h224",
        Application::t30fax(_) => "t30",
        Application::t38fax(_) => "t38",
        Application::t140(_) => "t140",
        Application::genericDataCapability(_) => "generic",
        _ => "data",
    }
}

const fn audio_codec(audio: &AudioCapability) -> &'static str {
    match audio {
        AudioCapability::g711Alaw64k(_) | AudioCapability::g711Alaw56k(_) => "pcma",
        AudioCapability::g711Ulaw64k(_) | AudioCapability::g711Ulaw56k(_) => "pcmu",
        AudioCapability::g722_64k(_)
        | AudioCapability::g722_56k(_)
        | AudioCapability::g722_48k(_) => "g722",
        AudioCapability::g7231(_) | AudioCapability::g7231AnnexCCapability(_) => "g723",
        AudioCapability::g728(_) => "g728",
        AudioCapability::g729(_)
        | AudioCapability::g729AnnexA(_)
        | AudioCapability::g729wAnnexB(_)
        | AudioCapability::g729AnnexAwAnnexB(_)
        | AudioCapability::g729Extensions(_) => "g729",
        AudioCapability::gsmFullRate(_)
        | AudioCapability::gsmHalfRate(_)
        | AudioCapability::gsmEnhancedFullRate(_) => "gsm",
        AudioCapability::genericAudioCapability(_) => "generic",
        _ => "other",
    }
}

const fn video_codec(video: &VideoCapability) -> &'static str {
    match video {
        VideoCapability::h261VideoCapability(_) => "h261",
        VideoCapability::h262VideoCapability(_) => "h262",
        VideoCapability::h263VideoCapability(_) => "h263",
        VideoCapability::genericVideoCapability(_) => "generic",
        VideoCapability::extendedVideoCapability(_) => PRESENTATION,
        _ => "other",
    }
}
