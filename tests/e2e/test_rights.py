# SPDX-License-Identifier: Apache-2.0
"""Rights taken away under what is open: each program ends it within a second, and says why."""
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import grpc
import pytest

from authd import TOP
from cluster import wait_for

pytestmark = pytest.mark.sanitized


# --- what the tests change ---------------------------------------------------------------------------


@pytest.fixture(scope='module')
def role(cluster, alice, tmp_path_factory):
    """role(logins=[...], deny={...}, ...) writes Ruth's role again."""
    path = tmp_path_factory.mktemp('rights') / 'role.yaml'

    def write(logins, labels=None, deny=None, rules=None, permit_pty=True):
        allow = {'logins': logins, 'node_labels': labels or {'*': '*'}, 'rules': rules or []}
        path.write_text(json.dumps({'kind': 'role', 'version': 'v1', 'metadata': {'name': 'ruths-own'},
                                    'spec': {'allow': allow, 'deny': deny or {}, 'options': {'permit_pty': permit_pty}}}))
        cluster.tctl('create', '-f', '--force', str(path))

    return write


numbers = itertools.count(1)


@pytest.fixture(scope='module')
def people(cluster, role, login):
    """people() is the name of a user with the role, logged in; people(new=True) another one, to be changed."""
    names = []

    def get(new=False):
        if new or not names:
            person = cluster.add_user(f'ruth-{next(numbers)}', roles='ruths-own', logins=login)
            cluster.login(person)
            if new:
                return person['user']
            names.append(person['user'])
        return names[0]

    yield get


@pytest.fixture
def ruth(cluster, role, login, people):
    role([login])
    yield people()
    cluster.tctl('nodes', 'label', 'node-1', 'env-')


def config_of(cluster, user):
    return cluster.ssh_config(user)


class Running:
    """A client that runs until something ends it; what it says."""

    def __init__(self, cluster, user, argv, sign):
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env={**os.environ, **cluster.env(user)})
        self.said = {1: b'', 2: b''}
        self.readers = [threading.Thread(target=self.read, args=(n, f)) for n, f in ((1, self.proc.stdout),
                                                                                   (2, self.proc.stderr))]
        for r in self.readers:
            r.start()
        wait_for('the session', lambda: self.running() and sign in self.said[1])

    def read(self, which, f):
        while data := os.read(f.fileno(), 65536):
            self.said[which] += data

    def running(self):
        assert self.proc.poll() is None, self.said
        return True

    def end(self):
        """Exit status and everything that was said, once it has ended by itself."""
        try:
            wait_for('the end', lambda: self.proc.poll() is not None)
        finally:
            self.stop()
        return self.proc.returncode, self.said[1].decode(errors='replace'), self.said[2].decode()

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        for r in self.readers:
            r.join()
        for f in (self.proc.stdin, self.proc.stdout, self.proc.stderr):
            f.close()


CLIENTS = ('ssh', 'tsh')


def session(cluster, user, client, login, command, tty=False):
    if client == 'tsh':
        argv = [cluster.bin('tsh'), 'ssh', *(['-t'] if tty else []), f'{login}@node-1', command]
    else:
        argv = ['ssh', '-F', config_of(cluster, user), '-o', 'BatchMode=yes', *(['-tt'] if tty else []),
                f'{login}@node-1.{cluster.name}', command]
    return Running(cluster, user, argv, b'ready')


def session_ends(cluster, mark):
    """The reasons in session.end of sessions whose command holds the mark."""
    rows = cluster.sql("SELECT body::text FROM audit_event WHERE type = 'session.end' AND session IN (SELECT session FROM"
                       f" audit_event WHERE type = 'session.start' AND body::text LIKE '%{mark}%')")
    return [r[0] for r in rows]


# --- noded ---------------------------------------------------------------------------------------------

CHANGES = {
    'deny rule': (lambda c, role, login, user: role([login], deny={'logins': [login]}), 'denied'),
    'removed login': (lambda c, role, login, user: role(['somebody-else']), 'denied'),
    'changed label': (lambda c, role, login, user: c.tctl('nodes', 'label', 'node-1', 'env=prod'), 'denied'),
    'changed user': (lambda c, role, login, user: c.tctl('users', 'update', user, '--set-roles=access'), 'removed or changed'),
    'removed user': (lambda c, role, login, user: c.tctl('users', 'rm', user), 'removed or changed'),
}


@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('change', CHANGES)
def test_a_session_ends_when_its_right_is_taken_away(cluster, ruth, role, login, people, client, change):
    act, why = CHANGES[change]
    if change.endswith('user'):
        ruth = people(new=True)
    role([login], labels={'env': 'example'})
    mark = f'mark-{uuid.uuid4()}'
    run = session(cluster, ruth, client, login, f'echo ready; : {mark}; exec sleep 300')
    other = cluster.tsh('alice', 'ssh', f'{login}@node-1', 'echo in')
    act(cluster, role, login, ruth)
    status, out, err = run.end()
    assert other.stdout == 'in\n' and status not in (0, None)
    assert why in err, (out, err)
    wait_for('the reason in session.end', lambda: any(why in r for r in session_ends(cluster, mark)), 60)
    assert cluster.tsh('alice', 'ssh', f'{login}@node-1', 'echo in').stdout == 'in\n'


@pytest.mark.parametrize('client', CLIENTS)
def test_a_terminal_is_taken_away_and_what_has_none_goes_on(cluster, ruth, role, login, client):
    command = 'echo ready; exec sleep 300'
    with_tty = session(cluster, ruth, client, login, command, True) if client == 'ssh' else None
    without = session(cluster, ruth, client, login, command)
    role([login], permit_pty=False)
    if with_tty:
        status, out, err = with_tty.end()
        assert 'permit a terminal' in out + err and status != 0
    else:
        wait_for('the change', lambda: cluster.tsh(ruth, 'ssh', '-t', f'{login}@node-1', 'true', check=False).returncode)
    without.running()
    without.stop()


def test_a_change_that_takes_nothing_away_ends_nothing(cluster, ruth, role, login):
    run = session(cluster, ruth, 'tsh', login, 'echo ready; read x; echo got $x; exec sleep 300')
    role([login, 'another'], deny={'logins': ['nobody-at-all']})
    cluster.tctl('nodes', 'label', 'node-1', 'extra=1')
    for _ in range(3):
        cluster.tsh(ruth, 'ssh', f'{login}@node-1', 'true')
    run.running()
    run.proc.stdin.write(b'word\n')
    run.proc.stdin.flush()
    wait_for('the answer', lambda: b'got word' in run.said[1])
    run.stop()
    cluster.tctl('nodes', 'label', 'node-1', 'extra-')


# --- in situations where a connection does not listen -----------------------------------------------------


@pytest.mark.parametrize('client', CLIENTS)
def test_a_session_ends_although_its_client_reads_nothing(cluster, ruth, role, login, client):
    """The window is full and the line that says why cannot be sent: the command ends all the same."""
    mark = f'mark-{uuid.uuid4()}'
    run = session(cluster, ruth, client, login, f'echo ready; : {mark}; exec cat /dev/zero')
    run.proc.send_signal(signal.SIGSTOP)
    try:
        role(['somebody-else'])
        wait_for('the end', lambda: any('denied' in r for r in session_ends(cluster, mark)), 60)
    finally:
        run.proc.send_signal(signal.SIGCONT)
    status, _, _ = run.end()
    assert status not in (0, None)


def test_a_connection_without_sessions_ends(cluster, ruth, role, login, tmp_path):
    """ControlPersist: the next session of the same connection would ask nobody."""
    argv = ['ssh', '-F', config_of(cluster, ruth), '-o', 'BatchMode=yes', '-o', f'ControlPath={tmp_path}/socket']
    there = f'{login}@node-1.{cluster.name}'
    master = subprocess.Popen([*argv, '-M', '-N', there], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for('the master', lambda: subprocess.run([*argv, '-O', 'check', there], capture_output=True).returncode == 0)
        assert subprocess.run([*argv, there, 'echo in'], capture_output=True, text=True).stdout == 'in\n'
        role(['somebody-else'])
        assert master.wait(10) != 0
        assert b'denied' in master.stderr.read()
    finally:
        master.kill()
        master.wait()
        master.stderr.close()


def test_a_fan_out_ends_on_the_node_that_is_lost_alone(cluster, ruth, role, login):
    role([login], labels={'env': 'example'})
    mark = f'mark-{uuid.uuid4()}'
    run = Running(cluster, ruth, [cluster.bin('tsh'), 'ssh', f'{login}@env=example', f'echo ready; : {mark}; exec sleep 300'],
                  b'ready')
    wait_for('both', lambda: run.said[1].count(b'ready') == 2)
    cluster.tctl('nodes', 'label', 'node-1', 'env=prod')
    wait_for('the end on node-1', lambda: len(session_ends(cluster, mark)) == 1)
    run.running()
    role(['somebody-else'])
    status, out, err = run.end()
    assert status not in (0, None), (out, err)
    verdicts = {name: next(line for line in out.splitlines() if line.startswith(f'[{name}] failed'))
                for name in ('node-1', 'node-2')}
    assert all('denied' in v or 'no longer reach' in v for v in verdicts.values()), (out, err)


def test_a_right_that_ends_while_keys_are_exchanged_anew(cluster, ruth, role, login):
    """Keys change all the time under a download; the disconnect waits for its turn and comes."""
    mark = f'mark-{uuid.uuid4()}'
    run = Running(cluster, ruth, ['ssh', '-F', config_of(cluster, ruth), '-o', 'BatchMode=yes', '-o', 'RekeyLimit=64K',
                                  f'{login}@node-1.{cluster.name}', f'echo ready; : {mark}; while :; do echo ready; done'],
                  b'ready')
    role(['somebody-else'])
    status, _, err = run.end()
    # ssh that was writing when the end came says only that: what waits to be read is lost to it.
    assert status == 255 and ('denied' in err or 'Broken pipe' in err), err
    wait_for('the reason', lambda: any('denied' in r for r in session_ends(cluster, mark)), 60)


# --- proxyd --------------------------------------------------------------------------------------------


def relay(cluster, user):
    """An open direct-tcpip channel to node-1, with nothing but the node's banner through it."""
    return Running(cluster, user, ['ssh', '-F', config_of(cluster, user), '-o', 'BatchMode=yes', '-W', 'node-1:3022',
                                   'localhost'], b'SSH-2.0')


@pytest.mark.parametrize('change,why', [('deny rule', 'no longer reach node'), ('changed label', 'no longer reach node'),
                                        ('removed user', 'removed or changed')])
def test_a_relay_ends_when_the_node_may_not_be_seen_any_more(cluster, ruth, role, login, people, change, why):
    if change.endswith('user'):
        ruth = people(new=True)
    role([login], labels={'env': 'example'})
    run = relay(cluster, ruth)
    if change == 'deny rule':
        role([login], deny={'node_labels': {'env': '*'}})
    else:
        CHANGES[change][0](cluster, role, login, ruth)
    _, out, err = run.end()
    assert why in err, (out, err)
    wait_for('the event', lambda: any(why in row[0] for row in cluster.sql(
        f"SELECT message FROM audit_event WHERE type = 'client.disconnect' AND actor = '{ruth}'")))


def test_a_removed_node_loses_its_tunnel_and_its_sessions(fresh, login):
    fresh.start([('node-1', ''), ('node-2', '')])
    person = fresh.add_user('ruth', roles='access', logins=login)
    fresh.login(person)
    config = fresh.write('config', fresh.tsh('ruth', 'config').stdout)
    runs = [Running(fresh, 'ruth', ['ssh', '-F', config, '-o', 'BatchMode=yes', f'{login}@{n}.{fresh.name}', 'echo ready; sleep 300'],
                    b'ready') for n in ('node-1', 'node-2')]
    fresh.tctl('nodes', 'rm', 'node-1')
    _, out, err = runs[0].end()
    assert 'this host was removed from the cluster' in err, (out, err)
    wait_for('the end of the tunnel', lambda: 'tunnel down' in fresh.daemons['proxyd'].text())
    runs[1].running()
    assert fresh.tsh('ruth', 'ssh', f'{login}@node-1', 'true', check=False).returncode == 1
    # And a proxy that was removed: its nodes leave it, though nobody else can hang up for them.
    proxy = open(fresh.path('proxyd', 'uuid')).read().strip()
    fresh.tctl('nodes', 'rm', proxy)
    runs[1].end()
    wait_for('the node to leave', lambda: 'the proxy was removed' in fresh.daemons['node-2'].text())


# --- auditd --------------------------------------------------------------------------------------------


def audit_messages():
    if 'audit_pb2' not in sys.modules:
        out = tempfile.mkdtemp(prefix='sp-proto-')
        subprocess.run(['protoc', f'-I{TOP}/proto', '-I/usr/include', f'--python_out={out}', 'audit.proto'], check=True)
        sys.path.append(out)
    return importlib.import_module('audit_pb2')


pb = audit_messages()


def audit_channel(cluster, chain, key, ca):
    creds = grpc.ssl_channel_credentials(open(ca, 'rb').read(), open(key, 'rb').read(), open(chain, 'rb').read())
    return grpc.secure_channel(f'127.0.0.1:{cluster.audit_port}', creds, [
        ('grpc.ssl_target_name_override', f'auditd.{cluster.name}'), ('grpc.use_local_subchannel_pool', 1)])


def as_person(cluster, user):
    keys = cluster.keys(user)
    return audit_channel(cluster, f'{keys}/tls.crt', f'{keys}/tls.key', f'{keys}/ca.pem')


AUDITOR = [{'resources': ['session', 'event'], 'verbs': ['list', 'read']}]


def test_a_play_ends_when_the_right_to_recordings_is_taken_away(cluster, ruth, role, login):
    role([login], rules=AUDITOR)
    # With a terminal all of it is recorded, without one only the beginning of what a command writes.
    cluster.run('ssh', '-F', config_of(cluster, 'alice'), '-o', 'BatchMode=yes', '-tt', f'{login}@node-1.{cluster.name}',
                'head -c 8000000 /dev/urandom | base64')
    rows = wait_for('the recording', lambda: cluster.sql(
        "SELECT id FROM sessions WHERE command LIKE '%8000000%' AND bytes > 8000000 LIMIT 1"))
    channel = as_person(cluster, ruth)
    play = channel.unary_stream('/sallyport.audit.Audit/Play', lambda m: m.SerializeToString(), pb.PlayPart.FromString)
    stream = play(pb.PlayRequest(session=rows[0][0]), timeout=60)
    assert next(stream).recording.session == rows[0][0]
    role([login])
    with pytest.raises(grpc.RpcError) as refused:
        for _ in stream:
            time.sleep(0.02)  # slower than auditd could
    assert refused.value.code().name == 'PERMISSION_DENIED' and 'no role allows it' in refused.value.details()
    channel.close()


def test_the_preset_access_sees_its_own_events_and_sessions_only(cluster, login):
    person = cluster.add_user(f'owen-{next(numbers)}', roles='access', logins=login)
    cluster.login(person)
    owen = person['user']
    for user, mark in ((owen, 'mark-of-owen'), ('alice', 'mark-of-alice')):
        cluster.tsh(user, 'ssh', f'{login}@node-1', f'echo {mark}')
        wait_for('the recording', lambda m=mark: cluster.sql(f"SELECT 1 FROM sessions WHERE command LIKE '%{m}%' AND ended IS NOT NULL"))

    def seen(*args):
        return json.loads(cluster.tctl_remote(owen, *args, '--limit=1000', '--format=json').stdout)

    events = seen('audit', 'ls')
    assert {e['user'] for e in events} == {owen} and 'session.start' in {e['event'] for e in events}
    # Asking for others, by name or by session, finds nothing.
    others = cluster.sql("SELECT id FROM sessions WHERE command LIKE '%mark-of-alice%'")[0][0]
    assert seen('audit', 'ls', '--by=alice') == [] == seen('audit', 'ls', f'--session={others}')
    recordings = seen('recordings', 'ls')
    assert recordings and {r['user'] for r in recordings} == {owen} and seen('recordings', 'ls', '--by=alice') == []
    out = cluster.tsh(owen, 'play', others, check=False)
    assert out.returncode != 0 and 'mark-of-alice' not in out.stdout
    # The auditor sees both.
    everybody = json.loads(cluster.tctl_remote('alice', 'audit', 'ls', '--last=10m', '--limit=1000', '--format=json').stdout)
    assert {owen, 'alice'} <= {e.get('user') for e in everybody}


class Producer:
    """A stream of records with the certificate of a node that has joined."""

    def __init__(self, cluster, node):
        ident = cluster.path(node, 'worker', 'identity')
        self.channel = audit_channel(cluster, f'{ident}/tls.crt', f'{ident}/tls.key', cluster.path('host_ca.pem'))
        self.log_id, self.seq, self.out = str(uuid.uuid4()), 0, []
        self.more = threading.Condition()
        call = self.channel.stream_stream('/sallyport.audit.Audit/Ingest', lambda m: m.SerializeToString(),
                                          pb.IngestReply.FromString)
        self.stream = call(self.requests(), timeout=60)
        self.send(pb.IngestRequest(hello=pb.IngestHello(log_id=self.log_id, name=node)))

    def requests(self):
        while True:
            with self.more:
                while not self.out:
                    self.more.wait()
                message = self.out.pop(0)
            if message is None:
                return
            yield message

    def send(self, message):
        with self.more:
            self.out.append(message)
            self.more.notify()

    def write(self, kind):
        self.seq += 1
        record = pb.Record(event=pb.Event(id=str(uuid.uuid4()), type=kind, code='T2007W', ok=False,
                                          time_us=int(time.time() * 1e6))).SerializeToString()
        raw = len(record).to_bytes(4, 'big') + record
        data = subprocess.run(['zstd', '-qc', f'--stream-size={len(raw)}'], input=raw, stdout=subprocess.PIPE, check=True).stdout
        self.send(pb.IngestRequest(batch=pb.IngestBatch(first_seq=self.seq, count=1, raw_len=len(raw), data=data)))

    def close(self):
        self.send(None)
        self.channel.close()


def test_a_removed_nodes_records_are_not_taken_any_more(fresh):
    fresh.start([('node-1', '')])
    fresh.write('host_ca.pem', fresh.https('GET', '/v1/webapi/ca.pem')[2])
    fresh.daemons['node-1'].stop()
    producer = Producer(fresh, 'node-1')
    assert next(producer.stream).committed_seq == 0
    producer.write('session.reject')
    assert next(producer.stream).committed_seq == 1
    fresh.tctl('nodes', 'rm', 'node-1')
    with pytest.raises(grpc.RpcError) as refused:
        next(producer.stream)
    assert refused.value.code().name == 'UNAUTHENTICATED' and 'removed from the cluster' in refused.value.details()
    producer.write('session.reject')
    producer.close()
    again = Producer(fresh, 'node-1')
    with pytest.raises(grpc.RpcError) as refused:
        next(again.stream)
    assert refused.value.code().name == 'UNAUTHENTICATED'
    again.close()
    rows = fresh.sql(f"SELECT count(*) FROM audit_event e JOIN audit_source s ON s.id = e.source WHERE s.log_id = '{producer.log_id}'")
    assert rows[0][0] == '1'


def test_auditd_knows_the_cluster_while_authd_is_away(fresh, login):
    """After a restart of both: what authd said last is on disk."""
    fresh.start([('node-1', '')])
    fresh.login(fresh.add_user('ruth', roles='access,auditor', logins=login))
    fresh.tsh('ruth', 'ssh', f'{login}@node-1', 'true')
    wait_for('the file', lambda: os.path.exists(fresh.path('auditd', 'cluster')))
    fresh.daemons['authd'].stop()
    fresh.daemons['auditd'].stop()
    fresh.restart('auditd')
    wait_for('auditd', lambda: fresh.port_open(fresh.audit_port))
    wait_for('an answer', lambda: fresh.tsh('ruth', 'recordings', 'ls', check=False).returncode == 0)
