# SPDX-License-Identifier: Apache-2.0
"""auditd alone: every record of a producer is in PostgreSQL exactly once, whatever dies meanwhile."""
import hashlib
import os
import subprocess
import threading
import time
import uuid

import pytest

from cluster import Daemon, Failure, wait_for
from conftest import keep_logs
from producers import Audit, frames_of, pb


@pytest.fixture
def audit(build, request):
    a = Audit(build)
    try:
        yield a
    finally:
        keep_logs(a.c, request.node.name)
        a.remove()


def recorded(n):
    """The first n bytes of what a producer records (tests/tools/audit_feed.c)."""
    return ''.join('\n' if i % 64 == 63 else chr(97 + (i * 7 + i // 64) % 26) for i in range(n))


def exactly_once(audit, node, events, sessions=0):
    """All events of the node, each once, with gapless numbers over everything."""
    where = f"source IN (SELECT id FROM audit_source WHERE name = '{node}')"
    count, distinct, last = audit.sql(
        f"SELECT count(*), count(DISTINCT body->'fields'->>'exit_status'), max((body->'fields'->>'exit_status')::bigint)"
        f" FROM audit_event WHERE {where} AND type = 'exec'")[0]
    assert (int(count), int(distinct), int(last)) == (events, events, events - 1)
    rows, first, top = audit.sql('SELECT count(*), min(idx), max(idx) FROM audit_event')[0]
    assert int(first) == 0 and int(rows) == int(top) + 1
    seqs = audit.sql(f'SELECT count(*), count(DISTINCT src_seq) FROM audit_event WHERE {where}')[0]
    assert int(seqs[0]) == int(seqs[1]) == events + 2 * sessions


def same_bytes(audit, session, size):
    """The recording in the database is what was recorded, and its hashes fit."""
    parts = audit.ask_again('Play', pb.PlayRequest(session=session), pb.PlayPart)
    assert b''.join(data for kind, data in frames_of(b''.join(p.frames for p in parts)) if kind == 1).decode() == recorded(size)
    assert audit.one(f"SELECT bytes FROM sessions WHERE id = '{session}'") == str(size)
    for seq, data, shown, words, digest in audit.sql(
            f"SELECT seq, encode(data, 'hex'), encode(convert_to(output, 'UTF8'), 'hex'), coalesce(encode(words, 'hex'), ''),"
            f" encode(hash, 'hex') FROM rec_chunk WHERE sid = '{session}' ORDER BY seq LIMIT 20"):
        data, shown, words = map(bytes.fromhex, (data, shown, words))
        lengths = len(data).to_bytes(4, 'big') + len(shown).to_bytes(4, 'big')
        whole = uuid.UUID(session).bytes + int(seq).to_bytes(8, 'big') + lengths + data + shown + words
        assert hashlib.sha256(whole).hexdigest() == digest
    assert audit.one(f"SELECT bool_and(intact) FROM session_chunks WHERE id = '{session}'") == 't'


def during(seconds, what, pause):
    """Calls what() again and again for so long, from another thread."""
    def run():
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(pause)
            what()
    t = threading.Thread(target=run)
    t.start()
    return t


@pytest.mark.sanitized
def test_records_arrive_once_in_order_and_with_their_bytes(audit):
    audit.start()
    session = str(uuid.uuid4())
    events, size = audit.finish(audit.feed(audit.nodes[0], 2, 2000, 'log', session))
    exactly_once(audit, audit.nodes[0], events, 1)
    same_bytes(audit, session, size)
    row = audit.sql(f"SELECT username, login, node, kind, interactive, exit_status, ended > started FROM sessions"
                    f" WHERE id = '{session}'")[0]
    assert row == ['alice', 'root', 'node-1', 'shell', 't', '0', 't']
    assert audit.one("SELECT count(*) FROM audit_dead_letter") == '0'


def test_auditd_killed_again_and_again_loses_and_doubles_nothing(audit):
    d = audit.start()
    session = str(uuid.uuid4())
    feed = audit.feed(audit.nodes[0], 8, 4000, 'log', session)

    def kill():
        d.kill()
        d.start()
    t = during(8, kill, 0.7)
    t.join()
    events, size = audit.finish(feed)
    exactly_once(audit, audit.nodes[0], events, 1)
    same_bytes(audit, session, size)


def test_postgres_killed_again_and_again_loses_and_doubles_nothing(audit):
    audit.start()
    session = str(uuid.uuid4())
    feed = audit.feed(audit.nodes[0], 8, 4000, 'log', session)

    def kill():
        audit.c.kill_postgres()
        audit.c.start_postgres()
    t = during(8, kill, 1.0)
    t.join()
    events, size = audit.finish(feed)
    exactly_once(audit, audit.nodes[0], events, 1)
    same_bytes(audit, session, size)


def test_two_auditds_on_one_database_share_producers(audit):
    second = audit.c.ssh_port
    audit.start()
    audit.start('auditd2', second)
    one = audit.feed(audit.nodes[0], 4, 2000, 'log1', str(uuid.uuid4()))
    two = audit.feed(audit.nodes[1], 4, 2000, 'log2', str(uuid.uuid4()), second)
    counts = [audit.finish(one)[0], audit.finish(two)[0]]
    for node, events in zip(audit.nodes, counts):
        exactly_once(audit, node, events, 1)


def test_a_producer_that_changes_between_auditds_doubles_nothing(audit):
    """The same log goes through a relay that cuts connections and switches to the other auditd each time."""
    second = audit.c.ssh_port
    audit.start()
    audit.start('auditd2', second)
    relay = Relay(audit.c.public_port, [audit.c.audit_port, second])
    feed = audit.feed(audit.nodes[0], 6, 3000, 'log', '', audit.c.public_port)
    t = during(6, relay.switch, 0.5)
    t.join()
    events, _ = audit.finish(feed)
    relay.stop()
    exactly_once(audit, audit.nodes[0], events)


class Relay:
    """TCP from one port to the first of targets; switch() cuts everything and turns to the next."""

    def __init__(self, port, targets):
        import socket
        self.socket, self.targets, self.pairs = socket, targets, []
        self.listener = socket.create_server(('127.0.0.1', port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a, _ = self.listener.accept()
                b = self.socket.create_connection(('127.0.0.1', self.targets[0]))
            except OSError:
                return
            self.pairs.append((a, b))
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.pump, args=(x, y), daemon=True).start()

    @staticmethod
    def pump(x, y):
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                y.sendall(data)
        except OSError:
            pass

    def switch(self):
        self.targets = self.targets[1:] + self.targets[:1]
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(self.socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def stop(self):
        self.listener.close()


def test_poison_rows_are_set_aside_and_hold_up_nobody(audit):
    audit.start()
    audit.sql("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'not this one'; END $$""")
    audit.sql("""DO $$ DECLARE t regclass; BEGIN
                 FOR t IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_event'::regclass LOOP
                   EXECUTE format('CREATE TRIGGER refuse BEFORE INSERT ON %s FOR EACH ROW WHEN
                     (NEW.body->''fields''->>''exit_status'' IN (''100'', ''101'', ''777'')) EXECUTE FUNCTION refuse()', t);
                 END LOOP; END $$""")
    events, _ = audit.finish(audit.feed(audit.nodes[0], 2, 2000, 'log'))
    got = audit.sql("SELECT count(*), count(DISTINCT body->'fields'->>'exit_status') FROM audit_event"
                    " WHERE type = 'exec'")[0]
    assert [int(x) for x in got] == [events - 3, events - 3]
    # Record 1 is the proof that alice signed in.
    dead = audit.sql('SELECT src_seq, reason FROM audit_dead_letter ORDER BY src_seq')
    assert dead == [['102', 'not this one'], ['103', 'not this one'], ['779', 'not this one']]
    said = audit.sql("SELECT message, fields->>'claimed_type', fields->>'claimed_user' FROM events"
                     " WHERE type = 'audit.refuse'")
    assert said == [['not this one', 'exec', 'alice']] * 3
    assert audit.one('SELECT seq FROM audit_source') == str(events + 1)


def test_a_database_that_is_stuck_only_delays(audit):
    audit.start()
    feed = audit.feed(audit.nodes[0], 4, 3000, 'log')
    time.sleep(1)
    audit.sql('BEGIN; SELECT * FROM audit_writer FOR UPDATE; SELECT pg_sleep(5); COMMIT')
    events, _ = audit.finish(feed)
    exactly_once(audit, audit.nodes[0], events)


def test_without_database_searching_says_so_and_auditd_comes_back_by_itself(audit):
    d = audit.start()
    audit.finish(audit.feed(audit.nodes[0], 1, 100, 'log'))

    def events():
        return audit.tctl('audit', 'ls')
    assert 'exec' in events().stdout
    audit.c.stop_postgres()
    out = wait_for('the loss to be seen', lambda: [o for o in [events()] if o.returncode != 0])[0]
    assert 'audit database cannot be' in out.stderr
    feed = audit.feed(audit.nodes[0], 1, 100, 'log')
    time.sleep(1.5)
    assert d.alive()
    audit.c.start_postgres()
    audit.finish(feed)
    wait_for('searching again', lambda: 'exec' in events().stdout)
    assert audit.one('SELECT count(*) = max(idx) + 1 FROM audit_event') == 't'


def test_started_without_database_it_waits_for_one(audit):
    audit.c.stop_postgres()
    d = audit.start(ready=False)
    feed = audit.feed(audit.nodes[0], 1, 100, 'log')
    wait_for('the log', lambda: 'the database cannot be used' in d.text())
    audit.c.start_postgres()
    events, _ = audit.finish(feed)
    exactly_once(audit, audit.nodes[0], events)


def test_migrations_run_once_and_a_newer_schema_ends_auditd(audit):
    d = audit.start()
    d.stop()
    d = audit.start('again')
    assert 'brought up to date' not in d.text()
    d.stop()
    assert audit.one('SELECT count(*) = max(version) AND count(*) > 3 FROM audit_schema') == 't'
    audit.sql("INSERT INTO audit_schema (version, name) VALUES (999, 'from the future')")
    d = audit.start('newer', ready=False)
    assert d.proc.wait(15) == 1
    assert 'made by a newer auditd' in d.text()


def test_two_auditds_may_start_at_once_on_an_empty_database(audit):
    a = audit.start(ready=False)
    b = audit.start('auditd2', audit.c.ssh_port, ready=False)
    for d in (a, b):
        wait_for('the database', lambda: audit.c.up(d) and 'the database is ready' in d.text())
    assert sum('001_first' in d.text() for d in (a, b)) == 1


def test_old_days_are_dropped_and_coming_ones_are_there(audit):
    d = audit.start()
    d.stop()
    audit.sql("""SET ROLE sallyport_owner; CREATE TABLE audit_event_20200101 PARTITION OF audit_event
                 FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')""")
    d = audit.start('again', more='retention: 30d\n')
    assert audit.one("SELECT to_regclass('audit_event_20200101') IS NULL") == 't'
    days = audit.one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_event'::regclass")
    assert int(days) >= 8
    d.stop()


def test_a_client_certificate_of_a_user_may_not_write(audit):
    audit.start()
    feed = audit.feed('alice', 1, 10, 'log')
    with pytest.raises(subprocess.TimeoutExpired):
        feed.communicate(timeout=4)
    feed.kill()
    feed.communicate()
    assert audit.one("SELECT count(*) FROM audit_source WHERE kind <> 'audit'") == '0'
    # Refusals are events themselves.
    wait_for('the refusal as an event', lambda: audit.sql(
        "SELECT username, fields->>'method' FROM events WHERE type = 'access.deny'")[:1] == [['alice', 'Ingest']])


def test_an_identity_cannot_start_logs_without_end(audit):
    d = audit.start()
    audit.sql(f"INSERT INTO audit_source (kind, name, log_id, host) SELECT 'node', '{audit.nodes[0]}',"
              " gen_random_uuid(), 'x' FROM generate_series(1, 1000)")
    feed = audit.feed(audit.nodes[0], 1, 10, 'log')
    events, _ = audit.finish(audit.feed(audit.nodes[1], 1, 10, 'log2'))
    exactly_once(audit, audit.nodes[1], events)
    assert audit.one('SELECT count(*) FROM audit_source') == '1001'
    feed.kill()
    feed.communicate()
    assert d.alive()


def test_a_stopping_auditd_commits_what_it_has_taken(audit):
    d = audit.start()
    feed = audit.feed(audit.nodes[0], 3, 3000, 'log')
    time.sleep(1.5)
    start = time.monotonic()
    d.stop()
    assert time.monotonic() - start < 10
    d.start()
    events, _ = audit.finish(feed)
    exactly_once(audit, audit.nodes[0], events)


def test_the_configuration_is_checked(audit):
    path = audit.c.write('bad.yaml', 'listen: 127.0.0.1:1\nauthd_addr: localhost:3025\n')
    out = audit.c.run(audit.c.bin('auditd'), f'--config={path}', '--check', check=False)
    assert out.returncode == 1 and 'database is missing' in out.stderr
    with pytest.raises(Failure):
        audit.c.run(audit.c.bin('auditd'), '--config=/nonexistent.yaml')
    assert isinstance(audit.start(), Daemon)
