//! Synthetic video: frames of a constant size that say nothing, in packets evenly spread over the frame's time.

use std::time::Duration;

/// Frames in a second.
const FRAMES: u32 = 25;

/// The time of a frame on the RTP clock of video, 90 kHz.
pub(super) const FRAME_TICKS: u32 = 90_000 / FRAMES;

/// The time of a frame.
const FRAME: Duration = Duration::from_millis(1000 / FRAMES as u64);

/// The most octets of a packet after its RTP header.
const MOST: usize = 1200;

/// The payload header of H.263 (RFC 2190 mode A): CIF, an intra frame first.
const HEADER: [u8; 4] = [0, 0x60, 0, 0];

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Film {
    /// Octets of a frame.
    frame: usize,
    /// What of the frame at hand is still to come.
    left: usize,
    packets: u32,
}

/// A packet's payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) payload: Vec<u8>,
    /// The frame ends with it: it is marked, and the next one has the next timestamp.
    pub(super) is_last: bool,
    /// How long to wait for the next.
    pub(super) wait: Duration,
}

impl Film {
    /// Video of so many kbit/s of RTP payload.
    pub(super) fn new(kbit: u32) -> Self {
        let frame = (kbit as usize * 1000 / 8 / FRAMES as usize).max(HEADER.len() + 1);
        let packets = frame.div_ceil(MOST) as u32;
        Self { frame, left: frame, packets }
    }

    /// The next packet.
    pub(super) fn piece(&mut self) -> Piece {
        let size = self.left.min(MOST);
        self.left -= size;
        let is_last = self.left == 0;
        if is_last {
            self.left = self.frame;
        }
        let mut payload = HEADER.to_vec();
        // Not zeros, which a compressing link would send for nothing.
        payload.extend((HEADER.len()..size).map(|n| (n as u8).wrapping_mul(73) ^ 0x5a));
        Piece { payload, is_last, wait: FRAME / self.packets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_and_paced() {
        // 1 Mbit/s: 5000 octets a frame, in five packets.
        let mut film = Film::new(1000);
        let pieces: Vec<Piece> = (0..10).map(|_| film.piece()).collect();
        let sizes: Vec<usize> = pieces.iter().map(|piece| piece.payload.len()).collect();
        assert_eq!(sizes, [1200, 1200, 1200, 1200, 200, 1200, 1200, 1200, 1200, 200]);
        let ends: Vec<usize> = (0..10).filter(|n| pieces[*n].is_last).collect();
        assert_eq!(ends, [4, 9]);
        assert_eq!(pieces[0].wait, Duration::from_millis(8));
        assert_eq!(FRAME_TICKS, 3600);
        let tiny = Film::new(1).piece();
        assert!(tiny.is_last && tiny.payload.len() == 5);
    }
}
