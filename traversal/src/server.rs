//! The H.460.18 server's half of a call towards a client behind a NAT (H.460.18 §5; facts of real peers: an
//! announcement is repeated until it is answered, and the client's TCP connection names the call it came for).
//!
//! The call identifier is the only credential the opened connection carries. So it is accepted once, until its
//! deadline, and only from the address that holds the registration.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::id::CallId;

use crate::Timers;

/// How long an unanswered announcement waits before it is sent again.
const REPEAT: Duration = Duration::from_secs(2);

/// Calls announced to clients that have not yet opened a connection for them.
#[derive(Debug, Default)]
pub struct Server {
    invitations: BTreeMap<CallId, Invitation>,
    /// Which call an announcement is for: where it went, and its number.
    numbers: BTreeMap<(SocketAddr, u16), CallId>,
    timers: Timers<Deadline>,
}

#[derive(Debug)]
struct Invitation {
    client: SocketAddr,
    seq: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    /// Send the announcement, for the first time or again.
    Announce(CallId),
    /// The client did not come.
    GiveUp(CallId),
}

/// What the server wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send a ServiceControlIndication with an IncomingCallIndication.
    Announce {
        /// The call it announces.
        call: CallId,
        /// Its requestSeqNum; the same in every repetition.
        seq: u16,
        /// The client's RAS address as the NAT shows it.
        client: SocketAddr,
    },
    /// The client has not connected in time: the call fails.
    GaveUp {
        /// The call it was announced for.
        call: CallId,
    },
}

/// Why a connection that names a call is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No such call waits for a connection (any more).
    NotExpected,
    /// The call waits for another client.
    WrongAddress,
}

impl Server {
    /// Announces a call to the client whose RAS address is `client`, and waits for its connection until `wait` is
    /// over. `seq` is the requestSeqNum to use.
    pub fn invite(
        &mut self,
        now: Instant,
        call: CallId,
        client: SocketAddr,
        seq: u16,
        wait: Duration,
    ) {
        self.cancel(call);
        self.invitations.insert(call, Invitation { client, seq });
        self.numbers.insert((client, seq), call);
        self.timers.set(Deadline::Announce(call), now);
        self.timers.set(Deadline::GiveUp(call), now + wait);
    }

    /// A ServiceControlResponse arrived: the announcement with this number need not be repeated.
    pub fn answered(&mut self, from: SocketAddr, seq: u16) {
        if let Some(call) = self.numbers.get(&(from, seq)) {
            self.timers.stop(&Deadline::Announce(*call));
        }
    }

    /// A connection from `peer` names a call. On success the call no longer waits.
    ///
    /// # Errors
    /// When no such call waits, or it waits for a client at another address; a call that waits goes on waiting.
    pub fn open(&mut self, call: CallId, peer: IpAddr) -> Result<(), Refused> {
        let invitation = self.invitations.get(&call).ok_or(Refused::NotExpected)?;
        if invitation.client.ip() != peer {
            return Err(Refused::WrongAddress);
        }
        self.cancel(call);
        Ok(())
    }

    /// True when a call waits for a client at this address.
    #[must_use]
    pub fn waits(&self, call: CallId, peer: IpAddr) -> bool {
        self.invitations.get(&call).is_some_and(|invitation| invitation.client.ip() == peer)
    }

    /// The call is over before the client came.
    pub fn cancel(&mut self, call: CallId) {
        if let Some(Invitation { client, seq }) = self.invitations.remove(&call)
            && self.numbers.get(&(client, seq)) == Some(&call)
        {
            self.numbers.remove(&(client, seq));
        }
        self.timers.stop(&Deadline::Announce(call));
        self.timers.stop(&Deadline::GiveUp(call));
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next thing to do at this time.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        loop {
            match self.timers.expired(now)? {
                Deadline::Announce(call) => {
                    let Some(invitation) = self.invitations.get(&call) else { continue };
                    self.timers.set(Deadline::Announce(call), now + REPEAT);
                    let Invitation { client, seq } = *invitation;
                    return Some(Action::Announce { call, seq, client });
                }
                Deadline::GiveUp(call) => {
                    self.cancel(call);
                    return Some(Action::GaveUp { call });
                }
            }
        }
    }

    /// How many calls wait for a client.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.invitations.len()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    const CALL: CallId = CallId([7; 16]);
    const WAIT: Duration = Duration::from_secs(9);

    fn client() -> SocketAddr {
        "203.0.113.9:40000".parse().unwrap()
    }

    fn announce() -> Option<Action> {
        Some(Action::Announce { call: CALL, seq: 5, client: client() })
    }

    fn invited(now: Instant) -> Server {
        let mut server = Server::default();
        server.invite(now, CALL, client(), 5, WAIT);
        assert_eq!(server.poll(now), announce());
        assert_eq!(server.poll(now), None);
        server
    }

    #[test]
    fn an_unanswered_announcement_is_repeated_and_given_up() {
        let now = Instant::now();
        let mut server = invited(now);
        let mut repeats = 0;
        loop {
            let at = server.next().expect("a deadline");
            match server.poll(at) {
                Some(Action::Announce { .. }) => repeats += 1,
                Some(Action::GaveUp { call }) => {
                    assert_eq!((call, at - now), (CALL, WAIT));
                    break;
                }
                None => panic!("a deadline without an action"),
            }
        }
        assert_eq!(repeats, 4);
        assert_eq!((server.waiting(), server.next()), (0, None));
    }

    #[test]
    fn a_response_stops_the_repetition_but_not_the_deadline() {
        let now = Instant::now();
        let mut server = invited(now);
        server.answered("198.51.100.1:40000".parse().unwrap(), 5);
        server.answered(SocketAddr::new(client().ip(), 40_001), 5);
        assert_eq!(server.next(), Some(now + REPEAT), "a stranger's response stops nothing");
        server.answered(client(), 5);
        assert_eq!(server.next(), Some(now + WAIT));
    }

    #[test]
    fn the_pinhole_opens_once_and_only_from_the_clients_address() {
        let now = Instant::now();
        let mut server = invited(now);
        let thief = "198.51.100.66".parse().unwrap();
        assert_eq!(server.open(CALL, thief), Err(Refused::WrongAddress));
        assert_eq!(server.open(CallId([8; 16]), client().ip()), Err(Refused::NotExpected));
        assert_eq!(server.open(CALL, client().ip()), Ok(()));
        assert_eq!(server.open(CALL, client().ip()), Err(Refused::NotExpected));
        assert_eq!(server.next(), None);
        assert!(server.numbers.is_empty(), "nothing is left");
    }
}
