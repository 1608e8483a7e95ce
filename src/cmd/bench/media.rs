//! `pinhole bench media`.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::time::Duration;

use super::contender::{Contender, Kind};
use super::generator::{Generator, Load, Outcome};
use super::relay::Task;
use super::spread;
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
}

/// Measures both relays.
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
    let [relay, a, b] = IPS;
    let mut generator = Generator::new([a, b])?;
    let task = Task { flows: load.flows, ip: relay, peers: generator.addresses() };
    print(&format!(
        "{} sockets x {} packets/s x {} octets, {} rounds of {} s\n",
        load.flows * 2,
        load.rate,
        load.size,
        args.rounds,
        args.seconds
    ));
    let mut outcomes = [const { Vec::new() }; 2];
    for round in 1..=args.rounds {
        for (kind, outcomes) in [Kind::Pinhole, Kind::Naive].into_iter().zip(&mut outcomes) {
            let contender = Contender::start(kind, &task)?;
            let (ports, time) = (&contender.ports, || contender.processor_time());
            let outcome = generator.run(&load, (relay, ports), time)?;
            if std::io::stderr().is_terminal() {
                eprintln!("round {round}, {kind:?}: {:.0} ns/packet", outcome.nanoseconds);
            }
            outcomes.push(outcome);
        }
    }
    let [pinhole, naive] = &outcomes;
    print(&format!("{}{}", line("pinhole", pinhole), line("naive tokio", naive)));
    let cost = |of: &[Outcome]| of.iter().map(|o| o.nanoseconds).collect::<Vec<f64>>();
    let ratios: Vec<f64> =
        cost(pinhole).iter().zip(cost(naive)).map(|(ours, theirs)| ours / theirs).collect();
    let (middle, least, most) = spread(&ratios);
    print(&format!("ratio of processor time: {middle:.2} [{least:.2} .. {most:.2}]\n"));
    Ok(())
}

fn line(name: &str, outcomes: &[Outcome]) -> String {
    let (middle, least, most) =
        spread(&outcomes.iter().map(|o| o.nanoseconds).collect::<Vec<f64>>());
    let (sent, received) = outcomes.iter().fold((0, 0), |(s, r), o| (s + o.sent, r + o.received));
    let of = |value: fn(&Outcome) -> u32| {
        spread(&outcomes.iter().map(|o| f64::from(value(o))).collect::<Vec<f64>>()).0
    };
    format!(
        "{name:<12} {middle:6.0} ns/packet [{least:.0} .. {most:.0}]  sent {sent}, lost {}  latency {:.0} us (half), \
         {:.0} us (99 %)\n",
        sent - received,
        of(|o| o.p50),
        of(|o| o.p99),
    )
}
