# SPDX-License-Identifier: Apache-2.0
"""Foreign clients as test_matrix.py drives them: each class is one client on its way through the proxy to node-1, each method
one of its rows. A method that a class lacks is a row that does not apply; WHY says why not."""
import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import time

import pexpect

MIB = 1 << 20
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers')
TERMINAL = 'stty size; read x; while [ "$(stty size)" = "24 80" ]; do sleep 0.05; done; stty size'  # what the row of terminals runs


def wait_until(what, is_so, seconds=20):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f'never: {what}'
        time.sleep(0.02)


class World:
    """A cluster with a user who is logged in, and what clients need to know of both."""

    def __init__(self, cluster, user, login, built, scratch):
        self.cluster, self.login, self.built, self.dir = cluster, login, built, str(scratch)
        self.config = cluster.ssh_config(user)
        keys = cluster.keys(user)
        self.key, self.cert, self.known = (os.path.join(keys, n) for n in ('key', 'key-cert.pub', 'known_hosts'))
        self.user, self.node = user, f'node-1.{cluster.name}'
        text = open(self.config).read()
        self.proxy_host = re.search(r'^Host (\S+)', text, re.M).group(1)
        self.proxy_port = int(re.search(r'^    Port (\d+)', text, re.M).group(1))
        self.target = f'{login}@{self.node}'
        # For clients that know no host certificates: the plain keys.
        self.plain = os.path.join(self.dir, 'known_plain')
        self.must(['ssh', '-F', self.config, '-o', f'UserKnownHostsFile={self.plain}', '-o', 'HostKeyAlgorithms=ssh-ed25519',
                   '-o', 'StrictHostKeyChecking=accept-new', '-J', f'{user}@{self.proxy_host}', self.target, 'true'])

    def must(self, argv, **kw):
        out = self.run(argv, **kw)
        assert out.returncode == 0, (argv, out.returncode, out.stdout[-500:], out.stderr[-1000:])
        return out

    @staticmethod
    def run(argv, env=None, **kw):
        kw.setdefault('timeout', 60)
        if 'input' not in kw and 'stdin' not in kw:
            kw['stdin'] = subprocess.DEVNULL
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, **kw)

    def compile(self, name, argv, source, libs=()):
        """A peer program of ours, made once as long as its source stays."""
        program = os.path.join(self.built, 'interop', name)
        os.makedirs(os.path.dirname(program), exist_ok=True)
        if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
            self.must([*argv, '-o', program, source, *libs], timeout=300, env={'GO111MODULE': 'off', 'GOPATH': '/usr/share/gocode',
                      'GOCACHE': os.path.join(self.built, 'interop', 'gocache'), 'GOFLAGS': '-buildvcs=false'})
        return program


def leave_after_one_line(argv, env=None):
    """`... | head -1` with standard input open, as on a terminal; the end of the client is waited for."""
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         env={**os.environ, **(env or {})})
    line = p.stdout.readline()
    p.stdout.close()
    try:
        p.wait(30)
    finally:
        p.kill()
    return line


def terminal_of(argv, env=None):
    """The terminal's size before and after it changes, as the node's terminal tells it."""
    child = pexpect.spawn(argv[0], argv[1:], dimensions=(24, 80), timeout=20, encoding='utf-8', env={**os.environ, **(env or {})})
    child.expect('24 80')
    child.setwinsize(40, 100)
    child.send('\r')
    child.expect('40 100')
    child.expect(pexpect.EOF)
    child.close()
    return ['24 80', '40 100']


class OpenSSH:
    name = 'OpenSSH (ssh, sftp, scp)'
    WHY = {}

    def __init__(self, world):
        self.w = world

    def argv(self, *command, options=()):
        return ['ssh', '-F', self.w.config, *options, self.w.target, *command]

    def run(self, command, stdin=b''):
        return self.w.run(self.argv(command), input=stdin)

    def rekey(self, command, stdin):
        return self.w.run(self.argv(command, options=['-o', 'RekeyLimit=1M']), input=stdin)

    def environment(self, command):
        return self.w.run(self.argv(command, options=['-o', 'SetEnv=LC_MATRIX_1=yes']))

    def terminal(self):
        return terminal_of(self.argv(TERMINAL, options=['-tt']))

    def reader(self, command):
        return leave_after_one_line(self.argv(command))

    def many(self, command):
        control = os.path.join(self.w.dir, 'control')
        shared = ['-o', f'ControlPath={control}']
        master = subprocess.Popen(['ssh', '-F', self.w.config, *shared, '-M', '-N', self.w.target], stdin=subprocess.DEVNULL)
        try:
            wait_until('the master', lambda: os.path.exists(control))
            started = [subprocess.Popen(self.argv(command % i, options=shared), stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL) for i in range(10)]
            return b''.join(p.communicate(timeout=60)[0] for p in started)
        finally:
            master.kill()
            master.wait()

    def files(self, folder, data):
        local = os.path.join(self.w.dir, 'up')
        with open(local, 'wb') as f:
            f.write(data)
        batch = f'mkdir {folder}\nput {local} {folder}/a\nrename {folder}/a {folder}/b\nsymlink b {folder}/link\nget {folder}/link {local}\n'
        self.w.must(['sftp', '-q', '-F', self.w.config, '-b', '-', self.w.target], input=batch.encode())
        for old in ([], ['-O']):  # by SFTP, and by the old protocol
            self.w.must(['scp', '-q', *old, '-F', self.w.config, local, f'{self.w.target}:{folder}/b'])
            self.w.must(['scp', '-q', *old, '-F', self.w.config, f'{self.w.target}:{folder}/b', local])
        return open(local, 'rb').read()


class PuTTY:
    name = 'PuTTY (plink, psftp, pscp)'
    WHY = {}

    def __init__(self, world):
        self.w = world
        self.home = os.path.join(world.dir, 'putty')
        self.env = {'HOME': self.home}
        for folder in ('sessions', 'sshhostcas'):
            os.makedirs(os.path.join(self.home, '.putty', folder), exist_ok=True)
        self.key = os.path.join(self.home, 'key.ppk')
        world.must(['puttygen', world.key, '-o', self.key, '--new-passphrase', '/dev/null'])
        ca = re.search(r'^@cert-authority \S+ \S+ (\S+)', open(world.known).read(), re.M).group(1)
        self.write('sshhostcas/cluster', PublicKey=ca, Validity=f'*.{world.cluster.name} || {world.proxy_host}',
                   PermitRSASHA1=0, PermitRSASHA256=1, PermitRSASHA512=1)
        self.session('proxy', world.proxy_host, world.proxy_port, world.user)
        way = dict(ProxyMethod=5, ProxyTelnetCommand='plink -batch -load proxy -nc %host:%port')
        self.session('node', world.node, 3022, world.login, **way)
        self.session('rekey', world.node, 3022, world.login, RekeyBytes='1M', **way)
        self.session('env', world.node, 3022, world.login, Environment='LC_MATRIX_1=yes', **way)
        self.session('shared', world.node, 3022, world.login, ConnectionSharing=1, ConnectionSharingUpstream=1,
                     ConnectionSharingDownstream=1, **way)

    def write(self, name, **values):
        with open(os.path.join(self.home, '.putty', name), 'w') as f:
            f.write(''.join(f'{k}={v}\n' for k, v in values.items()))

    def session(self, name, host, port, user, **more):
        self.write(f'sessions/{name}', Protocol='ssh', HostName=host, PortNumber=port, UserName=user, PublicKeyFile=self.key,
                   DetachedCertificate=self.w.cert, TryAgent=0, **more)

    def argv(self, *command, load='node', program='plink'):
        return [program, '-batch', '-load', load, *command]

    def run(self, command, stdin=b''):
        return self.w.run(self.argv(command), input=stdin, env=self.env)

    def rekey(self, command, stdin):
        return self.w.run(self.argv(command, load='rekey'), input=stdin, env=self.env)

    def environment(self, command):
        return self.w.run(self.argv(command, load='env'), env=self.env)

    def terminal(self):
        return terminal_of(['plink', '-batch', '-t', '-load', 'node', TERMINAL], env=self.env)

    def reader(self, command):
        return leave_after_one_line(self.argv(command), env=self.env)

    def many(self, command):
        first = subprocess.Popen(self.argv('-N', load='shared'), stdin=subprocess.DEVNULL, env={**os.environ, **self.env})
        try:
            wait_until('the shared connection', lambda: self.w.run(['plink', '-shareexists', '-load', 'shared'],
                                                                   env=self.env).returncode == 0)
            started = [subprocess.Popen(self.argv(command % i, load='shared'), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **self.env}) for i in range(10)]
            return b''.join(p.communicate(timeout=60)[0] for p in started)
        finally:
            first.kill()
            first.wait()

    def files(self, folder, data):
        local = os.path.join(self.w.dir, 'up')
        with open(local, 'wb') as f:
            f.write(data)
        self.w.must(['psftp', '-batch', '-load', 'node', '-b', '/dev/stdin'], env=self.env,
                    input=f'mkdir {folder}\nput {local} {folder}/a\nmv {folder}/a {folder}/b\n'.encode())
        os.symlink('b', f'{folder}/link')  # psftp makes none
        for protocol in ('-sftp', '-scp'):
            self.w.must(['pscp', '-q', '-batch', protocol, local, f'node:{folder}/b'], env=self.env)
            self.w.must(['pscp', '-q', '-batch', protocol, f'node:{folder}/link', local], env=self.env)
        return open(local, 'rb').read()


class Program:
    """One of ours, written with a library; see peers/."""

    def argv(self, what, command=''):
        raise NotImplementedError

    def run(self, command, stdin=b''):
        return self.w.run(self.argv('run', command), input=stdin)

    def rekey(self, command, stdin):
        return self.w.run(self.argv('rekey', command), input=stdin)

    def environment(self, command):
        return self.w.run(self.argv('run', command), env={'LC_MATRIX_1': 'yes'})

    def terminal(self):
        return re.findall(r'\d+ \d+', self.w.must(self.argv('terminal', TERMINAL)).stdout.decode())

    def many(self, command):
        return self.w.must(self.argv('many', command)).stdout

    def reader(self, command):
        return self.w.must(self.argv('reader', command)).stdout


class Go(Program):
    name = 'Go x/crypto/ssh'
    WHY = {'files': 'x/crypto has no SFTP'}

    def __init__(self, world):
        self.w = world
        self.program = world.compile('go_client', ['go', 'build'], os.path.join(PEERS, 'client.go'))

    def argv(self, what, command=''):
        w = self.w
        return [self.program, w.key, w.cert, w.known, w.user, f'{w.proxy_host}:{w.proxy_port}', w.login, f'{w.node}:3022', what,
                command]


class Libssh(Program):
    name = 'libssh'
    WHY = {}

    def __init__(self, world):
        self.w = world
        self.program = world.compile('libssh_client', ['gcc', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-deprecated-declarations'],
                                     os.path.join(PEERS, 'libssh.c'), ['-lssh'])

    def argv(self, what, command=''):
        w = self.w
        return [self.program, w.key, w.cert, w.plain, f'ssh -F {w.config} -W %h:%p {w.proxy_host}', w.login, w.node, what, command]

    def files(self, folder, data):
        return self.w.must(self.argv('files', folder), input=data).stdout


class Paramiko:
    name = 'paramiko'
    WHY = {}

    def __init__(self, world):
        self.w = world

    @contextlib.contextmanager
    def node(self):
        import paramiko
        w = self.w
        clients = []

        def client(host, port, user, sock=None):
            key = paramiko.Ed25519Key.from_private_key_file(w.key)
            key.load_certificate(w.cert)
            c = paramiko.SSHClient()
            c.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # it knows no host certificates
            c.connect(host, port, user, pkey=key, look_for_keys=False, allow_agent=False, sock=sock)
            clients.append(c)
            return c
        try:
            proxy = client(w.proxy_host, w.proxy_port, w.user)
            way = proxy.get_transport().open_channel('direct-tcpip', (w.node, 3022), ('127.0.0.1', 0))
            yield client(w.node, 3022, w.login, way)
        finally:
            for c in reversed(clients):
                c.close()

    @staticmethod
    def exchange(channel, stdin):
        import threading
        out, err = [], []

        def read(receive, into):
            for block in iter(lambda: receive(65536), b''):
                into.append(block)
        readers = [threading.Thread(target=read, args=a) for a in ((channel.recv, out), (channel.recv_stderr, err))]
        for t in readers:
            t.start()
        channel.sendall(stdin)
        channel.shutdown_write()
        for t in readers:
            t.join(60)
        return subprocess.CompletedProcess((), channel.recv_exit_status(), b''.join(out), b''.join(err))

    def run(self, command, stdin=b'', rekey=None, env=None):
        with self.node() as client:
            if rekey:
                client.get_transport().packetizer.REKEY_BYTES = rekey
            channel = client.get_transport().open_session()
            channel.settimeout(60)
            if env:
                channel.update_environment(env)
            channel.exec_command(command)
            return self.exchange(channel, stdin)

    def rekey(self, command, stdin):
        return self.run(command, stdin, rekey=MIB)

    def environment(self, command):
        return self.run(command, env={'LC_MATRIX_1': 'yes'})

    def terminal(self):
        with self.node() as client:
            channel = client.get_transport().open_session()
            channel.settimeout(30)
            channel.get_pty('xterm', 80, 24)
            channel.exec_command(TERMINAL)
            text = b''
            while b'\n' not in text:
                text += channel.recv(100)
            channel.resize_pty(100, 40)
            channel.sendall(b'\n')
            for block in iter(lambda: channel.recv(100), b''):
                text += block
            return re.findall(r'\d+ \d+', text.decode())

    def many(self, command):
        with self.node() as client:
            started = [client.exec_command(command % i)[1] for i in range(10)]
            return b''.join(s.read() for s in started)

    def reader(self, command):
        with self.node() as client:
            channel = client.get_transport().open_session()
            channel.exec_command(command)
            text = channel.recv(1000)
            channel.close()
            return text

    def files(self, folder, data):
        with self.node() as client:
            sftp = client.open_sftp()
            sftp.mkdir(folder)
            with sftp.open(f'{folder}/a', 'wb') as f:
                f.write(data)
            sftp.posix_rename(f'{folder}/a', f'{folder}/b')
            sftp.symlink('b', f'{folder}/link')
            with sftp.open(f'{folder}/link', 'rb') as f:
                return f.read()


class AsyncSSH:
    name = 'asyncssh'
    WHY = {}

    def __init__(self, world):
        self.w = world

    def go(self, fn, **more):
        import asyncssh
        w = self.w

        async def run():
            common = dict(client_keys=[(w.key, w.cert)], known_hosts=w.known, config=None, agent_path=None)
            async with asyncssh.connect(w.proxy_host, w.proxy_port, username=w.user, **common) as proxy:
                async with asyncssh.connect(w.node, 3022, username=w.login, tunnel=proxy, **common, **more) as node:
                    return await fn(node)
        return asyncio.run(asyncio.wait_for(run(), 60))

    def run(self, command, stdin=b'', rekey=None, env=None):
        async def fn(node):
            p = await node.run(command, input=stdin, encoding=None, env=env or {})
            return subprocess.CompletedProcess((), p.exit_status, p.stdout, p.stderr)
        return self.go(fn, **({'rekey_bytes': rekey} if rekey else {}))

    def rekey(self, command, stdin):
        return self.run(command, stdin, rekey=MIB)

    def environment(self, command):
        return self.run(command, env={'LC_MATRIX_1': 'yes'})

    def terminal(self):
        async def fn(node):
            p = await node.create_process(TERMINAL, term_type='xterm', term_size=(80, 24))
            text = await p.stdout.readline()
            p.change_terminal_size(100, 40)
            p.stdin.write('\n')
            return re.findall(r'\d+ \d+', text + await p.stdout.read())
        return self.go(fn)

    def many(self, command):
        async def fn(node):
            results = await asyncio.gather(*(node.run(command % i, encoding=None) for i in range(10)))
            return b''.join(r.stdout for r in results)
        return self.go(fn)

    def reader(self, command):
        async def fn(node):
            p = await node.create_process(command, encoding=None)
            line = await p.stdout.readline()
            p.close()
            await p.wait_closed()
            return line
        return self.go(fn)

    def files(self, folder, data):
        async def fn(node):
            async with node.start_sftp_client() as sftp:
                await sftp.mkdir(folder)
                async with sftp.open(f'{folder}/a', 'wb') as f:
                    await f.write(data)
                await sftp.posix_rename(f'{folder}/a', f'{folder}/b')
                await sftp.symlink('b', f'{folder}/link')
                async with sftp.open(f'{folder}/link', 'rb') as f:
                    return await f.read()
        return self.go(fn)


class OverSSH:
    """Tools that move files and leave the connection to ssh."""
    WHY = dict.fromkeys(('run', 'stderr', 'echo', 'terminal', 'environment', 'rekey', 'many', 'reader', 'long'),
                        'it moves files, by OpenSSH\'s ssh')

    def __init__(self, world):
        self.w = world
        self.ssh = f'ssh -F {world.config}'

    def local(self, data=None):
        path = os.path.join(self.w.dir, 'up')
        if data is None:
            return open(path, 'rb').read()
        with open(path, 'wb') as f:
            f.write(data)
        return path


class Lftp(OverSSH):
    name = 'lftp'

    def files(self, folder, data):
        local = self.local(data)
        script = (f'set sftp:connect-program "{self.ssh} -a -x"; set xfer:clobber yes; set cmd:fail-exit yes; set net:max-retries 1; '
                  f'open sftp://{self.w.login}:@{self.w.node}; mkdir {folder}; put {local} -o {folder}/a; mv {folder}/a {folder}/b; '
                  f'ln -s b {folder}/link; get {folder}/link -o {local}')
        self.w.must(['lftp', '-c', script], env={'HOME': self.w.dir})
        return self.local()


class Sshfs(OverSSH):
    name = 'sshfs'

    def files(self, folder, data):
        mount = os.path.join(self.w.dir, 'mount')
        os.makedirs(mount, exist_ok=True)
        self.w.must(['sshfs', '-F', self.w.config, f'{self.w.target}:/', mount])
        try:
            there = mount + folder
            os.mkdir(there)
            with open(f'{there}/a', 'wb') as f:
                f.write(data)
            os.rename(f'{there}/a', f'{there}/b')
            os.symlink('b', f'{there}/link')
            return open(f'{there}/link', 'rb').read()
        finally:
            self.w.must(['fusermount3' if shutil.which('fusermount3') else 'fusermount', '-u', mount])


class Rsync(OverSSH):
    name = 'rsync'

    def files(self, folder, data):
        source, back = os.path.join(self.w.dir, 'rsync'), os.path.join(self.w.dir, 'rsync-back')
        for path in (source, back):
            shutil.rmtree(path, ignore_errors=True)
        os.mkdir(source)
        with open(f'{source}/b', 'wb') as f:
            f.write(data)
        os.symlink('b', f'{source}/link')
        self.w.must(['rsync', '-a', '-e', self.ssh, f'{source}/', f'{self.w.target}:{folder}'])
        self.w.must(['rsync', '-a', '-e', self.ssh, f'{self.w.target}:{folder}/', back])
        return open(f'{back}/link', 'rb').read()


class Git(OverSSH):
    name = 'git'

    def files(self, folder, data):
        work, again = os.path.join(self.w.dir, 'work'), os.path.join(self.w.dir, 'again')
        for path in (work, again):
            shutil.rmtree(path, ignore_errors=True)
        env = {'GIT_SSH_COMMAND': self.ssh, 'GIT_CONFIG_GLOBAL': '/dev/null', 'HOME': self.w.dir, 'GIT_AUTHOR_NAME': 'a',
               'GIT_AUTHOR_EMAIL': 'a@b', 'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@b'}
        self.w.must(['git', 'init', '-q', '-b', 'main', work], env=env)
        self.w.must(['git', 'init', '-q', '--bare', '-b', 'main', f'{folder}.git'], env=env)
        with open(f'{work}/b', 'wb') as f:
            f.write(data)
        os.symlink('b', f'{work}/link')
        self.w.must(['git', '-C', work, 'add', '.'], env=env)
        self.w.must(['git', '-C', work, 'commit', '-qm', 'x'], env=env)
        self.w.must(['git', '-C', work, 'push', '-q', f'{self.w.target}:{folder}.git', 'main'], env=env)
        self.w.must(['git', 'clone', '-q', f'{self.w.target}:{folder}.git', again], env=env)
        shutil.copytree(again, folder, symlinks=True)
        return open(f'{again}/link', 'rb').read()


class Ansible(OverSSH):
    name = 'ansible'

    def files(self, folder, data):
        local = self.local(data)
        fetched = os.path.join(self.w.dir, 'fetched')
        env = {'ANSIBLE_HOST_KEY_CHECKING': 'True', 'HOME': self.w.dir, 'ANSIBLE_LOCALHOST_WARNING': 'False',
               'ANSIBLE_SSH_ARGS': f'-F {self.w.config} -o ControlMaster=auto -o ControlPersist=60s', 'LC_ALL': 'C.UTF-8',
               'ANSIBLE_SSH_CONTROL_PATH_DIR': self.w.dir}

        def module(name, args):
            self.w.must(['ansible', 'all', '-i', f'{self.w.node},', '-u', self.w.login, '-m', name, '-a', args,
                         '-e', 'ansible_port=3022 ansible_python_interpreter=/usr/bin/python3'], env=env, timeout=120)
        module('file', f'path={folder} state=directory')
        module('copy', f'src={local} dest={folder}/b')
        module('file', f'src=b dest={folder}/link state=link')
        module('fetch', f'src={folder}/link dest={fetched} flat=yes')
        self.w.run(['ssh', *env['ANSIBLE_SSH_ARGS'].split(), '-O', 'exit', self.w.target])
        return open(fetched, 'rb').read()


class Curl(OverSSH):
    name = 'curl (libssh2)'
    WHY = dict.fromkeys((*OverSSH.WHY, 'files'), 'libssh2 1.10 signs with no Ed25519 certificate; tests/interop/test_engine.py has it '
                        'with our engine and a plain key')


class Tsh:
    name = 'tsh'
    WHY = {'rekey': 'its keys change after a GiB or an hour; tests/unit/lib/ssh/flow_test.c',
           'many': 'a connection for each session; fan-out has many of them', 'files': 'tests/e2e/test_openssh.py has tsh scp'}

    def __init__(self, world):
        self.w = world
        self.env = world.cluster.env(world.user)

    def argv(self, *command, options=()):
        return [self.w.cluster.bin('tsh'), 'ssh', *options, self.w.target, *command]

    def run(self, command, stdin=b''):
        return self.w.run(self.argv(command), input=stdin, env=self.env)

    def environment(self, command):
        return self.w.run(self.argv(command), env={**self.env, 'LC_MATRIX_1': 'yes'})

    def terminal(self):
        return terminal_of(self.argv(TERMINAL, options=['-t']), env=self.env)

    def reader(self, command):
        return leave_after_one_line(self.argv(command), env=self.env)


CLIENTS = [Tsh, OpenSSH, PuTTY, Paramiko, AsyncSSH, Go, Libssh, Lftp, Sshfs, Rsync, Git, Ansible, Curl]
