//! What the two phones and the gatekeeper tell of each call when it is over; and of a call that was not whole, why.

use std::collections::BTreeMap;

use pinhole::phone::tone;
use serde_json::Value;

/// Who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Teller {
    Caller,
    Called,
    Gatekeeper,
}

/// Of a phone's call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    connected: bool,
    sentence: String,
    sent: u64,
    received: u64,
    lost: u64,
    tone: bool,
}

/// Of the gatekeeper's call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Relayed {
    sentence: String,
    /// From the caller, from the called party.
    packets: [u64; 2],
    strangers: u64,
}

/// What all have told of a call.
#[derive(Debug, Clone, Default)]
struct Story {
    /// The caller, the called party.
    ends: [Option<Told>; 2],
    relayed: Option<Relayed>,
}

/// What the calls came to at one end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) answered: u64,
    pub(super) heard: u64,
    pub(super) packets: u64,
    pub(super) lost: u64,
}

/// All calls. Those that were whole are only counted.
#[derive(Debug, Default)]
pub(super) struct Stories {
    open: BTreeMap<String, Story>,
    whole: u64,
    /// The caller, the called party.
    pub(super) sums: [Sum; 2],
}

impl Stories {
    /// Takes a line that somebody has printed. Only the record of a call is of interest.
    pub(super) fn hear(&mut self, teller: Teller, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return };
        if event.get("event").and_then(Value::as_str) != Some("call-ended") {
            return;
        }
        let Some(callid) = event.get("callid").and_then(Value::as_str) else { return };
        let story = self.open.entry(callid.to_owned()).or_default();
        match teller {
            Teller::Caller => story.ends[0] = Some(Told::from(&event)),
            Teller::Called => story.ends[1] = Some(Told::from(&event)),
            Teller::Gatekeeper => story.relayed = Some(Relayed::from(&event)),
        }
        if story.is_whole() {
            self.whole += 1;
            self.sums.iter_mut().zip(&story.ends).for_each(|(sum, end)| sum.add(end.as_ref()));
            self.open.remove(callid);
        }
    }

    /// How many calls were whole so far.
    pub(super) const fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether somebody is still to tell of a call.
    pub(super) fn are_awaited(&self) -> bool {
        self.open.values().any(|story| story.ends.contains(&None) || story.relayed.is_none())
    }

    /// Nobody tells any more: the calls that were not whole, each with what is known of it.
    pub(super) fn end(&mut self) -> Vec<String> {
        let broken = std::mem::take(&mut self.open);
        for story in broken.values() {
            self.sums.iter_mut().zip(&story.ends).for_each(|(sum, end)| sum.add(end.as_ref()));
        }
        broken.iter().map(|(callid, story)| format!("{callid}: {}", story.told())).collect()
    }
}

impl Sum {
    fn add(&mut self, told: Option<&Told>) {
        let Some(told) = told else { return };
        self.answered += u64::from(told.connected);
        self.heard += u64::from(told.tone);
        self.packets += told.received;
        self.lost += told.lost;
    }
}

impl From<&Value> for Told {
    fn from(event: &Value) -> Self {
        let of = |way| channels(event, way);
        Self {
            connected: event.get("setup_ms").is_some_and(Value::is_u64),
            sentence: text(event, "sentence"),
            sent: of("transmit").map(|channel| number(channel, "packets")).sum(),
            received: of("receive").map(|channel| number(channel, "packets")).sum(),
            lost: of("receive").map(|channel| number(channel, "lost")).sum(),
            tone: of("receive").any(|c| c.get("tone_hz").is_some_and(Value::is_number)),
        }
    }
}

impl From<&Value> for Relayed {
    fn from(event: &Value) -> Self {
        let of = |way, key| channels(event, way).map(|channel| number(channel, key)).sum();
        let [a, b]: [u64; 2] = ["a-to-b", "b-to-a"].map(|way| of(way, "strangers"));
        Self {
            sentence: text(event, "sentence"),
            packets: ["a-to-b", "b-to-a"].map(|way| of(way, "packets")),
            strangers: a + b,
        }
    }
}

impl Story {
    /// Both ends heard each other, and nothing was lost.
    fn is_whole(&self) -> bool {
        let whole = |end: &Option<Told>| {
            end.as_ref().is_some_and(|told| told.connected && told.tone && told.lost == 0)
        };
        self.ends.iter().all(whole) && self.relayed.is_some()
    }

    /// What is known, in the order of the way: the caller, the gatekeeper, the called party.
    fn told(&self) -> String {
        let [caller, called] = &self.ends;
        let mut parts = Vec::new();
        let answered = self.ends.iter().flatten().any(|told| told.connected);
        match caller {
            None => parts.push("the caller has not told of it".to_owned()),
            Some(told) if !told.connected => {
                parts.push(format!("not answered: {}", told.sentence));
            }
            Some(told) if !told.tone || told.lost > 0 => {
                let way = [Some(told), called.as_ref()];
                parts.push(audio("caller", way, self.relayed.as_ref().map(|it| it.packets[1])));
            }
            Some(_) => {}
        }
        match &self.relayed {
            None => parts.push("the gatekeeper has not told of it".to_owned()),
            Some(told) if !answered => parts.push(format!("gatekeeper: {}", told.sentence)),
            Some(told) if told.strangers > 0 => {
                parts.push(format!("gatekeeper: {} packets of strangers", told.strangers));
            }
            Some(_) => {}
        }
        match called {
            None => parts.push("the called party has not told of it".to_owned()),
            Some(told) if !told.connected => parts.push(format!("called: {}", told.sentence)),
            Some(told) if !told.tone || told.lost > 0 => {
                let way = [Some(told), caller.as_ref()];
                parts.push(audio("called", way, self.relayed.as_ref().map(|it| it.packets[0])));
            }
            Some(_) => {}
        }
        parts.join("; ")
    }
}

/// What became of the audio on its way to a party.
fn audio(name: &str, [here, there]: [Option<&Told>; 2], relayed: Option<u64>) -> String {
    let Some(told) = here else { return String::new() };
    let known = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let (sent, relayed) = (known(there.map(|there| there.sent)), known(relayed));
    let what = match told.received {
        _ if told.tone => format!("{} packets lost", told.lost),
        0 => "no audio came".to_owned(),
        few if few < tone::FEWEST_PACKETS => {
            format!("less than {} packets came, too few for a tone", tone::FEWEST_PACKETS)
        }
        _ => "no tone was heard".to_owned(),
    };
    format!("{name}: {what} ({sent} sent, {relayed} relayed, {} received)", told.received)
}

fn channels<'a>(event: &'a Value, way: &'static str) -> impl Iterator<Item = &'a Value> {
    let all = event.get("channels").and_then(Value::as_array).into_iter().flatten();
    all.filter(move |channel| channel.get("direction").and_then(Value::as_str) == Some(way))
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn phone(callid: &str, packets: u64, tone: Option<f64>) -> String {
        let receive =
            json!({"direction": "receive", "packets": packets, "lost": 0, "tone_hz": tone});
        let channels = json!([{"direction": "transmit", "packets": 20}, receive]);
        json!({"event": "call-ended", "callid": callid, "setup_ms": 3, "channels": channels})
            .to_string()
    }

    fn keeper(callid: &str) -> String {
        let way = |direction| json!({"direction": direction, "packets": 19, "strangers": 0});
        let channels = [way("a-to-b"), way("b-to-a")];
        json!({"event": "call-ended", "callid": callid, "channels": channels}).to_string()
    }

    #[test]
    fn whole_calls_are_counted_and_the_others_explained() {
        let mut stories = Stories::default();
        for (callid, packets) in [("a", 20), ("b", 12), ("c", 0)] {
            let tone = (packets > 12).then_some(440.0);
            stories.hear(Teller::Caller, &phone(callid, 20, Some(440.0)));
            stories.hear(Teller::Called, &phone(callid, packets, tone));
            assert!(stories.are_awaited());
            stories.hear(Teller::Gatekeeper, &keeper(callid));
            assert!(!stories.are_awaited());
        }
        assert_eq!(stories.whole(), 1);
        let refused = json!({"event": "call-ended", "callid": "d", "sentence": "busy"});
        stories.hear(Teller::Caller, &refused.to_string());
        stories.hear(Teller::Caller, "{\"event\":\"registered\"}");
        stories.hear(Teller::Caller, "ready");
        assert!(stories.are_awaited());
        let broken = stories.end();
        assert_eq!(
            broken,
            [
                "b: called: less than 13 packets came, too few for a tone (20 sent, 19 relayed, 12 received)",
                "c: called: no audio came (20 sent, 19 relayed, 0 received)",
                "d: not answered: busy; the gatekeeper has not told of it; the called party has not told of it",
            ]
        );
        let [caller, called] = stories.sums;
        assert_eq!(caller, Sum { answered: 3, heard: 3, packets: 60, lost: 0 });
        assert_eq!(called, Sum { answered: 3, heard: 1, packets: 32, lost: 0 });
    }
}
