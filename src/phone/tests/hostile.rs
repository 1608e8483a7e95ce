//! Peers that send garbage: nothing panics, and every call comes to an end.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::host::{Lab, answering, calling};
use crate::face::{Agent, Bind, Input, ListenerId, Output, SocketId, StreamId};
use crate::phone::Phone;
use crate::phone::options::Options;

/// Spoils one octet of one message in a few, in a way that the seed decides.
fn spoil(seed: u8) -> impl FnMut(&mut Vec<u8>) {
    let mut random = ChaCha8Rng::from_seed([seed; 32]);
    move |bytes| {
        let (whether, place) = (random.next_u32() % 4, random.next_u32() as usize);
        if whether == 0 && bytes.len() > 4 {
            // The TPKT header stays mostly sound, so that the rooms behind it are reached.
            let place = if place % 16 == 0 { place % 4 } else { 4 + place % (bytes.len() - 4) };
            bytes[place] ^= 1 << (random.next_u32() % 8);
        }
    }
}

#[test]
fn spoilt_messages() {
    let mut answered = 0;
    for seed in 0..60 {
        let mut lab = Lab::new();
        lab.tap = Some(Box::new(spoil(seed)));
        let tunnelling = seed % 2 == 0;
        let bob = lab.phone(Options { tunnelling, ..answering("bob") });
        let alice = lab.phone(Options { tunnelling, ..calling("alice", Some(2)) });
        lab.seconds(300);
        assert!(lab.has_finished(alice), "seed {seed}: {:?}", lab.events(alice));
        assert_eq!(lab.leftovers(alice), 0, "seed {seed}");
        answered += usize::from(lab.record(alice).setup_ms.is_some());
        lab.shut_down(bob);
        lab.seconds(1);
        assert!(lab.has_finished(bob), "seed {seed}");
    }
    assert!((5..60).contains(&answered), "{answered}: some calls survive, not all");
}

#[test]
fn random_inputs() {
    for seed in 0..40 {
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let mut lab = Lab::new();
        let now = lab.now;
        let options = if seed % 2 == 0 { answering("a") } else { calling("a", None) };
        let mut phone = Phone::new(options, [seed; 32], now);
        for step in 0..400u64 {
            lab.now += std::time::Duration::from_millis(u64::from(random.next_u32() % 500));
            let mut bytes = vec![0; (random.next_u32() % 64) as usize];
            random.fill_bytes(&mut bytes);
            if random.next_u32() % 2 == 0 {
                let length = bytes.len() as u8 + 4;
                bytes.splice(0..0, [3, 0, 0, length]);
            }
            phone.handle_input(lab.now, any_input(&mut random, step, &bytes));
            let drained = (0..1000).any(|_| matches!(phone.poll_output(), Output::Timeout(_)));
            assert!(drained, "seed {seed}");
        }
    }
}

fn any_input<'a>(random: &mut ChaCha8Rng, step: u64, bytes: &'a [u8]) -> Input<'a> {
    let number = random.next_u32() % 6;
    let address = ([192, 0, 2, (number % 3) as u8], 1720 + (number % 2) as u16).into();
    let stream = if number < 3 { StreamId(number.into()) } else { StreamId::accepted(step / 50) };
    let at = (number != 0).then_some(address);
    match random.next_u32() % 8 {
        0 => Input::Bound { bind: Bind::Tcp(ListenerId(number)), at },
        1 => Input::Bound { bind: Bind::UdpPair(SocketId(number), SocketId(number + 1)), at },
        2 => Input::Bound { bind: Bind::Udp(SocketId(number)), at },
        3 => Input::Datagram { socket: SocketId(number), from: address, bytes },
        4 => {
            Input::Accepted { listener: ListenerId(number), stream, local: address, peer: address }
        }
        5 => Input::Connected { stream, local: address },
        6 if step.is_multiple_of(10) => Input::Closed { stream },
        7 if step.is_multiple_of(10) => Input::Timeout,
        _ => Input::Bytes { stream, bytes },
    }
}
