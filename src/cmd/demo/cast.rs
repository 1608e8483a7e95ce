//! Who plays, and where: the agents on their addresses.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use pinhole::event::Event;
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

/// The configuration of the README's first call.
pub(super) const NAT_INI: &str = include_str!("nat.ini");

/// The port by which a town is taken. Any would do: nobody talks there.
const TAKEN: u16 = 1719;

/// The addresses of one demo. Those of 127.0.0.0/8 all belong to this machine on Linux.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) gatekeeper: IpAddr,
    pub(super) firewall: IpAddr,
    pub(super) outside: IpAddr,
    pub(super) stranger: IpAddr,
    /// An address that no system knows.
    pub(super) inside: IpAddr,
    /// Held, so that another demo takes other addresses: the firewall needs all ports of its own.
    _taken: UdpSocket,
}

impl Town {
    /// Looks for addresses that no other demo uses: 127.0.0.1 to .4, or 127.0.100.1 to .4, and so on.
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
                        gatekeeper: at(1),
                        firewall: at(2),
                        outside: at(3),
                        stranger: at(4),
                        inside: [10, 0, 0, 2].into(),
                        _taken: taken,
                    });
                }
                Err(error) => last = format!("cannot use {}: {error}", at(4)),
            }
        }
        Err(format!("{last}; the demo needs the addresses 127.0.0.0/8, as Linux has them"))
    }
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

/// The ports of the gatekeeper: free ones, because 1719 and 1720 may be in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeper {
    pub(super) ras: SocketAddr,
    pub(super) signalling: SocketAddr,
}

impl Keeper {
    /// Looks for free ports.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn new(ip: IpAddr) -> Result<Self, String> {
        let free = || -> std::io::Result<Self> {
            let ras = UdpSocket::bind((ip, 0))?.local_addr()?;
            let signalling = TcpListener::bind((ip, 0))?.local_addr()?;
            Ok(Self { ras, signalling })
        };
        free().map_err(|error| format!("no port is free: {error}"))
    }

    /// Starts the gatekeeper.
    ///
    /// # Errors
    /// When its configuration is not understood.
    pub(super) fn start(self, mouth: Mouth) -> Result<Player, String> {
        let (config, problems) = Config::read(NAT_INI);
        if let Some(problem) = problems.first() {
            return Err(problem.render("nat.ini"));
        }
        let mut settings = Settings::from(&config);
        settings.ras_port = self.ras.port();
        settings.signalling_port = self.signalling.port();
        // Through the firewall media is encrypted, or there is no call.
        let required = Policy::new(Demand::Required, Terms::up_to(2048));
        settings.encryption.aliases.push((alias(Who::Inside).to_owned(), required));
        let node = Node::new(settings, vec![self.ras.ip()], rand::random(), net::now());
        let (stopper, stop) = stopper();
        let driver =
            Driver::start(Box::new(node), Limits::default(), speaker(Who::Gatekeeper, mouth));
        Ok(Player { stopper, task: spawn_local(driver.run(stop)), drops: None })
    }
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

/// Starts a phone, behind the firewall or outside.
pub(super) fn phone(town: &Town, keeper: Keeper, role: &Role<'_>, mouth: Mouth) -> Player {
    let inside = role.who == Who::Inside;
    let options = Options {
        gatekeeper: Gatekeeper::At(keeper.ras),
        ip: if inside { town.inside } else { town.outside },
        listen_port: inside.then_some(Destination::PORT),
        incoming: if role.calls.is_some() { Incoming::Refused } else { Incoming::Answer },
        traversal: inside,
        tunnelling: role.tunnelling,
        encryption: if inside { Encryption::Required } else { Encryption::Off },
        terms: Terms::up_to(2048),
        source: Source::Tone(role.tone),
        destination: role.calls.map(Destination::parse),
        hold: role.calls.map(|_| HOLD),
        ..Options::new(alias(role.who))
    };
    let phone = Box::new(Phone::new(options, rand::random(), net::now()));
    let (stopper, stop) = stopper();
    let speaker = speaker(role.who, mouth);
    if inside {
        let firewall = Firewall::nat(town.firewall, Rules::symmetric(), rand::random());
        let behind = Behind::new(firewall, town.inside);
        let drops = Some(behind.drops());
        let task = spawn_local(net::drive_behind(phone, behind, stop, speaker));
        Player { stopper, task, drops }
    } else {
        Player { stopper, task: spawn_local(net::drive(phone, stop, speaker)), drops: None }
    }
}

/// The name under which a phone registers.
pub(super) const fn alias(who: Who) -> &'static str {
    if matches!(who, Who::Inside) { "inside" } else { "outside" }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configuration_is_the_one_of_the_readme() {
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&format!("```ini\n{}```", super::NAT_INI)));
    }
}
