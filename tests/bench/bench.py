# SPDX-License-Identifier: Apache-2.0
"""make bench: what Sallyport takes, beside what OpenSSH takes for the same, in one run on this machine.

    bench.py BUILD [--before TREE] [--only WORD[,WORD...]] [--rounds N] [--size MIB] [--tunnels N]

A real cluster (tools/cluster) and the peer (peer.py) stand side by side, everything on loopback. Runs of both alternate,
so that what else happens on the machine hits both; medians count. Writes BUILD/bench.json, a list of {name, unit, ours,
before, peer, ratio}, and prints a table with the target of each figure. With --before a cluster of another checkout,
built in its folder build, stands beside them and takes the same turns: what a change cost is told from noise by that.

As root it works in a mount namespace of its own, in which root's shell is /bin/sh and his home an empty folder: rc
files of a login shell would be most of what is measured.
"""
import argparse
import ctypes
import importlib.util
import json
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools', 'cluster'))

import procs  # noqa: E402
from cluster import Cluster, Failure, free_ports  # noqa: E402
from ingest import Ingest  # noqa: E402
from peer import Peer  # noqa: E402

MIB = 1 << 20
NODE = 'node-1'


def plain_login(folder):
    """root with /bin/sh and an empty home, in this process's own mount namespace only."""
    if os.getuid() != 0:
        return
    home = os.path.join(folder, 'root')
    os.makedirs(home, mode=0o700)
    with open('/etc/passwd') as f:
        lines = [line.rstrip('\n').split(':') for line in f if line.count(':') == 6]
    passwd = os.path.join(folder, 'passwd')
    with open(passwd, 'w') as f:
        for name, *rest in lines:
            f.write(':'.join([name, *(rest[:4] + [home, '/bin/sh'] if name == 'root' else rest)]) + '\n')
    libc = ctypes.CDLL(None, use_errno=True)
    private, bind, newns = 1 << 18 | 1 << 14, 1 << 12, 0x20000
    if libc.unshare(newns) != 0 or libc.mount(b'none', b'/', None, private, None) != 0 or \
            libc.mount(passwd.encode(), b'/etc/passwd', None, bind, None) != 0:
        print('no mount namespace here: root\'s own shell and its rc files are part of the figures', flush=True)
        return
    os.environ.update(HOME=home, SHELL='/bin/sh')


def take_machine():
    """What else runs on this machine has to wait, for both sides alike."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        print('not root: whatever else runs on this machine is part of the figures', flush=True)


class Side:
    """A cluster of one build, with a node and a user who is logged in, and what is measured of it alone."""

    def __init__(self, make_cluster, login):
        self.make_cluster, self.login = make_cluster, login
        self.cluster = None

    def start(self):
        c = self.cluster = self.make_cluster()  # not earlier: the side before has its ports by now
        c.start([(NODE, 'env=bench')])
        c.login(c.add_user('alice', logins=self.login))
        self.ssh_config = c.write('ssh_config', c.tsh('alice', 'config').stdout)
        self.env = {**os.environ, **c.env('alice')}

    def ssh(self, *command):
        return Run(['ssh', '-F', self.ssh_config, f'{self.login}@{NODE}.{self.cluster.name}', *command], self.env)

    def tsh(self, *command):
        return Run([self.cluster.bin('tsh'), 'ssh', f'{self.login}@{NODE}', *command], self.env)

    def node_kb(self):
        """Private memory of all of noded's processes, without shells."""
        return sum(map(procs.private_kb, procs.family(self.cluster.daemons[NODE].pid, ('dash', 'bash', 'sh'))))

    def pty_kb(self, n):
        """What one more of n idle shells costs the node."""
        before = self.node_kb()
        argv = self.ssh().argv
        shells = [subprocess.Popen(argv[:1] + ['-tt'] + argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=self.env) for _ in range(n)]
        for s in shells:
            s.stdin.write(b'echo re""ady\n')
            s.stdin.flush()
            seen = b''
            while b'ready' not in seen:
                byte = os.read(s.stdout.fileno(), 4096)
                if not byte:
                    raise Failure('a shell ended at once')
                seen += byte
        time.sleep(2)
        after = self.node_kb()
        for s in shells:
            s.communicate(b'exit\n', timeout=30)
        return (after - before) / n

    def tunnels(self, n):
        """Seconds until n tunnels are up, and the KiB that proxyd grew by for each."""
        c = self.cluster
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


class Run:
    """A command and its environment; its time in seconds."""

    def __init__(self, argv, env=None):
        self.argv, self.env = argv, env or os.environ

    def seconds(self, source=None):
        start = time.perf_counter()
        feed = subprocess.Popen(source, stdout=subprocess.PIPE) if source else None
        out = subprocess.run(self.argv, stdin=feed.stdout if feed else subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=self.env)
        if feed:
            feed.stdout.close()
        if out.returncode != 0 or (feed and feed.wait() != 0):
            raise Failure(f"{' '.join(self.argv)}: exit status {out.returncode}\n{out.stderr.decode()}")
        return time.perf_counter() - start


def medians(runs, rounds, figure):
    """{name: the median of figure(run)} of all runs, which take turns."""
    seen = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seen[name].append(figure(run))
    return {name: statistics.median(s) for name, s in seen.items()}


class Bench:
    def __init__(self, folder, build, args):
        self.dir, self.args = folder, args
        self.figures = []
        self.peer = None
        login = pwd.getpwuid(os.getuid()).pw_name
        self.sides = {'ours': Side(lambda: Cluster(os.path.join(folder, 'cluster'), build), login)}
        if args.before:
            there = os.path.abspath(os.path.join(args.before, 'build'))
            self.sides['before'] = Side(lambda: cluster_of(args.before)(os.path.join(folder, 'before'), there), login)

    def start(self):
        for side in self.sides.values():
            side.start()
        os.makedirs(os.path.join(self.dir, 'peer'))
        self.peer = Peer(os.path.join(self.dir, 'peer'), free_ports(3))  # now that the clusters have taken their own
        self.peer.start()

    def stop(self):
        if self.peer:
            self.peer.stop()
        for side in self.sides.values():
            if side.cluster:
                side.cluster.stop()

    def figure(self, name, unit, ours, peer, target, lower=True):
        """ours: {side: figure}. target: what ours/peer may be at most (lower is better) or must be at least; for peer None,
        of ours itself."""
        value = ours['ours']
        ratio = value / peer if peer else None
        compared = value if ratio is None else ratio
        met = compared <= target if lower else compared >= target
        self.figures.append({'name': name, 'unit': unit, 'ours': round(value, 3),
                             'before': round(ours['before'], 3) if 'before' in ours else None,
                             'peer': round(peer, 3) if peer else None, 'ratio': round(ratio, 3) if ratio else None,
                             'target': target, 'lower_is_better': lower, 'met': met})
        print(line(self.figures[-1]), flush=True)

    def each(self, measure):
        """{side: measure(side)}"""
        return {name: measure(side) for name, side in self.sides.items()}

    def both_clients(self, *command):
        """{(client, side): Run} of ssh and tsh."""
        return {(client, name): getattr(side, client)(*command)
                for name, side in self.sides.items() for client in ('ssh', 'tsh')}

    def of_client(self, figures, client):
        return {name: figures[client, name] for name in self.sides}

    # --- latency ----------------------------------------------------------------------------------

    def latency(self):
        runs = {**self.both_clients('true'), 'peer': Run(self.peer.ssh('behind') + ['true'])}
        for run in runs.values():  # once for the caches
            run.seconds()
        ms = medians(runs, self.args.rounds, lambda run: run.seconds() * 1000)
        self.figure('ssh NODE true', 'ms', self.of_client(ms, 'ssh'), ms['peer'], 0.25)
        self.figure('tsh ssh NODE true', 'ms', self.of_client(ms, 'tsh'), ms['peer'], 0.35)

    # --- bulk ---------------------------------------------------------------------------------------

    def source(self):
        """Makes the bytes: in large pieces, or it would be a good part of what is measured (`head -c` writes 4 KiB)."""
        return ['dd', 'if=/dev/zero', 'bs=128k', f'count={self.args.size * 8}', 'status=none']

    def bulk(self):
        source = self.source()
        mb = self.args.size * MIB / 1e6
        for way, command, feed in (('down', ' '.join(source), None), ('up', 'cat >/dev/null', source)):
            runs = {**self.both_clients(command),
                    **{host: Run(self.peer.ssh(host) + [command]) for host in ('behind', 'plain')}}
            mbs = medians(runs, max(3, self.args.rounds // 3), lambda run: mb / run.seconds(feed))
            for client in ('ssh', 'tsh'):
                ours = self.of_client(mbs, client)
                self.figure(f'bulk {way}, {client}, -J and -R', 'MB/s', ours, mbs['behind'], 2.5, lower=False)
                self.figure(f'bulk {way}, {client}, plain -J', 'MB/s', ours, mbs['plain'], 0.8, lower=False)

    # --- tunnels --------------------------------------------------------------------------------------

    def one_peer_tunnel(self, left, up, failures):
        """Opens tunnels one after the other, as one of eight."""
        while True:
            try:
                left.pop()
            except IndexError:
                return
            argv = self.peer.tunnel_argv(0)  # the server takes a free port, and ssh says which once it listens
            argv[argv.index('-N'):argv.index('-N')] = ['-o', 'LogLevel=INFO']
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            up.append(p)
            if 'Allocated port' not in p.stderr.readline():
                failures.append(p)

    def peer_tunnels(self):
        """Seconds and KiB for the peer's tunnels, opened eight at a time."""
        left, up, failures = list(range(self.args.tunnels)), [], []
        before = procs.children(self.peer.jump_pid)
        start = time.perf_counter()
        threads = [threading.Thread(target=self.one_peer_tunnel, args=(left, up, failures)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        took = time.perf_counter() - start
        sshds = procs.children(self.peer.jump_pid) - before
        kb = sum(procs.pss_kb(p) for p in sshds) / self.args.tunnels
        for p in up:
            p.terminate()
        for p in up:
            p.wait()
            p.stderr.close()
        if failures:
            raise Failure(f'{len(failures)} of the peer\'s tunnels did not come up')
        return took, kb

    def tunnels(self):
        n = self.args.tunnels
        ours = self.each(lambda side: side.tunnels(n))
        peer_s, peer_kb = self.peer_tunnels()
        self.figure(f'{n} tunnels up', 's', {name: s for name, (s, _) in ours.items()}, peer_s, 0.1)
        self.figure('an idle tunnel, memory', 'KiB', {name: kb for name, (_, kb) in ours.items()}, None, 16)
        self.figures[-1]['peer'] = round(peer_kb, 1)

    # --- memory of a node --------------------------------------------------------------------------------

    def idle(self):
        time.sleep(5)
        self.figure('noded idle, private memory', 'MiB', self.each(lambda side: side.node_kb() / 1024), None, 8)

    def pty(self):
        self.figure('one more idle PTY session', 'MiB', self.each(lambda side: side.pty_kb(10) / 1024), None, 1)

    # --- events into the database ----------------------------------------------------------------------------

    def ingest(self):
        with Ingest(self.build, self.args.events) as i:
            (ours, ours_cpu), (peer, peer_cpu) = i.run(5)
        self.figure('events into PostgreSQL, COPY', '1/s', ours, peer, 0.7, lower=False)
        self.figure('a million events, CPU, COPY', 's', ours_cpu, peer_cpu, 1.5)

    # --- all -------------------------------------------------------------------------------------------------

    def run(self):
        print(line(None), flush=True)
        for part in (self.idle, self.latency, self.pty, self.bulk, self.tunnels, self.ingest):
            if not self.args.only or part.__name__ in self.args.only.split(','):
                part()


def line(f):
    """A row of the table."""
    if f is None:
        return f"{'':32}{'ours':>10} {'before':>10} {'OpenSSH':>10} {'':5}{'ratio':>8}   target"
    sign = '<=' if f['lower_is_better'] else '>='
    before, peer = ('' if f[key] is None else f'{f[key]:.3g}' for key in ('before', 'peer'))
    ratio = '' if f['ratio'] is None else f"{f['ratio']:.3f}"
    unit = '' if f['ratio'] is not None else ' ' + f['unit']
    return f"{f['name']:32}{f['ours']:10.3g} {before:>10} {peer:>10} {f['unit']:5}{ratio:>8}   {sign} {f['target']}{unit}" \
        f"   {'met' if f['met'] else 'MISSED'}"


def cluster_of(tree):
    """The class Cluster of another checkout: what starts its daemons may differ from ours."""
    spec = importlib.util.spec_from_file_location('before_cluster', os.path.join(tree, 'tools', 'cluster', 'cluster.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Cluster


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build')
    parser.add_argument('--before', metavar='TREE', help='a checkout with its build, measured beside')
    parser.add_argument('--only', help='idle, latency, pty, bulk, tunnels, ingest')
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--size', type=int, default=1024, help='MiB of a bulk run')
    parser.add_argument('--tunnels', type=int, default=500)
    parser.add_argument('--events', type=int, default=200000, help='of a run into the database')
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = os.path.abspath(args.build)
    folder = tempfile.mkdtemp(prefix='sp-bench-', dir='/tmp')
    os.chmod(folder, 0o755)
    bench = None
    try:
        plain_login(folder)
        take_machine()
        bench = Bench(folder, build, args)
        bench.start()
        bench.run()
    except Failure as e:
        print(f'ERROR: {e}', file=sys.stderr)
        return 1
    finally:
        if bench:
            bench.stop()
        if os.environ.get('KEEP'):
            print(f'kept: {folder}')
        else:
            shutil.rmtree(folder, ignore_errors=True)
    with open(os.path.join(build, 'bench.json'), 'w') as f:
        json.dump(bench.figures, f, indent=1)
        f.write('\n')
    missed = [f['name'] for f in bench.figures if not f['met']]
    print(f"{len(bench.figures) - len(missed)} of {len(bench.figures)} targets met; {build}/bench.json")
    return 0


if __name__ == '__main__':
    sys.exit(main())
