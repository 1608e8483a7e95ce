//! Whether a call was as it should be.

use std::net::IpAddr;

use pinhole::event::{CallRecord, ChannelRecord, Event};

use super::tell::Who;

/// How far a measured tone may be off, in hertz.
const TONE_TOLERANCE: f64 = 5.0;

/// Fewer packets than this are no conversation: two seconds of it.
const FEWEST: u64 = 100;

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) caller: Who,
    pub(super) called: Who,
    /// What the inside phone and the outside phone play, in hertz.
    pub(super) tones: [f64; 2],
    /// Whether H.245 is carried in call signalling.
    pub(super) tunnelling: bool,
}

impl Act {
    /// What a phone plays.
    pub(super) const fn tone(&self, who: Who) -> f64 {
        self.tones[if matches!(who, Who::Inside) { 0 } else { 1 }]
    }

    const fn other(&self, who: Who) -> Who {
        if matches!(who, Who::Inside) { Who::Outside } else { Who::Inside }
    }

    /// What was not as it should be, one sentence each; `firewall` is its address outside.
    pub(super) fn faults(&self, firewall: IpAddr, heard: &[(Who, Event)]) -> Vec<String> {
        let mut faults = Vec::new();
        for who in [Who::Inside, Who::Outside] {
            match records(heard, who).as_slice() {
                [record] => faults.extend(self.phone_faults(who, record)),
                all => faults.push(format!("the {} tells of {} calls", who.name(), all.len())),
            }
        }
        for who in [Who::Outer, Who::Inner] {
            match records(heard, who).as_slice() {
                [record] => faults.extend(self.keeper_faults(who, record)),
                all => faults.push(format!("the {} tells of {} calls", who.name(), all.len())),
            }
        }
        faults.extend(self.way_faults(firewall, heard));
        faults
    }

    /// What the gatekeeper relayed, and whether that was encrypted on its leg through the firewall.
    fn keeper_faults(&self, who: Who, record: &CallRecord) -> Vec<String> {
        let (name, mut faults) = (who.name(), Vec::new());
        let leg = if (self.caller == Who::Inside) == (who == Who::Outer) { "a" } else { "b" };
        for direction in ["a-to-b", "b-to-a"] {
            let relayed = record.channels.iter().find(|c| c.direction == direction);
            if relayed.is_none_or(|channel| channel.packets < FEWEST) {
                faults.push(format!("the {name} relayed too little {direction}"));
            }
            let encrypted = |channel: &ChannelRecord| {
                channel.legs.iter().any(|one| one.leg == leg && one.by == "gatekeeper")
            };
            if !relayed.is_none_or(encrypted) {
                let way = "in clear through the firewall";
                faults.push(format!("media was {way} {direction}, says the {name}"));
            }
        }
        faults
    }

    /// What the phone heard.
    fn phone_faults(&self, who: Who, record: &CallRecord) -> Vec<String> {
        let name = who.name();
        let mut faults = Vec::new();
        if record.setup_ms.is_none() {
            faults.push(format!("the call of the {name} was not answered: {}", record.sentence));
        }
        let received: Vec<_> =
            record.channels.iter().filter(|c| c.direction == "receive").collect();
        let [channel] = received.as_slice() else {
            faults.push(format!("the {name} received {} channels, not one", received.len()));
            return faults;
        };
        let played = self.tone(self.other(who));
        match channel.tone_hz {
            Some(hz) if (hz - played).abs() <= TONE_TOLERANCE => {}
            Some(hz) => faults.push(format!("the {name} heard {hz} Hz, not {played} Hz")),
            None => faults.push(format!("the {name} heard no tone")),
        }
        if channel.packets < FEWEST {
            faults.push(format!("the {name} received only {} packets", channel.packets));
        }
        if channel.lost > 0 {
            faults.push(format!("{} packets to the {name} were lost", channel.lost));
        }
        if channel.latency_ms.is_none() {
            faults.push(format!("the {name} got no report to measure latency by"));
        }
        faults
    }

    /// Whether the call took the way it had to take.
    fn way_faults(&self, firewall: IpAddr, heard: &[(Who, Event)]) -> Vec<String> {
        let mut faults = Vec::new();
        for who in [Who::Outer, Who::Inner] {
            let step = |wanted| {
                heard.iter().any(|(w, event)| {
                    *w == who && matches!(event, Event::Pinhole { step, .. } if *step == wanted)
                })
            };
            let wanted = self.called == Who::Inside;
            if (step("announced"), step("opened")) != (wanted, wanted) {
                let how = if wanted { "did not take" } else { "took" };
                faults.push(format!("the call {how} a pinhole, says the {}", who.name()));
            }
        }
        for wanted in ["rtp", "rtcp"] {
            let learned = heard.iter().any(|(who, event)| match event {
                Event::MediaLearned { from, kind, .. } => {
                    *who == Who::Outer && *kind == wanted && from.ip() == firewall
                }
                _ => false,
            });
            if !learned {
                faults.push(format!("the outside Pinhole did not learn where {wanted} comes from"));
            }
        }
        faults
    }
}

/// What no event may tell; one sentence if it does.
pub(super) fn fault(who: Who, event: &Event) -> Option<String> {
    let name = who.name();
    match event {
        Event::NotListening { role, ip, port, .. } => {
            Some(format!("the {name} cannot listen for {role} at {ip} port {port}"))
        }
        Event::RegistrationRefused { sentence, .. }
        | Event::CallRefused { sentence, .. }
        | Event::Malformed { sentence, .. } => Some(format!("the {name} says: {sentence}")),
        _ => None,
    }
}

/// The records of somebody's calls.
fn records(heard: &[(Who, Event)], who: Who) -> Vec<&CallRecord> {
    let mut all = Vec::new();
    for (teller, event) in heard {
        if let Event::CallEnded(record) = event
            && *teller == who
        {
            all.push(&**record);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use pinhole::event::LegCipher;

    use super::*;

    const FIREWALL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    const ACT: Act =
        Act { caller: Who::Outside, called: Who::Inside, tones: [440.0, 660.0], tunnelling: true };

    fn channel(direction: &'static str, tone: f64) -> ChannelRecord {
        ChannelRecord {
            media: "audio",
            direction,
            codec: "pcma".to_owned(),
            packets: 230,
            lost: 0,
            jitter_ms: Some(0.1),
            tone_hz: Some(tone),
            cipher: "none".to_owned(),
            dh_bits: None,
            strangers: 0,
            unanswered: 0,
            legs: Vec::new(),
            latency_ms: Some(0.2),
        }
    }

    fn ended(channels: Vec<ChannelRecord>) -> Event {
        Event::CallEnded(Box::new(CallRecord {
            callid: "c".to_owned(),
            direction: "out",
            peer: "p".to_owned(),
            cause: Some(16),
            release_reason: None,
            sentence: "over".to_owned(),
            setup_ms: Some(5),
            duration_s: 4.6,
            channels,
            forwarded_by: Vec::new(),
            encryption: Vec::new(),
        }))
    }

    /// A call as it should be.
    fn good() -> Vec<(Who, Event)> {
        let from = "127.0.0.2:5000".parse().unwrap();
        let pinhole = |step| Event::Pinhole { callid: "c".to_owned(), step, peer: from };
        let learned = |kind| Event::MediaLearned { callid: "c".to_owned(), from, kind };
        let leg = |leg| LegCipher { leg, cipher: "AES-256-CBC", dh_bits: 2048, by: "gatekeeper" };
        let both = |outer| {
            let relayed =
                |direction| ChannelRecord { legs: vec![leg(outer)], ..channel(direction, 0.0) };
            vec![relayed("a-to-b"), relayed("b-to-a")]
        };
        vec![
            (Who::Outer, pinhole("announced")),
            (Who::Inner, pinhole("announced")),
            (Who::Inner, pinhole("opened")),
            (Who::Outer, pinhole("opened")),
            (Who::Outer, learned("rtp")),
            (Who::Outer, learned("rtcp")),
            (Who::Inside, ended(vec![channel("receive", 660.1), channel("transmit", 0.0)])),
            (Who::Outside, ended(vec![channel("receive", 439.9)])),
            (Who::Outer, ended(both("b"))),
            (Who::Inner, ended(both("a"))),
        ]
    }

    #[test]
    fn a_good_call_has_no_faults() {
        assert_eq!(ACT.faults(FIREWALL, &good()), [""; 0]);
    }

    #[test]
    fn whatever_is_missing_is_a_fault() {
        for n in 0..good().len() {
            let mut heard = good();
            let missing = heard.remove(n);
            assert_ne!(ACT.faults(FIREWALL, &heard), [""; 0], "{missing:?}");
        }
    }

    #[test]
    fn what_was_heard_is_judged() {
        let spoil: [fn(&mut ChannelRecord); 5] = [
            |c| c.tone_hz = Some(654.9),
            |c| c.tone_hz = None,
            |c| c.lost = 1,
            |c| c.packets = 99,
            |c| c.latency_ms = None,
        ];
        for spoil in spoil {
            let mut heard = good();
            let mut received = channel("receive", 660.0);
            spoil(&mut received);
            heard[6].1 = ended(vec![received.clone()]);
            assert_eq!(ACT.faults(FIREWALL, &heard).len(), 1, "{received:?}");
        }
    }

    #[test]
    fn media_in_clear_is_a_fault() {
        for keeper in [8, 9] {
            let mut heard = good();
            heard[keeper].1 = ended(vec![channel("a-to-b", 0.0), channel("b-to-a", 0.0)]);
            assert_eq!(ACT.faults(FIREWALL, &heard).len(), 2);
        }
    }

    #[test]
    fn a_call_out_takes_no_pinhole() {
        let act = Act { caller: Who::Inside, called: Who::Outside, ..ACT };
        let mut heard = good();
        // The leg through the firewall is the outside Pinhole's first, then.
        let [outer, inner] = [heard[8].1.clone(), heard[9].1.clone()];
        (heard[8].1, heard[9].1) = (inner, outer);
        assert_eq!(act.faults(FIREWALL, &heard).len(), 2);
        assert_eq!(act.faults(FIREWALL, &heard[4..]), [""; 0]);
    }
}
