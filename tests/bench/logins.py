# SPDX-License-Identifier: Apache-2.0
"""People who log in, with a password and a code, and what others notice of it."""
import concurrent.futures
import os
import statistics
import threading
import time

import procs

PEOPLE, PARALLEL = 8, 8  # more would be too many invitations from one address; each has codes for two logins


def as_others(side):
    """All parts before this one want to be before others on the machine; here, who gives way to whom is what is measured."""
    for pid in (0, *(p for root in side.pids() for p in procs.family(root))):
        for thread in map(int, os.listdir(f'/proc/{pid}/task') if pid else [0]):
            if os.getpriority(os.PRIO_PROCESS, thread) < 0:
                os.setpriority(os.PRIO_PROCESS, thread, 0)


def measure(side, rounds):
    """(logins a second, authd's CPU seconds of one, median seconds of `tsh ssh NODE true` without them, and meanwhile)"""
    c, run = side.cluster, side.tsh('true')
    as_others(side)
    people = [c.add_user(f'person{i}', logins=side.login) for i in range(PEOPLE)]
    quiet = statistics.median(run.seconds() for _ in range(rounds))
    meanwhile, over = [], threading.Event()

    def sessions():
        while not over.is_set():
            meanwhile.append(run.seconds())

    other = threading.Thread(target=sessions)
    other.start()
    authd = c.daemons['authd'].pid
    cpu, start = procs.tree_cpu_s(authd), time.perf_counter()
    try:
        # Nice, which on Linux is a thread's: who logs in does so on machines of his own.
        with concurrent.futures.ThreadPoolExecutor(PARALLEL, initializer=os.nice, initargs=(10,)) as pool:
            list(pool.map(lambda person: [c.login(person) for _ in range(2)], people))
        took, cpu = time.perf_counter() - start, procs.tree_cpu_s(authd) - cpu
    finally:
        over.set()
        other.join()
    return PEOPLE * 2 / took, cpu / PEOPLE / 2, quiet, statistics.median(meanwhile)


def logins(f):
    ours = f.each(lambda side: measure(side, f.args.rounds))
    f.figure('logins with a password', '1/s', {name: r[0] for name, r in ours.items()}, None, 2, lower=False)
    f.figure("authd's CPU of a login", 'ms', {name: r[1] * 1000 for name, r in ours.items()}, None, 250)
    f.figure('tsh ssh while people log in, quiet', 'ms', {name: r[3] * 1000 for name, r in ours.items()}, ours['ours'][2] * 1000, 2)
