# SPDX-License-Identifier: Apache-2.0
"""A small Debian with systemd as its first process, in a container of systemd-nspawn: for tests of units and packages.

The root is built once from Debian's packages and kept in build-machine/KIND; a machine sees it below a layer of memory
that is gone when it stops, and has a network of its own with nothing but loopback. Needs root.
"""
import hashlib
import html
import os
import re
import shutil
import signal
import subprocess
import time

from cluster import totp, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = ['systemd', 'dbus', 'procps', 'postgresql', 'openssh-client', 'openssh-sftp-server']
# Not needed to run: a third of it all.
UNWANTED = ['/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/man/*', '/usr/share/i18n/*', '/usr/lib/*/libLLVM*',
            '/usr/lib/postgresql/*/lib/bitcode/*', '/usr/lib/postgresql/*/lib/llvmjit*']
PROGRAMS = ['authd', 'proxyd', 'noded', 'noded-monitor', 'auditd', 'tsh', 'tctl']


def possible():
    """None, or why such a machine cannot run here."""
    if os.getuid() != 0:
        return 'needs root'
    for program in ('mmdebstrap', 'systemd-nspawn', 'nsenter'):
        if not shutil.which(program):
            return f'{program} is not installed'
    if subprocess.run(['unshare', '-mnpfiu', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
        return 'this root may not make namespaces'
    return None


def run(*argv, check=True, **kw):
    kw.setdefault('stdin', subprocess.DEVNULL)
    kw.setdefault('timeout', 300)
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', **kw)
    if check and out.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit status {out.returncode}\n{out.stdout}")
    return out


def runtime_packages(build):
    """The Debian packages of what the programs load at run time."""
    libraries = set()
    for program in PROGRAMS:
        libraries.update(re.findall(r'=> (/\S+)', run('ldd', os.path.join(build, program)).stdout))
    # dpkg knows a library by its path before or after the merge of /usr; one call, since each reads all its lists.
    names = {library: {library, real := os.path.realpath(library), re.sub('^/usr', '', real)} for library in libraries}
    out = run('dpkg', '-S', *sorted(set().union(*names.values())), check=False).stdout
    owners = {path: package for package, path in re.findall(r'^([a-z0-9.+-]+)(?::\S+)?: (/.*)$', out, re.M)}
    orphans = [library for library in sorted(libraries) if not names[library] & owners.keys()]
    assert not orphans, f'of no package: {orphans}'
    return sorted(set(owners.values()))


def suite():
    with open('/etc/os-release') as f:
        return re.search(r'^VERSION_CODENAME=(\w+)', f.read(), re.M).group(1)


def base(kind, packages, release=None, unwanted=()):
    """The folder of a root with these packages, made when it is not there yet; one of a kind is kept. Beside the build
    folders: make looks through those."""
    release = release or suite()
    name = hashlib.sha256(' '.join([release, *packages, *unwanted]).encode()).hexdigest()[:12]
    path = os.path.join(TOP, 'build-machine', kind, name)
    if not os.path.exists(path):
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
        os.makedirs(os.path.dirname(path))
        run('mmdebstrap', '--quiet', '--variant=minbase', '--format=directory', '--dpkgopt=force-unsafe-io',
            '--include=' + ','.join(packages), *[f'--dpkgopt=path-exclude={path}' for path in unwanted],
            '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"', release, path + '.new', timeout=900)
        os.rename(path + '.new', path)
    return path


def base_of(build):
    """The root for the programs of a build folder, without the packages of this project."""
    return base('e2e', PACKAGES + runtime_packages(build), unwanted=UNWANTED)


def groups(name):
    """Control group folders of our own, one in each hierarchy that systemd uses."""
    return [os.path.join(top, name) for top in
            ('/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup')
            if os.path.exists(os.path.join(top, 'cgroup.procs'))]


class Machine:
    """Boots at once; stop() takes everything away that it made."""

    def __init__(self, folder, base):
        self.dir, self.base, self.name = folder, base, os.path.basename(folder)
        self.proc, self.leader = None, None
        os.makedirs(folder)

    @property
    def root(self):
        """The machine's files, seen from outside, as long as it runs."""
        return f'/proc/{self.leader}/root'

    def write(self, inside, text, mode=0o644):
        with open(os.open(self.root + inside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), 'w') as f:
            f.write(text)

    def boot(self, timeout=60):
        """systemd-nspawn in control groups of its own, so that nothing of the machine's is touched."""
        mine = groups(self.name)
        for group in mine:
            os.makedirs(group, exist_ok=True)

        def enter():
            for group in mine:
                with open(os.path.join(group, 'cgroup.procs'), 'w') as f:
                    f.write(str(os.getpid()))
        with open(os.path.join(self.dir, 'nspawn.log'), 'wb') as log:
            self.proc = subprocess.Popen(
                ['systemd-nspawn', '-M', self.name, '--register=no', '--keep-unit', '--private-network', '-b',
                 '--volatile=overlay', '-D', self.base], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=enter,
                start_new_session=True)
        end = time.monotonic() + timeout
        while not self.running():
            if self.proc.poll() is not None or time.monotonic() > end:
                with open(os.path.join(self.dir, 'nspawn.log'), errors='replace') as f:
                    raise AssertionError('the machine did not boot:\n' + f.read()[-2000:])
            time.sleep(0.1)
        return self

    def running(self):
        kids = run('pgrep', '-P', str(self.proc.pid), '-x', 'systemd', check=False).stdout.split()
        if not kids:
            return False
        self.leader = kids[0]
        return self.run('systemctl', 'is-system-running', check=False).stdout.strip() in ('running', 'degraded')

    def run(self, *argv, check=True, **kw):
        """A command inside, as root."""
        env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LC_ALL': 'C.UTF-8', **kw.pop('env', {})}
        return run('nsenter', '-t', self.leader, '-m', '-p', '-u', '-i', '-n', '-r', '-w', '--', *argv, check=check, env=env, **kw)

    def shell(self, script, **kw):
        return self.run('bash', '-euo', 'pipefail', '-c', script, **kw)

    def outside(self, *argv, check=True):
        """One of this machine's programs on the network of the container."""
        return run('nsenter', '-t', self.leader, '-n', '--', *argv, check=check)

    def stop(self):
        if self.proc and self.proc.poll() is None:
            if self.leader:
                # The container's systemd powers off on SIGRTMIN+4.
                os.kill(int(self.leader), signal.SIGRTMIN + 4)
            try:
                self.proc.wait(30)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
                if self.leader and os.path.exists(f'/proc/{self.leader}'):
                    os.kill(int(self.leader), signal.SIGKILL)
        for group in groups(self.name):
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)


def chapter(title):
    """The commands of a chapter of the guide: its indented lines."""
    with open(os.path.join(TOP, 'docs', 'GUIDE.md')) as f:
        text = f.read().split(f'\n## {title}\n')[1].split('\n## ')[0]
    return '\n'.join(line[4:] for line in text.splitlines() if line.startswith('    ') or not line)


def node_on(m, host):
    """Makes the machine, where the central daemons run, a node too, by the words of the guide."""
    m.shell(f'''cd /root
        tctl tokens add --type=node --format=text > token.file
        noded configure --output=file:///etc/sallyport/noded.yaml --token=/root/token.file \
            --proxy={host}:3080 --labels=env=example,team=x \
            --ca-pin=$(tctl status | sed -n 's/^CA pin *//p')
        systemctl enable --now sallyport-noded
        test "$(stat -c %a token.file)" = 600''')


def sign_up(m, user, host, roles='access,editor', logins='root,guest', link=None):
    """A user who has opened the link (without one he is made) and logged in, on the machine itself."""
    link = link or re.search(r'https://\S+', m.run('tctl', 'users', 'add', user, f'--roles={roles}',
                                                   f'--logins={logins}').stdout).group(0)
    curl = ['curl', '-sk', '--resolve', f'{host}:3080:127.0.0.1', link]
    # Right after authd was started the proxy may not have it again yet.
    secret = wait_for('the page of the link', lambda: re.search(
        r'\b([A-Z2-7]{16,64})\b', html.unescape(re.sub(r'<[^>]+>', ' ', m.outside(*curl, check=False).stdout)))).group(1)
    password = 'correct horse battery'
    # A code counts once, and that of the step before still counts: one for each, without waiting for the next step.
    if time.time() % 30 > 20:
        time.sleep(30 - time.time() % 30)
    m.outside(*curl, '-f', '-H', f'Origin: https://{host}:3080', '-d', f'password={password}', '-d',
              f'password2={password}', '-d', f'otp={totp(secret, time.time() - 30)}')
    pin = re.search(r'sha256:\w+', m.run('tctl', 'status').stdout).group(0)
    m.run('tsh', 'login', f'--proxy={host}:3080', f'--user={user}', f'--ca-pin={pin}', stdin=None,
          input=f'{password}\n{totp(secret)}\n')
