//! RTP: one summary for each stream and direction, where messages told the address of either end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::names::payload_type;
use super::step::{Kind, Mark, Step};
use crate::decode::capture::Packet;
use crate::decode::dissector::Entry;
use crate::decode::packet::{self, Carried};

/// Streams that are summed up, and media addresses that are remembered; later ones are not.
const MAX_STREAMS: usize = 4096;
/// Octets of the fixed RTP header (RFC 3550 §5.1).
const HEADER: usize = 12;
/// Octets of the multiplex identifier before it (H.460.19 §7).
const MULTIPLEX: usize = 4;

/// Sender, receiver, SSRC.
type Key = (SocketAddr, SocketAddr, u32);

#[derive(Debug)]
struct Stream {
    call: Option<String>,
    begin: Duration,
    last: Duration,
    packets: u64,
    /// Packets that hold nothing but their header (keepalives, H.460.19 §7).
    empty: u64,
    payload_type: u8,
    multiplexed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Media {
    /// Where messages said that media are received, and for which call.
    told: BTreeMap<SocketAddr, Option<String>>,
    streams: BTreeMap<Key, Stream>,
}

impl Media {
    pub(super) fn told(&mut self, entry: &Entry) {
        for told in &entry.message.addresses {
            let media = matches!(
                told.name,
                "mediaChannel" | "keepAliveChannel" | "multiplexedMediaChannel"
            );
            if media && self.told.len() < MAX_STREAMS {
                self.told.insert(told.address, entry.message.call.clone());
            }
        }
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>) {
        let Some((from, to, Carried::Datagram(bytes))) = packet::open(packet) else { return };
        let Some(call) = self.told.get(&to).or_else(|| self.told.get(&from)) else { return };
        let plain = header(bytes);
        let rtp = plain.or_else(|| bytes.get(MULTIPLEX..).and_then(header));
        let Some((payload_type, source, empty)) = rtp else { return };
        let key = (from, to, source);
        if !self.streams.contains_key(&key) && self.streams.len() >= MAX_STREAMS {
            return;
        }
        let stream = self.streams.entry(key).or_insert_with(|| Stream {
            call: call.clone(),
            begin: packet.time,
            last: packet.time,
            packets: 0,
            empty: 0,
            payload_type,
            multiplexed: plain.is_none(),
        });
        stream.packets += 1;
        stream.empty += u64::from(empty);
        stream.last = packet.time;
        if !empty {
            stream.payload_type = payload_type;
        }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        self.streams.iter().map(|((from, to, _), stream)| Step {
            time: stream.begin,
            last: stream.last,
            times: stream.packets,
            from: *from,
            to: *to,
            call: stream.call.clone(),
            label: stream.label(),
            inside: Vec::new(),
            kind: Kind::Media,
            mark: Mark::None,
            periodic: false,
        })
    }
}

impl Stream {
    fn label(&self) -> String {
        let multiplexed = if self.multiplexed { " mux" } else { "" };
        if self.empty == self.packets {
            return format!("RTP keepalive{multiplexed}");
        }
        format!("RTP {}{multiplexed}", payload_type(self.payload_type))
    }
}

/// Payload type, SSRC and whether nothing follows, if this can be RTP and is not RTCP (RFC 5761 §4).
fn header(bytes: &[u8]) -> Option<(u8, u32, bool)> {
    let [first, second, _, _, _, _, _, _, a, b, c, d] = *bytes.first_chunk::<HEADER>()?;
    let payload_type = second & 0x7f;
    let rtp = first >> 6 == 2 && !(64..96).contains(&payload_type);
    rtp.then(|| (payload_type, u32::from_be_bytes([a, b, c, d]), bytes.len() == HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_rtp_from_rtcp_and_others() {
        let mut rtp = [0x80, 0x88, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xaa];
        assert_eq!(header(&rtp), Some((8, 3, false)));
        assert_eq!(header(&rtp[..12]), Some((8, 3, true)));
        assert_eq!(header(&rtp[..11]), None);
        rtp[1] = 200;
        assert_eq!(header(&rtp), None);
        rtp[1] = 0;
        rtp[0] = 0x40;
        assert_eq!(header(&rtp), None);
    }
}
