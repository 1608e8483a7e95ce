//! Events of the phone, for people: one line each.

use pinhole::event::{CallRecord, ChannelRecord, Event, LoadRecord, SetupTimes};

/// The line of an event.
pub(super) fn line(event: &Event) -> String {
    match event {
        Event::Listening { role, transport, at } => format!("listening {role} {transport} {at}"),
        Event::NotListening { role, transport, ip, port } => {
            format!("cannot listen {role} {transport} {ip} port {port}")
        }
        Event::Registered { alias, peer, ttl_s, traversal } => {
            format!("registered {alias} with {peer} for {ttl_s} s, traversal {traversal}")
        }
        Event::Unregistered { alias, sentence } => format!("unregistered {alias}: {sentence}"),
        Event::RegistrationRefused { alias, peer, sentence } => {
            format!("registration of {alias} refused by {peer}: {sentence}")
        }
        Event::GatekeeperSilent { peer, sentence } => format!("silence from {peer}: {sentence}"),
        Event::CallStarted { callid, direction, from, to } => {
            format!("call {callid} {direction}: {from} calls {to}")
        }
        Event::Pinhole { callid, step, peer } => format!("call {callid} pinhole {step}: {peer}"),
        Event::CallConnected { callid, setup_ms } => {
            format!("call {callid} connected after {setup_ms} ms")
        }
        Event::UserInput { callid, direction, digits } => {
            format!("call {callid} digits {direction}: {digits}")
        }
        Event::CallEnded(record) => ended(record),
        Event::LoadEnded(record) => load(record),
        Event::Malformed { peer, protocol, sentence } => {
            format!("malformed {protocol} from {peer}: {sentence}")
        }
        // What only a gatekeeper tells.
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn load(record: &LoadRecord) -> String {
    let LoadRecord { calls, connected, heard, packets, lost, .. } = record;
    let mut text = format!(
        "{calls} calls, {connected} connected, {heard} heard; received {packets} packets, {lost} lost"
    );
    if let Some(SetupTimes { p50, p95, max }) = record.setup_ms {
        text += &format!("; set-up {p50} ms (half), {p95} ms (95 %), {max} ms (longest)");
    }
    for (sentence, count) in &record.failures {
        text += &format!("; {count}: {sentence}");
    }
    text
}

fn ended(record: &CallRecord) -> String {
    let CallRecord { callid, sentence, duration_s, .. } = record;
    let cause = record.cause.map(|cause| format!(", cause {cause}")).unwrap_or_default();
    let channels: String = record.channels.iter().map(channel).collect();
    format!("call {callid} ended after {duration_s:.1} s{cause}: {sentence}{channels}")
}

fn channel(channel: &ChannelRecord) -> String {
    let ChannelRecord { direction, media, codec, packets, lost, cipher, .. } = channel;
    let mut text = format!("; {direction} {media} {codec}: {packets} packets");
    if *direction == "receive" {
        text += &format!(", {lost} lost");
        text += &match channel.tone_hz {
            Some(hz) => format!(", tone {hz:.1} Hz"),
            None if *media == "audio" => ", no tone".to_owned(),
            None => String::new(),
        };
        text += &channel.jitter_ms.map(|ms| format!(", jitter {ms:.1} ms")).unwrap_or_default();
        text += &channel.latency_ms.map(|ms| format!(", latency {ms:.1} ms")).unwrap_or_default();
    }
    text += &format!(", cipher {cipher}");
    text + &channel.dh_bits.map(|bits| format!(" (DH {bits})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_one_line() {
        let receive = ChannelRecord {
            media: "audio",
            direction: "receive",
            codec: "pcma".to_owned(),
            packets: 250,
            lost: 1,
            jitter_ms: Some(0.25),
            tone_hz: Some(440.02),
            cipher: "none".to_owned(),
            dh_bits: None,
            strangers: 0,
            unanswered: 0,
            legs: Vec::new(),
            latency_ms: None,
        };
        let transmit = ChannelRecord { direction: "transmit", ..receive.clone() };
        let silent = ChannelRecord { tone_hz: None, jitter_ms: None, ..receive.clone() };
        let record = |channels| {
            Event::CallEnded(Box::new(CallRecord {
                callid: "c1".to_owned(),
                direction: "out",
                peer: "bob".to_owned(),
                cause: Some(16),
                release_reason: None,
                sentence: "the phone hung up".to_owned(),
                setup_ms: Some(12),
                duration_s: 5.01,
                channels,
                forwarded_by: Vec::new(),
                encryption: Vec::new(),
            }))
        };
        assert_eq!(
            line(&record(vec![receive, transmit])),
            "call c1 ended after 5.0 s, cause 16: the phone hung up; receive audio pcma: 250 packets, 1 lost, \
             tone 440.0 Hz, jitter 0.2 ms, cipher none; transmit audio pcma: 250 packets, cipher none"
        );
        assert!(line(&record(vec![silent])).contains("1 lost, no tone, cipher none"));
    }
}
