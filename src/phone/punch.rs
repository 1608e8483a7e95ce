//! The keepalives of an H.460.19 client: they open the way for media through its NAT and keep it open (§7).

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::mux::MultiplexId;
use pinhole_h323::{rtcp, rtp};

/// The payload type of our keepalives, told in OpenLogicalChannelAck.
pub(super) const PAYLOAD_TYPE: u8 = 127;

/// Where keepalives go, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Punch {
    /// The keepAliveChannel.
    pub(super) to: SocketAddr,
    /// The mediaControlChannel, or the port after the keepAliveChannel.
    pub(super) control: SocketAddr,
    /// The time between keepalives.
    pub(super) interval: Duration,
    /// What they begin with, if the server wants them multiplexed.
    pub(super) mark: Option<MultiplexId>,
    sequence: u16,
    /// How many are still to come soon.
    soon: u8,
}

/// How often, and after what time, the first keepalive is repeated: it may be lost.
const REPEATED: u8 = 2;
const SOON: Duration = Duration::from_secs(1);

impl Punch {
    /// The interval that is taken when the server told none (H.460.19 leaves it open; servers say 19 s).
    pub(super) const INTERVAL: Duration = Duration::from_secs(19);

    /// Keepalives to a channel.
    pub(super) fn new(to: SocketAddr, control: Option<SocketAddr>, interval: Option<u32>) -> Self {
        let next = SocketAddr::new(to.ip(), to.port().saturating_add(1));
        let control = control.filter(|control| control.port() != 0).unwrap_or(next);
        // A server that asks for one every day would lose the mapping, one that asks for a flood gets none.
        let seconds = |s: u32| Duration::from_secs(s.clamp(1, 60).into());
        let interval = interval.map_or(Self::INTERVAL, seconds);
        Self { to, control, interval, mark: None, sequence: 0, soon: REPEATED }
    }

    /// The RTP keepalive that is due.
    pub(super) fn rtp(&mut self) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        rtp::keepalive(PAYLOAD_TYPE, self.sequence).to_vec()
    }

    /// How long it is until the next ones are due.
    pub(super) fn wait(&mut self) -> Duration {
        if self.soon == 0 {
            return self.interval;
        }
        self.soon -= 1;
        SOON.min(self.interval)
    }

    /// The RTCP keepalive that is due.
    pub(super) fn rtcp() -> Vec<u8> {
        rtcp::KEEPALIVE.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepalives_as_gnugk_and_h323plus_know_them() {
        let to = "203.0.113.10:50000".parse().unwrap();
        let mut punch = Punch::new(to, None, Some(19));
        assert_eq!(punch.control, "203.0.113.10:50001".parse().unwrap());
        assert_eq!(punch.rtp(), [0x80, 0x7f, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(punch.rtp()[3], 2);
        assert_eq!(Punch::rtcp()[..4], [0x80, 0xc8, 0, 6]);
        assert_eq!(Punch::rtcp().len(), 28);
        let waits = [1, 1, 19, 19].map(Duration::from_secs);
        assert_eq!(waits.map(|_| punch.wait()), waits);
        assert_eq!(Punch::new(to, None, Some(0)).interval, Duration::from_secs(1));
        let control = "203.0.113.10:60000".parse().unwrap();
        assert_eq!(Punch::new(to, Some(control), None).control, control);
    }
}
