//! Gateways of the file that are to have more calls than the media ports of one address are enough for.

use pinhole_config::{Config, Problem, Severity};

const KEY: &str = "Capacity";
/// Pairs that a call with one kind of media takes, one on each side.
const PAIRS: u32 = 2;

/// A warning for each `[EP::…]` whose calls would be kept at half of RTPPortRange, though it may have more.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let Some(range) = config.proxy.rtp_ports else { return Vec::new() };
    if config.limits.media_pairs_per_source.0 != 0 {
        return Vec::new();
    }
    let pairs = range.pairs();
    let calls = pairs / 2 / PAIRS;
    let too_many = |(name, one): &(String, pinhole_config::Particular)| {
        let wanted = one.capacity.as_ref().map(|capacity| capacity.0).filter(|n| *n > calls)?;
        let text = format!(
            "{KEY}={wanted}: calls from one address take at most half of RTPPortRange, which is {calls} calls with audio; set \
             MediaPairsPerSource={} in [Pinhole::Limits], or enter it in [RasSrv::PermanentEndpoints], which are not counted",
            wanted.saturating_mul(PAIRS).min(pairs)
        );
        Some(config.problem(&format!("EP::{name}"), KEY, Severity::Warning, text))
    };
    config.particulars.iter().filter_map(too_many).collect()
}
