//! The one catalogue of what can be wrong with octets.

/// Why octets could not be understood, or a message could not be put into octets. Alphabetical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A character its type's alphabet does not have.
    #[error("character outside the alphabet")]
    Alphabet,
    /// A value would take far more memory than its octets can justify.
    #[error("more elements than its length justifies")]
    Budget,
    /// An alternative or enumeration that does not exist and could not be kept.
    #[error("no such alternative")]
    Choice,
    /// A number or length outside the bounds its type sets.
    #[error("value out of bounds")]
    Constraint,
    /// Values nested deeper than any real message.
    #[error("nested too deep")]
    Depth,
    /// An information element is longer than its length field can say.
    #[error("information element longer than its length field can say")]
    ElementTooLong,
    /// The message is longer than its frame can say.
    #[error("message longer than its frame can say")]
    FrameTooLong,
    /// A length that no encoder may write.
    #[error("invalid length")]
    Length,
    /// A call reference has more than two octets (Q.931 §4.3).
    #[error("call reference longer than two octets")]
    LongCallReference,
    /// The message is longer than is taken.
    #[error("message longer than is taken")]
    Oversize,
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
