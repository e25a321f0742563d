# SPDX-License-Identifier: Apache-2.0
"""noded's monitor as it is installed, and a worker that has been taken over: the test holds the worker's end of the socket."""
import base64
import datetime
import hashlib
import os
import pwd
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from authd import pb

pytestmark = pytest.mark.sanitized

VERSION = 4
HELLO, TOKEN, BUNDLE, PROVE, FORGET, START, SIGNAL, KILL, READY, HOSTKEY, SIGN, SIGN_TUNNEL, CUTOFFS = range(1, 14)
ANSWER, STARTED, EXITED, STOP, DATA = range(64, 69)
CONNECTIONS_MAX = 4096
UUID = '11111111-2222-4333-8444-555555555555'
LOGIN = pwd.getpwuid(os.getuid()).pw_name

# Hands its socket to the test and stays, so that the monitor has somebody to kill.
FAKE_WORKER = '''#!/usr/bin/python3
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(os.environ['FAKE_WORKER'])
socket.send_fds(s, [b'x'], [3])
os.close(3)
s.recv(1)
'''


def u32(n):
    return struct.pack('>I', n)


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return u32(len(data)) + data


def key_blob(key):
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return string('ssh-ed25519') + string(raw)


def signature(key, data):
    return string('ssh-ed25519') + string(key.sign(data))


class Cluster:
    """Authorities, and a user alice."""

    def __init__(self, folder):
        self.folder = folder
        self.host_ca, self.user_ca, self.alice = (ed25519.Ed25519PrivateKey.generate() for _ in range(3))
        self.x509 = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'host CA')])
        now = datetime.datetime.utcnow()
        self.pem = (x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
                    .public_key(self.x509.public_key()).not_valid_before(now - datetime.timedelta(hours=1))
                    .not_valid_after(now + datetime.timedelta(hours=1))
                    .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                    .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
                    .sign(self.x509, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())
        spki = self.x509.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.pin = 'sha256:' + hashlib.sha256(spki).hexdigest()

    def bundle(self):
        ca_set = pb.CaSet(cluster='test.cluster', host_x509_pem=[self.pem], host_ssh=[key_blob(self.host_ca)],
                          user_ssh=[key_blob(self.user_ca)], generation=1).SerializeToString()
        return pb.CaBundle(ca_set=ca_set, signature=self.x509.sign(ca_set, ec.ECDSA(hashes.SHA256()))).SerializeToString()

    def cutoffs(self, users=(), age_s=0):
        now_ms = int((time.time() - age_s) * 1000)
        data = string('cutoffs@sallyport') + string('test.cluster') + struct.pack('>QQI', now_ms, 0, len(users))
        data += b''.join(string(u) + struct.pack('>Q', ms) for u, ms in users)
        return data + string(signature(self.host_ca, data))

    def certify(self, key, ca, name, *options):
        """By ssh-keygen, so that nothing of ours vouches for itself."""
        d = tempfile.mkdtemp(dir=self.folder)
        pem = ca.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        with open(os.open(f'{d}/ca', os.O_WRONLY | os.O_CREAT, 0o600), 'wb') as f:
            f.write(pem)
        with open(f'{d}/key.pub', 'wb') as f:
            f.write(key)
        subprocess.run(['ssh-keygen', '-q', '-s', f'{d}/ca', '-I', 'alice', '-n', name, '-V', '-1m:+1h', *options, f'{d}/key.pub'],
                       check=True)
        with open(f'{d}/key-cert.pub') as f:
            return base64.b64decode(f.read().split()[1])

    def user_cert(self, login=LOGIN):
        line = self.alice.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return self.certify(line, self.user_ca, login)


def pub_line(blob):
    return b'ssh-ed25519 ' + base64.b64encode(blob)


class Worker:
    """The worker's end of the socket."""

    def __init__(self, sock, child):
        self.sock, self.child, self.request = sock, child, 0
        sock.settimeout(60)

    def send(self, kind, body=b''):
        self.request += 1
        self.sock.send(bytes([kind]) + u32(self.request) + body)

    def receive(self):
        """(type, request, body, descriptors); None: the monitor has hung up."""
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, 256 * 1024, 3)
        except ConnectionResetError:
            return None
        if not data:
            return None
        return data[0], struct.unpack('>I', data[1:5])[0], data[5:], fds

    def ask(self, kind, body=b''):
        self.send(kind, body)
        while True:
            got = self.receive()
            if got is None or got[1] == self.request:
                return got

    def yes(self, kind, body=b''):
        """Whether it was granted. The monitor must have answered."""
        got = self.ask(kind, body)
        assert got and got[0] == ANSWER
        return got[2][0] == 1

    def data(self, kind, body=b''):
        """What was asked for, or None when the answer is no."""
        got = self.ask(kind, body)
        assert got and got[0] in (ANSWER, DATA)
        if got[0] == ANSWER:
            assert got[2][0] == 0
            return None
        return got[2][4:]

    def is_killed(self, kind, body=b''):
        return self.ask(kind, body) is None

    def greet(self, cluster):
        assert self.yes(HELLO, u32(VERSION))
        assert self.yes(BUNDLE, string(cluster.bundle()))
        assert self.yes(CUTOFFS, string(cluster.cutoffs()))
        self.host_key = self.data(HOSTKEY)
        return self

    def transcript(self, host_key=None):
        parts = [b'SSH-2.0-client', b'SSH-2.0-server', b'\x14' + os.urandom(99), b'\x14' + os.urandom(99),
                 host_key or self.host_key, os.urandom(32), os.urandom(32), b'\x42' + os.urandom(31)]
        return b''.join(string(p) for p in parts)

    def exchange(self, connection, transcript=None):
        """The session identifier, once the monitor has signed it; None when it refuses."""
        transcript = transcript or self.transcript()
        sig = self.data(SIGN, u32(connection) + transcript)
        if sig is None:
            return None
        session_id = hashlib.sha256(transcript).digest()
        ed25519.Ed25519PublicKey.from_public_bytes(self.host_key[-32:]).verify(sig[-64:], session_id)
        return session_id

    def prove(self, connection, session_id, cluster, login=LOGIN, bound_to=None, cert=None):
        method = 'publickey-hostbound-v00@openssh.com' if bound_to else 'publickey'
        signed = (string(session_id) + b'\x32' + string(login) + string('ssh-connection') + string(method) + b'\x01'
                  + string('ssh-ed25519-cert-v01@openssh.com') + string(cert or cluster.user_cert(login))
                  + (string(bound_to) if bound_to else b''))
        return self.yes(PROVE, u32(connection) + string(login) + string('127.0.0.1') + string(signed)
                        + string(signature(cluster.alice, signed)))

    def start_body(self, connection, session, command):
        return (u32(connection) + u32(session) + string(UUID) + b'\x01\x00' + string(command) + b'\x00' + string('') + u32(0) * 4
                + string('') + string('127.0.0.1') + u32(4000) + string('127.0.0.1') + u32(3022) + u32(0))

    def run(self, connection, session, command):
        """Output of a command, or None when there is no such right: then the monitor has killed us."""
        got = self.ask(START, self.start_body(connection, session, command))
        if got is None:
            return None
        assert got[0] == STARTED, got
        with os.fdopen(got[3][1], 'rb') as out:
            text = out.read().decode()
        for fd in (got[3][0], got[3][2]):
            os.close(fd)
        return text


class Monitor:
    def __init__(self, build):
        self.folder = tempfile.mkdtemp(prefix='sp-monitor-')
        os.chmod(self.folder, 0o755)
        self.cluster = Cluster(self.folder)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(f'{self.folder}/sock')
        os.chmod(f'{self.folder}/sock', 0o777)
        self.listener.listen()
        self.listener.settimeout(60)
        with open(f'{self.folder}/worker', 'w') as f:
            f.write(FAKE_WORKER)
        os.chmod(f'{self.folder}/worker', 0o755)
        with open(f'{self.folder}/noded.yaml', 'w') as f:
            f.write(f'proxy: localhost:3080\nstate: {self.folder}/state\nuser: nobody\nca_pin: {self.cluster.pin}\n')
        self.log = open(f'{self.folder}/log', 'w+')
        self.process = subprocess.Popen([os.path.join(build, 'noded-monitor'), f'--config={self.folder}/noded.yaml',
                                         f'--worker={self.folder}/worker'], stderr=self.log, stdout=self.log,
                                        env=dict(os.environ, FAKE_WORKER=f'{self.folder}/sock'))

    def worker(self):
        child, _ = self.listener.accept()
        child.settimeout(60)
        _, fds, _, _ = socket.recv_fds(child, 1, 1)
        return Worker(socket.socket(fileno=fds[0]), child)

    def greeted(self):
        return self.worker().greet(self.cluster)

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        alive = self.process.poll() is None
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        text = self.text()
        self.log.close()
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert alive, text
        assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text and 'LeakSanitizer' not in text, text


@pytest.fixture
def monitor(build):
    m = Monitor(build)
    yield m
    m.stop()


@pytest.fixture
def worker(monitor):
    w = monitor.greeted()
    yield w
    w.child.close()


def test_an_honest_worker_starts_a_session(monitor, worker):
    assert worker.prove(7, worker.exchange(7), monitor.cluster)
    assert worker.run(7, 1, 'id -un') == f'{LOGIN}\n'
    assert worker.exchange(7)  # new keys, while it lasts
    assert worker.run(7, 2, 'echo again') == 'again\n'


def test_an_honest_client_binds_its_signature_to_the_host(monitor, worker):
    cert = monitor.cluster.certify(pub_line(worker.host_key), monitor.cluster.host_ca, 'node-1', '-h')
    for connection, shown in ((1, worker.host_key), (2, cert)):
        assert worker.prove(connection, worker.exchange(connection, worker.transcript(shown)), monitor.cluster, bound_to=shown)


def test_session_identifiers_that_the_monitor_did_not_make(monitor, worker):
    """alice's signature is real each time: she gave it to some other server, or over what the worker invented."""
    cluster = monitor.cluster
    assert not worker.prove(1, os.urandom(32), cluster)  # no keys were exchanged
    first, second = worker.exchange(1), worker.exchange(2)
    assert not worker.prove(1, os.urandom(32), cluster)  # not these
    assert not worker.prove(1, second, cluster)  # another connection's
    assert not worker.prove(1, worker.exchange(1), cluster)  # a rekey's
    assert not worker.prove(1, first[:-1], cluster)
    assert worker.prove(1, first, cluster)
    assert worker.prove(2, second, cluster)
    assert not worker.prove(3, first, cluster)
    assert worker.run(3, 1, 'id') is None  # killed for asking


def test_a_signature_counts_once(monitor, worker):
    """Whatever is forgotten in between: the same exchange can be signed again, alice's proof is spent."""
    cluster, transcript = monitor.cluster, worker.transcript()
    cert = cluster.user_cert()
    session_id = worker.exchange(1, transcript)
    assert worker.prove(1, session_id, cluster, cert=cert)
    assert worker.yes(FORGET, u32(1))
    for connection in (1, 2):
        assert worker.exchange(connection, transcript) == session_id
        assert not worker.prove(connection, session_id, cluster, cert=cert)


def test_another_hosts_key(monitor, worker):
    cluster, other = monitor.cluster, ed25519.Ed25519PrivateKey.generate()
    assert worker.exchange(1, worker.transcript(key_blob(other))) is None
    cert = cluster.certify(pub_line(key_blob(other)), cluster.host_ca, 'node-1', '-h')
    assert worker.exchange(1, worker.transcript(cert)) is None
    session_id = worker.exchange(1)
    assert not worker.prove(1, session_id, cluster, bound_to=key_blob(other))
    assert not worker.prove(1, session_id, cluster, bound_to=cert)
    assert worker.prove(1, session_id, cluster, bound_to=worker.host_key)


def test_it_signs_nothing_of_the_workers_choice(monitor, worker):
    cluster = monitor.cluster
    tunnel = cluster.certify(pub_line(worker.host_key), cluster.host_ca, UUID)
    user = cluster.certify(pub_line(worker.host_key), cluster.user_ca, 'root')

    def login(name, cert, session_id=bytes(32), service='ssh-connection', number=b'\x32'):
        return (string(session_id) + number + string(name) + string(service) + string('publickey') + b'\x01'
                + string('ssh-ed25519-cert-v01@openssh.com') + string(cert))

    assert worker.data(SIGN_TUNNEL, string(login(UUID, tunnel)))  # the node itself, at the proxy
    for data in (b'', os.urandom(32), login('root', tunnel), login('root', user), login(UUID, tunnel, b''),
                 login(UUID, tunnel, bytes(20)), login(UUID, tunnel, service='ssh-userauth'),
                 login(UUID, tunnel, number=b'\x33'), login(UUID, tunnel) + b'x', login(UUID, worker.host_key)):
        assert worker.data(SIGN_TUNNEL, string(data)) is None
    good = worker.transcript()
    for bad in (good.replace(b'SSH-2.0-client', b'SSH-2.0-clien\n'), good[:-36] + string(b''), good[:-36] + string(b'\x80' + bytes(31))):
        assert worker.exchange(1, bad) is None
    assert 'not signed' in monitor.text()


def test_withdrawn_access(monitor, worker):
    cluster = monitor.cluster
    now_ms = int(time.time() * 1000)
    stale = cluster.cutoffs()
    time.sleep(0.01)
    assert worker.yes(CUTOFFS, string(cluster.cutoffs([('alice', now_ms)])))
    session_id = worker.exchange(1)
    assert not worker.prove(1, session_id, cluster)
    assert not worker.yes(CUTOFFS, string(stale))  # brought back by the worker
    forged = Cluster(monitor.folder).cutoffs()
    assert not worker.yes(CUTOFFS, string(forged))
    assert not worker.prove(1, session_id, cluster)
    assert worker.yes(CUTOFFS, string(cluster.cutoffs([('bob', now_ms)])))
    assert worker.prove(1, session_id, cluster)


def test_access_withdrawn_while_a_connection_is_open(monitor, worker):
    """The worker keeps what was proven before: it starts nothing more there."""
    cluster = monitor.cluster
    assert worker.prove(1, worker.exchange(1), cluster)
    assert worker.run(1, 1, 'echo yes') == 'yes\n'
    assert worker.yes(CUTOFFS, string(cluster.cutoffs([('alice', int(time.time() * 1000))])))
    got = worker.ask(START, worker.start_body(1, 2, 'echo no'))
    assert got[0] == ANSWER and got[2][:1] == b'\0' and b'sign in again' in got[2], got
    assert worker.yes(CUTOFFS, string(cluster.cutoffs([('bob', int(time.time() * 1000))])))
    assert worker.run(1, 3, 'echo yes') == 'yes\n'


def test_no_news_of_withdrawn_access(monitor):
    worker = monitor.worker()
    assert worker.yes(HELLO, u32(VERSION))
    assert worker.yes(BUNDLE, string(monitor.cluster.bundle()))
    worker.host_key = worker.data(HOSTKEY)
    session_id = worker.exchange(1)
    assert not worker.prove(1, session_id, monitor.cluster)
    assert worker.yes(CUTOFFS, string(monitor.cluster.cutoffs(age_s=25 * 3600)))
    assert not worker.prove(1, session_id, monitor.cluster)
    assert worker.yes(CUTOFFS, string(monitor.cluster.cutoffs()))
    assert worker.prove(1, session_id, monitor.cluster)
    worker.child.close()


def test_a_flood_of_exchanges(monitor, worker):
    session_id = worker.exchange(1)
    for connection in range(2, CONNECTIONS_MAX + 1):
        assert worker.exchange(connection)
    assert worker.exchange(CONNECTIONS_MAX + 1) is None
    assert worker.prove(1, session_id, monitor.cluster)
    assert worker.yes(FORGET, u32(2))
    assert worker.exchange(CONNECTIONS_MAX + 1)


@pytest.mark.parametrize('kind', [TOKEN, BUNDLE, PROVE, FORGET, START, SIGNAL, KILL, READY, HOSTKEY, SIGN, SIGN_TUNNEL, CUTOFFS, 14, 63, 68, 255])
def test_torn_messages_cost_the_worker_its_life(monitor, worker, kind):
    """And nothing of what it had proven is left for the next one."""
    assert worker.prove(1, worker.exchange(1), monitor.cluster)
    assert worker.is_killed(kind, b'\x00\x00\x01\x00torn' if kind in (BUNDLE, SIGN_TUNNEL, CUTOFFS) else b'torn!')
    worker.child.close()
    fresh = monitor.greeted()
    assert fresh.host_key == worker.host_key
    assert fresh.run(1, 1, 'id') is None
    fresh.child.close()


def test_the_host_key_is_roots(monitor, worker):
    path = f'{monitor.folder}/state/monitor/ssh_host_key'
    st = os.stat(path)
    assert stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == os.geteuid()
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert not any('ssh_host_key' in names for _, _, names in os.walk(f'{monitor.folder}/state/worker'))
