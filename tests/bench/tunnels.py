# SPDX-License-Identifier: Apache-2.0
"""Many reverse tunnels at once: how long until they are up, and what an idle one costs."""
import subprocess
import threading
import time

import procs
from field import Failure


def our_tunnels(side, n):
    """Seconds until n tunnels are up, and the KiB that proxyd grew by for each."""
    c = side.cluster
    token = c.write('bench.token', c.token('node', '--uses', str(n)) + '\n')
    argv = [c.bin('tools/bench_tunnels'), c.folder('bench-nodes'), f'127.0.0.1:{c.auth_port}',
            f'127.0.0.1:{c.public_port}', token, c.ca_pin(), str(n)]
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if p.stdout.readline().split() != ['joined', str(n)]:
            raise Failure('bench_tunnels: the nodes did not join')
        time.sleep(2)
        proxyd = c.daemons['proxyd'].pid
        before = procs.private_kb(proxyd)
        p.stdin.write('go\n')
        p.stdin.flush()
        answer = p.stdout.readline().split()
        if answer[:1] != ['up']:
            raise Failure('bench_tunnels: the tunnels did not come up')
        time.sleep(3)  # idle: what opening them needed for a moment is given back
        return float(answer[1]), (procs.private_kb(proxyd) - before) / n
    finally:
        p.stdin.close()
        p.wait()


def one_peer_tunnel(f, left, up, failures):
    """Opens tunnels one after the other, as one of eight."""
    while True:
        try:
            left.pop()
        except IndexError:
            return
        argv = f.peer.tunnel_argv(0)  # the server takes a free port, and ssh says which once it listens
        argv[argv.index('-N'):argv.index('-N')] = ['-o', 'LogLevel=INFO']
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        up.append(p)
        if 'Allocated port' not in p.stderr.readline():
            failures.append(p)


def peer_tunnels(f):
    """Seconds and KiB for the peer's tunnels, opened eight at a time."""
    left, up, failures = list(range(f.args.tunnels)), [], []
    before = procs.children(f.peer.jump_pid)
    start = time.perf_counter()
    threads = [threading.Thread(target=one_peer_tunnel, args=(f, left, up, failures)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.perf_counter() - start
    sshds = procs.children(f.peer.jump_pid) - before
    kb = sum(procs.pss_kb(p) for p in sshds) / f.args.tunnels
    for p in up:
        p.terminate()
    for p in up:
        p.wait()
        p.stderr.close()
    if failures:
        raise Failure(f'{len(failures)} of the peer\'s tunnels did not come up')
    return took, kb


def tunnels(f):
    n = f.args.tunnels
    ours = f.each(lambda side: our_tunnels(side, n))
    peer_s, peer_kb = peer_tunnels(f)
    f.figure(f'{n} tunnels up', 's', {name: s for name, (s, _) in ours.items()}, peer_s, 0.1)
    f.figure('an idle tunnel, memory', 'KiB', {name: kb for name, (_, kb) in ours.items()}, None, 16, beside=peer_kb)
