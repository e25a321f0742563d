# SPDX-License-Identifier: Apache-2.0
"""A cluster with ten thousand nodes: its authd, and who lists them."""
import os
import statistics
import sys

import procs
from cluster import wait_for
from field import TOP, Run

sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))

from many_nodes import fill  # noqa: E402


def grow(side):
    """(KiB that authd has more, seconds and seconds of CPU of `tsh ls`)"""
    c = side.cluster
    before = procs.private_kb(c.daemons['authd'].pid)
    c.daemons['authd'].stop()
    fill(c.path('authd', 'authd.sqlite'))
    c.restart('authd')
    wait_for('the nodes', lambda: c.tctl('status', check=False).returncode == 0, 60)
    run = Run([c.bin('tsh'), 'ls'], side.env)
    wait_for('a list', lambda: run.seconds() > 0, 60)
    authd = c.daemons['authd'].pid
    cpu = procs.cpu_s(authd)
    seconds = [run.seconds() for _ in range(10)]
    return procs.private_kb(authd) - before, statistics.median(seconds), (procs.cpu_s(authd) - cpu) / len(seconds)


def ten_thousand(f):
    ours = f.each(grow)
    f.figure('authd, 10 000 nodes and users', 'MiB', {name: r[0] / 1024 for name, r in ours.items()}, None, 64)
    f.figure('tsh ls of 10 000 nodes', 's', {name: r[1] for name, r in ours.items()}, None, 1)
    f.figure("authd's CPU of it", 's', {name: r[2] for name, r in ours.items()}, None, 0.3)
