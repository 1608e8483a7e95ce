//! What comes from the sockets, and by which number.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::face::QuestionId;

/// What the sockets' tasks report; `serial` is the number from the [`Hall`].
#[derive(Debug)]
pub(super) enum Arrival {
    /// A datagram on a UDP socket.
    Datagram {
        /// The socket.
        serial: u64,
        /// Its source.
        from: SocketAddr,
        /// Its payload.
        bytes: Vec<u8>,
    },
    /// A connection to a listener.
    Accepted {
        /// The listener.
        serial: u64,
        /// The connection.
        stream: TcpStream,
        /// Its other end.
        peer: SocketAddr,
    },
    /// A connection that we asked for stands.
    Connected {
        /// The connection.
        serial: u64,
        /// Our end.
        local: SocketAddr,
    },
    /// Octets of a connection.
    Bytes {
        /// The connection.
        serial: u64,
        /// What came.
        bytes: Vec<u8>,
    },
    /// What was asked is known.
    Answer {
        /// Which question.
        id: QuestionId,
        /// The answer.
        addresses: Vec<SocketAddr>,
    },
    /// A connection that we asked for cannot be made for want of a port.
    NoRoom {
        /// The connection.
        serial: u64,
    },
    /// The end of a connection.
    Closed {
        /// The connection.
        serial: u64,
    },
}

/// Numbers what is opened, and hears what comes from it. A number is never used again, so that what a socket
/// sent before it was closed is not taken for its successor's.
#[derive(Debug)]
pub(super) struct Hall {
    arrivals: mpsc::Sender<Arrival>,
    last: u64,
}

impl Hall {
    /// A hall whose arrivals go to the other end of the channel.
    pub(super) fn new(arrivals: mpsc::Sender<Arrival>) -> Self {
        Self { arrivals, last: 0 }
    }

    /// The next number, and where to report under it.
    pub(super) fn enter(&mut self) -> (u64, mpsc::Sender<Arrival>) {
        self.last += 1;
        (self.last, self.arrivals.clone())
    }
}
