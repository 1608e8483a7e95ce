//! `[Pinhole::Limits]`, a section of our own: GnuGk has nothing like it.

use crate::section::section;
use crate::value::{Limit, NetList, Number, Seconds};

section! {
    /// What peers may ask for, so that a flood harms neither calls nor memory. Of IPv6 an address is a network of 64
    /// bits here, which one host owns. A rate may be exceeded for a moment, by what five seconds of it allow. What memory
    /// they allow in all is in the manual (Memory under attack).
    pub struct Limits in "Pinhole::Limits" {
        /// RAS messages a second of one address; more are dropped.
        ras_rate: Number as "RasPerSource" = Number(200) => Limit::Within(1, 1_000_000);
        /// New registrations, calls and searches (RRQ, ARQ, GRQ) a second of all addresses together; more wait (RIP), and when
        /// too many wait they are rejected (resourceUnavailable). What calls and registrations need that exist never
        /// waits.
        new_work: Number as "RasBeginnings" = Number(2000) => Limit::Within(1, 1_000_000);
        /// Endpoints registered from one address; more are rejected (resourceUnavailable).
        registrations: Number as "RegistrationsPerSource" = Number(2000)
            => Limit::Within(1, 1_000_000);
        /// Endpoints registered in all; more are rejected (resourceUnavailable).
        registrations_in_all: Number as "Registrations" = Number(50_000)
            => Limit::Within(1, 1_000_000);
        /// Setup messages a second of one address; more are released (gatekeeperResources, cause 47).
        setup_rate: Number as "SetupsPerSource" = Number(50) => Limit::Within(1, 1_000_000);
        /// Calls that may be made from one address at a time; more are released, or rejected when they ask.
        calls_per_source: Number as "CallsPerSource" = Number(1000) => Limit::Within(1, 1_000_000);
        /// Calls at a time; more are released (gatekeeperResources, cause 47), or rejected when they ask
        /// (resourceUnavailable). Calls that are there are not touched.
        calls: Number as "Calls" = Number(5000) => Limit::Within(1, 1_000_000);
        /// Pairs of ports for media (RTP and RTCP) in use at a time; a call takes two for each kind of media, those that
        /// share multiplexed ports none. 0: as many as RTPPortRange and the system's limit of open files have room for. With
        /// more, channels are rejected (insufficientBandwidth) and calls released (gatekeeperResources, cause 47).
        media_pairs: Number as "MediaPairs" = Number(0) => Limit::Within(0, 1_000_000);
        /// Of them, those of the calls from one address. 0: no more than it leaves free for others, so that there is
        /// something for everybody who comes, and half of them is the most. Calls from neighbours and permanent endpoints are
        /// not counted.
        media_pairs_per_source: Number as "MediaPairsPerSource" = Number(0)
            => Limit::Within(0, 1_000_000);
        /// Media goes for so long to an address that is not that of the party's signalling while nothing comes from there (RTP
        /// or RTCP): whoever calls could else point a stream at anybody. It goes on with the first packet that comes; after the
        /// last it goes on for twenty times as long. Who has been named in vain eight times in an hour by one address has to
        /// send first, as has everybody whom an address names that has named 512 in vain in an hour (neighbours and permanent
        /// endpoints: 8192). What is no RTP (T.38 over UDP) goes to such an address only after something has come from there
        /// in the call. Not between addresses inside (private ones, InternalNetwork). 0: for ever.
        unanswered: Seconds as "UnansweredMedia" = Seconds(15) => Limit::Clamp(0, 3600);
        /// Networks to which media goes for ever without an answer: of recorders, for instance, that send no RTCP.
        unanswered_to: NetList as "UnansweredMediaTo" = NetList::default();
        /// TCP connections accepted from one address; more are closed.
        connections_per_source: Number as "ConnectionsPerSource" = Number(1024)
            => Limit::Within(1, 1_000_000);
        /// TCP connections, in both directions together; more are closed. The last eighth is kept for connections of calls
        /// that there are. No more than a third of the files that the system lets be open.
        connections: Number as "Connections" = Number(8192) => Limit::Within(1, 1_000_000);
        /// Connections of one address whose first message has not come (see SetupTimeout); more are closed. For the client
        /// of a traversal zone it is half of HalfOpen, if that is more.
        fresh_per_source: Number as "HalfOpenPerSource" = Number(64) => Limit::Within(1, 1_000_000);
        /// Connections whose first message has not come; with more, the oldest is closed.
        fresh: Number as "HalfOpen" = Number(1024) => Limit::Within(1, 1_000_000);
        /// Octets of a message; a longer one ends its connection, or is dropped on the RAS port.
        message: Number as "MessageSize" = Number(32_768) => Limit::Within(1024, 65_535);
        /// Messages a second on one connection, H.245 in a message counted. A connection on which more come is read more
        /// slowly: its peer has to wait, and its call goes on.
        messages: Number as "MessagesPerConnection" = Number(100) => Limit::Within(10, 1_000_000);
        /// The same on all connections with one address together.
        messages_per_source: Number as "MessagesPerSource" = Number(5000)
            => Limit::Within(10, 1_000_000);
        /// Tokens of a message; one with more is refused or dropped.
        tokens: Number as "Tokens" = Number(16) => Limit::Within(1, 256);
        /// Proposals of fast start; a message with more is refused or dropped.
        fast_start: Number as "FastStart" = Number(32) => Limit::Within(1, 256);
        /// Capabilities of a TerminalCapabilitySet, and those that its descriptors name, together; one with more is
        /// rejected (tableEntryCapacityExceeded).
        capabilities: Number as "Capabilities" = Number(1024) => Limit::Within(16, 65_535);
        /// Octets that may wait for one peer to read; with more, its connection is given up.
        queue: Number as "OutputQueue" = Number(262_144) => Limit::Within(65_536, 16_777_216);
        /// The same for all peers together; with more, a connection for which more than 16 KiB wait is given up.
        queues: Number as "OutputQueues" = Number(67_108_864)
            => Limit::Within(1_048_576, 2_147_483_648);
    }
}
