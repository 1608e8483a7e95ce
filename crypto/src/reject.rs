//! The one catalogue of what a peer can do wrong with keys and ciphers.

/// Why a key, a half key or a packet was refused. Alphabetical.
///
/// None of these is ever told to the peer: an answer that depends on padding would be a padding oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// A public value outside `2..=p-2`, or longer than the prime: it would give the secret away.
    #[error("half key out of range")]
    HalfKey,
    /// A key, wrapped key or secret of a length its algorithm does not have.
    #[error("wrong key length")]
    KeyLength,
    /// A payload of a length that no sender of H.235.6 can have made.
    #[error("not the length of a ciphertext")]
    Length,
    /// Padding of no octets, of more than a block, or longer than the payload.
    #[error("impossible padding")]
    Padding,
    /// A prime or generator other than those the token's identifier stands for.
    #[error("foreign group parameters")]
    Parameters,
    /// No key of this channel belongs to the packet's payload type.
    #[error("no key for this payload type")]
    PayloadType,
    /// No room behind the packet for the padding it needs.
    #[error("no room for padding")]
    Tailroom,
    /// The packet ends before its header does.
    #[error("packet ends too early")]
    Truncated,
    /// Not version 2 of RTP.
    #[error("not rtp version 2")]
    Version,
}
