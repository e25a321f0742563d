# SPDX-License-Identifier: Apache-2.0
"""A whole Sallyport cluster in a folder: PostgreSQL, authd, auditd, proxyd and nodes, all on loopback.

The demonstration (tools/demo) and the end-to-end tests use it. As root the daemons drop to an unprivileged user and
nodes serve real logins; as an ordinary user everything runs as that user and nodes serve only his own login.
"""
import base64
import contextlib
import hashlib
import hmac
import html
import http.client
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PG_BIN = next((os.path.join('/usr/lib/postgresql', v, 'bin') for v in ('15', '16', '17', '14')
               if os.path.exists(f'/usr/lib/postgresql/{v}/bin/initdb')), '')
SERVICE_USER = 'nobody'
CLUSTER = 'demo.sallyport'


class Failure(Exception):
    """Something did not work; the text says what, for people."""


def free_ports(n):
    """n free loopback ports below the ephemeral range, so that outgoing connections do not take them."""
    socks, ports, port = [], [], 20000 + (os.getpid() * 37) % 8000
    while len(ports) < n:
        port += 1
        s = socket.socket()
        try:
            s.bind(('127.0.0.1', port))
        except OSError:
            s.close()
            continue
        socks.append(s)
        ports.append(port)
    for s in socks:
        s.close()
    return ports


def wait_for(what, check, timeout=60.0, pause=0.05):
    """Calls check until it is true; its last value. A connection that is refused or reset, or a file that is not there, is
    "not yet". The time is for a machine that is busy, and for a daemon that waits up to half a minute before it tries
    another one again."""
    end = time.monotonic() + timeout
    while True:
        why = None
        try:
            value = check()
        except OSError as e:
            value, why = None, e
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'{what}: not within {timeout:.0f} s' + (f' ({why})' if why else ''))
        time.sleep(pause)


def memory_has(pid, mark):
    """The bytes are somewhere in what the process can write to."""
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            start, end, rights = re.match('([0-9a-f]+)-([0-9a-f]+) (..)', line).groups()
            if rights != 'rw':
                continue
            with contextlib.suppress(OSError):  # gone meanwhile
                memory.seek(int(start, 16))
                if mark in memory.read(int(end, 16) - int(start, 16)):
                    return True
    return False


def totp(secret, when=None):
    """RFC 6238: six digits for a base32 secret."""
    key = base64.b32decode(secret.upper() + '=' * (-len(secret) % 8))
    step = struct.pack('>Q', int((when or time.time()) // 30))
    mac = hmac.new(key, step, hashlib.sha1).digest()
    at = mac[19] & 15
    return '%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


def enterable(path):
    """Every user may enter the folder and those above."""
    while True:
        if not os.stat(path).st_mode & 0o001:
            return False
        if path == '/':
            return True
        path = os.path.dirname(path)


class Daemon:
    """One program of ours that runs in the background, with its log."""

    def __init__(self, name, argv, log, env=None, user=None):
        self.name, self.argv, self.log, self.env, self.user = name, argv, log, env, user
        self.proc = None

    def start(self):
        preexec = None
        if self.user and os.getuid() == 0:
            pw = pwd.getpwnam(self.user)

            def preexec():
                os.setgroups([])
                os.setgid(pw.pw_gid)
                os.setuid(pw.pw_uid)
        env = dict(self.env or os.environ)
        if 'LSAN_OPTIONS_OF_DAEMONS' in env:
            env['LSAN_OPTIONS'] = env['LSAN_OPTIONS_OF_DAEMONS']
        with open(self.log, 'ab') as out:
            self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                         env=env, preexec_fn=preexec, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.proc.pid

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def stop(self, sig=signal.SIGTERM, timeout=15):
        if not self.alive():
            return
        self.proc.send_signal(sig)
        try:
            self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise Failure(f'{self.name} did not stop within {timeout} s; see {self.log}')

    def kill(self):
        """As by the kernel: no chance to clean up."""
        if self.alive():
            self.proc.kill()
            self.proc.wait()

    def cut_off(self):
        """As by a power failure: none of its processes says goodbye."""
        if self.alive():
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()

    def text(self):
        with open(self.log, errors='replace') as f:
            return f.read()


class Cluster:
    def __init__(self, folder, build, cluster=CLUSTER, diag=()):
        self.dir, self.build, self.name = os.path.abspath(folder), os.path.abspath(build), cluster
        self.built = self.build  # where the programs came from; build may be a copy
        self.root = os.getuid() == 0
        self.daemons = {}
        self.nodes = []
        self.auth_port, self.audit_port, self.public_port, self.ssh_port, *more = free_ports(4 + len(diag))
        self.proxy = f'localhost:{self.public_port}'
        # Ports of /metrics by name of the daemon; the others serve none, so that clusters do not meet there.
        self.diag = dict(zip(diag, more))
        self.pg_running = False
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        # A tree in /root: the daemons' own user could not start the programs there.
        if self.root and not enterable(self.build):
            self.build = self.copy_programs()

    # --- little helpers -----------------------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def copy_programs(self):
        target = self.folder('bin-' + os.path.basename(self.build), None, 0o755)
        for program in ('authd', 'auditd', 'proxyd', 'noded', 'noded-monitor', 'tsh', 'tctl'):
            shutil.copy2(os.path.join(self.build, program), target)
        if not os.path.islink(os.path.join(target, 'tools')):  # helpers of tests, which run as root
            os.symlink(os.path.join(self.build, 'tools'), os.path.join(target, 'tools'))
        return target

    def bin(self, program):
        return os.path.join(self.build, program)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), 'w') as f:
            f.write(text)
        return path

    def folder(self, name, owner=None, mode=0o700):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if self.root and owner:
            pw = pwd.getpwnam(owner)
            os.chown(path, pw.pw_uid, pw.pw_gid)
        return path

    def give(self, path):
        """Lets the daemons' user read a file of ours."""
        if self.root:
            pw = pwd.getpwnam(SERVICE_USER)
            os.chown(path, pw.pw_uid, pw.pw_gid)
        return path

    def user_line(self):
        return f'user: {SERVICE_USER}\n' if self.root else ''

    def daemon(self, name, program, *args):
        d = Daemon(name, [self.bin(program), *args], self.path(f'{name}.log'))
        self.daemons[name] = d
        return d.start()

    # --- PostgreSQL ---------------------------------------------------------------------------------

    def as_pg(self, *argv, check=True):
        cmd = list(argv)
        if self.root:
            cmd = ['setpriv', '--reuid', SERVICE_USER, '--regid', str(pwd.getpwnam(SERVICE_USER).pw_gid),
                   '--clear-groups', *cmd]
        env = {'PATH': os.environ.get('PATH', '/usr/bin:/bin'), 'HOME': self.dir, 'LC_ALL': 'C.UTF-8'}
        return subprocess.run(cmd, env=env, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, cwd='/')

    def start_postgres(self):
        if not PG_BIN:
            raise Failure('PostgreSQL is not installed; install the package postgresql')
        home = self.folder('postgres', SERVICE_USER, 0o755)
        if not os.path.exists(f'{home}/data/PG_VERSION'):
            self.as_pg(f'{PG_BIN}/initdb', '-D', f'{home}/data', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8',
                       '--locale=C.UTF-8')
        wait_for('PostgreSQL', lambda: self.try_postgres(home))
        self.pg_running = True
        self.sql("SELECT 1 FROM pg_database WHERE datname = 'sallyport'", db='postgres') or \
            self.sql('CREATE DATABASE sallyport', db='postgres')

    def try_postgres(self, home):
        """After a kill -9 lock files and shared memory stay for a moment."""
        self.as_pg('rm', '-f', f'{home}/data/postmaster.pid', f'{home}/.s.PGSQL.5432.lock', check=False)
        return self.as_pg(f'{PG_BIN}/pg_ctl', '-w', '-D', f'{home}/data', '-l', f'{home}/log', '-o',
                          f"-k {home} -c listen_addresses='' -c shared_buffers=64MB", 'start',
                          check=False).returncode == 0

    def stop_postgres(self, mode='fast'):
        if self.pg_running:
            self.as_pg(f'{PG_BIN}/pg_ctl', '-D', self.path('postgres/data'), '-m', mode, 'stop', check=False)
            self.pg_running = False

    def kill_postgres(self):
        """kill -9 of the postmaster and all its children."""
        with open(self.path('postgres/data/postmaster.pid')) as f:
            pid = int(f.readline())
        kids = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(pid)], stdout=subprocess.PIPE, text=True).stdout
        for p in [pid, *map(int, kids.split())]:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for('the end of PostgreSQL', lambda: not os.path.exists(f'/proc/{pid}') or
                 open(f'/proc/{pid}/stat').read().split(')')[1].split()[0] == 'Z')
        self.pg_running = False

    def sql(self, query, db='sallyport', role='postgres'):
        """Rows of one query, as lists of texts."""
        out = subprocess.run(['psql', '-h', self.path('postgres'), '-U', role, '-d', db, '-XAt', '-F', '\t',
                              '-v', 'ON_ERROR_STOP=1', '-c', query], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
        if out.returncode != 0:
            raise Failure(f'SQL: {out.stderr.strip()}')
        return [line.split('\t') for line in out.stdout.splitlines()]

    # --- the daemons --------------------------------------------------------------------------------

    def diag_line(self, name):
        return f'''diag_addr: "{f'127.0.0.1:{self.diag[name]}' if name in self.diag else ''}"\n'''

    def start_authd(self):
        self.folder('authd', SERVICE_USER)
        self.folder('run', SERVICE_USER)
        self.write('authd.yaml', f'''cluster: {self.name}
listen: 127.0.0.1:{self.auth_port}
state: {self.path('authd')}
socket: {self.path('run/authd.sock')}
auditd_addr: 127.0.0.1:{self.audit_port}
{self.diag_line('authd')}{self.user_line()}''', 0o644)
        d = self.daemon('authd', 'authd', f"--config={self.path('authd.yaml')}")
        wait_for('authd', lambda: self.up(d) and self.tctl('status', check=False).returncode == 0)

    def status(self):
        """tctl status as a dictionary."""
        return dict(re.split(r'\s{2,}', line, maxsplit=1) for line in self.tctl('status').stdout.splitlines() if '  ' in line)

    def ca_pin(self):
        return self.status()['CA pin']

    def token(self, kind, *more):
        return self.tctl('tokens', 'add', f'--type={kind}', '--format=text', *more).stdout.strip()

    def joiner(self, kind):
        """Lines of a configuration by which a daemon joins at authd itself."""
        if os.path.exists(self.path(kind + 'd/tls.crt')):
            token = self.path(f'{kind}.token')
        else:
            token = self.give(self.write(f'{kind}.token', self.token(kind) + '\n'))
        return f'''authd_addr: 127.0.0.1:{self.auth_port}
token: {token}
ca_pin: {self.ca_pin()}
{self.user_line()}'''

    def start_auditd(self):
        self.folder('auditd', SERVICE_USER)
        self.write('auditd.yaml', f'''{self.joiner('audit')}listen: 127.0.0.1:{self.audit_port}
socket: {self.path('run/auditd.sock')}
state: {self.path('auditd')}
database: host={self.path('postgres')} user=postgres dbname=sallyport
{self.diag_line('auditd')}''', 0o644)
        d = self.daemon('auditd', 'auditd', f"--config={self.path('auditd.yaml')}")
        wait_for('auditd', lambda: self.up(d) and self.port_open(self.audit_port))

    def web_app_line(self):
        """The web app, where `make web` has made it: also for programs of another build folder."""
        to = self.path('site')
        for build in (self.build, os.path.join(TOP, 'build')):
            made = os.path.join(build, 'web', 'site')
            if os.path.exists(os.path.join(made, 'index')) and not os.path.exists(to):
                shutil.copytree(made, to)
                os.chmod(to, 0o755)
        return f'web_app: {to}\n'

    def start_proxyd(self, more=''):
        self.folder('proxyd', SERVICE_USER)
        self.write('proxyd.yaml', f'''{self.joiner('proxy')}public_addr: {self.proxy}
listen: 127.0.0.1:{self.public_port}
ssh_listen: 127.0.0.1:{self.ssh_port}
ssh_public_addr: localhost:{self.ssh_port}
auditd_addr: 127.0.0.1:{self.audit_port}
state: {self.path('proxyd')}
{self.diag_line('proxyd')}{'' if 'web_app:' in more else self.web_app_line()}{more}''', 0o644)
        d = self.daemon('proxyd', 'proxyd', f"--config={self.path('proxyd.yaml')}")
        wait_for('proxyd', lambda: self.up(d) and self.port_open(self.public_port))

    def up(self, d):
        if not d.alive():
            raise Failure(f'{d.name} ended at start:\n{d.text()[-2000:]}')
        return True

    @staticmethod
    def port_open(port):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', port)) == 0

    def restart(self, name):
        """Starts a daemon again with the arguments it had."""
        return self.daemons[name].start()

    def start_node(self, name, labels='', wait=True, more='', join_as=None):
        token = self.write(f'{name}.token', self.token('node') + '\n')
        config = self.path(f'{name}.yaml')
        self.run(self.bin('noded'), 'configure', f'--output=file://{config}', f'--token={token}',
                 f'--proxy={self.proxy}', f'--ca-pin={self.ca_pin()}', *([f'--labels={labels}'] if labels else []))
        with open(config, 'a') as f:
            f.write(f"name: {join_as or name}\nstate: {self.folder(name, None, 0o711)}\n"
                    f"{self.diag_line(name)}{self.user_line()}{more}")
        d = self.daemon(name, 'noded', f'--config={config}')
        self.nodes.append(name)
        if wait:
            self.wait_nodes([name])
        return d

    def wait_nodes(self, names, timeout=30):
        wait_for('nodes ' + ', '.join(names), lambda: all(self.up(self.daemons[n]) for n in names) and
                 set(names) <= self.node_names() and
                 all('tunnel is up' in self.daemons[n].text() for n in names), timeout)

    def node_names(self):
        out = self.tctl('nodes', 'ls', check=False).stdout
        return {line.split()[0] for line in out.splitlines()[2:] if line.strip()}

    def start(self, nodes=(), proxyd=''):
        """proxyd: more of its configuration."""
        self.start_postgres()
        self.start_authd()
        self.start_auditd()
        self.start_proxyd(proxyd)
        for name, labels in nodes:
            self.start_node(name, labels, wait=False)
        self.wait_nodes([n for n, _ in nodes])
        return self

    def stop(self):
        for name in reversed(list(self.daemons)):
            try:
                self.daemons[name].stop()
            except Failure as e:
                print(e)
        self.stop_postgres('immediate')

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- clients -----------------------------------------------------------------------------------------

    def run(self, *argv, check=True, env=None, **kw):
        kw.setdefault('stdin', None if 'input' in kw else subprocess.DEVNULL)
        if 'input' in kw:
            del kw['stdin']
        kw.setdefault('timeout', 120)
        kw.setdefault('text', True)
        out = subprocess.run(list(argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, **(env or {})}, **kw)
        if check and out.returncode != 0:
            raise Failure(f"{' '.join(argv)}: exit status {out.returncode}\n{out.stdout}\n{out.stderr}")
        return out

    def tctl(self, *args, check=True, **kw):
        """As root on the host of authd: through the Unix sockets."""
        return self.run(self.bin('tctl'), f"--auth-socket={self.path('run/authd.sock')}",
                        f"--audit-socket={self.path('run/auditd.sock')}", *args, check=check, **kw)

    def home(self, user):
        return self.folder(f'home-{user}')

    def keys(self, user):
        """The folder of a login: key, key-cert.pub, tls.key, tls.crt, ca.pem ..."""
        return os.path.join(self.home(user), 'keys', self.proxy, user)

    def env(self, user):
        return {'SALLYPORT_HOME': self.home(user)}

    def tsh(self, user, *args, check=True, **kw):
        return self.run(self.bin('tsh'), *args, check=check, env=self.env(user), **kw)

    def ssh_config(self, user):
        """Path of the configuration by which stock ssh works as a user who is logged in."""
        return self.write(f'{user}.ssh_config', self.tsh(user, 'config').stdout)

    def tctl_remote(self, user, *args, check=True, **kw):
        """From a workstation, with the credentials of tsh."""
        return self.run(self.bin('tctl'), *args, check=check, env=self.env(user), **kw)

    # --- people --------------------------------------------------------------------------------------------

    def add_user(self, user, roles='editor,access', logins='root', password='correct horse battery'):
        out = self.tctl('users', 'add', user, f'--roles={roles}', f'--logins={logins}').stdout
        link = re.search(r'https://\S+/web/invite/[0-9a-f]{32}', out).group(0)
        person = {'user': user, 'password': password, 'last_step': 0}
        person['secret'] = self.accept_invite(link, password, person)
        return person

    def https(self, method, path, body=None, headers=None):
        context = ssl._create_unverified_context()  # the tests' own loopback proxy; the web tests check its chain
        conn = http.client.HTTPSConnection('localhost', self.public_port, timeout=20, context=context)
        conn.request(method, path, body, headers or {})
        answer = conn.getresponse()
        text = answer.read().decode()
        conn.close()
        return answer.status, dict(answer.getheaders()), text

    @staticmethod
    def code(person):
        """The next one-time code: each step counts once, and authd takes the last, this and the next one; the last not in
        this one's last five seconds, which a busy machine needs until authd looks."""
        while True:
            now = int(time.time() // 30)
            step = max(person['last_step'] + 1, now - (time.time() % 30 < 25))
            if step <= now + 1:
                person['last_step'] = step
                return totp(person['secret'], step * 30)
            time.sleep(0.2)

    def accept_invite(self, link, password, person=None):
        """What a person does in the browser: two passwords and the code of the second factor."""
        path = urllib.parse.urlparse(link).path
        status, _, page = self.https('GET', path)
        if status != 200:
            raise Failure(f'invite page: {status}\n{page}')
        secret = re.search(r'\b([A-Z2-7]{16,64})\b', html.unescape(re.sub(r'<[^>]+>', ' ', page))).group(1)
        person = person if person is not None else {'last_step': 0}
        person['secret'] = secret
        form = urllib.parse.urlencode({'password': password, 'password2': password, 'otp': self.code(person)})
        status, _, page = self.https('POST', path, form, {
            'Content-Type': 'application/x-www-form-urlencoded', 'Origin': f'https://{self.proxy}'})
        if status != 200:
            raise Failure(f'invite form: {status}\n{page}')
        return secret

    def login(self, person, check=True, *more):
        return self.tsh(person['user'], 'login', f'--proxy={self.proxy}', f"--user={person['user']}",
                        f'--ca-pin={self.ca_pin()}', *more, check=check,
                        input=f"{person['password']}\n{self.code(person)}\n")
