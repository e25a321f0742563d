# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, authd and auditds, hosts and users with real certificates, and producers that say whatever a test wants.

A producer here is a Python program with a host's certificate that speaks the Ingest stream of proto/audit.proto: what a
node does whose root somebody else has become."""
import contextlib
import importlib
import os
import queue
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from authd import CLUSTER, TOP, Authd, Keys
from cluster import Cluster, Failure, wait_for
from conftest import scratch


def messages():
    """The messages of proto/audit.proto, compiled for Python."""
    if 'audit_pb2' not in sys.modules:
        out = tempfile.mkdtemp(prefix='sp-proto-')
        subprocess.run(['protoc', f'-I{TOP}/proto', '-I/usr/include', f'--python_out={out}', 'audit.proto',
                        'common.proto', 'protobuf-c/protobuf-c.proto'], check=True)
        sys.path.insert(0, out)
    return importlib.import_module('audit_pb2')


pb = messages()
common_pb = importlib.import_module('common_pb2')


class Audit:
    """PostgreSQL, authd, auditds that joined, and producers: hosts of the registry, and alice who may be root. of_authd: authd's
    own events come, too."""

    def __init__(self, build, nodes=2, of_authd=False):
        self.c = Cluster(scratch(), build, CLUSTER)
        self.c.start_postgres()
        self.c.folder('run', 'nobody')
        folder = self.c.folder('authority')
        os.makedirs(os.path.join(folder, 'run'), exist_ok=True)
        auditd = f'127.0.0.1:{self.c.audit_port}' if of_authd else '127.0.0.1:1'
        self.authd = Authd(folder, self.c.build, auditd=auditd).start()
        self.pin = list(self.authd.local().GetStatus().ca_pins)[0]
        self.pki = self.c.folder('pki', None, 0o755)
        self.c.write('pki/host_ca.pem', self.authd.ca.decode(), 0o644)
        self.hosts = [self.host(f'node-{i + 1}') for i in range(nodes)]
        self.nodes = [h.uuid for h in self.hosts]
        self.alice = self.person('alice')

    # --- who there is -------------------------------------------------------------------------------------

    def identity(self, name, key, cert):
        """Certificate and key of a caller as files."""
        self.c.write(f'pki/{name}.key', key.decode())
        self.c.write(f'pki/{name}.crt', cert)

    def host(self, name, kind='node', labels=None):
        h = self.authd.join(kind, name, labels=labels)
        self.identity(h.uuid, h.keys.tls_pem(), h.reply.tls_cert_pem)
        return h

    def person(self, name, logins=('root',), roles=('access',)):
        """A user with his keys and certificates."""
        keys = Keys()
        reply, _ = self.authd.user(name, roles, logins).login(with_keys=keys)
        self.identity(name, keys.tls_pem(), reply.tls_cert_pem)
        self.c.write(f'pki/{name}.ssh', keys.ssh.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode())
        with open(self.c.path(f'pki/{name}.ssh-cert'), 'wb') as f:
            f.write(reply.ssh_cert)
        return Signer(name, keys.ssh, reply.ssh_cert)

    # --- daemons ------------------------------------------------------------------------------------------

    def configure(self, name, port, more='', role='postgres'):
        token = self.c.give(self.c.write(f'{name}.token', self.authd.local().AddToken(kind='audit').token + '\n'))
        return self.c.write(f'{name}.yaml', f'''listen: 127.0.0.1:{port}
socket: {self.c.path('run', name + '.sock')}
state: {self.c.folder('state-' + name, 'nobody')}
database: host={self.c.path('postgres')} user={role} dbname=sallyport
authd_addr: 127.0.0.1:{self.authd.port}
token: {token}
ca_pin: {self.pin}
diag_addr: ""
{more}{self.c.user_line()}''', 0o644)

    def start(self, name='auditd', port=None, more='', ready=True, role='postgres'):
        port = port or self.c.audit_port
        d = self.c.daemon(name, 'auditd', '--config=' + self.configure(name, port, more, role))
        if ready:
            wait_for(name, lambda: self.c.up(d) and self.c.port_open(port) and 'the database is ready' in d.text())
        return d

    def remove(self):
        self.authd.stop()
        self.c.remove()

    # --- what is in the database ------------------------------------------------------------------------------

    def sql(self, query, role='postgres'):
        return self.c.sql(query, role=role)

    def columns(self, table):
        return [r[0] for r in self.sql(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
                                       " ORDER BY attnum")]

    def refused(self, query, role):
        """What PostgreSQL says to a role that may not do it."""
        try:
            self.sql(query, role)
        except Failure as e:
            return str(e)
        raise AssertionError(f'{role} may: {query}')

    def one(self, query):
        return self.sql(query)[0][0]

    def tctl(self, *args):
        """tctl as root of auditd's host: the local way, which asks only auditd."""
        sock = self.c.path('run/auditd.sock')
        return self.c.run(self.c.bin('tctl'), f'--auth-socket={sock}', f'--audit-socket={sock}', *args, check=False)

    def channel(self, name):
        """To auditd, as that person."""
        key, crt = (self.c.path(f'pki/{name}.{kind}') for kind in ('key', 'crt'))
        with open(key, 'rb') as k, open(crt, 'rb') as c:
            creds = grpc.ssl_channel_credentials(self.authd.ca, k.read(), c.read())
        return grpc.secure_channel(f'127.0.0.1:{self.c.audit_port}', creds, [
            ('grpc.ssl_target_name_override', f'auditd.{CLUSTER}'), ('grpc.use_local_subchannel_pool', 1),
            ('grpc.max_receive_message_length', 32 << 20)])

    def ask_again(self, *args):
        """As ask; of auditd whose database was away, and which has not tried again yet."""
        def answer():
            with contextlib.suppress(grpc.RpcError):
                return self.ask(*args)
        return wait_for('an answer of auditd', answer)

    def ask(self, method, request, reply):
        """A call as root of auditd's host: one answer, or a list of them where the method streams."""
        channel = grpc.insecure_channel(f"unix:{self.c.path('run/auditd.sock')}",
                                        [('grpc.max_receive_message_length', 32 << 20)])
        kind = channel.unary_stream if method == 'Play' else channel.unary_unary
        call = kind(f'/sallyport.audit.Audit/{method}', lambda m: m.SerializeToString(), reply.FromString)
        try:
            answer = call(request, timeout=60)
            return list(answer) if method == 'Play' else answer
        finally:
            channel.close()

    # --- producers ------------------------------------------------------------------------------------------

    def feed(self, node, seconds, rate, log, session='', port=None):
        """tests/tools/audit_feed.c: alice signs in at the node, and there is much to write down."""
        argv = [self.c.bin('tools/audit_feed'), f'127.0.0.1:{port or self.c.audit_port}', CLUSTER, self.pki, node,
                'alice', self.c.path(log), str(seconds), str(rate), *([session] if session else [])]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, feed, timeout=150):
        """Events and recorded bytes that the producer wrote, once auditd has committed them."""
        out, problems = feed.communicate(timeout=timeout)
        assert feed.returncode == 0, f'{out}\n{problems}'
        words = out.splitlines()[0].split()
        return int(words[1]), int(words[3])

    @contextlib.contextmanager
    def producer(self, host, log=None, port=None):
        p = self.connect(host, log, port or self.c.audit_port)
        try:
            yield p
        finally:
            p.close()

    def connect(self, host, log, port):
        """A stream; again, as every producer does it, while auditd has not heard of the host yet."""
        for last in [False] * 50 + [True]:
            p = Producer(host, self.authd.ca, port, log)
            try:
                p.begin()
                return p
            except AssertionError:
                p.close()
                if last or p.ended[0] != 'UNAVAILABLE':
                    raise
                time.sleep(0.1)


# --- what people sign ------------------------------------------------------------------------------------------


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack('>I', len(data)) + data


def public_blob(key):
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return string('ssh-ed25519') + string(raw)


def signature(key, data):
    return string('ssh-ed25519') + string(key.sign(data))


class Signer:
    """Whoever can sign in with SSH."""

    def __init__(self, name, key, cert):
        self.name, self.key, self.cert = name, key, cert

    def proof(self, login='root', session_id=None, cert=None, bound_to=None, key=None):
        """(signed_data, signature) of RFC 4252 section 7. bound_to: the host key that the signature is bound to."""
        method = 'publickey-hostbound-v00@openssh.com' if bound_to else 'publickey'
        data = string(session_id or os.urandom(32)) + b'\x32' + string(login) + string('ssh-connection')
        data += string(method) + b'\x01' + string('ssh-ed25519-cert-v01@openssh.com') + string(cert or self.cert)
        if bound_to:
            data += string(bound_to)
        return data, signature(key or self.key, data)


def certificate(ca, key, user='alice', principals=('root',), after=None, before=None, kind=1):
    """A certificate that no authd made (OpenSSH PROTOCOL.certkeys)."""
    now = int(time.time())
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    body = string('ssh-ed25519-cert-v01@openssh.com') + string(os.urandom(32)) + string(raw)
    body += struct.pack('>QI', 7, kind) + string(user) + string(b''.join(string(p) for p in principals))
    body += struct.pack('>QQ', after or now - 60, before or now + 3600) + string('') + string('') + string('')
    body += string(public_blob(ca))
    return body + string(signature(ca, body))


def stranger():
    return ed25519.Ed25519PrivateKey.generate()


# --- the stream --------------------------------------------------------------------------------------------------


def zstd_stored(raw):
    """A zstd frame that holds the bytes as they are (RFC 8878: raw blocks)."""
    out = struct.pack('<IBI', 0xFD2FB528, 0xA0, len(raw))
    at = 0
    while True:
        block = raw[at:at + 65536]
        at += len(block)
        last = at >= len(raw)
        out += struct.pack('<I', len(block) << 3 | last)[:3] + block
        if last:
            return out


class Producer:
    """One Ingest stream. put() queues records, send() has them committed."""

    def __init__(self, host, ca, port, log=None):
        creds = grpc.ssl_channel_credentials(ca, host.keys.tls_pem(), host.reply.tls_cert_pem.encode())
        self.channel = grpc.secure_channel(f'127.0.0.1:{port}', creds, [
            ('grpc.ssl_target_name_override', f'auditd.{CLUSTER}'), ('grpc.use_local_subchannel_pool', 1)])
        self.host, self.log = host, log or str(uuid.uuid4())
        self.requests, self.answers, self.ended = queue.Queue(), queue.Queue(), None
        call = self.channel.stream_stream('/sallyport.audit.Audit/Ingest',
                                          request_serializer=lambda m: m.SerializeToString(),
                                          response_deserializer=pb.IngestReply.FromString)
        self.call = call(iter(self.requests.get, None))
        threading.Thread(target=self.read, daemon=True).start()
        self.next, self.waiting = 0, []

    def begin(self):
        self.requests.put(pb.IngestRequest(hello=pb.IngestHello(log_id=self.log, name='test')))
        self.next = self.answer() + 1

    def read(self):
        try:
            for m in self.call:
                self.answers.put(m.committed_seq)
            self.answers.put(('OK', ''))
        except grpc.RpcError as e:
            self.answers.put((e.code().name, e.details()))

    def answer(self, timeout=30):
        """The next place that is told. How the stream ended, when it did, is an AssertionError with its words."""
        a = self.answers.get(timeout=timeout)
        if isinstance(a, tuple):
            self.ended = a
            raise AssertionError(f'the stream ended: {a}')
        return a

    def end(self, timeout=30):
        """Code and text with which auditd ends the stream."""
        while not self.ended:
            try:
                self.answer(timeout)
            except AssertionError:
                pass
        return self.ended

    def close(self):
        self.requests.put(None)
        self.call.cancel()
        self.channel.close()

    # --- records ------------------------------------------------------------------------------------------

    def put(self, record):
        self.waiting.append(record if isinstance(record, bytes) else record.SerializeToString())

    def event(self, type, code, fields=None, **kw):
        kw.setdefault('ok', code.endswith('I'))
        kw.setdefault('time_us', int(time.time() * 1e6))
        kw.setdefault('id', str(uuid.uuid4()))
        pairs = [common_pb.Label(key=k, value=v) for k, v in (fields or {}).items()]
        self.put(pb.Record(event=pb.Event(type=type, code=code, fields=pairs, **kw)))

    def frames(self, session, text):
        """A line: one that is not ended would be for the next record to bring along."""
        text += '\n'
        data = b'\x01\x01' + varint(len(text)) + text.encode()
        self.put(pb.Record(frames=pb.Frames(session=session, data=data)))

    def proof(self, connection, proof, time_us=None):
        self.put(pb.Record(proof=pb.Proof(connection=connection, signed_data=proof[0], signature=proof[1],
                                          time_us=int(time.time() * 1e6) if time_us is None else time_us)))

    def sign_in(self, who, login='root'):
        """A connection on which somebody signed in."""
        connection = str(uuid.uuid4())
        self.proof(connection, who.proof(login))
        return connection

    def session(self, who, text='', login='root', **kw):
        """A whole session as an honest node writes it: (session, connection)."""
        connection, session = self.sign_in(who, login), str(uuid.uuid4())
        common = dict(user=who.name, login=login, session=session, connection=connection, **kw)
        self.event('session.start', 'T2000I', {'kind': 'shell', 'interactive': 'true', 'cols': '80', 'rows': '24'},
                   **common)
        if text:
            self.frames(session, text)
        self.event('session.end', 'T2004I', {'kind': 'shell', 'exit_status': '0'}, **common)
        return session, connection

    def send(self, wait=True):
        """Everything that was put, in one batch; until it is committed."""
        raw = b''.join(struct.pack('>I', len(r)) + r for r in self.waiting)
        count = len(self.waiting)
        self.requests.put(pb.IngestRequest(batch=pb.IngestBatch(
            first_seq=self.next, count=count, raw_len=len(raw), data=zstd_stored(raw))))
        self.next += count
        self.waiting = []
        if wait:
            while self.answer() < self.next - 1:
                pass
        return count


def frames_of(data):
    """(type, bytes) of frames as a recording has them (docs/PROTOCOL.md)."""
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n
    while at < len(data):
        kind = data[at]
        at += 1
        number()
        size = number()
        yield kind, data[at:at + size]
        at += size


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])
