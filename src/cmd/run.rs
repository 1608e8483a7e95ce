//! Running: `pinhole -c FILE`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgAction;
use pinhole::net::{self, Service};
use pinhole::node::{Encryption, Node, Settings};
use pinhole_config::{Config, Override, Severity};
use pinhole_crypto::dh::Group;

use super::{FAILED, USAGE};

/// The options of a run. GnuGk's letters mean the same.
#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// Run the gatekeeper of this configuration file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// More trace, each time it is given: warnings, -t life of calls, -tt decisions and nonsense, -ttt every message.
    #[arg(short, action = ArgAction::Count)]
    pub(crate) trace: u8,
    /// Write the log to this file [default: stderr].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Routed mode; -rr also routes H.245, -rrr also proxies media.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) routed: u8,
    /// Proxy mode: calls are routed, H.245 too, and media is proxied.
    #[arg(short, long)]
    pub(crate) proxy: bool,
    /// Direct mode: neither routed nor proxied (H.460.18 endpoints are, all the same).
    #[arg(short, long, conflicts_with_all = ["routed", "proxy"])]
    pub(crate) direct: bool,
    /// Listen on this address only [default: Home= of the file].
    #[arg(short, long, value_name = "IP")]
    pub(crate) interface: Option<IpAddr>,
    /// Become this user once the ports are bound.
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Print every event on stdout, beside the line `ready`: one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the process id to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) pid: Option<PathBuf>,
}

impl RunArgs {
    /// What the letters say about keys of the file.
    fn overrides(&self) -> Vec<Override> {
        let mut all = Vec::new();
        let mut set =
            |flag: &'static str, section: &'static str, key: &'static str, value: &str| {
                all.push(Override { flag, section, key, value: value.to_owned() });
            };
        if self.direct {
            set("-d", "RoutedMode", "GKRouted", "0");
            set("-d", "RoutedMode", "H245Routed", "0");
            set("-d", "Proxy", "Enable", "0");
        }
        let (routed, h245, proxy) = match (self.proxy, self.routed) {
            (true, _) => (Some("-p"), Some("-p"), Some("-p")),
            (false, 0) => (None, None, None),
            (false, 1) => (Some("-r"), None, None),
            (false, 2) => (Some("-rr"), Some("-rr"), None),
            (false, _) => (Some("-rrr"), Some("-rrr"), Some("-rrr")),
        };
        if let Some(flag) = routed {
            set(flag, "RoutedMode", "GKRouted", "1");
        }
        if let Some(flag) = h245 {
            set(flag, "RoutedMode", "H245Routed", "1");
        }
        if let Some(flag) = proxy {
            set(flag, "Proxy", "Enable", "1");
        }
        if let Some(ip) = self.interface {
            set("-i", "Gatekeeper::Main", "Home", &ip.to_string());
        }
        all
    }
}

/// Reads the configuration and runs, unless it has errors.
pub(crate) fn main(args: &RunArgs) -> ExitCode {
    match configuration(args) {
        Ok(loaded) => run(args, &loaded.config, &loaded.groups),
        Err(status) => status,
    }
}

/// The configuration of the file and the letters. Its problems are said on stderr; with an error among them there is
/// none, so that a misspelt key cannot go unnoticed.
fn configuration(args: &RunArgs) -> Result<super::Loaded, ExitCode> {
    let loaded = super::load(&args.config, &args.overrides())?;
    let problems = &loaded.problems;
    let file = args.config.display().to_string();
    for problem in problems {
        super::complain(&problem.render(&file));
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        let summary = super::summary(problems).unwrap_or_default();
        super::complain(&format!("{file}: {summary}; not started"));
        return Err(ExitCode::from(USAGE));
    }
    if let Some(open) = super::open(&loaded.config) {
        super::complain(&format!("{file}: {open}"));
    }
    Ok(loaded)
}

/// Runs the gatekeeper until it is told to end.
fn run(args: &RunArgs, config: &Config, groups: &[Group]) -> ExitCode {
    let service = |files| Service {
        pid: args.pid.clone(),
        user: args.user.clone(),
        json: args.json,
        status: config.main.status_socket.as_ref().map(|path| path.0.clone().into()),
        limits: net::Limits::from(config).within(files),
    };
    let served = net::log_to(args.output.as_deref(), args.trace)
        .map_err(|error| format!("cannot write the log: {error}"))
        .and_then(|log| Ok((log, locals(config)?)))
        .and_then(|(_log, locals)| {
            if let Some(open) = super::open(config) {
                tracing::warn!("{open}");
            }
            net::take_small_pages();
            let files = net::allow_many_sockets();
            let encryption = Encryption::with_groups(config, groups);
            let mut settings = Settings { encryption, ..Settings::from(config) };
            settings.limits = settings.limits.within(files);
            let service = service(files);
            let make = |now| Box::new(Node::new(settings, locals, rand::random(), now)) as _;
            net::serve(&service, make).map_err(|failure| failure.to_string())
        });
    match served {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            for line in why.lines() {
                super::complain(&format!("pinhole: {line}"));
            }
            ExitCode::from(FAILED)
        }
    }
}

/// The addresses of `Home`, or all that the host has.
fn locals(config: &Config) -> Result<Vec<IpAddr>, String> {
    let home = &config.main.home.0;
    if !home.is_empty() && !home.iter().any(IpAddr::is_unspecified) {
        return Ok(home.clone());
    }
    let all = net::local_addresses()
        .map_err(|error| format!("cannot list the host's addresses: {error}"))?;
    Ok(all.into_iter().filter(|ip| config.main.ipv6 || ip.is_ipv4()).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use pinhole_config::{Config, Origin};

    use super::RunArgs;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        run: RunArgs,
    }

    /// GKRouted, H245Routed and [Proxy] Enable of a file that has them all, or none, under these letters.
    fn modes(letters: &[&str], file: &str) -> [bool; 3] {
        let args = ["pinhole", "-c", "g.ini"].iter().chain(letters);
        let overrides = Only::try_parse_from(args).unwrap().run.overrides();
        let (config, problems) = Config::load(file.as_bytes(), &overrides);
        assert_eq!(problems, [], "{letters:?}");
        [config.routed.gk_routed, config.routed.h245_routed, config.proxy.enable]
    }

    #[test]
    fn letters_say_the_mode() {
        let all = "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n";
        assert_eq!(modes(&[], ""), [false, false, false]);
        assert_eq!(modes(&["-r"], ""), [true, false, false]);
        assert_eq!(modes(&["-rr"], ""), [true, true, false]);
        assert_eq!(modes(&["-r", "-r", "-r"], ""), [true, true, true]);
        assert_eq!(modes(&["-p"], ""), [true, true, true]);
        assert_eq!(modes(&["-r", "-p"], ""), [true, true, true]);
        assert_eq!(modes(&["-d"], all), [false, false, false]);
        assert_eq!(modes(&["-r"], all), [true, true, true]);
    }

    #[test]
    fn an_interface_takes_the_place_of_home() {
        let args = ["pinhole", "-c", "g.ini", "-i", "2001:db8::1"];
        let overrides = Only::try_parse_from(args).unwrap().run.overrides();
        let (config, _) = Config::load(b"[Gatekeeper::Main]\nHome=192.0.2.1", &overrides);
        let home = config.effective().into_iter().find(|value| value.key == "Home").unwrap();
        assert_eq!((home.value.as_str(), home.origin), ("2001:db8::1", Origin::CommandLine("-i")));
        assert!(Only::try_parse_from(["pinhole", "-c", "g.ini", "-i", "eth0"]).is_err());
    }
}
