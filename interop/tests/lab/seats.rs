//! Calls between many phones at once, each with a tone of its own, so that a word heard in the wrong call is noticed.

use std::net::IpAddr;

use pinhole_interop::{Lab, Namespace, PATIENCE, Phone, PhoneOptions, Traversal, channel};
use serde_json::Value;

use crate::measures::HOLD;

/// Where a phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    Neighbour,
    Far,
    Outside,
}

impl Place {
    pub(crate) const fn namespace(self, lab: &Lab) -> &Namespace {
        match self {
            Self::Inside => &lab.inside,
            Self::Neighbour => &lab.neighbour,
            Self::Far => &lab.far,
            Self::Outside => &lab.outside,
        }
    }
}

/// A side of the calls of a test: where its phones are, where they register, and how they traverse NAT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party {
    pub(crate) place: Place,
    pub(crate) gatekeeper: IpAddr,
    pub(crate) traversal: Traversal,
}

/// One way to make a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant {
    /// `--h245` of caller and called party.
    pub(crate) h245: [&'static str; 2],
    pub(crate) fast_start: bool,
    pub(crate) multiplexed: bool,
}

/// Every way to make a call.
pub(crate) fn variants() -> impl Iterator<Item = Variant> {
    let h245 = [
        ["tunnel", "tunnel"],
        ["separate", "separate"],
        ["tunnel", "separate"],
        ["separate", "tunnel"],
    ];
    let each = |h245| {
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(fast_start, multiplexed)| Variant { h245, fast_start, multiplexed })
    };
    h245.into_iter().flat_map(each)
}

/// A phone of a test: the caller of a variant, or the called party.
struct Seat {
    user: String,
    tone: u32,
    arguments: Vec<String>,
}

impl Seat {
    /// `number` tells the phones of a test apart.
    fn new(number: u16, party: Party, variant: Variant, arguments: &[&str]) -> Self {
        let mut arguments: Vec<String> = arguments.iter().map(|word| (*word).into()).collect();
        if variant.fast_start {
            arguments.extend(["--fast-start", "on"].map(Into::into));
        }
        if party.traversal == Traversal::None {
            arguments.extend(["--listenport".into(), (1800 + number).to_string()]);
        } else if variant.multiplexed {
            arguments.extend(["--multiplex", "on"].map(Into::into));
        }
        Self { user: format!("phone{number}"), tone: 400 + 20 * u32::from(number), arguments }
    }

    fn start(&self, lab: &Lab, party: Party, h245: &str) -> Phone {
        let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let Party { place, gatekeeper, traversal } = party;
        let (user, tone) = (&self.user, self.tone);
        let options = PhoneOptions { user, gatekeeper, traversal, h245, tone, more: &more };
        Phone::start(place.namespace(lab), options).unwrap()
    }
}

/// A call that is over.
#[derive(Debug)]
pub(crate) struct Talk {
    /// Which call it was, for messages.
    pub(crate) context: String,
    /// The records of the caller and the called party.
    pub(crate) records: [Value; 2],
    /// The tones of the caller and the called party, in hertz.
    pub(crate) tones: [u32; 2],
}

/// Makes these calls, and holds them all at once; `more` are further arguments of callers and called parties. Each party
/// hears the other.
pub(crate) fn talk(
    lab: &Lab,
    [from, to]: [Party; 2],
    variants: &[Variant],
    more: [&[&str]; 2],
) -> Vec<Talk> {
    let mut pairs = Vec::new();
    for (number, variant) in (0..).step_by(2).zip(variants.iter().copied()) {
        let arguments = [more[1], &["--listen", "--auto-answer"]].concat();
        let called = Seat::new(number, to, variant, &arguments);
        let arguments = [more[0], &["--hold", HOLD, &called.user]].concat();
        let calling = Seat::new(number + 1, from, variant, &arguments);
        let phone = called.start(lab, to, variant.h245[1]);
        pairs.push((variant, calling, called, phone));
    }
    for (.., phone) in &mut pairs {
        phone.registered().unwrap();
    }
    let talking: Vec<_> = pairs
        .into_iter()
        .map(|(variant, calling, called, phone)| {
            let caller = calling.start(lab, from, variant.h245[0]);
            (variant, [calling.tone, called.tone], caller, phone)
        })
        .collect();
    let over = |(variant, tones, mut caller, mut callee): (Variant, [u32; 2], Phone, Phone)| {
        let context = format!("{:?} calls {:?}, {variant:?}", from.place, to.place);
        let ended = |phone: &mut Phone, context: &str| {
            phone.event("call-ended", PATIENCE).unwrap_or_else(|error| panic!("{context}: {error}"))
        };
        let first = ended(&mut caller, &context);
        // A call that never came is explained by what the caller was told.
        let second = ended(&mut callee, &format!("{context}, caller: {first}"));
        let records = [first, second];
        assert!(caller.ended(PATIENCE).unwrap(), "{context}: {}", caller.seen());
        assert!(callee.stop().unwrap(), "{context}: {}", callee.seen());
        let talk = Talk { context, records, tones };
        talk.assert_heard();
        talk
    };
    talking.into_iter().map(over).collect()
}

impl Talk {
    /// The call was held as long as the caller wanted, and heard.
    pub(crate) fn assert_held(&self) {
        let Self { context, records, .. } = self;
        let hold: f64 = HOLD.parse().unwrap();
        for record in records {
            let duration = record["duration_s"].as_f64().unwrap();
            let held = (hold - 0.5..hold + 5.0).contains(&duration);
            assert!(held, "{context}: held for {duration} s: {record}");
        }
        self.assert_heard();
    }

    /// The tones came through, and all that was sent.
    fn assert_heard(&self) {
        let Self { context, records, tones } = self;
        self.assert_through("audio", [0, 1]);
        self.assert_through("audio", [1, 0]);
        for (record, tone) in records.iter().zip(tones.iter().rev()) {
            let heard = number(context, record, "audio", "receive", "tone_hz");
            assert!((heard - f64::from(*tone)).abs() < 5.0, "{context}: not {tone} Hz: {record}");
        }
    }

    /// What one party sent has come to the other.
    pub(crate) fn assert_through(&self, media: &str, [from, to]: [usize; 2]) {
        let Self { context, records, .. } = self;
        let (sender, receiver) = (&records[from], &records[to]);
        let received = |name| number(context, receiver, media, "receive", name);
        assert_eq!(received("lost"), 0.0, "{context}: {media} {receiver}");
        let sent = number(context, sender, media, "transmit", "packets");
        assert!(sent > 100.0, "{context}: hardly any {media}: {sender}");
        // The first packets may be there before the way is open, and the last may be on it at the end.
        let packets = received("packets");
        let expected = sent - 100.0..=sent;
        assert!(expected.contains(&packets), "{context}: {sent} {media} sent: {receiver}");
    }
}

/// A number in the record of a channel.
pub(crate) fn number(
    context: &str,
    record: &Value,
    media: &str,
    direction: &str,
    name: &str,
) -> f64 {
    let channel = channel(record, media, direction).and_then(|channel| channel[name].as_f64());
    channel.unwrap_or_else(|| panic!("{context}: no {name} of {direction} {media}: {record}"))
}
