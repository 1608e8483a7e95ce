//! The options of the command line, and what they mean to the phone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use pinhole::net;
use pinhole::phone::DIGITS;
use pinhole::phone::g711::Law;
use pinhole::phone::options::{
    Destination, Encryption, Gatekeeper, Incoming, Options, Password, Source,
};
use pinhole::security::{Least, Terms};
use pinhole_crypto::Algorithm;

use super::wav;

/// Where gatekeepers are discovered (H.225.0 §7.8).
const DISCOVERY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 1, 41)), 1718);
/// The RAS port of gatekeepers.
const RAS: u16 = 1719;

/// A complete test endpoint: registers, calls, answers, plays a tone and measures the one it hears.
///
/// With a destination it calls, and ends when its calls are over; with -l it stays and takes calls. The tone that it
/// reports is measured in the audio received. Exit status: 0 all calls were answered and heard, 1 something failed,
/// 2 the options make no sense.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whom to call: a name or number of the gatekeeper's, or an address, or a name at an address.
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,
    /// The names or numbers it registers as; the first is the one it is known by.
    #[arg(short, long, value_name = "ALIAS[,ALIAS...]", value_delimiter = ',', required = true)]
    user: Vec<String>,
    /// Its gatekeeper [default: discover one by multicast; port 1719].
    #[arg(short, long, value_name = "HOST[:PORT]", conflicts_with = "no_gatekeeper")]
    gatekeeper: Option<String>,
    /// Call addresses directly, without a gatekeeper.
    #[arg(long)]
    no_gatekeeper: bool,
    /// The password that it proves to the gatekeeper, as an MD5 hash (H.235 cryptoEPPwdHash) [default: none].
    #[arg(short, long, value_name = "WORD", conflicts_with = "no_gatekeeper")]
    password: Option<String>,
    /// Stay and wait for calls; each rings for three minutes at most.
    #[arg(short, long)]
    listen: bool,
    /// Answer calls at once; includes -l.
    #[arg(short, long)]
    auto_answer: bool,
    /// Its own address, and signalling port [default: the address from which the peer is reached, port 1720].
    #[arg(long, value_name = "IP[:PORT]")]
    bind: Option<String>,
    /// Its own signalling port [default: 1720, or any if that is taken; any for a phone that takes no calls].
    #[arg(long, value_name = "PORT")]
    listenport: Option<u16>,
    /// NAT traversal to offer to the gatekeeper: H.460.18 and H.460.19, or none.
    #[arg(long, value_enum, default_value = "18")]
    traversal: Traversal,
    /// Send and receive multiplexed media (H.460.19), if the gatekeeper does.
    #[arg(long, value_enum, default_value = "off")]
    multiplex: Switch,
    /// Carry H.245 in call signalling, or on a connection of its own.
    #[arg(long, value_enum, default_value = "tunnel")]
    h245: H245,
    /// Propose media channels in Setup, and accept proposed ones (fast start).
    #[arg(long, value_enum, default_value = "off")]
    fast_start: Switch,
    /// Encryption of media (H.235.6).
    #[arg(long, value_enum, default_value = "optional")]
    encrypt: Encrypt,
    /// The largest Diffie-Hellman group, in bits; above 1024 with AES-256, too.
    #[arg(long, value_enum, default_value = "2048")]
    dh: Group,
    /// The smallest Diffie-Hellman group, in bits: what is smaller counts as no encryption.
    #[arg(long, value_enum, default_value = "1024")]
    min_dh: Group,
    /// The only cipher [default: AES-256 and AES-128, with a group of 1024 bits AES-128 alone].
    #[arg(long, value_enum)]
    cipher: Option<Cipher>,
    /// Also send synthetic video (H.263) at so many kbit/s, and receive it; 0 only receives [default: none].
    #[arg(long, value_name = "KBIT", value_parser = clap::value_parser!(u32).range(0..=19_000))]
    video: Option<u32>,
    /// Also send a second video (H.239 presentation) at so many kbit/s, and receive it; 0 only receives [default: none].
    #[arg(long, alias = "presentation", value_name = "KBIT",
        value_parser = clap::value_parser!(u32).range(0..=19_000))]
    h239: Option<u32>,
    /// Send these digits once the call is answered, four a second: 0-9, *, #, A-D, or ! for a hook flash.
    #[arg(long, value_name = "DIGITS", default_value = "")]
    dtmf: String,
    /// The audio codec that it sends; it receives both.
    #[arg(long, value_enum, default_value = "pcma")]
    codec: Codec,
    /// The tone that it sends, in hertz.
    #[arg(long, value_name = "HZ", default_value_t = 440.0, conflicts_with = "play")]
    tone: f64,
    /// Send this file instead, over and over: WAV, 8 kHz, 16 bit, mono.
    #[arg(long, value_name = "FILE.wav")]
    play: Option<PathBuf>,
    /// Keep what is heard; the second call goes to FILE-2.wav and so on.
    #[arg(long, value_name = "FILE.wav")]
    pub(super) record: Option<PathBuf>,
    /// Hang up so many seconds after audio has opened [default: talk until interrupted or the other party hangs up].
    #[arg(long, value_name = "SECONDS")]
    hold: Option<f64>,
    /// Make so many calls.
    #[arg(long, value_name = "N", default_value_t = 1)]
    calls: u32,
    /// Begin so many calls a second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 1.0)]
    rate: f64,
    /// Have no more than so many of them at a time; further ones wait [default: no limit].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// Print events and call records as JSON, one object a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Keep neither registration nor pinholes alive, to see what they are good for.
    #[arg(long, hide = true)]
    no_keepalive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Traversal {
    #[value(name = "18")]
    H46018,
    #[value(name = "17")]
    H46017,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum H245 {
    Tunnel,
    Separate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Encrypt {
    Off,
    Optional,
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Group {
    #[value(name = "1024")]
    Modp1024 = 1024,
    #[value(name = "1536")]
    Modp1536 = 1536,
    #[value(name = "2048")]
    Modp2048 = 2048,
    #[value(name = "4096")]
    Modp4096 = 4096,
    #[value(name = "6144")]
    Modp6144 = 6144,
    #[value(name = "8192")]
    Modp8192 = 8192,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cipher {
    #[value(alias = "aes-128")]
    Aes128,
    #[value(alias = "aes-256")]
    Aes256,
}

/// What the phone offers and accepts.
fn terms(args: &Args) -> Terms {
    let least = Least { bits: args.min_dh as usize, cipher: Algorithm::Aes128 };
    let terms = Terms::up_to(args.dh as usize).at_least(least);
    match args.cipher {
        None => terms,
        Some(Cipher::Aes128) => terms.with_cipher(Algorithm::Aes128),
        Some(Cipher::Aes256) => terms.with_cipher(Algorithm::Aes256),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    Pcma,
    Pcmu,
}

/// What the phone shall do.
///
/// # Errors
/// One sentence, when the options cannot be met.
pub(super) fn options(args: &Args) -> Result<Options, String> {
    refuse(args)?;
    let gatekeeper = gatekeeper(args)?;
    let destination =
        args.destination.as_deref().map(|text| destination(args, text)).transpose()?;
    let (ip, port) = own_address(args, gatekeeper, destination.as_ref())?;
    let source = match &args.play {
        Some(file) => Source::Samples(wav::read(file)?.into()),
        None => Source::Tone(args.tone),
    };
    let encryption = match args.encrypt {
        Encrypt::Off => Encryption::Off,
        Encrypt::Optional => Encryption::Optional,
        Encrypt::Required => Encryption::Required,
    };
    Ok(Options {
        encryption,
        terms: terms(args),
        aliases: args.user.clone(),
        gatekeeper,
        password: args.password.clone().map(password),
        ip,
        listen_port: args.listenport.or(port),
        incoming: match (args.auto_answer, args.listen) {
            (true, _) => Incoming::Answer,
            (false, true) => Incoming::Ring,
            (false, false) => Incoming::Refused,
        },
        traversal: args.traversal == Traversal::H46018 && !args.no_gatekeeper,
        multiplex: args.multiplex == Switch::On,
        fast_start: args.fast_start == Switch::On,
        tunnelling: args.h245 == H245::Tunnel,
        law: if args.codec == Codec::Pcma { Law::A } else { Law::Mu },
        source,
        video: args.video,
        presentation: args.h239,
        terminal_type: Options::TERMINAL,
        digits: args.dtmf.clone(),
        destination,
        calls: args.calls,
        rate: args.rate,
        at_once: args.at_once.map_or(usize::MAX, |most| most as usize),
        hold: args.hold.map(Duration::from_secs_f64),
        record: args.record.is_some(),
        keepalives: !args.no_keepalive,
    })
}

/// What is asked for and cannot be done must not be left out in silence.
fn refuse(args: &Args) -> Result<(), String> {
    let refusals = [
        (
            args.multiplex == Switch::On
                && (args.no_gatekeeper || args.traversal != Traversal::H46018),
            "--multiplex on: only a gatekeeper that does H.460.19 can multiplex: --traversal 18 is needed",
        ),
        (args.min_dh > args.dh, "--min-dh: more than --dh"),
        (args.traversal == Traversal::H46017, "--traversal 17: this phone has no H.460.17 yet"),
        (args.dtmf.chars().any(|c| !DIGITS.contains(c)), "--dtmf: digits are 0-9 * # A-D !"),
        (args.user.iter().any(String::is_empty), "--user: an alias is empty"),
        (
            !args.listen && !args.auto_answer && args.destination.is_none(),
            "nothing to do: give a destination, or -l to wait for calls",
        ),
        (!(args.rate > 0.0 && args.rate.is_finite()), "--rate: must be more than 0"),
        (!(1.0..4000.0).contains(&args.tone), "--tone: must be from 1 to under 4000 Hz"),
        (
            args.hold.is_some_and(|hold| !(0.0..1e9).contains(&hold)),
            "--hold: must be seconds from 0",
        ),
    ];
    match refusals.into_iter().find(|(refused, _)| *refused) {
        Some((_, sentence)) => Err(sentence.to_owned()),
        None => Ok(()),
    }
}

fn gatekeeper(args: &Args) -> Result<Gatekeeper, String> {
    match &args.gatekeeper {
        _ if args.no_gatekeeper => Ok(Gatekeeper::None),
        Some(host) => resolve(host, RAS).map(Gatekeeper::At),
        None => Ok(Gatekeeper::Discover(DISCOVERY)),
    }
}

fn password(word: String) -> Password {
    Password { word, since_1970: net::since_1970() }
}

/// Names of hosts are looked up only when no gatekeeper knows better.
fn destination(args: &Args, text: &str) -> Result<Destination, String> {
    let parsed = Destination::parse(text);
    if parsed.address.is_some() || !args.no_gatekeeper {
        return Ok(parsed);
    }
    let (alias, host) = match text.rsplit_once('@') {
        Some((alias, host)) => (Some(alias.to_owned()), host),
        None => (None, text),
    };
    let address = Some(resolve(host, Destination::PORT)?);
    Ok(Destination { alias, address })
}

/// The address of a host, of IPv4 if it has one.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok((ip, port).into());
    }
    let found =
        if host.contains(':') { host.to_socket_addrs() } else { (host, port).to_socket_addrs() };
    let found: Vec<SocketAddr> =
        found.map_err(|error| format!("cannot find {host}: {error}"))?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or_else(|| format!("{host} has no address"))
}

/// The address and port of --bind; without it, the address from which the peer is reached, because messages must
/// name it.
fn own_address(
    args: &Args,
    gatekeeper: Gatekeeper,
    destination: Option<&Destination>,
) -> Result<(IpAddr, Option<u16>), String> {
    if let Some(text) = &args.bind {
        let bare = || text.parse::<IpAddr>().map(|ip| (ip, None));
        let full = text.parse::<SocketAddr>().map(|at| (at.ip(), Some(at.port())));
        return full.or_else(|_| bare()).map_err(|_| format!("--bind: {text} is no address"));
    }
    let peer = match gatekeeper {
        Gatekeeper::At(at) | Gatekeeper::Discover(at) => Some(at),
        Gatekeeper::None => destination.and_then(|destination| destination.address),
    };
    let ip = peer.and_then(|peer| local_towards(peer).ok());
    Ok((ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), None))
}

/// The local address from which the system would send to a peer. Nothing is sent.
fn local_towards(peer: SocketAddr) -> std::io::Result<IpAddr> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(peer)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn of(line: &str) -> Result<Options, String> {
        let words = std::iter::once("phone").chain(line.split_whitespace());
        options(&Only::try_parse_from(words).map_err(|error| error.to_string())?.args)
    }

    #[test]
    fn an_ordinary_line() {
        let options = of("-u alice,1001 -g 127.0.0.1 bob --hold 5 --codec pcmu").unwrap();
        assert_eq!(options.aliases, ["alice", "1001"]);
        assert_eq!(options.gatekeeper, Gatekeeper::At("127.0.0.1:1719".parse().unwrap()));
        assert_eq!(
            options.ip,
            IpAddr::from([127, 0, 0, 1]),
            "from where the gatekeeper is reached"
        );
        assert_eq!(options.destination, Some(Destination::parse("bob")));
        assert_eq!((options.incoming, options.law), (Incoming::Refused, Law::Mu));
        assert_eq!(options.hold, Some(Duration::from_secs(5)));
        assert!(options.traversal && options.tunnelling && options.keepalives);
    }

    #[test]
    fn without_gatekeeper() {
        let options =
            of("-u alice --no-gatekeeper -a --bind 127.0.0.2:1800 --h245 separate").unwrap();
        assert_eq!(options.gatekeeper, Gatekeeper::None);
        assert_eq!((options.ip, options.listen_port), ([127, 0, 0, 2].into(), Some(1800)));
        assert_eq!(options.incoming, Incoming::Answer);
        assert!(!options.traversal && !options.tunnelling);
        let called = of("-u a --no-gatekeeper bob@127.0.0.1").unwrap().destination.unwrap();
        assert_eq!(called.address, Some("127.0.0.1:1720".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (line, word) in [
            ("-u a b --multiplex on --no-gatekeeper", "--multiplex on"),
            ("-u a b --multiplex on --traversal none", "--multiplex on"),
            ("-u a b --traversal 17", "--traversal 17"),
            ("-u a", "nothing to do"),
            ("-u a b --rate 0", "--rate"),
            ("-u a b --tone 5000", "--tone"),
            ("-u a b --hold=-1", "--hold"),
            ("-u a b --dtmf 12x", "--dtmf"),
            ("-u a b --video 20000", "--video"),
            ("-u a b --bind here", "--bind"),
            ("b", "--user"),
            ("-u a b --no-gatekeeper -g c", "cannot be used with"),
            ("-u a b --play no-such-file.wav", "no-such-file.wav"),
        ] {
            let said = of(line).unwrap_err();
            assert!(said.contains(word), "{line}: {said}");
        }
        assert!(of("-u a b --multiplex on -g 127.0.0.1").unwrap().multiplex);
        assert!(of("-u a b --fast-start on -g 127.0.0.1").unwrap().fast_start);
        assert!(of("-u a b --encrypt off -g 127.0.0.1").is_ok());
    }

    #[test]
    fn every_group_and_cipher_can_be_chosen() {
        let terms = |more: &str| of(&format!("-u a b -g 127.0.0.1 {more}")).unwrap().terms;
        assert_eq!(terms(""), Terms::up_to(2048));
        for group in pinhole_crypto::dh::Group::ALL {
            let bits = group.bits();
            let any = terms(&format!("--dh {bits}"));
            assert_eq!((any.groups()[0], &any), (group, &Terms::up_to(bits)));
            for (name, cipher) in [("aes128", Algorithm::Aes128), ("aes256", Algorithm::Aes256)] {
                let one = terms(&format!("--dh {bits} --cipher {name}"));
                assert_eq!((one.groups(), one.ciphers(group)), (any.groups(), vec![cipher]));
            }
        }
        let strong = terms("--dh 4096 --min-dh 2048 --cipher aes256");
        let bits: Vec<_> = strong.groups().iter().map(|group| group.bits()).collect();
        assert_eq!((bits, strong.least().bits), (vec![4096, 2048], 2048));
        assert_eq!(strong.least().cipher, Algorithm::Aes256);
        for wrong in ["--dh 1024 --min-dh 2048", "--dh 512", "--dh 3072", "--cipher aes192"] {
            assert!(of(&format!("-u a b {wrong}")).is_err());
        }
    }
}
