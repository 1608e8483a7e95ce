#!/usr/bin/env python3
"""Makes a newer and an older version of the ITU's modules, to see what becomes of such peers.

    schemas.py newer|older DIRECTORY-OF-MODULES OUTPUT-DIRECTORY

newer: three additions to every extensible SEQUENCE and CHOICE. older: SEQUENCEs lose the later
half of their additions. The output is for pycrate_asn1compile.py, and that for oracle.py --schema.
"""

import pathlib
import re
import sys

SEQUENCE = (
    ", zzfuture1 OCTET STRING (SIZE(1..9)) OPTIONAL, zzfuture2 INTEGER (0..70000) OPTIONAL"
    ", zzfuture3 SEQUENCE { a BOOLEAN, b INTEGER OPTIONAL } OPTIONAL"
)
CHOICE = ", zzfuture1 OCTET STRING, zzfuture2 NULL, zzfuture3 INTEGER (0..70000)"


def bodies(text):
    """(kind, start, end) of the body of each SEQUENCE or CHOICE at the top level."""
    for found in re.finditer(r"^[A-Z][\w-]*\s*::=\s*(SEQUENCE|CHOICE)\s*\{", text, re.M):
        at, depth = found.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield found.group(1), found.end(), at - 1


def members(body):
    depth, parts = 0, [""]
    for character in body:
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def newer(kind, body):
    if "..." not in [part.strip() for part in members(body)]:
        return body
    return body.rstrip() + (SEQUENCE if kind == "SEQUENCE" else CHOICE) + "\n"


def older(kind, body):
    parts = members(body)
    marks = [place for place, part in enumerate(parts) if part.strip() == "..."]
    if kind != "SEQUENCE" or not marks:
        return body
    additions = len(parts) - marks[0] - 1
    if additions < 2:
        return body
    return ",".join(parts[: -(additions // 2)]) + "\n"


def main(which, source, output):
    change = {"newer": newer, "older": older}[which]
    for name in ("h225", "h235", "h245"):
        text = pathlib.Path(source, name + ".asn").read_text("cp1252")
        text = re.sub(r"--(?:(?!--)[^\n])*(?:--|(?=\n)|$)", "", text)
        result, last, changed = "", 0, 0
        for kind, start, end in bodies(text):
            body = change(kind, text[start:end])
            changed += body != text[start:end]
            result += text[last:start] + body
            last = end
        pathlib.Path(output, name + ".asn").write_text(result + text[last:])
        print(f"{name}: {changed} types changed")


if __name__ == "__main__":
    main(*sys.argv[1:])
