#!/usr/bin/env python3
"""Writes what a test needs of a captured call with H.235.6 media, as lines of a name and hexadecimal octets.

    extract.py CALL.pcap CALL.dhsecret.txt PACKETS > vectors/CALL.txt

The secret's file has its length and its digits. Tokens and keys are found by their encoding, not decoded: what stands
before them is the same in every call. PACKETS is how many media packets of each direction to take.
"""

import struct
import sys
from pathlib import Path

CALLER, CALLEE = "192.0.2.1", "192.0.2.2"
PAYLOAD_TYPE = 120
# A ClearToken of the named group up to its half key, with the octets of a parameter.
TOKENS = {
    128: bytes.fromhex("10000700 08816b00032b 000400"),
    256: bytes.fromhex("10000700 08816b00032d 000800"),
}
# An H235Key up to its wrapped key: identifier of the algorithm, empty parameters, length.
KEYS = {
    16: bytes.fromhex("801d3009 6086480165030401020010"),
    32: bytes.fromhex("802d3009 60864801650304012a0020"),
}


def packets(capture):
    """Source, protocol and payload of each IPv4 packet of an Ethernet capture."""
    at = 24
    while at < len(capture):
        (length,) = struct.unpack_from("<8xI4x", capture, at)
        frame = capture[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[12:14] != b"\x08\x00":
            continue
        ip = frame[14:]
        ip = ip[: struct.unpack_from(">H", ip, 2)[0]]
        head, protocol = 4 * (ip[0] & 15), ip[9]
        body = ip[head:]
        start = 4 * (body[12] >> 4) if protocol == 6 else 8
        yield ".".join(map(str, ip[12:16])), protocol, body[start:]


def parameter(octets, at, length):
    """A BIT STRING of as many octets as said, or none."""
    bits, at = struct.unpack_from(">H", octets, at)[0], at + 2
    assert bits in (0, 8 * length)
    return octets[at : at + bits // 8], at + bits // 8


def main():
    capture, secret, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    all_packets = list(packets(capture.read_bytes()))
    print(f"# {capture.name}, by tools/extract.py")
    print("secret", secret.read_text().split()[1])
    names = {CALLER: "caller", CALLEE: "callee"}
    # The caller is master: it sends the key of its own channel (openLogicalChannel), then that of the callee's
    # (openLogicalChannelAck).
    owners = iter(["caller", "callee"])
    for source, protocol, octets in all_packets:
        if protocol != 6:
            continue
        for length, token in TOKENS.items():
            at = octets.find(token)
            if at >= 0:
                at += len(token)
                print(f"half-key-{names[source]}", octets[at : at + length].hex())
                prime, at = parameter(octets, at + length, length)
                generator, at = parameter(octets, at, length)
                print(f"prime-{names[source]}", prime.hex() or "-")
                print(f"generator-{names[source]}", generator.hex() or "-")
        for length, key in KEYS.items():
            at = octets.find(key)
            if at >= 0:
                print(f"wrapped-{next(owners)}", octets[at + len(key) : at + len(key) + length].hex())
    taken = {CALLER: 0, CALLEE: 0}
    for source, protocol, octets in all_packets:
        is_media = protocol == 17 and len(octets) > 12 and octets[0] >> 6 == 2 and octets[1] & 127 == PAYLOAD_TYPE
        if is_media and taken[source] < limit:
            taken[source] += 1
            print(f"media-{names[source]}", octets.hex())


main()
