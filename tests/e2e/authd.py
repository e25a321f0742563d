# SPDX-License-Identifier: Apache-2.0
"""A real authd alone, and callers of every kind, speaking gRPC as any foreign client would."""
import base64
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cluster import Daemon, free_ports, totp, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER = 'test.sallyport'
PASSWORD = 'correct horse battery'


def messages():
    """The messages of proto/auth.proto, compiled for Python."""
    if 'auth_pb2' not in sys.modules:
        out = tempfile.mkdtemp(prefix='sp-proto-')
        subprocess.run(['protoc', f'-I{TOP}/proto', '-I/usr/include', f'--python_out={out}', 'auth.proto', 'common.proto', 'stored.proto',
                        'protobuf-c/protobuf-c.proto'], check=True)
        sys.path.insert(0, out)
    return importlib.import_module('auth_pb2')


pb = messages()
common_pb = importlib.import_module('common_pb2')


def labels(d):
    """A dict as the messages carry it."""
    return [common_pb.Label(key=k, value=v) for k, v in d.items()]


def as_dict(pairs):
    """And back."""
    return {p.key: p.value for p in pairs}


SERVICE = pb.DESCRIPTOR.services_by_name['Auth']


class Keys:
    """What a caller makes for himself."""

    def __init__(self):
        self.ssh = ed25519.Ed25519PrivateKey.generate()
        self.tls = ec.generate_private_key(ec.SECP256R1())

    def public(self):
        raw = self.ssh.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        name = b'ssh-ed25519'
        blob = len(name).to_bytes(4, 'big') + name + len(raw).to_bytes(4, 'big') + raw
        spki = self.tls.public_key().public_bytes(serialization.Encoding.DER,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo)
        return pb.PublicKeys(ssh=blob, tls=spki)

    def tls_pem(self):
        return self.tls.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())


# What the kinds of a watch carry.
VALUES = {'ca': pb.CaBundle, 'role': pb.Role, 'host': pb.Host, 'user': pb.User, 'cutoff': pb.Cutoff,
          'host_cutoff': pb.Cutoff, 'own_labels': pb.OwnLabels, 'signed_cutoffs': pb.SignedCutoffs,
          'web_session': pb.LiveWebSession}


class Change:
    """One thing that a watch named; value None: it was removed."""

    def __init__(self, update):
        self.kind, self.key, self.revision = update.kind, update.key, update.revision
        self.value = None if update.removed else VALUES[update.kind].FromString(update.value)


class Watch:
    """A stream that is complete: what came until then, and an iterator of what comes afterwards."""

    def __init__(self, stream):
        self.stream, self.changes, self.epoch, self.whole, self.revision = stream, [], '', False, 0
        for u in stream:
            if u.epoch:
                self.epoch, self.whole = u.epoch, True
            if u.kind:
                self.changes.append(Change(u))
            if u.complete:
                self.revision = u.revision
                break

    def of(self, kind):
        return [c for c in self.changes if c.kind == kind]

    def __iter__(self):
        return self

    def __next__(self):
        change = Change(next(self.stream))
        self.revision = change.revision
        return change

    def next_of(self, kind):
        return next(c for c in self if c.kind == kind)

    def cancel(self):
        self.stream.cancel()


class Caller:
    """One connection; every method of the service is a method."""

    def __init__(self, channel):
        self.channel = channel
        for m in SERVICE.methods:
            make = channel.stream_stream if m.client_streaming else \
                channel.unary_stream if m.server_streaming else channel.unary_unary
            call = make(f'/{SERVICE.full_name}/{m.name}',
                        request_serializer=lambda x: x.SerializeToString(),
                        response_deserializer=getattr(pb, m.output_type.name).FromString)
            setattr(self, m.name, self.wrap(call, getattr(pb, m.input_type.name), m.server_streaming))

    @staticmethod
    def wrap(call, cls, stream):
        def invoke(message=None, timeout=None if stream else 20, metadata=None, **fields):
            fields = {k: labels(v) if isinstance(v, dict) else v for k, v in fields.items()}
            return call(message if message is not None else cls(**fields), timeout=timeout, metadata=metadata)
        return invoke

    def watch(self, *kinds, timeout=30, epoch='', after=0):
        """Opens a watch and reads it until complete."""
        return Watch(self.Watch(kinds=kinds, epoch=epoch, after=after, timeout=timeout))

    def put(self, message, kind='role', **kw):
        """A resource of a kind that is managed as a file."""
        return self.PutResource(resource=pb.Resource(kind=kind, value=message.SerializeToString()), **kw)

    def close(self):
        self.channel.close()


def fails(fn, *args, **kw):
    """The code and text with which a call is refused."""
    try:
        fn(*args, **kw)
    except grpc.RpcError as e:
        return e.code().name, e.details()
    return 'OK', ''


def audit_text(authd):
    """The log on disk, as bytes: events are packed there in clear."""
    data = b''
    for root, _, files in os.walk(os.path.join(authd.state, 'audit')):
        for f in files:
            with open(os.path.join(root, f), 'rb') as fh:
                data += fh.read()
    return data


def ssh_cert(blob, tmp_path, algorithm='ssh-ed25519-cert-v01@openssh.com'):
    """ssh-keygen's reading of a certificate: field -> text."""
    path = tmp_path / f'{uuid.uuid4()}-cert.pub'
    path.write_text(f'{algorithm} ' + base64.b64encode(blob).decode() + '\n')
    out = subprocess.run(['ssh-keygen', '-L', '-f', str(path)], stdout=subprocess.PIPE, text=True, check=True).stdout
    fields, key = {}, None
    for line in out.splitlines()[1:]:
        if line.startswith(' ' * 16):
            fields[key].append(line.strip())
        else:
            key, _, value = line.strip().partition(':')
            fields[key] = [value.strip()] if value.strip() else []
    return fields


class Relay:
    """Passes one connection on to a port of this host, from the address `source`; `before` hears its local end, `end`,
    first."""

    def __init__(self, port, source='127.0.0.1'):
        self.to, self.source, self.before, self.end = port, source, None, None
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.socks = [self.listener]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        for s in self.socks:
            s.close()

    def serve(self):
        inner, _ = self.listener.accept()
        outer = socket.create_connection(('127.0.0.1', self.to), source_address=(self.source, 0))
        self.socks += [inner, outer]
        self.end = '%s:%d' % outer.getsockname()
        if self.before:
            self.before(self.end)
        for a, b in ((inner, outer), (outer, inner)):
            threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Authd:
    def __init__(self, folder, build, listen='127.0.0.1', auditd='127.0.0.1:1'):
        self.dir, self.build = folder, build
        self.port = free_ports(1)[0]
        self.config = os.path.join(folder, 'authd.yaml')
        self.socket = os.path.join(folder, 'run', 'authd.sock')
        self.state = os.path.join(folder, 'state')
        with open(self.config, 'w') as f:
            f.write(f'cluster: {CLUSTER}\nlisten: "{listen}:{self.port}"\nstate: {self.state}\n'
                    f'socket: {self.socket}\nauditd_addr: {auditd}\nproxy_addr: tele.example.com:443\ndiag_addr: ""\n')
        self.daemon = Daemon('authd', [os.path.join(build, 'authd'), f'--config={self.config}'],
                             os.path.join(folder, 'authd.log'))
        self.callers = []
        self.ca = None

    def start(self):
        self.daemon.start()
        wait_for('authd', lambda: self.up() and os.path.exists(self.socket) and
                 fails(self.local().Ping)[0] == 'OK')
        self.ca = self.local().GetStatus().ca_pem.encode()
        return self

    def up(self):
        assert self.daemon.alive(), self.daemon.text()[-3000:]
        return True

    def kill(self):
        self.daemon.kill()

    def stop(self):
        for c in self.callers:
            c.close()
        self.callers = []
        self.daemon.stop()

    def keep(self, caller):
        self.callers.append(caller)
        return caller

    def local(self):
        return self.keep(Caller(grpc.insecure_channel(f'unix:{self.socket}')))

    def remote(self, key=None, chain=None, port=None, host='127.0.0.1'):
        creds = grpc.ssl_channel_credentials(self.ca, key, chain)
        options = [('grpc.ssl_target_name_override', f'authd.{CLUSTER}'), ('grpc.use_local_subchannel_pool', 1)]
        return self.keep(Caller(grpc.secure_channel(f'{host}:{port or self.port}', creds, options)))

    def anyone(self):
        return self.remote()

    @contextlib.contextmanager
    def stranger(self, source):
        """Somebody without a certificate, at another address."""
        with Relay(self.port, source) as relay:
            caller = self.remote(port=relay.port)
            try:
                yield caller
            finally:
                caller.close()

    # --- people -----------------------------------------------------------------------------

    def user(self, name, roles=('access',), logins=('root',), password=PASSWORD):
        """Added, invited, confirmed."""
        link = self.local().AddUser(name=name, roles=roles, logins=logins)
        return Person(self, name, password).confirm(link.token)

    # --- daemons ----------------------------------------------------------------------------

    def join(self, kind='node', name='node-1', token=None, keys=None, uid=None, labels=None, addresses=()):
        keys = keys or Keys()
        uid = uid or str(uuid.uuid4())
        token = token if token is not None else self.local().AddToken(kind=kind).token
        reply = self.anyone().Join(token=token, kind=kind, name=name, uuid=uid, keys=keys.public(),
                                   labels=labels or {}, addresses=addresses, version='0.1.0')
        return Host(self, reply, keys)


def on_behalf(session=None, client=None):
    """What a proxy's call brings of a browser."""
    return [(k, v) for k, v in (('sallyport-session', session), ('sallyport-client', client)) if v is not None]


class Browser:
    """Somebody's browser, as authd sees it: calls of a proxy on behalf of whoever logged in."""

    def __init__(self, proxy, address='203.0.113.7', port=40000):
        self.proxy, self.address, self.token, self.session = proxy, f'{address}:{port}', None, None

    def login(self, who, **kw):
        fields = dict(user=who.name, password=who.password, otp=kw.pop('otp', None) or who.otp(), browser='Firefox')
        fields.update(kw)
        reply = self.proxy.WebLogin(metadata=on_behalf(client=self.address), **fields)
        self.token, self.session = reply.token, reply.session
        return self

    def __getattr__(self, name):
        method = getattr(self.proxy, name)
        return lambda *a, **kw: method(*a, metadata=on_behalf(self.token, self.address), **kw)


class Person:
    def __init__(self, authd, name, password):
        self.authd, self.name, self.password = authd, name, password
        self.secret, self.last = None, 0

    def confirm(self, token):
        local = self.authd.local()
        self.secret = local.GetInvite(name=token).totp_secret
        self.last = 0
        local.CompleteInvite(token=token, password=self.password, otp=self.otp())
        return self

    def otp(self):
        """A code that was not used yet; the server takes the step before (which may end while it is on its way), the present
        and the next one."""
        step = max(int(time.time()) // 30 - (time.time() % 30 < 25), self.last + 1)
        while step > int(time.time()) // 30 + 1:
            time.sleep(0.2)
        self.last = step
        return totp(self.secret, step * 30)

    def login(self, **kw):
        keys = kw.pop('with_keys', None) or Keys()
        by = kw.pop('by', None) or self.authd.anyone()
        fields = dict(user=self.name, password=self.password, otp=kw.pop('otp', None) or self.otp(),
                      keys=keys.public())
        fields.update(kw)
        reply = by.Login(**fields)
        reply_caller = self.authd.remote(keys.tls_pem(), reply.tls_cert_pem.encode())
        return reply, reply_caller


class Host:
    def __init__(self, authd, reply, keys):
        self.authd, self.reply, self.keys, self.uuid, self.name = authd, reply, keys, reply.uuid, reply.name
        self.caller = authd.remote(keys.tls_pem(), reply.tls_cert_pem.encode())

    def beat(self, **kw):
        kw.setdefault('name', self.name)
        return self.caller.Heartbeat(**kw)
