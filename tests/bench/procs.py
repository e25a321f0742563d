# SPDX-License-Identifier: Apache-2.0
"""What processes cost: memory from /proc/PID/smaps_rollup, and who descends from whom."""
import os


def rollup(pid):
    """smaps_rollup of a process in KiB; nothing when it is gone."""
    try:
        with open(f'/proc/{pid}/smaps_rollup') as f:
            rows = [line.split() for line in f if ':' in line.split()[0]]
    except OSError:
        return {}
    return {r[0].rstrip(':'): int(r[1]) for r in rows if len(r) == 3}


def private_kb(pid):
    m = rollup(pid)
    return m.get('Private_Clean', 0) + m.get('Private_Dirty', 0)


def pss_kb(pid):
    return rollup(pid).get('Pss', 0)


def rss_kb(pid):
    return rollup(pid).get('Rss', 0)


def cpu_s(pid, reaped=False):
    """Seconds of CPU so far, of user and system; reaped: with those of children that ended."""
    try:
        with open(f'/proc/{pid}/stat') as f:
            words = f.read().rsplit(')', 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, words[11:15 if reaped else 13])) / os.sysconf('SC_CLK_TCK')


def tree_cpu_s(pid):
    """Of pid, all its descendants, and those of them that ended and were waited for."""
    return sum(cpu_s(p, reaped=True) for p in (pid, *children(pid)))


def children(pid):
    """All descendants of pid."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{entry}/stat') as f:
                parents[int(entry)] = int(f.read().rsplit(')', 1)[1].split()[1])
        except OSError:
            pass
    found, grew = {pid}, True
    while grew:
        more = {p for p, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found - {pid}


def program(pid):
    try:
        return os.path.basename(os.readlink(f'/proc/{pid}/exe'))
    except OSError:
        return ''


def name(pid):
    """As it calls itself."""
    try:
        with open(f'/proc/{pid}/comm') as f:
            return f.read().strip()
    except OSError:
        return ''


def family(pid, but=()):
    """pid and its descendants, without those that run one of the programs in `but`."""
    return [p for p in (pid, *children(pid)) if program(p) not in but]
