# SPDX-License-Identifier: Apache-2.0
"""What is measured: a cluster of ours, one of another checkout where asked for, and the peer, all up at the same time."""
import importlib.util
import os
import pwd
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools', 'cluster'))

import procs  # noqa: E402
from cluster import Cluster, Failure, free_ports  # noqa: E402
from peer import Peer  # noqa: E402

NODE = 'node-1'
PROXYD = 'limits: {web_sockets_per_user: 1200, web_connections: 9600}\n'  # a thousand idle WebSockets are measured
SHELLS = ('dash', 'bash', 'sh')


def cluster_of(tree):
    """The class Cluster of another checkout: what starts its daemons may differ from ours."""
    spec = importlib.util.spec_from_file_location('before_cluster', os.path.join(tree, 'tools', 'cluster', 'cluster.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Cluster


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


class Side:
    """A cluster of one build, with a node and a user who is logged in, and what is measured of it alone."""

    def __init__(self, make_cluster, login):
        self.make_cluster, self.login = make_cluster, login
        self.cluster = None

    def start(self):
        c = self.cluster = self.make_cluster()  # not earlier: the side before has its ports by now
        c.start([(NODE, 'env=bench')], proxyd=PROXYD)
        c.login(c.add_user('alice', logins=self.login))
        self.ssh_config = c.write('ssh_config', c.tsh('alice', 'config').stdout)
        self.env = {**os.environ, **c.env('alice')}

    def ssh(self, *command):
        return Run(['ssh', '-F', self.ssh_config, f'{self.login}@{NODE}.{self.cluster.name}', *command], self.env)

    def tsh(self, *command):
        return Run([self.cluster.bin('tsh'), 'ssh', f'{self.login}@{NODE}', *command], self.env)

    def node_pid(self):
        return self.cluster.daemons[NODE].pid

    def pids(self):
        """The first process of each program, PostgreSQL too."""
        with open(self.cluster.path('postgres/data/postmaster.pid')) as f:
            return [int(f.readline()), *(d.pid for d in self.cluster.daemons.values())]

    def node_kb(self):
        """Private memory of all of noded's processes, without shells."""
        return sum(map(procs.private_kb, procs.family(self.node_pid(), SHELLS)))


class Field:
    """What stands side by side, and the table that the parts write into. args: bench.py's."""

    def __init__(self, folder, build, args, table):
        self.dir, self.build, self.args = folder, build, args
        self.figure = table.figure
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

    def each(self, measure):
        """{side: measure(side)}"""
        return {name: measure(side) for name, side in self.sides.items()}

    def both_clients(self, *command):
        """{(client, side): Run} of ssh and tsh."""
        return {(client, name): getattr(side, client)(*command)
                for name, side in self.sides.items() for client in ('ssh', 'tsh')}

    def of_client(self, figures, client):
        return {name: figures[client, name] for name in self.sides}
