//! A batch gives what packets one by one would, with every kernel that this processor has.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::cbc::{Fill, Open};
use crate::session::SessionKey;
use crate::{Algorithm, Transform};

/// A flow of its own for each packet, in both algorithms and fills.
fn flows(kinds: &[(Algorithm, Fill)], rng: &mut ChaCha20Rng) -> Vec<(SessionKey, Fill)> {
    let kinds = (0..LANES).map(|lane| kinds[lane % kinds.len()]);
    kinds.map(|(algorithm, fill)| (SessionKey::generate(algorithm, rng), fill)).collect()
}

fn kernels() -> impl Iterator<Item = (Kernel, Batch)> {
    Kernel::ALL.into_iter().filter_map(|kernel| Some((kernel, Batch::with(kernel)?)))
}

/// A packet of random octets in a buffer with room, which begins at `offset`.
fn packet(offset: usize, length: usize, rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut buffer = vec![0; offset + length + Packet::TAILROOM];
    rng.fill_bytes(&mut buffer);
    buffer[offset] = 0x80;
    buffer
}

/// The whole buffers after some packets, which lie in them by `taken`, were encrypted together and one by one.
fn check(
    batch: &mut Batch,
    flows: &[(SessionKey, Fill)],
    longest: usize,
    taken: impl Fn(usize) -> bool,
) {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let seals: Vec<Seal> = flows.iter().map(|(key, fill)| Seal::new(key, *fill)).collect();
    let place = |rng: &mut ChaCha20Rng| {
        (rng.next_u32() as usize % 5, 12 + rng.next_u32() as usize % longest)
    };
    let places: Vec<(usize, usize)> = flows.iter().map(|_| place(&mut rng)).collect();
    let clear: Vec<Vec<u8>> =
        places.iter().map(|(offset, length)| packet(*offset, *length, &mut rng)).collect();
    let (mut alone, mut together) = (clear.clone(), clear);
    for (lane, (offset, length)) in places.iter().enumerate().filter(|(lane, _)| taken(*lane)) {
        let mut one = Packet::new(&mut alone[lane][*offset..], *length).unwrap();
        Seal::new(&flows[lane].0, flows[lane].1).apply(&mut one).unwrap();
        let mut other = Packet::new(&mut together[lane][*offset..], *length).unwrap();
        batch.enter(lane, *offset, &mut other, &seals[lane]).unwrap();
        assert_eq!(one.length(), other.length());
    }
    let done = batch.seal(&mut together);
    assert!((0..flows.len()).all(|lane| done[lane] == taken(lane)), "{done:?}");
    assert!(alone == together, "{batch:?}, at most {longest}");
}

#[test]
fn a_batch_gives_what_each_alone_would() {
    use Algorithm::{Aes128, Aes256};
    let mut rng = ChaCha20Rng::from_seed([6; 32]);
    let mixed = [(Aes128, Fill::Count), (Aes256, Fill::Zeros), (Aes128, Fill::Zeros)];
    let flows = [&[(Aes128, Fill::Count)][..], &[(Aes256, Fill::Count)], &mixed]
        .map(|kinds| flows(kinds, &mut rng));
    for (_, mut batch) in kernels() {
        for flows in &flows {
            for longest in [1, 40, 200, 1400, 9000] {
                check(&mut batch, flows, longest, |_| true);
                for count in [1, 2, 3, 8, 9, 15] {
                    check(&mut batch, flows, longest, |lane| lane < count);
                }
                check(&mut batch, flows, longest, |lane| lane % 3 == 1);
            }
        }
    }
}

#[test]
fn this_processor_has_the_kernels_it_says() {
    assert!(Kernel::Alone.is_available());
    assert!(Kernel::fastest().is_available());
    assert!(kernels().any(|(kernel, _)| kernel == Kernel::fastest()));
    if Kernel::Vaes.is_available() {
        assert_eq!(Kernel::fastest(), Kernel::Vaes);
    }
}

#[test]
fn what_a_kernel_cannot_do_here_is_done_all_the_same() {
    let mut known = None;
    let key = |pair, row, one| [(row * 17 + pair * 2 + one) as u8; 16];
    let mut keys = Keys::<SHORT>(std::array::from_fn(|pair| {
        std::array::from_fn(|row| std::array::from_fn(|one| key(pair, row, one)))
    }));
    for kernel in Kernel::ALL {
        let mut chain = [[3; 16]; LANES];
        let mut blocks = [[[5; 16]; 3]; LANES];
        let cells =
            blocks.each_mut().map(|blocks| Cell::from_mut(&mut blocks[..]).as_slice_of_cells());
        kernel.encrypt(&mut keys, &mut chain, &cells, LANES);
        assert!(
            blocks
                .iter()
                .zip(&chain)
                .all(|(blocks, chain)| blocks[2] == *chain && blocks[0] != [5; 16])
        );
        assert_eq!(*known.get_or_insert(blocks), blocks, "{kernel:?}");
    }
}

#[test]
fn what_cannot_be_encrypted_does_not_keep_the_others() {
    let key = SessionKey::from_octets(Algorithm::Aes128, &[7; 16]).unwrap();
    let flow = Seal::new(&key, Fill::Count);
    for (_, mut batch) in kernels() {
        let mut buffers: Vec<Vec<u8>> = (0..12).map(|n| [&[0x80][..], &[n; 63]].concat()).collect();
        for (n, buffer) in buffers.iter_mut().enumerate() {
            // Every third has no header, every fourth no room; the others have 30 octets of payload.
            let (length, outcome) = match n {
                _ if n % 3 == 0 => (11, Err(Reject::Truncated)),
                _ if n % 4 == 1 => (63, Err(Reject::Tailroom)),
                _ => (42, Ok(())),
            };
            let mut packet = Packet::new(buffer, length).unwrap();
            assert_eq!(batch.enter(n, 0, &mut packet, &flow), outcome);
        }
        batch.seal(&mut buffers);
        for (n, buffer) in buffers.iter_mut().enumerate().filter(|(n, _)| n % 3 != 0 && n % 4 != 1)
        {
            assert_ne!(buffer[12..42], [n as u8; 30]);
            let mut packet = Packet::new(buffer, 44).unwrap();
            Open::new(&key).apply(&mut packet).unwrap();
            assert_eq!(packet.octets()[12..], [n as u8; 30]);
        }
    }
}

#[test]
fn a_packet_in_no_lane_is_encrypted_at_once() {
    let key = SessionKey::from_octets(Algorithm::Aes256, &[7; 32]).unwrap();
    let mut buffer = [0x80; 44];
    let mut packet = Packet::new(&mut buffer, 44).unwrap();
    Batch::default().enter(LANES, 0, &mut packet, &Seal::new(&key, Fill::Count)).unwrap();
    Open::new(&key).apply(&mut packet).unwrap_or_else(|reject| panic!("{reject}"));
    assert_eq!(packet.octets()[12..], [0x80; 32]);
}

#[test]
fn a_batch_forgets_its_packets_and_keys() {
    let key = SessionKey::from_octets(Algorithm::Aes256, &[7; 32]).unwrap();
    let flow = Seal::new(&key, Fill::Count);
    for (count, (_, mut batch)) in [1, 3].into_iter().flat_map(|n| kernels().map(move |k| (n, k))) {
        let mut buffers = vec![[0x80; 44]; count];
        for (lane, buffer) in buffers.iter_mut().enumerate() {
            let mut packet = Packet::new(buffer, 44).unwrap();
            batch.enter(lane, 0, &mut packet, &flow).unwrap();
        }
        batch.seal(&mut buffers);
        let sealed = buffers.clone();
        batch.seal(&mut buffers);
        assert_eq!(buffers, sealed);
        assert_eq!(forgotten(&batch.short), None);
        assert_eq!(forgotten(&batch.long), None);
    }
}

/// What a group has not forgotten.
fn forgotten<const KEYS: usize>(group: &Group<KEYS>) -> Option<String> {
    let keys = group.keys.0.as_flattened().as_flattened().as_flattened();
    let octets = keys.iter().filter(|octet| **octet != 0).count();
    (octets > 0 || group.taken != 0).then(|| format!("{octets} octets, lanes {:b}", group.taken))
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?}", Batch::with(Kernel::Alone).unwrap());
    assert_eq!(printed, "Batch { kernel: Alone, .. }");
}

#[test]
fn what_is_not_where_it_was_said_to_be_is_not_reported_as_encrypted() {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let seal = Seal::new(&SessionKey::generate(Algorithm::Aes128, &mut rng), Fill::Count);
    for (kernel, mut batch) in kernels().filter(|(kernel, _)| *kernel != Kernel::Alone) {
        let mut buffers: Vec<Vec<u8>> = (0..3).map(|_| packet(0, 44, &mut rng)).collect();
        for (lane, buffer) in buffers.iter_mut().enumerate().take(2) {
            let mut packet = Packet::new(buffer, 44).unwrap();
            // The second is said to lie elsewhere.
            batch.enter(lane, lane * 1000, &mut packet, &seal).unwrap();
        }
        let done = batch.seal(&mut buffers);
        assert_eq!(done[..3], [true, false, false], "{kernel:?}");
        assert!(batch.seal(&mut buffers).iter().all(|done| !done), "it is empty again");
    }
}
