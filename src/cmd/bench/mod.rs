//! `pinhole bench`: what a packet and a call cost, beside others in the same run. Each contender is a process of its
//! own, so that its processor time can be told from that of the load.

mod calls;
mod cipher;
mod ciphers;
mod contender;
mod crypto;
mod generator;
mod load;
mod media;
mod naive;
mod process;
mod relay;

use std::process::ExitCode;

use super::{FAILED, complain};

/// Measures what a relayed packet, a call and encryption cost, beside others in the same run.
///
/// Everything happens on this machine. The figures of one machine say little; the ratios of one run do.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// The media relay beside a naive one (a tokio task per socket), both fed the same packets.
    Media(media::Args),
    /// A call: set-up, H.245, media ports, release. GnuGk is measured beside it if `gnugk` is on the PATH.
    Calls(calls::Args),
    /// The cipher on media, beside the cbc crate and OpenSSL (if built with it).
    Crypto(crypto::Args),
    /// Many calls at a time, or one after another: are all heard at both ends, and is nothing left of them?
    Load(load::Args),
    /// Is a contender: started by the benchmark.
    #[command(hide = true)]
    Relay(contender::Args),
}

/// Runs a benchmark. Exit status: 0 measured, 1 something failed.
pub(crate) fn run(args: &Args) -> ExitCode {
    let done = match &args.what {
        What::Media(args) => media::run(args),
        What::Calls(args) => calls::run(args),
        What::Crypto(args) => crypto::run(args),
        What::Load(args) => load::run(args),
        What::Relay(args) => contender::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            complain(&format!("pinhole bench: {sentence}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Whether a goal was met, in a word.
const fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// The middle of some values, and the least and the greatest; zeros of none.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    (at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_middle_of_values() {
        assert_eq!(super::spread(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(super::spread(&[]), (0.0, 0.0, 0.0));
    }
}
