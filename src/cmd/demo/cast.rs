//! Who plays, and where: the agents on their addresses.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use pinhole::event::Event;
use pinhole::face::Agent;
use pinhole::firewall::{Drops, Firewall, Rules};
use pinhole::net::{self, Behind, Driver, Ended, Limits, Stopper, stopper};
use pinhole::node::{Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Encryption, Gatekeeper, Incoming, Options, Source};
use pinhole::security::{Demand, Policy, Terms};
use pinhole_config::Config;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_local};

use super::tell::Who;

/// The files of docs/zones.md.
const OUTER_INI: &str = include_str!("outer.ini");
const INNER_INI: &str = include_str!("inner.ini");

/// Where the inside Pinhole finds the outside one, in the file.
const HOST: &str = "gk.example.org";

/// The port by which a town is taken. Any would do: nobody talks there.
const TAKEN: u16 = 1719;

/// The addresses of one demo. Those of 127.0.0.0/8 all belong to this machine on Linux.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) outer: IpAddr,
    pub(super) firewall: IpAddr,
    pub(super) outside: IpAddr,
    pub(super) stranger: IpAddr,
    /// The inside Pinhole, and the inside phone: addresses that nobody outside reaches.
    pub(super) inner: IpAddr,
    pub(super) inside: IpAddr,
    /// Held, so that another demo takes other addresses: the firewall needs all ports of its own.
    _taken: UdpSocket,
}

impl Town {
    /// Looks for addresses that no other demo uses: 127.0.0.1 to .6, or 127.0.100.1 to .6, and so on.
    ///
    /// # Errors
    /// When the machine lacks such addresses.
    pub(super) fn new() -> Result<Self, String> {
        let mut last = String::new();
        for number in std::iter::once(0).chain(100..=u8::MAX) {
            let at = |host| IpAddr::from([127, 0, number, host]);
            match UdpSocket::bind((at(4), TAKEN)) {
                Ok(taken) => {
                    return Ok(Self {
                        outer: at(1),
                        firewall: at(2),
                        outside: at(3),
                        stranger: at(4),
                        inner: at(5),
                        inside: at(6),
                        _taken: taken,
                    });
                }
                Err(error) => last = format!("cannot use {}: {error}", at(4)),
            }
        }
        Err(format!("{last}; the demo needs the addresses 127.0.0.0/8, as Linux has them"))
    }
}

/// The place of somebody inside. It is one network to both who are there, with the same firewall in front of it.
fn behind(town: &Town, who: Who) -> Behind {
    let (own, neighbour) = match who {
        Who::Inner => (town.inner, town.inside),
        _ => (town.inside, town.inner),
    };
    let firewall = Firewall::nat(town.firewall, Rules::symmetric(), rand::random());
    Behind::among(firewall, own, vec![neighbour])
}

/// How long the calls last: reports come every two seconds, and the second round of them measures latency.
pub(super) const HOLD: Duration = Duration::from_millis(4600);

/// How long somebody may take to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// Where events go.
pub(super) type Mouth = mpsc::UnboundedSender<(Who, Event)>;

/// Somebody who plays.
pub(super) struct Player {
    stopper: Stopper,
    task: JoinHandle<Ended>,
    /// What his firewall has dropped, if he is behind it.
    pub(super) drops: Option<watch::Receiver<Drops>>,
}

impl Player {
    /// Asks him to leave, and waits.
    pub(super) async fn dismiss(self) -> bool {
        self.stopper.stop();
        self.leaves().await
    }

    /// Waits until he leaves of himself; true if he took leave properly.
    pub(super) async fn leaves(self) -> bool {
        let ended = tokio::time::timeout(LEAVE, self.task).await;
        matches!(ended, Ok(Ok(Ended::Finished)))
    }
}

/// The ports of a gatekeeper: free ones, because the usual ones may be in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeper {
    who: Who,
    pub(super) ras: SocketAddr,
    pub(super) signalling: SocketAddr,
    multiplexed: u16,
}

impl Keeper {
    /// Looks for free ports.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn new(who: Who, ip: IpAddr) -> Result<Self, String> {
        let free = || -> std::io::Result<Self> {
            let ras = UdpSocket::bind((ip, 0))?.local_addr()?;
            let signalling = TcpListener::bind((ip, 0))?.local_addr()?;
            Ok(Self { who, ras, signalling, multiplexed: even_port(ip)? })
        };
        free().map_err(|error| format!("no port is free: {error}"))
    }

    /// Starts the gatekeeper: the inside one behind the firewall, as a client of the zone whose server is `outer`.
    ///
    /// # Errors
    /// When its configuration is not understood.
    pub(super) fn start(self, town: &Town, outer: Self, mouth: Mouth) -> Result<Player, String> {
        let inside = self.who == Who::Inner;
        let (name, neighbor, text) = match inside {
            true => ("inner.ini", "Outer", INNER_INI.replace(HOST, &outer.ras.to_string())),
            false => ("outer.ini", "Inner", OUTER_INI.to_owned()),
        };
        let (config, problems) = Config::read(&text);
        if let Some(problem) = problems.first() {
            return Err(problem.render(name));
        }
        let mut settings = Settings::from(&config);
        settings.ras_port = self.ras.port();
        settings.signalling_port = self.signalling.port();
        settings.multiplex_port = Some(self.multiplexed);
        // Nobody asks around for a gatekeeper here, and behind the firewall there is no multicast.
        settings.ras.discovery = None;
        // Through the firewall media is encrypted, or there is no call.
        let required = Policy::new(Demand::Required, Terms::up_to(2048));
        settings.encryption.neighbors.push((neighbor.to_owned(), required));
        let node = Box::new(Node::new(settings, vec![self.ras.ip()], rand::random(), net::now()));
        Ok(start(self.who, town, inside, node, mouth))
    }
}

/// An even port that is free, like the next one.
fn even_port(ip: IpAddr) -> std::io::Result<u16> {
    let mut last = std::io::ErrorKind::AddrInUse.into();
    for _ in 0..64 {
        let even = UdpSocket::bind((ip, 0))?.local_addr()?.port() & !1;
        let both = UdpSocket::bind((ip, even)).and_then(|_held| UdpSocket::bind((ip, even | 1)));
        match both {
            Ok(_) => return Ok(even),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Lets somebody play, behind the firewall or outside.
fn start(who: Who, town: &Town, inside: bool, agent: Box<dyn Agent>, mouth: Mouth) -> Player {
    let (stopper, stop) = stopper();
    let speaker = speaker(who, mouth);
    if inside {
        let behind = behind(town, who);
        let drops = Some(behind.drops());
        let task = spawn_local(net::drive_behind(agent, behind, stop, speaker));
        return Player { stopper, task, drops };
    }
    // Bound when this returns: who comes next may count on it.
    let driver = Driver::start(agent, Limits::default(), speaker);
    Player { stopper, task: spawn_local(driver.run(stop)), drops: None }
}

fn speaker(who: Who, mouth: Mouth) -> impl FnMut(&Event) {
    move |event| {
        // At the very end nobody listens any more.
        let _ = mouth.send((who, event.clone()));
    }
}

/// What a phone does.
pub(super) struct Role<'a> {
    pub(super) who: Who,
    pub(super) tone: f64,
    /// Whether it carries H.245 in call signalling.
    pub(super) tunnelling: bool,
    /// Whom it calls, or it answers.
    pub(super) calls: Option<&'a str>,
}

/// Starts a phone, inside or outside, at the gatekeeper there. It knows nothing of firewalls, and does not encrypt.
pub(super) fn phone(town: &Town, keeper: Keeper, role: &Role<'_>, mouth: Mouth) -> Player {
    let inside = role.who == Who::Inside;
    let options = Options {
        gatekeeper: Gatekeeper::At(keeper.ras),
        ip: if inside { town.inside } else { town.outside },
        incoming: if role.calls.is_some() { Incoming::Refused } else { Incoming::Answer },
        traversal: false,
        tunnelling: role.tunnelling,
        encryption: Encryption::Off,
        source: Source::Tone(role.tone),
        destination: role.calls.map(Destination::parse),
        hold: role.calls.map(|_| HOLD),
        ..Options::new(alias(role.who))
    };
    let phone = Box::new(Phone::new(options, rand::random(), net::now()));
    start(role.who, town, inside, phone, mouth)
}

/// The name under which a phone registers.
pub(super) const fn alias(who: Who) -> &'static str {
    if matches!(who, Who::Inside) { "inside" } else { "outside" }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configurations_are_those_of_the_manual() {
        let manual = include_str!("../../../docs/zones.md");
        for file in [super::OUTER_INI, super::INNER_INI] {
            assert!(manual.contains(&format!("```ini\n{file}```")), "{file}");
        }
        assert_eq!(super::INNER_INI.matches(super::HOST).count(), 1);
    }
}
