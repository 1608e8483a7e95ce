//! `pinhole bench crypto`.

use nix::time::{ClockId, clock_gettime};
use pinhole_crypto::batch::{Batch, Kernel};
use pinhole_crypto::cbc::{Fill, Open, Seal};
use pinhole_crypto::session::SessionKey;
use pinhole_crypto::{Algorithm, Packet, Transform as _};

use super::{ciphers, spread, verdict};
use crate::cmd::print;

/// Streams, each with a key of its own: both directions of 32 calls.
const STREAMS: usize = 64;
/// Octets of the header of a packet.
pub(super) const HEADER: usize = 12;
/// Octets behind it.
pub(super) const ROOM: usize = 16;
/// Octets of payload: 20 ms of G.711, and a large packet of video.
const SIZES: [usize; 2] = [160, 1200];
/// Octets that each contender works on before the next has its turn.
const TURN: usize = 400_000;
/// Who decrypts a block after the other.
const SERIAL: &str = "cbc crate, block by block";
/// How many times as fast as the cbc crate encryption is meant to be.
const GOAL: f64 = 5.0;

/// What is measured.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Turns of each contender, one after the other.
    #[arg(long, value_name = "N", default_value_t = 25,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
}

/// What is done to the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Encrypt,
    Decrypt,
}

/// Does it to one packet of each stream, in place.
pub(super) type Work<'a> = Box<dyn FnMut(&mut [Vec<u8>]) + 'a>;

struct Contender<'a> {
    name: &'static str,
    work: Work<'a>,
}

/// Measures both ways, with all keys and sizes.
pub(super) fn run(args: &Args) -> Result<(), String> {
    print(&format!(
        "{STREAMS} streams, each with its key; {} rounds; processor time for a packet (median), \
         and how much faster than the cbc crate\n",
        args.rounds
    ));
    for way in [Way::Encrypt, Way::Decrypt] {
        for size in SIZES {
            for algorithm in Algorithm::ALL {
                compare(args, way, algorithm, size)?;
            }
        }
    }
    Ok(())
}

fn compare(args: &Args, way: Way, algorithm: Algorithm, size: usize) -> Result<(), String> {
    let keys = keys(algorithm);
    let sessions: Vec<SessionKey> =
        keys.iter().filter_map(|key| SessionKey::from_octets(algorithm, key).ok()).collect();
    let plain = Contender { name: "cbc crate", work: ciphers::plain(algorithm, way, &keys) };
    let (openssl, skipped) = match ciphers::openssl(algorithm, way, &keys) {
        Ok(work) => (Some(Contender { name: "openssl", work }), None),
        Err(why) => (None, Some(why)),
    };
    let mut contenders = vec![plain];
    match way {
        Way::Encrypt => contenders.extend(encrypting(&sessions)),
        Way::Decrypt => {
            contenders.push(decrypting(&sessions));
            let work = ciphers::serial(algorithm, &keys);
            contenders.push(Contender { name: SERIAL, work });
        }
    }
    contenders.extend(openssl);
    let times = measure(args, &mut contenders, size)?;
    let doing = match way {
        Way::Encrypt => "encrypt",
        Way::Decrypt => "decrypt",
    };
    let bits = 8 * algorithm.key_length();
    print(&format!("\n{doing}, AES-{bits}, {size} octets\n"));
    let mut best = None;
    for (contender, ours) in contenders.iter().zip(&times) {
        let ratios: Vec<f64> = times
            .first()
            .into_iter()
            .flatten()
            .zip(ours)
            .map(|(plain, ours)| plain / ours)
            .collect();
        let ((time, ..), (ratio, least, most)) = (spread(ours), spread(&ratios));
        print(&format!(
            "  {:<26} {time:7.1} ns  {ratio:5.2} x [{least:.2} .. {most:.2}]\n",
            contender.name
        ));
        if contender.name.starts_with("ours, batched") {
            best = best.or(Some(ratio));
        }
    }
    if let Some(why) = skipped {
        print(&format!("  {:<26} {why}\n", "openssl"));
    }
    let serial = contenders.iter().zip(&times).find(|(contender, _)| contender.name == SERIAL);
    if let (Some((_, serial)), Some(ours)) = (serial, times.get(1)) {
        let ratios: Vec<f64> = serial.iter().zip(ours).map(|(one, ours)| one / ours).collect();
        let (ratio, ..) = spread(&ratios);
        print(&format!(
            "  no batch: the blocks of a packet are decrypted side by side already, {ratio:.2} times as fast as one \
             after the other\n"
        ));
    }
    if let Some(ratio) = best {
        let met = verdict(ratio >= GOAL);
        print(&format!(
            "  goal: batched at least {GOAL:.0} times as fast as the cbc crate: {met}\n"
        ));
    }
    Ok(())
}

/// Our ways to encrypt: batched with each kernel of this processor, beginning with the one that the relay uses, and alone.
fn encrypting(sessions: &[SessionKey]) -> Vec<Contender<'static>> {
    let seals = || -> Vec<Seal> {
        sessions.iter().map(|session| Seal::new(session, Fill::Count)).collect()
    };
    let name = |kernel| match kernel {
        Kernel::Vaes => "ours, batched (VAES)",
        Kernel::AesNi => "ours, batched (AES-NI)",
        Kernel::Hazmat => "ours, batched (aes hazmat)",
        Kernel::Alone => "ours, one after the other",
    };
    let mut contenders: Vec<Contender<'static>> = Kernel::ALL
        .into_iter()
        .filter(|kernel| *kernel != Kernel::Alone || *kernel == Kernel::fastest())
        .filter_map(|kernel| Some((kernel, Batch::with(kernel)?)))
        .map(|(kernel, mut batch)| {
            let seals = seals();
            let work =
                move |packets: &mut [Vec<u8>]| seal(&mut batch, packets, &seals, Batch::LANES);
            Contender { name: name(kernel), work: Box::new(work) }
        })
        .collect();
    let (mut batch, seals) = (Batch::default(), seals());
    let work = move |packets: &mut [Vec<u8>]| seal(&mut batch, packets, &seals, 1);
    contenders.push(Contender { name: "ours, one packet", work: Box::new(work) });
    contenders
}

/// Encrypts so many packets together, as the relay does.
fn seal(batch: &mut Batch, packets: &mut [Vec<u8>], seals: &[Seal], together: usize) {
    for (packets, seals) in packets.chunks_mut(together).zip(seals.chunks(together)) {
        for ((lane, octets), seal) in packets.iter_mut().enumerate().zip(seals) {
            let length = octets.len() - ROOM;
            // What fails shows where the octets are compared.
            if let Ok(mut packet) = Packet::new(octets, length) {
                let _ = batch.enter(lane, 0, &mut packet, seal);
            }
        }
        batch.seal(packets);
    }
}

/// Our way to decrypt: a packet's blocks do not wait for one another, so that there is no need for others.
fn decrypting(sessions: &[SessionKey]) -> Contender<'static> {
    let mut opens: Vec<Open> = sessions.iter().map(Open::new).collect();
    let work = move |packets: &mut [Vec<u8>]| {
        for (octets, open) in packets.iter_mut().zip(&mut opens) {
            let length = octets.len() - ROOM;
            if let Ok(mut packet) = Packet::new(octets, length) {
                let _ = open.apply(&mut packet);
            }
        }
    };
    Contender { name: "ours, one packet", work: Box::new(work) }
}

/// The times of each contender for a packet, in nanoseconds, by round.
fn measure(
    args: &Args,
    contenders: &mut [Contender<'_>],
    size: usize,
) -> Result<Vec<Vec<f64>>, String> {
    let mut expected = None;
    for contender in &mut *contenders {
        let mut packets = packets(size);
        (contender.work)(&mut packets);
        let whole = packets.iter().map(|octets| octets[..HEADER + size].to_vec()).collect();
        if *expected.get_or_insert_with(|| Vec::clone(&whole)) != whole {
            return Err(format!("{} gives other octets than the cbc crate", contender.name));
        }
    }
    let repeat = TURN / (STREAMS * size) + 10;
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..args.rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let mut packets = packets(size);
            (contender.work)(&mut packets);
            let before = thread_time()?;
            (0..repeat).for_each(|_| (contender.work)(&mut packets));
            times.push((thread_time()? - before) / (repeat * STREAMS) as f64);
        }
    }
    Ok(times)
}

/// The processor time of this thread, in nanoseconds: what others do meanwhile does not count.
fn thread_time() -> Result<f64, String> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map(|time| time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64)
        .map_err(|error| format!("no processor time: {error}"))
}

fn keys(algorithm: Algorithm) -> Vec<Vec<u8>> {
    let octet = |stream: usize, n: usize| (stream * 31 + n * 7) as u8;
    let key = |stream| (0..algorithm.key_length()).map(|n| octet(stream, n)).collect();
    (0..STREAMS).map(key).collect()
}

/// A packet of each stream, with room behind it.
fn packets(size: usize) -> Vec<Vec<u8>> {
    let packet = |stream: usize| {
        let octets = (0..HEADER + size + ROOM).map(|n| (n * 5 + stream) as u8);
        let mut packet: Vec<u8> = octets.collect();
        packet[0] = 0x80;
        packet
    };
    (0..STREAMS).map(packet).collect()
}
