# SPDX-License-Identifier: Apache-2.0
"""What recordings take in PostgreSQL, with tables, indexes and TOAST, and in its write-ahead log, as parts of the bytes that were
recorded; and how fast output goes in that nothing compresses."""
import os
import random
import subprocess
import sys
import time
import uuid

from field import TOP, Failure

sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))

SESSIONS = 50
PROMPT = b'\x1b]0;root@host: ~\x07\x1b[01;32mroot@host\x1b[00m:\x1b[01;34m~\x1b[00m# '
COMMANDS = ('ls -l /etc', 'cat /etc/passwd', 'ps aux', 'df -h', 'exit')
PIECE, RECORD = 4096, 65536


def shown(command, most):
    """What a command prints, on a terminal."""
    out = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return out[:most].replace(b'\n', b'\r\n')


class Storage:
    """auditd with a database of its own, and a node that records."""

    def __init__(self, build):
        from producers import Audit, pb, varint
        self.pb, self.varint = pb, varint
        self.a = Audit(build, nodes=1)
        self.chance = random.Random(1)

    def __enter__(self):
        self.a.start()
        self.a.sql('CHECKPOINT')
        return self

    def __exit__(self, *_):
        self.a.remove()

    def size(self):
        return int(self.a.one("SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'rec_chunk'::regclass"))

    def measured(self, record):
        """(kept, WAL), as parts of the bytes that record() recorded."""
        before, at = self.size(), self.a.one('SELECT pg_current_wal_lsn()')
        raw = record()
        kept = self.size() - before
        wal = int(self.a.one(f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{at}')"))
        return kept / raw, wal / raw

    def frame(self, data, after_us):
        return b'\x01' + self.varint(after_us) + self.varint(len(data)) + data

    def session(self, p, kind, records):
        """One session: its frames in these records, each committed before the next where somebody types."""
        session = str(uuid.uuid4())
        of_it = dict(user='alice', login='root', session=session, connection=p.sign_in(self.a.alice))
        p.event('session.start', 'T2000I', {'kind': kind}, **of_it)
        for data in records:
            p.put(self.pb.Record(frames=self.pb.Frames(session=session, data=data)))
            if kind == 'shell' or len(p.waiting) >= 15:
                p.send(wait=kind == 'shell')
        p.event('session.end', 'T2004I', {'kind': kind, 'exit_status': '0'}, **of_it)
        p.send()

    def typed(self):
        """Each session five commands, and a word that only this one has; key by key, as somebody types."""
        outputs = {c: shown(c, 2500) for c in COMMANDS[:-1]}
        raw = 0
        with self.a.producer(self.a.hosts[0]) as p:
            for n in range(SESSIONS):
                frames = []
                for command in (f'echo word{n}typed', *COMMANDS):
                    output = outputs.get(command, f'word{n}typed\r\n'.encode() if command.startswith('echo') else b'')
                    frames.append(self.frame(PROMPT, self.chance.randint(500, 90000)))
                    frames += [self.frame(key.encode(), self.chance.randint(60000, 300000)) for key in command]
                    frames += [self.frame(b'\r\n', 100000), self.frame(output, 3000)]
                    raw += len(PROMPT) + len(command) + 2 + len(output)
                self.session(p, 'shell', [b''.join(frames)])
        for n in range(SESSIONS):
            if self.a.sql(f"SELECT count(*) FROM session_find('echo word{n}typed') WHERE certain") != [['1']]:
                raise Failure(f'a typed word is not found: word{n}typed')
        return raw

    def output(self, data):
        """A command's output, as it comes from a pipe."""
        def records():
            for i in range(0, len(data), RECORD):
                yield b''.join(self.frame(data[k:min(k + PIECE, i + RECORD)], self.chance.randint(50, 2000))
                               for k in range(i, min(i + RECORD, len(data)), PIECE))
        made = list(records())
        with self.a.producer(self.a.hosts[0]) as p:
            start = time.perf_counter()
            self.session(p, 'exec', made)
            self.took = time.perf_counter() - start
        return len(data)


def storage(f):
    with Storage(f.build) as s:
        # First what is much: that a table has a page at least, and a map of them, is not the sessions' share.
        text = shown('ls -lR /usr', 12 << 20)
        kept, wal = s.measured(lambda: s.output(text))
        f.figure('bulk text, PostgreSQL', 'x', {'ours': kept}, None, 0.167)
        f.figure('bulk text, its log', 'x', {'ours': wal}, None, 2)
        kept, wal = s.measured(s.typed)
        f.figure('typed sessions, PostgreSQL', 'x', {'ours': kept}, None, 0.6)
        f.figure('typed sessions, its log', 'x', {'ours': wal}, None, 2)
        noise = os.urandom(64 << 20)
        s.output(noise)
        f.figure('incompressible output', 'MB/s', {'ours': len(noise) / 1e6 / s.took}, None, 8, lower=False)
