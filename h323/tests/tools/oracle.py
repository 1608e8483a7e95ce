"""pycrate 0.8.1 as an independent aligned-PER codec, with one correction.

As a program: oracle.py [--schema FILE.py] COUNT SEED KIND...
prints COUNT random messages of each kind, `kind hex`. The schema is pycrate's own (H.225.0 v7,
H.245 v15) unless a module made by pycrate_asn1compile.py is given.
"""

import argparse
import copy
import importlib.util
import inspect
import random
import sys

from pycrate_asn1rt import asnobj_construct

H225, H235, H245 = "H323-MESSAGES", "H235-SECURITY-MESSAGES", "MULTIMEDIA-SYSTEM-CONTROL"
KINDS = {
    "ras": (H225, "RasMessage"),
    "uuie": (H225, "H323-UserInformation"),
    "h245": (H245, "MultimediaSystemControlMessage"),
    "olc": (H245, "OpenLogicalChannel"),
    "clear_token": (H235, "ClearToken"),
}


def correct():
    """pycrate aligns the first extension addition before it has counted the extension bitmap, and
    so inserts an octet that its own decoder rejects: count additions from an octet boundary."""
    cls = asnobj_construct._CONSTRUCT
    source = inspect.cleandoc("\n" + inspect.getsource(cls._to_per))
    codec = "ASN1CodecPER._off"
    for old, new in [
        ("_gen_ext, Bm, cnt = [], [], 1", f"_gen_ext, Bm, cnt = [], [], 1; _at = {codec}[-1]; {codec}[-1] = 0"),
        ("        if not Bm:", f"        _more = {codec}[-1]; {codec}[-1] = _at\n        if not Bm:"),
        ("GEN.extend(_gen_ext)", f"GEN.extend(_gen_ext); {codec}[-1] += _more"),
    ]:
        assert source.count(old) == 1, f"pycrate is not 0.8.1: {old!r}"
        source = source.replace(old, new)
    scope = vars(asnobj_construct)
    exec(source, scope)
    cls._to_per = scope.pop("_to_per")


def load(schema=None):
    """The type for each kind."""
    correct()
    if schema:
        spec = importlib.util.spec_from_file_location("schema", schema)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        from pycrate_asn1dir import H225 as module
    modules = module.GLOBAL.MOD
    return {kind: modules[name][typ] for kind, (name, typ) in KINDS.items()}


OIDS = [
    (0, 0), (0, 0, 8, 2250, 0, 7), (0, 0, 8, 245, 0, 13), (1, 3, 6, 1, 4, 1, 17090, 0, 2),
    (2, 16, 840, 1, 101, 3, 4, 1, 2), (2, 999, 4294967295), (1, 2, 840, 113549, 3, 2),
]
NUMBERS = [0, 1, -1, 127, 128, -128, -129, 255, 256, 65535, 2**31, 2**32 - 1, -(2**31)]
ALPHABETS = {
    "IA5String": "".join(map(chr, range(127))),
    "NumericString": "0123456789 ",
    "PrintableString": "ABCxyz0129 '()+,-./:=?",
}


class Walker:
    """Random values of any type: all alternatives, additions present and absent, boundary values."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.optional = self.random.choice([0.1, 0.3, 0.6, 1.0])
        self.deepest = self.random.choice([3, 5, 8])

    def size(self, typ, usual):
        bounds = typ._const_sz
        if bounds is None:
            if self.random.random() < 0.02 and usual >= 20:
                return self.random.choice([127, 128, 129, 200, 16383, 16384, 16385, 40000, 65536])
            return self.random.randint(0, usual)
        low, high = bounds.lb or 0, bounds.ub
        if high is None:
            return low + self.random.randint(0, usual)
        choice = self.random.random()
        if choice < 0.2:
            return low
        if choice < 0.35 and high <= (300 if usual >= 20 else 6):
            return high
        return self.random.randint(low, min(high, low + usual))

    def value(self, typ, depth=0):
        kind, rng = typ.TYPE, self.random
        if kind == "BOOLEAN":
            return rng.random() < 0.5
        if kind == "NULL":
            return 0
        if kind == "INTEGER":
            return self.integer(typ._const_val)
        if kind == "ENUMERATED":
            return rng.choice(list(typ._cont))
        if kind == "OCTET STRING":
            return rng.randbytes(self.size(typ, 20 if rng.random() > 0.1 else 200))
        if kind == "BIT STRING":
            bits = self.size(typ, 64)
            return (rng.getrandbits(bits) if bits else 0, bits)
        if kind == "OBJECT IDENTIFIER":
            return rng.choice(OIDS)
        if kind == "SEQUENCE":
            return self.sequence(typ, depth)
        if kind == "CHOICE":
            return self.choice(typ, depth)
        if kind in ("SEQUENCE OF", "SET OF"):
            count = self.size(typ, 3)
            if depth > self.deepest:
                count = typ._const_sz.lb or 0 if typ._const_sz else 0
            return [self.value(typ._cont, depth + 1) for _ in range(count)]
        if kind == "OPEN_TYPE":
            return ("_unk_004", rng.randbytes(rng.randint(1, 30)))
        if kind == "BMPString":
            both = lambda: rng.choice([rng.randint(32, 126), rng.randint(0xA0, 0xD7FF)])
            return "".join(chr(both()) for _ in range(self.size(typ, 20)))
        permitted = getattr(typ, "_const_alpha", None)
        letters = permitted.root if permitted else ALPHABETS.get(kind, "abcXYZ 09~")
        count = self.size(typ, 20)
        if kind == "NumericString" and count == 0:
            count = 1  # pycrate and tshark align an empty one, X.691 does not
        return "".join(rng.choice(letters) for _ in range(count))

    def integer(self, bounds):
        rng = self.random
        if bounds is None:
            return rng.choice(NUMBERS + [rng.randint(-(2**40), 2**40)])
        low, high = bounds.lb, bounds.ub
        if bounds.ext is not None and rng.random() < 0.2:
            return (high or 0) + rng.randint(1, 1000)
        if high is None:
            return (low or 0) + rng.choice([0, 1, 255, 256, 70000])
        near = [min(high, low + more) for more in (1, 255, 256, 65536)]
        return rng.choice([low, high, rng.randint(low, high), *near])

    def sequence(self, typ, depth):
        value, deep, rng = {}, depth > self.deepest, self.random
        for name in typ._root:
            field = typ._cont[name]
            if field._opt and (deep or rng.random() > self.optional):
                continue
            value[name] = self.value(field, depth + 1)
        if typ._ext and not deep and rng.random() < 0.3:
            # What a version makes mandatory among its additions comes whole, or half of the time
            # as an older version would send it.
            whole = rng.random() < 0.4
            for name in typ._ext:
                field = typ._cont[name]
                if (field._opt or not whole) and rng.random() > self.optional:
                    continue
                value[name] = self.value(field, depth + 1)
        return value

    def choice(self, typ, depth):
        names = list(typ._root)
        if depth <= self.deepest:
            name = self.random.choice(names + list(typ._ext or []))
        else:
            if depth > self.deepest + 30:
                raise RecursionError
            plain = ("NULL", "BOOLEAN", "INTEGER", "OCTET STRING")
            simple = [name for name in names if typ._cont[name].TYPE in plain]
            name = self.random.choice(simple) if simple else names[0]
        return (name, self.value(typ._cont[name], depth + 1))


def messages(typ, count, seed):
    """Random encodings that pycrate itself reads back unchanged."""
    skipped = 0
    for number in range(count):
        try:
            value = Walker(seed * 1000003 + number).value(typ)
            typ.set_val(copy.deepcopy(value))
            octets = typ.to_aper()
            typ.from_aper(octets)
            # A type within itself confuses pycrate: it writes other values than it was given.
            if typ.get_val() != value or typ.to_aper() != octets:
                raise ValueError
        except Exception:  # pycrate fails on some values in many ways
            skipped += 1
            continue
        yield octets
    if skipped * 4 > count:
        sys.exit(f"pycrate cannot read {skipped} of {count} of its own messages")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schema")
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    options = parser.parse_args()
    types = load(options.schema)
    for kind in options.kinds:
        for octets in messages(types[kind], options.count, options.seed):
            print(kind, octets.hex())


if __name__ == "__main__":
    main()
