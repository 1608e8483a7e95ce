//! Hostile messages in the manner of PROTOS c07-h2250v4: real messages with one to three flaws of the kinds that have
//! brought systems down, in what frames them (TPKT), in their elements (Q.931), in their encoding (PER) and in their size.
//! The same seed makes the same messages.

mod encoding;
mod frames;
pub(crate) mod stock;
mod swollen;

use pinhole_h323::id::CallId;
use pinhole_h323::signal::Signal;
use pinhole_h323::tpkt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use stock::Stock;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// The header of its TPKT: version, length, what stands before it.
    Frame,
    /// Protocol discriminator, call reference, message type.
    Header,
    /// The length of an information element.
    ElementLength,
    /// Information elements that are missing, doubled, unknown or in another order.
    ElementOrder,
    /// A length determinant of PER.
    Length,
    /// The index of an alternative.
    Choice,
    /// Which optional or additional parts there are.
    Bitmap,
    /// An object identifier.
    Object,
    /// A string.
    Text,
    /// Parts of it many times.
    Repetition,
    /// It ends too early, or goes on after its end.
    End,
    /// Bits.
    Noise,
    /// Well-formed, and too large or too deep.
    Swollen,
    /// Well-formed, and at a wrong time.
    Untimely,
}

/// All flaws that the encoding of a message can have.
const ENCODING: [Flaw; 8] = [
    Flaw::Length,
    Flaw::Choice,
    Flaw::Bitmap,
    Flaw::Object,
    Flaw::Text,
    Flaw::Repetition,
    Flaw::End,
    Flaw::Noise,
];

/// A message, and its first flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) octets: Vec<u8>,
    pub(crate) flaw: Flaw,
}

/// Makes hostile messages.
pub(crate) struct Hostile {
    random: ChaCha8Rng,
    stock: Stock,
}

impl Hostile {
    /// From this seed; well-formed messages speak of this call, which should not be theirs.
    pub(crate) fn new(seed: u64, call: CallId) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), stock: Stock::new(call) }
    }

    /// A datagram for a RAS port.
    pub(crate) fn ras(&mut self) -> Message {
        let sound = pick(&mut self.random, &self.stock.ras).clone();
        match self.random.random_range(0..20) {
            0 => Message { octets: sound, flaw: Flaw::Untimely },
            1 => Message { octets: swollen::ras(&mut self.random), flaw: Flaw::Swollen },
            _ => self.encoded(sound),
        }
    }

    /// Octets for a signalling connection, in TPKTs.
    pub(crate) fn signalling(&mut self) -> Message {
        let sound = pick(&mut self.random, &self.stock.signalling).clone();
        let r = &mut self.random;
        let (payload, flaw) = match r.random_range(0..20) {
            0 => (sound, Flaw::Untimely),
            1 => (swollen::signalling(r, self.stock.call), Flaw::Swollen),
            2..=4 => (frames::header(r, sound), Flaw::Header),
            5..=7 => (frames::element_length(r, sound), Flaw::ElementLength),
            8 | 9 => (frames::element_order(r, sound), Flaw::ElementOrder),
            10 | 11 => return Message { octets: frames::tpkt(r, &sound), flaw: Flaw::Frame },
            _ => {
                let signal = Signal::decode(&sound).expect("the stock is sound");
                let uuie = signal.q931().user_user().unwrap_or_default().to_vec();
                let Message { octets, flaw } = self.encoded(uuie);
                let mut q931 = signal.q931().clone();
                q931.set_user_user(&octets);
                // What does not fit into the element stays as it was.
                (q931.encode().unwrap_or(sound), flaw)
            }
        };
        Message { octets: framed(&payload), flaw }
    }

    /// An H.245 message, as it is tunnelled or put into a TPKT.
    pub(crate) fn control(&mut self) -> Message {
        let sound = pick(&mut self.random, &self.stock.control).clone();
        match self.random.random_range(0..20) {
            0 => Message { octets: sound, flaw: Flaw::Untimely },
            1 => Message { octets: swollen::control(&mut self.random), flaw: Flaw::Swollen },
            _ => self.encoded(sound),
        }
    }

    /// One to three flaws in the encoding of a message.
    fn encoded(&mut self, mut octets: Vec<u8>) -> Message {
        let r = &mut self.random;
        let flaw = *pick(r, &ENCODING);
        octets = encoding::flaw(r, flaw, octets);
        for _ in 0..[0, 0, 0, 1, 1, 2][r.random_range(0..6)] {
            let another = *pick(r, &ENCODING);
            octets = encoding::flaw(r, another, octets);
        }
        Message { octets, flaw }
    }
}

/// True of a message by which an endpoint would give its own registration up, or change it: it must not be sent in the
/// name of one that is to stay.
pub(crate) fn takes_away(octets: &[u8]) -> bool {
    use pinhole_h323::asn::h225::RasMessage as M;
    pinhole_h323::ras::Ras::decode(octets).is_ok_and(|ras| {
        matches!(
            ras.message(),
            M::unregistrationRequest(_) | M::registrationRequest(_) | M::disengageRequest(_)
        )
    })
}

/// In a TPKT, as far as it fits into one.
pub(crate) fn framed(payload: &[u8]) -> Vec<u8> {
    let fits = payload.get(..tpkt::MAX_PAYLOAD).unwrap_or(payload);
    tpkt::wrap(fits).expect("it fits")
}

fn pick<'a, T>(random: &mut ChaCha8Rng, all: &'a [T]) -> &'a T {
    &all[random.random_range(0..all.len())]
}

#[test]
fn every_flaw_occurs_and_the_same_seed_makes_the_same_messages() {
    use std::collections::BTreeMap;
    let make = || {
        let mut hostile = Hostile::new(7, CallId([9; 16]));
        let all = (0..3000).map(|n| match n % 3 {
            0 => hostile.ras(),
            1 => hostile.signalling(),
            _ => hostile.control(),
        });
        all.collect::<Vec<_>>()
    };
    let all = make();
    assert_eq!(all, make());
    let mut counts: BTreeMap<Flaw, usize> = BTreeMap::new();
    for message in &all {
        *counts.entry(message.flaw).or_default() += 1;
    }
    assert_eq!(counts.len(), 14, "{counts:?}");
    assert!(counts.values().all(|count| *count > 30), "{counts:?}");
    // Many are understood in spite of all, so that not only the decoder is tried.
    let understood = all.iter().skip(1).step_by(3).filter(|message| {
        tpkt::split_first(&message.octets)
            .is_ok_and(|split| split.is_some_and(|(payload, _)| Signal::decode(payload).is_ok()))
    });
    let understood = understood.count();
    assert!((300..900).contains(&understood), "{understood}");
}
