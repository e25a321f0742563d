# SPDX-License-Identifier: Apache-2.0
"""Whoever is root on a node can neither stop the trail of the others nor change what was said before.

The records here keep to the catalogue; what is odd about them is their size, their order and their numbers."""
import os
import time
import uuid

import pytest

from conftest import keep_logs
from producers import Audit, pb, varint


@pytest.fixture(scope='module')
def audit(build):
    a = Audit(build)
    try:
        a.bob = a.person('bob')
        a.start()
        yield a
        a.c.daemons['auditd'].stop()
        text = a.c.daemons['auditd'].text()
        assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    finally:
        keep_logs(a.c, 'hostile-node')
        a.remove()


@pytest.fixture
def node(audit):
    return audit.host(f'node-{uuid.uuid4()}')


def begin(audit, p, who=None, **fields):
    """A session that has begun: (session, what its events have in common)."""
    who = who or audit.alice
    session = str(uuid.uuid4())
    common = dict(user=who.name, login='root', session=session, connection=p.sign_in(who))
    p.event('session.start', 'T2000I', {'kind': 'shell', **fields}, **common)
    return session, common


def end(p, common, **fields):
    p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '0', **fields}, **common)


def frame(dt_us, data, type=b'\x01'):
    return type + varint(dt_us) + varint(len(data)) + data


def set_aside(audit, host):
    return int(audit.one(f"SELECT count(*) FROM refused WHERE producer = '{host.uuid}'"))


def still_taken(audit):
    """Another node's session is taken, whatever this one said."""
    other = audit.host(f'node-{uuid.uuid4()}')
    with audit.producer(other) as q:
        session, _ = q.session(audit.bob, 'honest')
        q.send()
    assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'honest'


# --- sizes and numbers -------------------------------------------------------------------------------------------


def test_frames_of_any_size_do_not_stop_the_ingest(audit, node):
    with audit.producer(node) as p:
        session, common = begin(audit, p)
        many = b''.join(frame(1, b'x' * 65000) for _ in range(13))
        p.put(pb.Record(frames=pb.Frames(session=session, data=many)))
        end(p, common)
        p.send(wait=False)
        still_taken(audit)
        while p.answer() < p.next - 1:
            pass
    assert audit.sql(f"SELECT ended IS NOT NULL FROM sessions WHERE id = '{session}'") == [['t']]


def test_frames_of_any_time_do_not_stop_the_ingest(audit, node):
    with audit.producer(node) as p:
        session, common = begin(audit, p)
        for _ in range(3):
            p.put(pb.Record(frames=pb.Frames(session=session, data=frame((2 ** 63 - 1) // 4 - 1, b'late'))))
        end(p, common)
        p.send(wait=False)
        still_taken(audit)
        while p.answer() < p.next - 1:
            pass
    assert audit.sql(f"SELECT ended IS NOT NULL FROM sessions WHERE id = '{session}'") == [['t']]


def test_a_failed_login_with_a_name_of_any_length_is_in_the_trail(audit, node):
    """Which an index of the database would not take."""
    name = os.urandom(16000).hex()
    with audit.producer(node) as p:
        p.event('auth', 'T3007W', {'method': 'publickey'}, user=name, login=name)
        p.send()
    assert audit.one(f"SELECT count(*) FROM events WHERE producer = '{node.uuid}' AND type = 'auth'") == '1'
    assert set_aside(audit, node) == 0


def test_a_signal_name_that_is_cut_does_not_break_the_session(audit, node):
    with audit.producer(node) as p:
        session, common = begin(audit, p)
        end(p, common, exit_signal='x' * 30 + 'é' * 5)
        p.send()
    assert audit.sql(f"SELECT ended IS NOT NULL FROM sessions WHERE id = '{session}'") == [['t']]


@pytest.mark.parametrize('at', [2 ** 63 - 1, -2 ** 63, -1, 0, 253402300799999999, -62135596800000001])
def test_times_at_every_edge_are_kept(audit, node, at):
    with audit.producer(node) as p:
        p.event('auth', 'T3007W', {'reason': 'x'}, time_us=at)
        session, common = begin(audit, p)
        p.event('session.end', 'T2004I', {'kind': 'shell'}, time_us=max(at, int(time.time() * 1e6)), **common)
        p.send()
    assert audit.sql(f"SELECT at_doubtful FROM events WHERE producer = '{node.uuid}' AND type = 'auth'") == [['t']]
    assert set_aside(audit, node) == 0
    assert audit.tctl('audit', 'ls', f'--node={node.uuid}').returncode == 0
    assert audit.tctl('recordings', 'ls', f'--node={node.uuid}').returncode == 0


# --- what is over ------------------------------------------------------------------------------------------------


def row(audit, session):
    return audit.sql('SELECT started, ended, username, login, kind, command, interactive, exit_status, exit_signal, bytes,'
                     f" remote_addr, backed FROM sessions WHERE id = '{session}'")


@pytest.mark.parametrize('restart', [False, True])
def test_a_session_that_ended_stays_as_it_was(audit, node, restart):
    log = str(uuid.uuid4())
    with audit.producer(node, log) as p:
        session, common = begin(audit, p, command='true', kind='exec')
        p.frames(session, 'what happened')
        end(p, common)
        p.send()
    before = row(audit, session)
    if restart:
        audit.c.daemons['auditd'].stop()
        audit.start()
    with audit.producer(node, log) as p:
        p.frames(session, ', and FORGED')
        p.event('session.start', 'T2000I', {'kind': 'shell', 'command': 'forged', 'interactive': 'true'}, remote_addr='203.0.113.9:1',
                time_us=int(time.time() - 3600) * 10 ** 6, **common)
        end(p, common, exit_status='9', exit_signal='KILL')
        p.send()
    assert row(audit, session) == before
    assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'what happened'
    # The end may be said again, after a crash it is: both are in the trail, and the first counts.
    assert set_aside(audit, node) == 2


def test_a_session_begins_once(audit, node):
    with audit.producer(node) as p:
        session, common = begin(audit, p, command='true', kind='exec')
        p.event('session.start', 'T2000I', {'kind': 'exec', 'command': 'forged'}, **common)
        end(p, common)
        p.send()
    assert row(audit, session)[0][5] == 'true'
    assert set_aside(audit, node) == 1


def test_a_connection_that_ended_has_no_more_sessions(audit, node):
    """Its proof is in the trail for ever: a node taken over later must not live on it."""
    log = str(uuid.uuid4())
    with audit.producer(node, log) as p:
        _, common = begin(audit, p)
        end(p, common)
        of_it = dict(user='alice', login='root', connection=common['connection'])
        p.event('client.disconnect', 'T3006I', {'reason': 'bye'}, **of_it)
        p.send()
    audit.c.daemons['auditd'].stop()
    audit.sql("UPDATE audit_ended SET ts = ts - interval '2 hours' RETURNING 1")
    audit.sql("DELETE FROM audit_event WHERE type = 'client.disconnect' RETURNING 1")  # as retention does: it stays ended
    audit.start()
    with audit.producer(node, log) as p:
        session = str(uuid.uuid4())
        p.event('session.start', 'T2000I', {'kind': 'shell'}, session=session, **of_it)
        p.frames(session, 'FORGED')
        p.event('exec', 'T3002I', {'command': 'forged'}, **of_it)
        p.send()
    assert set_aside(audit, node) == 3
    assert row(audit, session) == []


def test_a_session_that_begins_while_its_client_leaves_is_taken(audit, node):
    with audit.producer(node) as p:
        of_it = dict(user='alice', login='root', connection=p.sign_in(audit.alice))
        p.event('client.disconnect', 'T3006I', {'reason': 'bye'}, **of_it)
        session = str(uuid.uuid4())
        p.event('session.start', 'T2000I', {'kind': 'shell'}, session=session, **of_it)
        p.frames(session, 'rm')
        p.send()  # what is in one transaction, and what is in two
        end(p, dict(session=session, **of_it))
        p.send()
    assert set_aside(audit, node) == 0 and row(audit, session)[0][1]


# --- bytes beside texts ------------------------------------------------------------------------------------------


def raw(**values):
    return [pb.RawField(key=k, value=v) for k, v in values.items()]


@pytest.mark.parametrize('beside', [
    raw(user=b'bob'), raw(command=b'rm -rf /'), raw(command=b'true'), raw(session=b'x'), raw(remote_addr=b'203.0.113.9'),
    raw(command=b'\xff') + raw(command=b'\xfe')])
def test_bytes_beside_a_text_are_those_of_the_text(audit, node, beside):
    with audit.producer(node) as p:
        p.event('exec', 'T3002I', {'command': '\\xff'}, user='alice', login='root', connection=p.sign_in(audit.alice),
                raw=beside)
        p.event('exec', 'T3002I', {'command': '\\xff'}, user='alice', login='root', connection=p.sign_in(audit.alice),
                raw=raw(command=b'\xff'))
        p.send()
    assert set_aside(audit, node) == 1
