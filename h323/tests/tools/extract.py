#!/usr/bin/env python3
"""Writes the distinct PDUs of captures as hex lines: ras.hex, uuie.hex, h245.hex.

    extract.py OUTPUT-DIRECTORY CAPTURE.pcap...

RAS: datagrams to or from ports 1718 and 1719. Call signalling and H.245: TPKTs in TCP streams;
a Q.931 message gives its user-user information element, anything else is taken for H.245.
"""

import pathlib
import struct
import sys

TCP, UDP = 6, 17
# Distinct messages of one kind from one capture: media over TCP (H.460.26) has hundreds alike.
MOST = 60


def packets(path):
    """(protocol, source, destination, transport header and payload) of each IPv4 packet."""
    data = pathlib.Path(path).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    skip = {1: 14, 101: 0, 113: 16, 228: 0, 276: 20}[link]
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        frame = data[at + 16 + skip : at + 16 + length]
        at += 16 + length
        if len(frame) < 20 or frame[0] >> 4 != 4:
            continue
        total = struct.unpack(">H", frame[2:4])[0]
        ip = frame[:total]
        yield ip[9], ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4 :]


def streams(segments):
    """The octets of each direction of each TCP connection."""
    for parts in segments.values():
        base, text = None, {}
        for sequence, syn, payload in parts:
            if syn:
                base = (sequence + 1) & 0xFFFFFFFF
            if base is None:
                base = sequence
            for i, octet in enumerate(payload):
                text.setdefault((sequence + i - base) & 0xFFFFFFFF, octet)
        stream = bytearray()
        while len(stream) in text:
            stream.append(text[len(stream)])
        yield bytes(stream)


def tpkts(stream):
    at = 0
    while at + 4 <= len(stream) and stream[at] == 3 and stream[at + 1] == 0:
        length = struct.unpack(">H", stream[at + 2 : at + 4])[0]
        if length < 5 or at + length > len(stream):
            return
        yield stream[at + 4 : at + length]
        at += length


def user_user(message):
    """Contents of the user-user element of a Q.931 message, after the protocol discriminator."""
    at = 2 + message[1] + 1
    while at < len(message):
        element = message[at]
        if element & 0x80:
            at += 1
        elif element == 0x7E:
            length = struct.unpack(">H", message[at + 1 : at + 3])[0]
            return message[at + 4 : at + 3 + length]
        else:
            at += 2 + message[at + 1]
    return None


def main(output, captures):
    found = {"ras": {}, "uuie": {}, "h245": {}}
    for capture in captures:
        before = {name: len(pdus) for name, pdus in found.items()}
        segments = {}
        for protocol, source, destination, rest in packets(capture):
            ports = struct.unpack(">HH", rest[:4])
            if protocol == UDP and {1718, 1719} & set(ports):
                payload = rest[8:]
                # One octet or nothing keeps a NAT open; RAS is longer.
                if len(payload) > 2:
                    found["ras"].setdefault(payload)
            elif protocol == TCP:
                sequence = struct.unpack(">I", rest[4:8])[0]
                key = (source, destination, ports)
                payload = rest[(rest[12] >> 4) * 4 :]
                segments.setdefault(key, []).append((sequence, rest[13] & 2, payload))
        for stream in streams(segments):
            for payload in tpkts(stream):
                if payload[0] == 8:
                    element = user_user(payload)
                    if element:
                        found["uuie"].setdefault(element)
                else:
                    found["h245"].setdefault(payload)
        for name, pdus in found.items():
            for pdu in list(pdus)[before[name] + MOST :]:
                del pdus[pdu]
    for name, pdus in found.items():
        text = "".join(pdu.hex() + "\n" for pdu in pdus)
        pathlib.Path(output, name + ".hex").write_text(text)
        print(f"{name}: {len(pdus)} distinct")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
