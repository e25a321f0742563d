# SPDX-License-Identifier: Apache-2.0
"""A producer says only what it may know: a Python program with a real node's certificate lies to auditd in every way.

What does not fit is set aside, with its readable parts in the trail; honest records of the same stream are taken."""
import contextlib
import os
import time
import uuid

import grpc
import pytest

from cluster import wait_for
from conftest import keep_logs
from producers import Audit, Signer, certificate, pb, public_blob, stranger, string

DAY = 86400

pytestmark = pytest.mark.sanitized


@pytest.fixture(scope='module')
def audit(build):
    a = Audit(build)
    try:
        a.bob = a.person('bob')
        a.proxy = a.host('proxy-1', 'proxy')
        a.start()
        yield a
        a.c.daemons['auditd'].stop()
        text = a.c.daemons['auditd'].text()
        assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    finally:
        keep_logs(a.c, 'producers')
        a.remove()


@pytest.fixture
def node(audit):
    """A node of the test's own."""
    return audit.host(f'node-{uuid.uuid4()}', labels={'env': 'prod'})


def refusals(audit, host):
    """What is in the trail about records of the host that were set aside: (reason, type, user, session)."""
    return audit.sql("SELECT message, coalesce(fields->>'claimed_type', ''), coalesce(fields->>'claimed_user', ''),"
                     " coalesce(fields->>'claimed_session', '') FROM events WHERE type = 'audit.refuse'"
                     f" AND fields->>'producer' = '{host.uuid}' ORDER BY idx")


def taken(audit, host):
    """Types of the events of the host that were taken, in order."""
    return [r[0] for r in audit.sql("SELECT type FROM events WHERE producer_kind <> 'audit'"
                                    f" AND producer = '{host.uuid}' ORDER BY idx")]


def set_aside(audit, host):
    return int(audit.one(f"SELECT count(*) FROM refused WHERE producer = '{host.uuid}'"))


def lie(audit, host, tell, sign_in=True):
    """tell(producer) puts one record that is a lie, between an honest session before and one after it."""
    with audit.producer(host) as p:
        p.session(audit.alice, 'before')
        tell(p)
        p.session(audit.alice, 'after')
        p.send()
    assert taken(audit, host) == ['session.start', 'session.end'] * 2
    assert set_aside(audit, host) == 1
    said = refusals(audit, host)
    assert len(said) == 1 and said[0][0]
    return said[0]


# --- types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('type, code', [
    ('user.login', 'T1000I'), ('role.update', 'T9002I'), ('session.recording.access', 'T2012I'), ('mfa.add', 'T1006I'),
    ('session.connect', 'T2010I'), ('tunnel.open', 'TT001I'), ('cert.create', 'TC000I'), ('instance.join', 'TJ002I'),
    ('audit.refuse', 'TA002W'), ('access.deny', 'TA000W')])
def test_a_node_does_not_write_what_others_write(audit, node, type, code):
    reason, claimed, user, _ = lie(audit, node, lambda p: p.event(type, code, user='alice', remote_addr='203.0.113.9:1'))
    assert 'this kind of producer' in reason and claimed == type and user == 'alice'


@pytest.mark.parametrize('change', [
    {'type': 'no.such.type'}, {'type': ''}, {'type': 'exec\x1b[2J'}, {'code': 'T3002E'}, {'code': ''}, {'ok': False},
    {'fields': {'colour': 'red'}}, {'fields': {'command': 'x', 'user': 'bob'}}, {'session': 'no uuid'},
    {'connection': 'no uuid'}])
def test_types_codes_and_fields_are_those_of_the_catalogue(audit, node, change):
    def tell(p):
        event = {'type': 'exec', 'code': 'T3002I', 'ok': True, 'fields': {'command': 'true'}, 'user': 'alice',
                 'login': 'root', 'connection': p.sign_in(audit.alice), **change}
        p.event(event.pop('type'), event.pop('code'), event.pop('fields'), **event)
    lie(audit, node, tell)


def test_a_proxy_does_not_write_what_nodes_and_authd_write(audit):
    proxy = audit.host(f'proxy-{uuid.uuid4()}', 'proxy')
    with audit.producer(proxy) as p:
        connection = str(uuid.uuid4())
        p.event('session.start', 'T2000I', user='alice', login='root', session=str(uuid.uuid4()), connection=connection)
        p.event('user.login', 'T1000I', user='alice')
        p.frames(str(uuid.uuid4()), 'text')
        p.proof(connection, audit.alice.proof())
        p.event('session.connect', 'T2010I', user='alice', login='root', node=audit.nodes[0], node_name='invented',
                connection=connection)
        p.send()
    assert taken(audit, proxy) == ['session.connect']
    assert set_aside(audit, proxy) == 4
    row = audit.sql(f"SELECT username, node, backed, producer_kind FROM events WHERE connection = '{connection}'")
    assert row == [['alice', 'node-1', 'proxy', 'proxy']]


# --- nodes ------------------------------------------------------------------------------------------------------


def test_a_node_does_not_speak_of_another(audit, node):
    def tell(p):
        p.event('exec', 'T3002I', {'command': 'x'}, user='alice', login='root', node=audit.nodes[0],
                connection=p.sign_in(audit.alice))
    lie(audit, node, tell)


def test_name_and_labels_of_a_node_are_authds(audit, node):
    labels = [pb.Event.DESCRIPTOR.fields_by_name['labels'].message_type._concrete_class(key='env', value='staging')]
    with audit.producer(node) as p:
        session, _ = p.session(audit.alice, node=node.uuid, node_name='bastion', labels=labels)
        p.send()
    assert audit.sql(f"SELECT node, node_id FROM sessions WHERE id = '{session}'") == [[node.name, node.uuid]]
    rows = audit.sql(f"SELECT DISTINCT node, node_id, labels->>'env' FROM events WHERE session = '{session}'"
                     " AND labels IS NOT NULL")
    assert rows == [[node.name, node.uuid, 'prod']]
    assert 'bastion' not in audit.tctl('audit', 'ls', f'--session={session}', '--format=json').stdout


# --- users ------------------------------------------------------------------------------------------------------


def claims(user='alice', login='root', **more):
    return dict(user=user, login=login, **more)


@pytest.mark.parametrize('what', ['nothing', 'bob', 'login', 'another connection'])
def test_the_user_of_an_event_is_who_signed_in(audit, node, what):
    def tell(p):
        connection = p.sign_in(audit.alice)
        kw = {'nothing': claims(), 'bob': claims('bob', connection=connection),
              'login': claims(login='postgres', connection=connection),
              'another connection': claims(connection=str(uuid.uuid4()))}[what]
        p.event('exec', 'T3002I', {'command': 'rm -rf /'}, **kw)
    lie(audit, node, tell)


@pytest.mark.parametrize('type, code', [('session.start', 'T2000I'), ('exec', 'T3002I'), ('subsystem', 'T3001I'),
                                        ('session.reject', 'T2007W'), ('client.disconnect', 'T3006I')])
def test_nothing_of_a_user_without_his_signature(audit, node, type, code):
    lie(audit, node, lambda p: p.event(type, code, session=str(uuid.uuid4()), connection=str(uuid.uuid4()), **claims()))


def test_a_whole_session_that_never_was(audit, node):
    """"dave on node-2", with text."""
    session, connection = str(uuid.uuid4()), str(uuid.uuid4())
    common = dict(user='dave', login='root', session=session, connection=connection, node=audit.nodes[1],
                  node_name='node-2')
    with audit.producer(node) as p:
        p.event('session.start', 'T2000I', {'kind': 'shell'}, **common)
        p.frames(session, 'I, dave, confess')
        p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '0'}, **common)
        p.send()
    assert audit.one(f"SELECT count(*) FROM sessions WHERE id = '{session}'") == '0'
    assert audit.one("SELECT count(*) FROM rec_chunk WHERE output LIKE '%dave%'") == '0'
    assert audit.one("SELECT count(*) FROM events WHERE username = 'dave'") == '0'
    assert [r[1:] for r in refusals(audit, node)] == [
        ['session.start', 'dave', session], ['', '', session], ['session.end', 'dave', session]]


def test_who_could_not_sign_in_is_a_claim(audit, node):
    with audit.producer(node) as p:
        p.event('auth', 'T3007W', {'method': 'publickey', 'reason': 'expired'}, user='bob', login='root')
        p.send()
    assert audit.sql(f"SELECT username, backed FROM events WHERE producer = '{node.uuid}'") == [['bob', 'claimed']]
    assert 'bob (claimed)' in audit.tctl('audit', 'ls', f'--node={node.uuid}').stdout


# --- proofs -----------------------------------------------------------------------------------------------------


def bad_proofs(audit, node):
    ca = stranger()
    made = Signer('alice', stranger(), None)
    foreign = certificate(ca, made.key)
    data, signature = audit.alice.proof()
    host_ca = certificate(stranger(), stranger(), user='node', principals=(node.uuid,), kind=2)
    return {
        'another CA': made.proof(cert=foreign),
        'a login that is not his': audit.alice.proof('postgres'),
        'the key of another': audit.alice.proof(key=audit.bob.key),
        'the certificate of another': audit.alice.proof(cert=audit.bob.cert),
        'a changed login': (data.replace(string('root') + string('ssh-connection'),
                                         string('toor') + string('ssh-connection')), signature),
        'no signature': (data, b''),
        'junk': (os.urandom(200), os.urandom(80)),
        'empty': (b'', b''),
        'bound to another node': audit.alice.proof(bound_to=audit.hosts[0].reply.ssh_host_cert),
        'bound to a host of another CA': audit.alice.proof(bound_to=host_ca),
        'a host certificate': audit.alice.proof(cert=node.reply.ssh_host_cert, key=node.keys.ssh),
        'a tunnel certificate': audit.alice.proof(login=node.uuid, cert=node.reply.ssh_tunnel_cert, key=node.keys.ssh),
    }


def test_proofs_that_are_none(audit, node):
    bad = bad_proofs(audit, node)
    with audit.producer(node) as p:
        for proof in bad.values():
            connection = str(uuid.uuid4())
            p.proof(connection, proof)
        p.session(audit.alice, 'honest')
        p.send()
    said = [r[0] for r in refusals(audit, node)]
    assert len(said) == len(bad) and all('proof' in s for s in said), said
    assert taken(audit, node) == ['session.start', 'session.end']


def test_a_signature_bound_to_this_node_is_good(audit, node):
    with audit.producer(node) as p:
        connection = str(uuid.uuid4())
        p.proof(connection, audit.alice.proof(bound_to=node.reply.ssh_host_cert))
        p.event('exec', 'T3002I', {'command': 'true'}, user='alice', login='root', connection=connection)
        second = str(uuid.uuid4())
        p.proof(second, audit.alice.proof(bound_to=public_blob(node.keys.ssh)))
        p.event('exec', 'T3002I', {'command': 'true'}, user='alice', login='root', connection=second)
        p.send()
    assert taken(audit, node) == ['exec', 'exec'] and set_aside(audit, node) == 0


@pytest.mark.parametrize('restart', [False, True])
def test_a_proof_is_good_for_one_connection_of_one_node(audit, node, restart):
    other = audit.host(f'node-{uuid.uuid4()}')
    proof, first, second = audit.alice.proof(), str(uuid.uuid4()), str(uuid.uuid4())
    with audit.producer(node) as p:
        p.proof(first, proof)
        p.send()
    if restart:
        audit.c.daemons['auditd'].stop()
        audit.start()
    with audit.producer(node) as p:
        p.proof(second, proof)  # again, for another connection
        p.event('exec', 'T3002I', {'command': 'x'}, user='alice', login='root', connection=second)
        p.proof(first, audit.bob.proof())  # another user on this one
        p.event('exec', 'T3002I', {'command': 'x'}, user='bob', login='root', connection=first)
        p.send()
    with audit.producer(other) as p:
        p.proof(second, proof)  # a node that got hold of what was shown to another
        p.proof(first, proof)
        p.event('exec', 'T3002I', {'command': 'x'}, user='alice', login='root', connection=first)
        p.send()
    assert taken(audit, node) == [] and set_aside(audit, node) == 4
    assert taken(audit, other) == [] and set_aside(audit, other) == 3


def test_a_proof_outside_the_certificates_time_is_none(audit, node):
    now = int(time.time())
    with audit.producer(node) as p:
        for at in (now - 2 * DAY, now - 40 * DAY, now + 3600, now + 2 * DAY, -1, 2 ** 62 // 10 ** 6):
            p.proof(str(uuid.uuid4()), audit.alice.proof(), at * 10 ** 6)
        p.session(audit.alice)
        p.send()
    assert set_aside(audit, node) == 6
    assert taken(audit, node) == ['session.start', 'session.end']


# --- sessions ---------------------------------------------------------------------------------------------------


def test_frames_of_anothers_session(audit, node):
    other = audit.host(f'node-{uuid.uuid4()}')
    with audit.producer(node) as p:
        connection, session = p.sign_in(audit.alice), str(uuid.uuid4())
        common = dict(user='alice', login='root', session=session, connection=connection)
        p.event('session.start', 'T2000I', {'kind': 'shell'}, **common)
        p.frames(session, 'what really happened')
        p.send()
        with audit.producer(other) as q:
            q.frames(session, 'FORGED')
            q.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '7'}, user='alice', login='root',
                    session=session, connection=connection)
            mine = q.sign_in(audit.bob)
            q.event('session.start', 'T2000I', {'kind': 'shell'}, user='bob', login='root', session=session,
                    connection=mine)
            q.send()
        # Another log of the same node is another source.
        with audit.producer(node) as q:
            q.frames(session, 'FORGED')
            q.send()
        p.frames(session, ', and went on')
        p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '0'}, **common)
        p.send()
    assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'what really happened, and went on'
    assert audit.sql(f"SELECT username, exit_status FROM sessions WHERE id = '{session}'") == [['alice', '0']]
    assert set_aside(audit, other) == 3 and set_aside(audit, node) == 1


def test_frames_before_their_session_begins(audit, node):
    session = str(uuid.uuid4())
    with audit.producer(node) as p:
        p.frames(session, 'too early')
        connection = p.sign_in(audit.alice)
        p.event('session.start', 'T2000I', {'kind': 'shell'}, user='alice', login='root', session=session,
                connection=connection)
        p.frames(session, 'in time')
        p.send()
    assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'in time'
    assert set_aside(audit, node) == 1


def test_a_second_user_takes_no_part_in_a_session(audit, node):
    with audit.producer(node) as p:
        session, _ = p.session(audit.alice, 'hers')
        bobs = p.sign_in(audit.bob)
        for type, code in (('session.start', 'T2000I'), ('exec', 'T3002I'), ('session.end', 'T2004I')):
            p.event(type, code, {'command': 'forged'}, user='bob', login='root', session=session, connection=bobs)
        p.send()
    assert set_aside(audit, node) == 3
    assert audit.sql(f"SELECT username, backed FROM sessions WHERE id = '{session}'") == [['alice', 'signature']]


# --- time -------------------------------------------------------------------------------------------------------


def test_a_time_that_cannot_be_right_is_kept_and_marked(audit, node):
    now = int(time.time())
    with audit.producer(node) as p:
        for at in (now, now - 3600, now + 3600, 915148800, now - 40 * DAY):
            p.event('auth', 'T3007W', user='x', time_us=at * 10 ** 6)
        p.send()
    rows = audit.sql(f"SELECT at_doubtful, received > now() - interval '1 minute' FROM events"
                     f" WHERE producer = '{node.uuid}' ORDER BY idx")
    # An hour ago it had not joined yet.
    assert rows == [['f', 't'], ['t', 't'], ['t', 't'], ['t', 't'], ['t', 't']]
    assert audit.tctl('audit', 'ls', f'--node={node.uuid}').stdout.count('(doubtful)') == 4


def test_an_exec_from_before_its_user_had_a_certificate(audit, node):
    lie(audit, node, lambda p: p.event('exec', 'T3002I', {'command': 'x'}, time_us=915148800 * 10 ** 6,
                                       connection=p.sign_in(audit.alice), **claims()))


# --- bytes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('record', [
    b'', b'\xff' * 50, b'\x0a\x05\x12\x03a\x00b', b'\x0a\xff\xff\xff\xff\x7f', b'\x0a\x04\x12\x02\xff\xfe',
    b'\x0a\x05\x12\x03\xed\xa0\x80', b'\x12\x03\x0a\x01x', b'\x22\x02\x0a\x00'])
def test_bytes_that_are_no_record(audit, node, record):
    lie(audit, node, lambda p: p.put(record))


@pytest.mark.parametrize('name', ['\x1b]0;title\x07', '\u202eecila', "'); DROP TABLE audit_event; --", 'x' * 5000,
                                  '{"a":1}', '\\x00', 'a\tb\nc'])
def test_names_with_odd_bytes_do_no_harm(audit, node, name):
    reason, claimed, user, session = lie(audit, node, lambda p: p.event(
        'user.login', 'T1000I', user=name, session=name, login=name, remote_addr=name, message=name))
    assert '\x1b' not in user and len(user) <= 200
    with audit.producer(node) as p:
        p.event('auth', 'T3007W', {'reason': name}, user=name, login=name, remote_addr=name, message=name)
        p.send()
    assert audit.one(f"SELECT count(*) FROM events WHERE type = 'auth' AND producer = '{node.uuid}'") == '1'
    assert '\x1b' not in audit.tctl('audit', 'ls', f'--node={node.uuid}').stdout


# --- the trail --------------------------------------------------------------------------------------------------


def test_a_flood_of_refused_records_does_not_fill_the_trail(audit, node):
    for _ in range(3):  # coming again does not help
        with audit.producer(node) as p:
            for _ in range(700):
                p.event('user.login', 'T1000I', user='alice')
            session, _ = p.session(audit.alice, 'still here')
            p.send()
        assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'still here'
    assert set_aside(audit, node) == 2100
    assert len(refusals(audit, node)) <= 40  # 20 a minute
    assert taken(audit, node) == ['session.start', 'session.end'] * 3


def test_what_was_set_aside_leads_to_its_bytes(audit, node):
    with audit.producer(node) as p:
        p.event('role.update', 'T9002I', {'name': 'admin'}, user='alice')
        p.send()
    rows = audit.sql("SELECT d.reason, encode(d.record, 'hex'), e.node, e.username, e.producer_kind, e.backed"
                     " FROM events e JOIN audit_event r USING (idx) JOIN audit_dead_letter d"
                     " ON d.source = r.source AND d.src_seq = r.src_seq"
                     f" WHERE e.type = 'audit.refuse' AND e.fields->>'producer' = '{node.uuid}'")
    assert len(rows) == 1
    record = pb.Record.FromString(bytes.fromhex(rows[0][1]))
    assert record.event.type == 'role.update' and record.event.user == 'alice'
    assert rows[0][2:] == [node.name, '', 'audit', 'self']


def test_listings_show_the_producer_and_the_backing(audit, node):
    with audit.producer(node) as p:
        session, _ = p.session(audit.alice, 'text')
        p.send()
    import json
    events = json.loads(audit.tctl('audit', 'ls', f'--session={session}', '--format=json').stdout)
    assert [(e['backed'], e['producer_kind'], e['producer']) for e in events] == [
        ('signature', 'node', node.uuid)] * 2
    rows = json.loads(audit.tctl('recordings', 'ls', f'--node={node.uuid}', '--format=json').stdout)
    assert [(r['backed'], r['producer_kind'], r['producer']) for r in rows] == [('signature', 'node', node.uuid)]


# --- hosts that are gone ------------------------------------------------------------------------------------------


def test_a_removed_nodes_stream_ends_at_once_and_its_records_are_refused(audit, node):
    with audit.producer(node) as p:
        p.session(audit.alice, 'while it was a node')
        p.send()
        audit.authd.local().RemoveNode(name=node.uuid)
        code, why = p.end(10)
        assert code in ('UNAUTHENTICATED', 'UNAVAILABLE', 'PERMISSION_DENIED'), (code, why)
    with pytest.raises(AssertionError):
        with audit.producer(node) as p:
            p.event('auth', 'T3007W', user='x')
            p.send()
    assert taken(audit, node) == ['session.start', 'session.end']


def test_a_removed_proxy_hears_of_no_more_sessions(audit):
    proxy = audit.host(f'proxy-{uuid.uuid4()}', 'proxy')
    channel = audit.channel(proxy.uuid)

    def listen():
        """It, once auditd has heard of the proxy."""
        turns = channel.unary_stream('/sallyport.audit.Audit/WatchSessions', lambda m: m.SerializeToString(),
                                     pb.SessionTurn.FromString)(pb.AuditEmpty(), timeout=60)
        with contextlib.suppress(grpc.RpcError):
            return next(turns).user == '' and turns
    turns = wait_for('the first turn', listen)
    audit.authd.local().RemoveNode(name=proxy.uuid)
    with pytest.raises(grpc.RpcError) as e:
        for _ in turns:
            pass
    assert e.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE), e.value
    assert listen() is None
    channel.close()


def test_after_a_restart_events_of_a_proven_connection_are_still_believed(audit, node):
    log = str(uuid.uuid4())
    with audit.producer(node, log) as p:
        connection, session = p.sign_in(audit.alice), str(uuid.uuid4())
        p.event('session.start', 'T2000I', {'kind': 'shell'}, user='alice', login='root', session=session,
                connection=connection)
        p.send()
    audit.c.daemons['auditd'].stop()
    audit.start()
    with audit.producer(node, log) as p:
        p.frames(session, 'after the restart')
        p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '3'}, user='alice', login='root',
                session=session, connection=connection)
        p.send()
    assert set_aside(audit, node) == 0
    assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'after the restart'
    assert audit.one(f"SELECT exit_status FROM sessions WHERE id = '{session}'") == '3'


def test_the_end_of_a_session_may_be_said_again_and_changes_nothing(audit, node):
    with audit.producer(node) as p:
        session, connection = p.session(audit.alice, 'x')
        p.send()
        common = dict(user='alice', login='root', session=session, connection=connection)
        p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '255', 'exit_signal': 'KILL'}, **common)
        p.send()
    assert set_aside(audit, node) == 0
    assert audit.sql(f"SELECT exit_status, exit_signal FROM sessions WHERE id = '{session}'") == [['0', '']]
    assert audit.one(f"SELECT count(*) FROM events WHERE type = 'session.end' AND session = '{session}'") == '2'


def test_a_session_that_ended_through_another_auditd_takes_nothing_here(audit, node):
    """The first auditd has the session in memory, as one that goes on."""
    second = audit.c.ssh_port
    d = audit.start('auditd2', second)
    try:
        with audit.producer(node) as p:
            log, connection, session = p.log, p.sign_in(audit.alice), str(uuid.uuid4())
            common = dict(user='alice', login='root', session=session, connection=connection)
            p.event('session.start', 'T2000I', {'kind': 'shell'}, **common)
            p.frames(session, 'first')
            p.send()
        with audit.producer(node, log, second) as p:
            p.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '0'}, **common)
            p.send()
        with audit.producer(node, log) as p:
            p.frames(session, 'late')
            p.event('exec', 'T3002I', {'command': 'late', 'exit_status': '0'}, **common)
            p.send()
        assert set_aside(audit, node) == 2
        assert audit.one(f"SELECT replace(session_output('{session}'), chr(10), '')") == 'first'
    finally:
        d.stop()


def test_frames_of_a_session_that_ended_are_refused_by_the_database_itself(audit, node):
    with audit.producer(node) as p:
        session, _ = p.session(audit.alice, 'x')
        p.send()
    said = audit.refused(f"""SELECT audit_merge_sessions('[{{"sid": "{session}", "source": 1, "bytes": 9, "chunks": 1}}]')""",
                         'postgres')
    assert 'frames of a session that has ended' in said
