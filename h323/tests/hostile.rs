//! Messages made to cost more than they should: deep, or many elements in few octets.

use std::{io, thread};

use peak_alloc::PeakAlloc;
use pinhole_h323::asn::{self, h225, h245};
use pinhole_h323::error::Malformed;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What decoding may take for each octet, over a fixed 128 KiB; twice, for the decoder counts what
/// it makes and not what growing takes meanwhile.
const PER_OCTET: usize = 2 * 128;
const BASE: usize = 2 * 128 * 1024;

fn decode_counted<T>(
    octets: &[u8],
    decode: fn(&[u8]) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = decode(octets);
    let taken = MEMORY.peak_usage() - before;
    let most = BASE + PER_OCTET * octets.len();
    assert!(taken < most, "{taken} octets of memory for {}", octets.len());
    result
}

fn finish<T>(thread: io::Result<thread::JoinHandle<T>>) -> T {
    match thread.map(thread::JoinHandle::join) {
        Ok(Ok(value)) => value,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => panic!("no thread: {error}"),
    }
}

/// Built on a large stack, for encoding follows the depth; decoded on a small one.
fn nested<T: Send + 'static>(
    build: fn(usize) -> T,
    encode: fn(&T) -> Result<Vec<u8>, Malformed>,
    depth: usize,
) -> Vec<u8> {
    let work = move || {
        let value = build(depth);
        encode(&value).unwrap_or_else(|why| panic!("{why}"))
    };
    let thread = thread::Builder::new().stack_size(256 << 20).spawn(work);
    finish(thread)
}

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::Builder::new().stack_size(1 << 20).spawn(work);
    finish(thread)
}

fn generic_indication(
    parameters: Vec<h245::GenericParameter>,
) -> h245::MultimediaSystemControlMessage {
    use h245::{CapabilityIdentifier, IndicationMessage, MultimediaSystemControlMessage};
    let indication = h245::GenericMessage {
        message_identifier: CapabilityIdentifier::standard([0, 0, 8].into()),
        message_content: Some(parameters),
        ..Default::default()
    };
    let indication = IndicationMessage::genericIndication(indication.into());
    MultimediaSystemControlMessage::indication(indication.into())
}

fn nested_parameters(depth: usize) -> h245::MultimediaSystemControlMessage {
    let mut parameter = h245::GenericParameter::default();
    for _ in 0..depth {
        parameter = h245::GenericParameter {
            parameter_value: h245::ParameterValue::genericParameter(vec![parameter]),
            ..Default::default()
        };
    }
    generic_indication(vec![parameter])
}

fn nested_multiplex_elements(depth: usize) -> h245::MultimediaSystemControlMessage {
    use h245::{MultimediaSystemControlMessage, MultiplexElementType, RequestMessage};
    let mut element = h245::MultiplexElement::default();
    for _ in 0..depth {
        let list = vec![element, h245::MultiplexElement::default()];
        element = h245::MultiplexElement {
            r_type: MultiplexElementType::subElementList(list),
            ..Default::default()
        };
    }
    let descriptor = h245::MultiplexEntryDescriptor {
        multiplex_table_entry_number: h245::MultiplexTableEntryNumber(1),
        element_list: Some(vec![element]),
    };
    let send = h245::MultiplexEntrySend {
        multiplex_entry_descriptors: vec![descriptor],
        ..Default::default()
    };
    MultimediaSystemControlMessage::request(RequestMessage::multiplexEntrySend(send))
}

fn many_endpoints(count: usize) -> h225::RasMessage {
    let address = h225::TransportAddressIpAddress { ip: [192, 0, 2, 1].into(), port: 1720 };
    let confirm = h225::AdmissionConfirm {
        request_seq_num: h225::RequestSeqNum(1),
        dest_call_signal_address: h225::TransportAddress::ipAddress(address),
        alternate_endpoints: Some(vec![h225::Endpoint::default(); count]),
        ..Default::default()
    };
    h225::RasMessage::admissionConfirm(confirm.into())
}

/// One test, for memory is counted for the whole process.
#[test]
fn cost_is_bounded() {
    for depth in [1, 15, 100, 3000] {
        let enough = if depth <= 15 { Ok(()) } else { Err(Malformed::Depth) };
        for build in [nested_parameters, nested_multiplex_elements] {
            let bomb = nested(build, asn::encode_h245, depth);
            let decoded = move || decode_counted(&bomb, asn::decode_h245).map(drop);
            assert_eq!(on_small_stack(decoded), enough, "{depth}");
        }
    }
    for count in [1, 50, 1000, 16_000] {
        let enough = if count <= 50 { Ok(()) } else { Err(Malformed::Budget) };
        let bomb = asn::encode_ras(&many_endpoints(count)).unwrap();
        assert_eq!(decode_counted(&bomb, asn::decode_ras).map(drop), enough, "{count}");
        let parameters = vec![h245::GenericParameter::default(); count];
        let bomb = asn::encode_h245(&generic_indication(parameters)).unwrap();
        decode_counted(&bomb, asn::decode_h245).map(drop).ok();
    }
}
