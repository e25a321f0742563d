# SPDX-License-Identifier: Apache-2.0
"""What a session costs: CPU of all that takes part, and how many can begin in a second.

CPU is the time that the processes themselves had, so that others on the machine do not count: clients, daemons, sshd,
PostgreSQL, shells, and those of their children that are gone."""
import concurrent.futures
import ctypes
import os
import resource
import subprocess
import time

import procs
from field import Failure, Run

PARALLEL = 16
PR_SET_CHILD_SUBREAPER = 36


def adopted(work):
    """work() in a process of its own that is the parent of all orphans; seconds of CPU of all that it started. (ssh does not
    wait for the ssh that is its ProxyCommand, and nobody else could say what that took.)"""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            work()
            while True:
                try:
                    os.wait()
                except ChildProcessError:
                    break
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            os.write(write, str(usage.ru_utime + usage.ru_stime).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise Failure('a command failed')
    return float(text)


def settled(cpu):
    """What cpu() says once nothing changes any more: ends of sessions and uploads come after the client's end."""
    last = cpu()
    for _ in range(60):  # others on the machine may never rest
        time.sleep(0.5)
        now = cpu()
        if now - last < 0.02:
            break
        last = now
    return now


def cost_ms(run, roots, n):
    """Milliseconds of CPU for one of n runs, one after the other: of the clients, and of what descends from roots."""
    def all_of_them():
        return sum(map(procs.tree_cpu_s, roots))
    run.seconds()  # once for the caches
    before = settled(all_of_them)
    clients = adopted(lambda: [run.seconds() for _ in range(n)])
    return (clients + settled(all_of_them) - before) * 1000 / n


def session_cpu(f):
    n = max(5, f.args.rounds * 2)
    ms = {key: cost_ms(run, f.sides[key[1]].pids(), n) for key, run in f.both_clients('true').items()}
    behind, plain = (cost_ms(Run(f.peer.ssh(host) + ['true']), f.peer.pids(), n) for host in ('behind', 'plain'))
    # Stock ssh: most of it is OpenSSH's own two processes, of the user's side, on both sides of the comparison.
    for client, target in (('tsh', 0.15), ('ssh', 0.5)):
        f.figure(f'CPU of a session, {client}, -J and -R', 'ms', f.of_client(ms, client), behind, target)
    f.figure('CPU of a session, tsh, plain -J', 'ms', f.of_client(ms, 'tsh'), plain, 1)


def node_cpu(f):
    """Of the node alone; of its peer, sshd."""
    n = max(10, f.args.rounds * 2)

    def of_node(run, pid):
        cpu = procs.tree_cpu_s
        run.seconds()
        before = settled(lambda: cpu(pid))
        for _ in range(n):
            run.seconds()
        return (settled(lambda: cpu(pid)) - before) * 1000 / n

    rows = (("node's CPU of a session", lambda side: of_node(side.tsh('true'), side.node_pid()),
             lambda: of_node(Run(f.peer.ssh('plain') + ['true']), f.peer.node_pid)),
            ('... of one of ten, ControlMaster', lambda side: of_node(Multiplexed(side.ssh().argv, side.env), side.node_pid()) / 10,
             lambda: of_node(Multiplexed(f.peer.ssh('plain')), f.peer.node_pid) / 10))
    for name, ours, peer in rows:
        f.figure(name, 'ms', f.each(ours), None, 20, beside=peer())


class Multiplexed(Run):
    """Ten sessions, one after the other, over one connection."""

    def seconds(self, source=None):
        start = time.perf_counter()
        ssh, *rest = self.argv
        path = f'/tmp/sp-mux-{time.monotonic_ns()}'
        shared = [ssh, '-S', path, *rest]
        master = subprocess.Popen(shared[:1] + ['-M', '-N'] + shared[1:], stdin=subprocess.DEVNULL, env=self.env)
        try:
            for _ in range(100):
                if subprocess.run(shared[:1] + ['-O', 'check'] + shared[1:], stderr=subprocess.DEVNULL, env=self.env).returncode == 0:
                    break
                time.sleep(0.02)
            for _ in range(10):
                Run(shared + ['true'], self.env).seconds()
        finally:
            master.terminate()
            master.wait()
        return time.perf_counter() - start


def session_rate(f):
    """New sessions a second, 16 at the same time."""
    n = PARALLEL * max(2, f.args.rounds // 2)

    def rate(run):
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda _: run.seconds(), range(n)))
        return n / (time.perf_counter() - start)

    per_s = {key: rate(run) for key, run in f.both_clients('true').items()}
    peer = rate(Run(f.peer.ssh('behind') + ['true']))
    for client, target in (('tsh', 6), ('ssh', 2)):  # ssh: as above
        f.figure(f'sessions, {PARALLEL} at a time, {client}', '1/s', f.of_client(per_s, client), peer, target, lower=False)
