//! `pinhole demo`: the main job on one machine, without root.
//!
//! Everything is real (two gatekeepers, two phones, their sockets on loopback addresses) but the firewall, which is
//! simulated in user space because a real one needs root.

mod cast;
mod judge;
mod story;
mod stranger;
mod tell;

use std::process::ExitCode;

use self::story::Story;
use self::tell::Teller;
use super::FAILED;

/// Shows a call each way through a firewall, on this machine and without root.
///
/// A Pinhole and a phone outside, a Pinhole and a phone behind a firewall that only lets connections out; neither phone
/// knows of firewalls, the two Pinholes are a traversal zone. The firewall is simulated, all the rest is what runs in
/// earnest, on the loopback addresses 127.0.0.1 to 127.0.0.6. Prints what happens as it happens, what each phone heard of
/// the other, and a verdict. Takes about ten seconds. Exit status: 0 all was as it should be, 1 something was not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line: each event with `time_s` (seconds since the start), `who` and `text`.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(crate) fn run(args: &Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            super::complain(&format!("pinhole: cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let local = tokio::task::LocalSet::new();
    let story = Story::new(Teller::new(args.json));
    match story.and_then(|story| local.block_on(&runtime, story.play())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(sentence) => {
            super::complain(&format!("pinhole: {sentence}"));
            ExitCode::from(FAILED)
        }
    }
}
