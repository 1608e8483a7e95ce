//! `pinhole bench media`.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::time::Duration;

use super::cipher::Cipher;
use super::contender::{Contender, Kind};
use super::generator::{Generator, Load, Outcome};
use super::relay::Task;
use super::{spread, verdict};
use crate::cmd::print;

/// The relay, and the two sides of the generator.
const IPS: [IpAddr; 3] = {
    const fn at(host: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 80, host))
    }
    [at(1), at(2), at(3)]
};

/// What is measured.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Sockets of each relay; two of them are a flow.
    #[arg(long, value_name = "N", default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(2..=20_000))]
    sockets: u32,
    /// Packets a second that each socket receives.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Octets of RTP payload in a packet.
    #[arg(long, value_name = "OCTETS", default_value_t = 160,
        value_parser = clap::value_parser!(u32).range(9..=1400))]
    size: u32,
    /// Seconds of each run, after half a second to warm up.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Runs of each relay, in turn.
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Also measure our relay with one side of each flow encrypted (H.235.6).
    #[arg(long, value_enum, value_name = "CIPHER", num_args = 0..=1, default_missing_value = "aes128",
        require_equals = true)]
    encrypt: Option<Cipher>,
}

/// By how much encryption may make the relay dearer.
const GOAL: f64 = 1.1;

/// A relay, and what it is called.
struct Contestant {
    name: String,
    kind: Kind,
    cipher: Option<Cipher>,
    outcomes: Vec<Outcome>,
}

impl Contestant {
    fn new(name: &str, kind: Kind, cipher: Option<Cipher>) -> Self {
        let name =
            cipher.map_or_else(|| name.to_owned(), |cipher| format!("{name}, {}", cipher.word()));
        Self { name, kind, cipher, outcomes: Vec::new() }
    }

    /// The processor time for a packet, by round.
    fn costs(&self) -> Vec<f64> {
        self.outcomes.iter().map(|outcome| outcome.nanoseconds).collect()
    }

    /// Its processor time as a share of another's, in the middle of all rounds.
    fn share_of(&self, other: &Self) -> (f64, f64, f64) {
        let pairs = self.costs().into_iter().zip(other.costs());
        spread(&pairs.map(|(ours, theirs)| ours / theirs).collect::<Vec<f64>>())
    }
}

/// Measures all relays.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let time = Duration::try_from_secs_f64(args.seconds).map_err(|_| "--seconds: not a time")?;
    pinhole::net::allow_many_sockets();
    let load = Load {
        flows: args.sockets / 2,
        rate: args.rate,
        size: args.size as usize,
        warm_up: Duration::from_millis(500),
        time,
    };
    let mut contestants = vec![Contestant::new("pinhole", Kind::Pinhole, None)];
    let encrypted = args.encrypt.map(|_| Contestant::new("pinhole", Kind::Pinhole, args.encrypt));
    contestants.extend(encrypted);
    contestants.push(Contestant::new("naive tokio", Kind::Naive, None));
    print(&format!(
        "{} sockets x {} packets/s x {} octets, {} rounds of {} s\n",
        load.flows * 2,
        load.rate,
        load.size,
        args.rounds,
        args.seconds
    ));
    for round in 1..=args.rounds {
        for contestant in &mut contestants {
            let outcome = measure(&load, contestant)?;
            if std::io::stderr().is_terminal() {
                let name = &contestant.name;
                eprintln!("round {round}, {name}: {:.0} ns/packet", outcome.nanoseconds);
            }
            contestant.outcomes.push(outcome);
        }
    }
    contestants.iter().for_each(|contestant| print(&line(contestant)));
    if let [pinhole, others @ .., naive] = &contestants[..] {
        let (middle, least, most) = pinhole.share_of(naive);
        print(&format!(
            "processor time, pinhole to naive tokio: {middle:.2} [{least:.2} .. {most:.2}]\n"
        ));
        for encrypted in others {
            let (middle, least, most) = encrypted.share_of(pinhole);
            print(&format!(
                "processor time, encrypted to clear: {middle:.2} [{least:.2} .. {most:.2}]; \
                 goal: at most {GOAL}: {}\n",
                verdict(middle <= GOAL)
            ));
        }
    }
    Ok(())
}

/// One run of one relay.
fn measure(load: &Load, contestant: &Contestant) -> Result<Outcome, String> {
    let [relay, a, b] = IPS;
    let mut generator = Generator::new([a, b], load.flows, contestant.cipher)?;
    let peers = generator.addresses();
    let task = Task { flows: load.flows, ip: relay, peers, cipher: contestant.cipher };
    let contender = Contender::start(contestant.kind, &task)?;
    generator.run(load, (relay, &contender.ports), || contender.processor_time())
}

fn line(contestant: &Contestant) -> String {
    let (name, outcomes) = (&contestant.name, &contestant.outcomes);
    let (middle, least, most) = spread(&contestant.costs());
    let (sent, received) = outcomes.iter().fold((0, 0), |(s, r), o| (s + o.sent, r + o.received));
    let of = |value: fn(&Outcome) -> u32| {
        spread(&outcomes.iter().map(|o| f64::from(value(o))).collect::<Vec<f64>>()).0
    };
    format!(
        "{name:<15} {middle:6.0} ns/packet [{least:.0} .. {most:.0}]  sent {sent}, lost {}  latency {:.0} us (half), \
         {:.0} us (99 %)\n",
        sent - received,
        of(|o| o.p50),
        of(|o| o.p99),
    )
}
