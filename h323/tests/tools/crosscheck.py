#!/usr/bin/env python3
"""Our codec against pycrate and tshark; run by tests/crosscheck, which installs them.

    crosscheck.py REENCODE SAMPLES PDUS [SEED]

REENCODE, SAMPLES: the examples of those names, built. PDUS: the directory of committed messages.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

import oracle

COUNT = 1500


def run(command, text=""):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr}")
    return done.stdout.splitlines()


def same(title, lines, results):
    """Each line `kind hex` must come back as the same hex."""
    if len(lines) != len(results) or not lines:
        sys.exit(f"{title}: {len(lines)} messages, {len(results)} results")
    for line, result in zip(lines, results):
        if line.split()[1] != result:
            sys.exit(f"{title}: {line}\nbecame {result}")
    print(f"{title}: {len(lines)} messages, all the same")


def boundaries(types):
    """Lengths at which PER changes how it writes them."""
    lengths = [0, 1, 127, 128, 16383, 16384, 16385, 32768, 49152, 65535, 65536, 81920, 131072]
    for length in lengths:
        data = bytes(place * 7 & 255 for place in range(length))
        identifier = {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": data}
        values = [
            ("h245", ("request", ("nonStandard", {"nonStandardData": identifier}))),
            ("uuie", {"h323-uu-pdu": {
                "h323-message-body": ("empty", 0), "h245Tunnelling": True, "h245Control": [data]}}),
            ("clear_token", {"tokenOID": (0, 0), "h235Key": (
                "secureSharedSecret", {"paramS": {}, "encryptedSessionKey": data})}),
        ]
        if length < 16384:
            values.append(("uuie", {"h323-uu-pdu": {
                "h323-message-body": ("empty", 0), "h245Tunnelling": False,
                "h245Control": [b"z"] * length}}))
        for kind, value in values:
            types[kind].set_val(value)
            octets = types[kind].to_aper()
            try:
                types[kind].from_aper(octets)
            except Exception:  # pycrate does not read all of its own fragments
                continue
            yield f"{kind} {octets.hex()}"


def plain(value):
    """A pycrate value as JSON has it: octets in hex, tuples as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value


def samples(program, types):
    """What our builders write must mean, to pycrate, what the sample says it means."""
    lines = run([program])
    for line in lines:
        kind, octets, expected = line.split(" ", 2)
        types[kind].from_aper(bytes.fromhex(octets))
        value = plain(types[kind].get_val())
        if value != json.loads(expected):
            sys.exit(f"sample means to pycrate\n{json.dumps(value)}\nand not\n{expected}")
    print(f"samples: {len(lines)} mean the same to pycrate")
    return [" ".join(line.split(" ")[:2]) for line in lines]


def udp(payload, port):
    header = struct.pack(">HHHH", port, port, 8 + len(payload), 0)
    return ip(17, header + payload)


def tcp(payload, port, sequence):
    header = struct.pack(">HHIIBBHHH", 40000, port, sequence, 1, 5 << 4, 0x18, 65535, 0, 0)
    return ip(6, header + payload)


def ip(protocol, rest):
    addresses = bytes([192, 0, 2, 1, 192, 0, 2, 2])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(rest), 0, 0, 64, protocol, 0) + addresses + rest


def tpkt(payload):
    return struct.pack(">BBH", 3, 0, 4 + len(payload)) + payload


def facility(uuie):
    """A Q.931 FACILITY around user-user information."""
    return bytes([8, 2, 0, 1, 0x62, 0x7E]) + struct.pack(">HB", 1 + len(uuie), 5) + uuie


def tshark(lines):
    """Every message we write is a message to tshark, and not a malformed one."""
    packets, sequence = [], 1
    for line in lines:
        kind, octets = line.split()[0], bytes.fromhex(line.split()[1])
        if len(octets) > 60000:
            continue
        if kind == "ras":
            packets.append(udp(octets, 1719))
            continue
        port = {"uuie": 1720, "h245": 11720}.get(kind)
        payload = tpkt(facility(octets) if kind == "uuie" else octets)
        if port is None:
            continue
        packets.append(tcp(payload, port, sequence))
        sequence += len(payload)
    with tempfile.NamedTemporaryFile(suffix=".pcap") as capture:
        capture.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101))
        for packet in packets:
            capture.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
        capture.flush()
        command = ["tshark", "-r", capture.name, "-d", "tcp.port==11720,h245", "-T", "fields"]
        command += ["-e", "_ws.malformed", "-e", "frame.protocols"]
        command += ["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"]
        told = run(command)
    if len(told) != len(packets):
        sys.exit(f"tshark: {len(packets)} packets, {len(told)} lines")
    known = 0
    for packet, line in zip(packets, told):
        malformed, protocols = line.split("\t")
        if malformed:
            sys.exit(f"tshark: {malformed}: {packet.hex()}")
        known += any(name in protocols for name in ("h225", "h245"))
    if known != len(packets):
        sys.exit(f"tshark took only {known} of {len(packets)} packets for H.323")
    print(f"tshark: {known} messages, none malformed")


def committed(pdus):
    for name, kind in (("ras", "ras"), ("uuie", "uuie"), ("h245", "h245")):
        for line in pathlib.Path(pdus, name + ".hex").read_text().split():
            yield f"{kind} {line}"


def main(reencode, samples_program, pdus, seed=None):
    seed = int(seed) if seed else int(time.time())
    print("seed", seed)
    types = oracle.load()
    messages = [
        f"{kind} {octets.hex()}"
        for kind, typ in types.items()
        for octets in oracle.messages(typ, COUNT, seed)
    ]
    same("random", messages, run([reencode], "\n".join(messages) + "\n"))
    lengths = list(boundaries(types))
    same("boundaries", lengths, run([reencode], "\n".join(lengths) + "\n"))
    ours = samples(samples_program, types)
    real = list(committed(pdus))
    again = run([reencode], "\n".join(real) + "\n")
    rewritten = [f"{line.split()[0]} {result}" for line, result in zip(real, again)]
    # Not the random ones: tshark looks into what they say is a token, and finds noise.
    tshark(ours + rewritten)


if __name__ == "__main__":
    main(*sys.argv[1:])
