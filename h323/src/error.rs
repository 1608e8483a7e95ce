//! The one catalogue of what can be wrong with octets.

/// Why octets could not be understood, or a message could not be put into octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// An information element is longer than its length field can say.
    #[error("information element longer than its length field can say")]
    ElementTooLong,
    /// The message is longer than its frame can say.
    #[error("message longer than its frame can say")]
    FrameTooLong,
    /// A call reference has more than two octets (Q.931 §4.3).
    #[error("call reference longer than two octets")]
    LongCallReference,
    /// RTP padding that is longer than the payload, or of no octets (RFC 3550 §5.1).
    #[error("impossible rtp padding")]
    Padding,
    /// The first octet is not the protocol discriminator of Q.931.
    #[error("not a q.931 message")]
    ProtocolDiscriminator,
    /// An RTP or RTCP header says another version than 2.
    #[error("not rtp version 2")]
    RtpVersion,
    /// A TPKT says a length that does not even cover its own header.
    #[error("tpkt shorter than its own header")]
    ShortTpkt,
    /// The first octet of a TPKT is not version 3 (RFC 1006 §6).
    #[error("not tpkt version 3")]
    TpktVersion,
    /// The octets end before the message does.
    #[error("message ends too early")]
    Truncated,
}
