//! The multiplexID of H.460.19: four octets before each RTP or RTCP packet that shares a port.

/// Names a session on a shared port; chosen by the receiver of the packets. Zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MultiplexId(pub u32);

impl MultiplexId {
    /// Octets before the packet.
    pub const LENGTH: usize = 4;

    /// The identifier with its octets reversed, as one implementation sends it in its keepalives.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self(self.0.swap_bytes())
    }

    /// The identifier before a packet.
    #[must_use]
    pub fn prefix(self, packet: &[u8]) -> Vec<u8> {
        [&self.0.to_be_bytes()[..], packet].concat()
    }

    /// Writes the identifier into the first four octets of a buffer, where the packet already stands after
    /// them. False when the buffer is shorter.
    pub fn write(self, buffer: &mut [u8]) -> bool {
        match buffer.first_chunk_mut::<{ Self::LENGTH }>() {
            Some(place) => {
                *place = self.0.to_be_bytes();
                true
            }
            None => false,
        }
    }
}

impl std::fmt::Display for MultiplexId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The identifier and the RTP or RTCP packet after it. `None` for anything too short to have both, such as the
/// empty datagrams that some systems send to keep a NAT open.
#[must_use]
pub fn split(datagram: &[u8]) -> Option<(MultiplexId, &[u8])> {
    let (id, packet) = datagram.split_first_chunk::<{ MultiplexId::LENGTH }>()?;
    (!packet.is_empty()).then_some((MultiplexId(u32::from_be_bytes(*id)), packet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_prefixes_a_captured_keepalive() {
        let datagram = [0, 0, 0, 1, 0x80, 0xff, 0, 0x64, 0, 0, 0, 0, 0, 0, 0, 0];
        let (id, packet) = split(&datagram).unwrap();
        assert_eq!(id, MultiplexId(1));
        assert!(crate::rtp::is_keepalive(packet));
        assert_eq!(id.prefix(packet), datagram);
    }

    #[test]
    fn recognises_the_reversed_identifier() {
        let (id, _) = split(&[1, 0, 0, 0, 0x80]).unwrap();
        assert_eq!(id.swapped(), MultiplexId(1));
    }

    #[test]
    fn writes_in_place_or_not_at_all() {
        let mut buffer = [0, 0, 0, 0, 0x80];
        assert!(MultiplexId(0x000e_250f).write(&mut buffer));
        assert_eq!(buffer, [0, 0x0e, 0x25, 0x0f, 0x80]);
        assert!(!MultiplexId(1).write(&mut buffer[..3]));
        assert_eq!(split(&[]), None);
        assert_eq!(split(&buffer[..4]), None);
    }
}
