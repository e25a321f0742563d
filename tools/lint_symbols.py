# SPDX-License-Identifier: Apache-2.0
"""What tools/lint checks about names that one file has from another: functions that are not static.

It reads the text of .c and .h files, by house style: a function's type stands on the line before its name.
"""
import collections
import os
import re

# Comments and literals, in one pass so that one does not hide in the other.
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

# Files whose functions carry another name than their own, their header's or their floor's.
OTHER_STEMS = {
    "lib/ssh/channel.c": ("chan", "as long as its siblings chan_data.c and chan_request.c"),
    "services/node/serve.c": ("conn host", "a connection, and the host key that it answers with"),
    "services/node/monitor/auth.c": ("seen", "the session identifiers seen before"),
    "services/node/monitor_proto.c": ("mon", "in front of every message of the two halves"),
    "lib/base/buf.c": ("span", "a view of somebody's bytes belongs to the buffers"),
    "lib/base/mem.c": ("arena", "the one allocator besides malloc"),
    "lib/event/loop.c": ("timer watch deferred", "what a loop is made of"),
    "lib/crypto/cipher.c": ("mac", "the MACs of ciphers that have none of their own"),
    "services/audit/recording.c": ("player", "what hands out one recording, at the reader's pace"),
    "services/auth/values.c": ("names labels name login host label uuid", "the small values that many resources hold"),
}

# Functions that the programs do not call, and why they are there.
KEPT = {
    "main": "called by the system",
    "ssh_fuzz_enter": "the way in for the fuzz targets",
    "ssh_chan_reply": "late answers are part of the engine, tested and fuzzed; forwarding gives them",
    "ssh_global_reply": "as ssh_chan_reply",
    "store_set_clock": "the clock of tests",
    "rec_log_bytes": "tests look at what is on disk",
    "audit_log_pending": "tests look at what waits",
    "cli_table_width": "tests have no terminal",
    "totp_code": "tests make the codes that people type",
    "labels_get": "tests look at labels",
    "b64_encode": "tests write what people's tools write",
    "kex_pair_from_secret": "published test vectors begin with the secret",
    "sshcert_critical": "tests look at what was signed",
    "x509_cert_from_der": "as sshcert_critical, and the fuzz targets",
    "x509_cert_has_dns": "as sshcert_critical",
    "x509_cert_has_ip": "as sshcert_critical",
}


class Function:
    def __init__(self, name, path, line):
        self.name, self.path, self.line = name, path, line
        self.floor = os.path.dirname(path)


def bare(text):
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def defined(path, text):
    """Functions with external linkage that the file defines."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        m = re.match(r"(\w+)\(", line)
        if not m:
            continue
        start = i
        while start > 0 and lines[start - 1].strip() and not re.match(r"[}#{]|.*[;}]\s*$", lines[start - 1]):
            start -= 1
        end = i
        while end < len(lines) and not lines[end].startswith("{") and ";" not in lines[end]:
            end += 1
        if end < len(lines) and lines[end].startswith("{") and not any("static" in s for s in lines[start:i + 1]):
            yield Function(m[1], path, i + 1)


def declared(text):
    """Names of the functions that a header declares or makes itself."""
    return set(re.findall(r"\b(\w+)\(", text))


def stems(function, headers):
    """What a function's name may begin with."""
    found = set(OTHER_STEMS.get(function.path, ("",))[0].split())
    names = [os.path.basename(function.path)[:-2]]
    names += [os.path.basename(h)[:-2] for h in headers if os.path.dirname(h) == function.floor]
    for name in [*names, *(re.sub(r"^(rpc|web)_|_priv$", "", n) for n in names)]:
        # chan_data.c holds chan_..., the table of a noun is its plural: tunnels_... in tunnel.c, face_... in faces.c
        found |= {name, name.split("_")[0], name + "s", name[:-1] if name.endswith("s") else name}
    found.add(function.floor.split("/")[1])  # lib/policy, services/auth/monitor: the floor
    return found


def check_stems(functions, headers_of, bad):
    for f in functions:
        allowed = stems(f, headers_of[f.name])
        if not any(f.name == s or f.name.startswith(s + "_") for s in allowed):
            bad(f.path, f.line, "%s: a function carries its file's name (%s_...)" % (f.name, os.path.basename(f.path)[:-2]))


def check_headers(functions, headers_of, raw, bad):
    """Where a reader looks: the file's own header (x509.h also for x509_key.c), a private one, the floor's or program's
    (rpc/rpc.h), or one whose text names the file ("table.c")."""
    for f in functions:
        here = [h for h in headers_of[f.name] if os.path.dirname(h) == f.floor]
        name = os.path.basename(f.path)
        stem, floor = re.sub(r"^rpc_", "", name[:-2]), os.path.basename(f.floor)

        def is_home(header):
            of = os.path.basename(header)[:-2]
            return of in (stem, name[:-2], floor) or of.endswith("_priv") or stem.startswith(of + "_") or name in raw[header]

        if f.name == "main" or any(is_home(h) for h in here):
            continue
        bad(f.path, f.line, "%s: declared in %s, which does not say that it is of %s" % (
            f.name, ", ".join(here) or "no header of its folder", name))


def check_used(functions, words, bad):
    """By another file: a source, a generator of sources, or a macro or inline function of a header (where once is the
    declaration). A test counts for a part of its file that the file itself uses too."""
    for f in functions:
        if f.name in KEPT:
            continue
        used = any(words[p][f.name] for p in words if p != f.path and not p.endswith(".h") and not p.startswith("tests/"))
        used = used or sum(words[p][f.name] for p in words if p.endswith(".h") and not p.startswith("tests/")) > 1
        at_home = words[f.path][f.name] > 1
        tested = any(words[p][f.name] for p in words if p.startswith("tests/"))
        if not used and not (at_home and tested):
            bad(f.path, f.line, "%s: nobody calls it%s" % (f.name, " from another file: make it static" if at_home else ""))


def check_doubles(functions, bad):
    """What is linked together: lib, and each program with lib."""
    lib = {}
    for f in functions:
        if f.path.startswith("lib/"):
            if f.name in lib:
                bad(f.path, f.line, "%s: also in %s" % (f.name, lib[f.name].path))
            lib[f.name] = f
    seen = {}
    for f in functions:
        program = f.floor  # noded-monitor is a program of its own
        if f.path.startswith("lib/") or f.name == "main":
            continue
        there = lib.get(f.name) or seen.get((program, f.name))
        if there:
            bad(f.path, f.line, "%s: also in %s" % (f.name, there.path))
        seen[program, f.name] = f


def check_private(raw, bad):
    for path, text in raw.items():
        for m in re.finditer(r'^#include "(\w+)/(?:\w+/)*\w+_priv\.h"', text, re.M):
            if path.split("/")[1] != m[1] and not path.startswith("tests/"):
                bad(path, text.count("\n", 0, m.start()) + 1, "a private header of %s" % m[1])


def check(paths, bad):
    raw, text = {}, {}
    for path in paths:
        source = path.endswith((".c", ".h", ".def")) and path.startswith(("lib/", "services/", "clients/", "tests/"))
        if source or path.startswith("tools/gen-"):
            with open(path, encoding="utf-8", errors="replace") as f:
                raw[path] = f.read()
            # What a generator writes stands in its strings.
            text[path] = bare(raw[path]) if source else raw[path].replace("\\t", " ")
    functions = [f for p in sorted(text) if p.endswith(".c") and not p.startswith("tests/") for f in defined(p, text[p])]
    headers_of = collections.defaultdict(list)
    for path in sorted(text):
        if path.endswith(".h"):
            for name in declared(text[path]):
                headers_of[name].append(path)
    words = {p: collections.Counter(re.findall(r"\w+", t)) for p, t in text.items()}
    check_stems(functions, headers_of, bad)
    check_headers(functions, headers_of, raw, bad)
    check_used(functions, words, bad)
    check_doubles(functions, bad)
    check_private(raw, bad)
