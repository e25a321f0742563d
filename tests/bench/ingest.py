# SPDX-License-Identifier: Apache-2.0
"""What it costs to get events through gRPC into PostgreSQL, beside COPY of the very same rows by psql.

Both write into databases with the same tables and indexes, in the same PostgreSQL, in turns."""
import os
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'e2e'))

import procs  # noqa: E402

COLUMNS = ('ts, idx, at, at_doubtful, type, code, ok, actor, backed, login, node, node_name, session, connection, remote_addr,'
           ' message, source, src_seq, canon, body')


class Ingest:
    """auditd with a database of its own, and an empty one like it for the peer."""

    def __init__(self, build, events):
        from producers import Audit
        self.a, self.events, self.round = Audit(build, nodes=1), events, 0

    def __enter__(self):
        self.auditd = self.a.start()
        self.a.c.sql('CREATE DATABASE peer', db='postgres')
        script = self.a.c.run(self.a.c.bin('auditd'), 'schema', '--role=postgres').stdout
        self.psql('peer', '-f', '-', input=script)
        self.psql('peer', '-c', 'SELECT audit_add_partitions(7)')
        with open(self.a.c.path('postgres/data/postmaster.pid')) as f:
            self.postmaster = int(f.readline())
        return self

    def __exit__(self, *_):
        self.a.remove()

    def psql(self, db, *args, **kw):
        return subprocess.run(['psql', '-h', self.a.c.path('postgres'), '-U', 'postgres', '-d', db, '-qXAt', *args], check=True,
                              text=True, stdout=subprocess.PIPE, **kw).stdout

    def database_cpu(self):
        """Of PostgreSQL, all its processes, those that ended too."""
        return procs.cpu_s(self.postmaster, reaped=True) + sum(map(procs.cpu_s, procs.children(self.postmaster)))

    def ours(self):
        """(seconds, seconds of CPU) until all events are committed."""
        self.round += 1
        self.a.sql('CHECKPOINT')
        feed = self.a.feed(self.a.nodes[0], 0, self.events, f'log{self.round}')
        if not feed.stdout.readline().startswith('prepared'):
            raise RuntimeError(feed.stderr.read())
        before = self.database_cpu() + procs.cpu_s(self.auditd.pid)
        out, problems = feed.communicate('\n', timeout=300)
        took = self.database_cpu() + procs.cpu_s(self.auditd.pid) - before
        if feed.returncode != 0:
            raise RuntimeError(problems)
        return int(out.split()[out.split().index('ms') + 1]) / 1000, took

    def peer(self):
        """The same of COPY of the rows that came last."""
        path = self.a.c.path('rows')
        self.psql('sallyport', '-c', f'\\copy (SELECT {COLUMNS} FROM audit_event WHERE source = (SELECT max(id) FROM audit_source)'
                                     f" ORDER BY idx) TO '{path}' (FORMAT binary)")
        self.a.sql('CHECKPOINT')
        before = self.database_cpu() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime \
            + resource.getrusage(resource.RUSAGE_CHILDREN).ru_stime
        start = time.perf_counter()
        self.psql('peer', '-c', f"\\copy audit_event ({COLUMNS}) FROM '{path}' (FORMAT binary)")
        took = time.perf_counter() - start
        time.sleep(0.5)  # until the postmaster has seen the end of that connection, whose CPU is then its own
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return took, self.database_cpu() + usage.ru_utime + usage.ru_stime - before

    def run(self, rounds):
        """Medians: (events a second, seconds of CPU for a million) of ours, and of COPY."""
        runs = [(self.ours(), self.peer()) for _ in range(rounds + 1)][1:]
        return tuple((self.events / statistics.median(r[i][0] for r in runs),
                      statistics.median(r[i][1] for r in runs) / self.events * 1e6) for i in (0, 1))


def ingest(f):
    with Ingest(f.build, f.args.events) as i:
        (ours, ours_cpu), (peer, peer_cpu) = i.run(5)
    f.figure('events into PostgreSQL, COPY', '1/s', {'ours': ours}, peer, 0.7, lower=False)
    f.figure('a million events, CPU, COPY', 's', {'ours': ours_cpu}, peer_cpu, 1.5)
