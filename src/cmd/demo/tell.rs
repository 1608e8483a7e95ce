//! What is printed: one line for each thing that happens.

use std::io::Write as _;
use std::time::Instant;

use pinhole::event::{CallRecord, ChannelRecord, Event};
use pinhole::net;
use serde_json::{Map, Value, json};

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Demo,
    Outer,
    Inner,
    Inside,
    Outside,
    Firewall,
    Stranger,
}

impl Who {
    /// The name in the lines.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Outer => "outside Pinhole",
            Self::Inner => "inside Pinhole",
            Self::Inside => "inside phone",
            Self::Outside => "outside phone",
            Self::Firewall => "firewall",
            Self::Stranger => "stranger",
        }
    }
}

/// Prints, for people or for programs.
pub(super) struct Teller {
    json: bool,
    begin: Instant,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        Self { json, begin: net::now() }
    }

    /// A line without a time, for people only.
    pub(super) fn heading(&self, text: &str) {
        if !self.json {
            super::super::print(&format!("{text}\n"));
        }
    }

    /// What [`Self::heading`] says, for programs only.
    pub(super) fn aside(&self, who: Who, event: &str, fields: Value, text: &str) {
        if self.json {
            self.say(who, event, fields, text);
        }
    }

    /// Something the demo does or finds; `event` names it for programs, with its fields.
    pub(super) fn say(&self, who: Who, event: &str, fields: Value, text: &str) {
        let mut object = match fields {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        object.insert("event".to_owned(), event.into());
        self.line(who, object, text);
    }

    /// An event of an agent.
    pub(super) fn event(&self, who: Who, event: &Event) {
        let Some(text) = describe(who, event) else { return };
        if let Ok(Value::Object(object)) = serde_json::to_value(event) {
            self.line(who, object, &text);
        }
    }

    fn line(&self, who: Who, mut object: Map<String, Value>, text: &str) {
        let time = net::now().saturating_duration_since(self.begin).as_secs_f64();
        let line = if self.json {
            object.insert("time_s".to_owned(), json!((time * 1000.0).round() / 1000.0));
            object.insert("who".to_owned(), who.name().into());
            object.insert("text".to_owned(), text.into());
            Value::Object(object).to_string()
        } else {
            format!("{time:6.2}  {:<15}  {text}", who.name())
        };
        let mut out = std::io::stdout().lock();
        // A reader that has gone does not end the calls.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// An event in plain words; nothing for what the other end says as well.
fn describe(who: Who, event: &Event) -> Option<String> {
    let outer = who == Who::Outer;
    let keeper = outer || who == Who::Inner;
    Some(match event {
        Event::Listening { role, transport, at } => {
            format!("listens for {role} at {transport} {at}")
        }
        Event::NotListening { role, transport, ip, port } => {
            format!("cannot listen for {role} at {transport} {ip} port {port}")
        }
        Event::Registered { alias, peer, ttl_s, traversal } => match (keeper, *traversal) {
            (true, "none") => format!("registered \"{alias}\" at {peer}"),
            (true, way) => format!(
                "registered \"{alias}\", seen as {peer}: behind a NAT, served by {way}; keepalives every {ttl_s} s"
            ),
            (false, "none") => format!("is registered with {peer}"),
            (false, way) => format!(
                "is registered with {peer} by {way}; refreshes every {ttl_s} s, which keeps its pinhole open"
            ),
        },
        Event::Unregistered { alias, .. } if keeper => format!("unregistered \"{alias}\""),
        Event::Unregistered { .. } => return None,
        Event::RegistrationRefused { sentence, .. }
        | Event::GatekeeperSilent { sentence, .. }
        | Event::CallRefused { sentence, .. }
        | Event::LegInClear { sentence, .. }
        | Event::Malformed { sentence, .. } => format!("PROBLEM: {sentence}"),
        Event::ChannelEncrypted { party, direction, cipher, dh_bits, .. } => {
            format!("encrypts with {cipher}, {direction} ({party}), agreed with {dh_bits} bits")
        }
        Event::ChannelRefused { from, codec, sentence, .. } => {
            format!("PROBLEM: a channel of {from} ({codec}) was refused: {sentence}")
        }
        Event::Zone { name, state, sentence, .. } => format!("zone {name} {state}: {sentence}"),
        Event::ExternalAddress { sentence, .. } | Event::PinholeMeasured { sentence, .. } => {
            sentence.clone()
        }
        Event::CallStarted { from, to, .. } if keeper => {
            format!("routes a call from {from} to {to}")
        }
        Event::CallStarted { direction: "out", to, .. } => format!("calls \"{to}\""),
        Event::CallStarted { from, .. } => format!("is called by {from}, and answers"),
        Event::Pinhole { step: "announced", peer, .. } if outer => {
            format!("announces the call to {peer}, through the pinhole (H.460.18)")
        }
        Event::Pinhole { peer, .. } if outer => {
            format!("got a connection for the call, opened from inside, seen from {peer}")
        }
        Event::Pinhole { step: "announced", peer, .. } => {
            format!("hears of the call from {peer}, and connects outwards")
        }
        Event::Pinhole { peer, .. } => format!("is connected to {peer}; the call comes on that"),
        Event::CallConnected { .. } if keeper => return None,
        Event::CallConnected { setup_ms, .. } => {
            format!("call connected, {setup_ms} ms after Setup")
        }
        Event::MediaLearned { from, kind, .. } => {
            format!(
                "learned where {} of the other Pinhole comes from: {from}, locked",
                kind.to_uppercase()
            )
        }
        Event::MediaStranger { from, kind, .. } => {
            format!("drops {} of {from}, which is not the party", kind.to_uppercase())
        }
        Event::MediaUnanswered { sentence, .. } => sentence.clone(),
        Event::MediaAnswered { party, to, .. } => {
            format!("sends media of {party} to {to} again, for something comes from there")
        }
        Event::MediaStrays { from, count } => {
            format!("drops {count} packets of {from}, which are of no call")
        }
        Event::CallEnded(record) => ended(keeper, record),
        Event::UserInput { digits, direction, .. } => format!("digits {direction}: {digits}"),
        Event::LoadEnded(_) | Event::Audio { .. } => return None,
    })
}

fn ended(keeper: bool, record: &CallRecord) -> String {
    if keeper {
        let relayed: Vec<String> = record
            .channels
            .iter()
            .map(|channel| format!("{} packets {}", channel.packets, channel.direction))
            .collect();
        return format!("call ended, {}; relayed {}", record.sentence, relayed.join(", "));
    }
    let heard: Vec<String> =
        record.channels.iter().filter(|c| c.direction == "receive").map(heard).collect();
    let heard = if heard.is_empty() { "nothing".to_owned() } else { heard.join("; ") };
    format!("talked {:.1} s, heard {heard}", record.duration_s)
}

/// What was heard on a channel.
pub(super) fn heard(channel: &ChannelRecord) -> String {
    let ms = |value: Option<f64>| {
        value.map_or_else(|| "not measured".to_owned(), |ms| format!("{ms:.2} ms"))
    };
    let tone = channel.tone_hz.map_or_else(|| "no tone".to_owned(), |hz| format!("{hz:.1} Hz"));
    let ChannelRecord { packets, lost, codec, cipher, .. } = channel;
    let cipher = if cipher == "none" { "in clear" } else { cipher };
    format!(
        "{tone}, {codec} {cipher}: {packets} packets, {lost} lost, jitter {}, latency {}",
        ms(channel.jitter_ms),
        ms(channel.latency_ms)
    )
}
