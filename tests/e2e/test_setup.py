# SPDX-License-Identifier: Apache-2.0
"""sallyport-setup as far as it goes without a machine of its own: what it writes with --root, and what it refuses.

The rest of it is walked in test_systemd.py and in tests/deploy/test_setup.py."""
import datetime
import os
import re
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import machine

NAME = 'tele.example.com'
SECRET = 'not/for:others'


class Tree:
    """An installation below a folder."""

    def __init__(self, folder):
        self.dir = folder
        self.etc = os.path.join(folder, 'etc', 'sallyport')

    def setup(self, *args, yes=True, **kw):
        argv = [os.path.join(self.dir, 'usr/sbin/sallyport-setup'), f'--root={self.dir}', *(['--yes'] if yes else []), *args]
        kw.setdefault('input', '')
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **kw)

    def made(self, *args, **kw):
        out = self.setup(*args, **kw)
        assert out.returncode == 0, out.stdout + out.stderr
        return out.stdout

    def refused(self, *args, **kw):
        """The one line that says why; nothing is written."""
        before = self.files()
        out = self.setup(*args, **kw)
        assert out.returncode == 1 and self.files() == before, out.stdout + out.stderr
        lines = [line for line in out.stderr.splitlines() if not line.startswith('WARNING: ')]
        assert len(lines) == 1 and lines[0].startswith('ERROR: '), out.stderr
        return lines[0]

    def path(self, name):
        return os.path.join(self.etc, name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)

    def keys(self, daemon):
        """The keys that are set, and the values as the file has them."""
        return dict(re.findall(r'^(\w+): *(.*)$', self.read(f'{daemon}.yaml'), re.M))

    def files(self):
        return {name: (self.read(name), os.stat(self.path(name)).st_mode) for name in sorted(os.listdir(self.etc))}


@pytest.fixture(scope='module')
def installed(build, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('installed'))
    machine.run('make', '-s', '-C', machine.TOP, f'B={build}', f'DESTDIR={folder}', 'install', timeout=900)
    return folder


@pytest.fixture
def tree(installed):
    t = Tree(installed)
    yield t
    for name in os.listdir(t.etc):
        if not name.endswith('.sample'):
            os.unlink(t.path(name))


def over(of, key, path):
    """A certificate like another one, that ended yesterday; not every openssl makes such."""
    with open(of, 'rb') as f, open(key, 'rb') as k:
        like, signer = x509.load_pem_x509_certificate(f.read()), serialization.load_pem_private_key(k.read(), None)
    now, day = datetime.datetime.utcnow(), datetime.timedelta(1)
    builder = x509.CertificateBuilder(like.subject, like.subject, like.public_key(), 1, now - 9 * day, now - day)
    for e in like.extensions:
        builder = builder.add_extension(e.value, e.critical)
    with open(path, 'wb') as f:
        f.write(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    """NAME.crt and NAME.key: a good pair, one of another host, one that is over, one that browsers do not take, with a passphrase."""
    folder = tmp_path_factory.mktemp('pairs')
    ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    for name, host, how in [('good', NAME, ec), ('rsa', NAME, ['-newkey', 'rsa:2048', '-nodes']), ('other', 'other.example.com', ec),
                            ('ed25519', NAME, ['-newkey', 'ed25519', '-nodes']),
                            ('locked', NAME, ['-newkey', 'rsa:2048', '-passout', 'pass:secret'])]:
        machine.run('openssl', 'req', '-x509', *how, '-keyout', f'{folder}/{name}.key', '-out', f'{folder}/{name}.crt', '-days', '30',
                    '-subj', '/CN=web', '-addext', f'subjectAltName=DNS:{host}')
    over(f'{folder}/good.crt', f'{folder}/good.key', f'{folder}/over.crt')
    shutil.copy(f'{folder}/good.key', f'{folder}/over.key')
    return folder


def pair(pairs, cert, key=None):
    return [f'--web-cert={pairs}/{cert}.crt', f'--web-key={pairs}/{key or cert}.key']


def test_the_scripts_are_clean_for_shellcheck():
    machine.run('shellcheck', '-x', 'deploy/setup/sallyport-setup', 'deploy/setup/completion.bash', cwd=machine.TOP)


def test_what_it_writes_is_what_the_daemons_take(tree):
    out = tree.made(f'--cluster-name={NAME}', '--public-addr=gate.example.com:443', '--ssh-listen=off')
    for daemon in ('authd', 'auditd', 'proxyd'):
        assert f'{daemon}.yaml is written' in out
        machine.run(f'{tree.dir}/usr/lib/sallyport/{daemon}', '--check', f'--config={tree.path(daemon)}.yaml')
    assert tree.keys('authd')['cluster'] == NAME
    assert tree.keys('auditd')['database'] == '"host=/run/postgresql dbname=sallyport user=sallyport-auditd"'
    proxyd = tree.keys('proxyd')
    assert (proxyd['public_addr'], proxyd['listen'], proxyd['ssh_listen']) == ('gate.example.com:443', '":443"', 'off')


def test_a_second_run_writes_nothing(tree):
    tree.made(f'--cluster-name={NAME}')
    before = tree.files()
    out = tree.made()
    assert tree.files() == before and out.count('as it should be') == 3 and '+' not in out


def test_a_dry_run_writes_nothing(tree):
    before = tree.files()
    out = tree.made(f'--cluster-name={NAME}', '--dry-run')
    assert tree.files() == before and len(re.findall(r'^\? .*is written', out, re.M)) == 3


def test_the_name_of_the_cluster_is_for_ever(tree):
    tree.made(f'--cluster-name={NAME}')
    assert f"has the cluster '{NAME}'" in tree.refused('--cluster-name=other.example.com')


def test_what_people_wrote_stays_and_what_is_changed_is_said(tree):
    tree.made(f'--cluster-name={NAME}')
    mine = tree.read('proxyd.yaml').replace('drain: 20s', '# as long as our builds\ndrain: 600s')
    tree.write('proxyd.yaml', mine)
    tree.made()
    assert tree.read('proxyd.yaml') == mine
    out = tree.made('--public-addr=gate.example.com:8443')
    assert f'public_addr: gate.example.com:8443 (was {NAME}:3080)' in out and 'proxyd.yaml.old' in out
    assert tree.read('proxyd.yaml.old') == mine
    assert tree.read('proxyd.yaml') == mine.replace(f'public_addr: {NAME}:3080', 'public_addr: gate.example.com:8443').replace(
        'listen: ":3080"', 'listen: ":8443"')


def test_the_port_here_follows_the_public_one_unless_it_was_another(tree):
    tree.made(f'--cluster-name={NAME}')
    tree.made(f'--public-addr={NAME}:443')
    assert tree.keys('proxyd')['listen'] == '":443"'
    tree.made(f'--public-addr={NAME}:443', '--listen=127.0.0.1:8443')
    tree.made(f'--public-addr={NAME}:444')
    assert tree.keys('proxyd')['listen'] == '127.0.0.1:8443'


@pytest.mark.parametrize('written', [f'"public_addr": {NAME}:1', f'public_addr : {NAME}:1', 'public_addr: &a >-\n  folded\npublic_addr: b:1'])
def test_a_file_that_is_written_otherwise_is_left_alone(tree, written):
    tree.made(f'--cluster-name={NAME}')
    tree.write('proxyd.yaml', tree.read('proxyd.yaml').replace(f'public_addr: {NAME}:3080', written))
    assert 'proxyd.yaml' in tree.refused('--public-addr=gate.example.com:8443')


def test_a_file_that_its_daemon_refuses_is_left_alone(tree):
    tree.made(f'--cluster-name={NAME}')
    tree.write('auditd.yaml', tree.read('auditd.yaml') + 'readers: 99\n')
    assert 'readers' in tree.refused()


def test_a_password_is_taken_out_of_the_url_and_kept_from_others(tree):
    out = tree.setup(f'--cluster-name={NAME}', '--database=postgresql://sally:not%2Ffor%3Aothers@db.example.com/trail?sslmode=require')
    assert out.returncode == 0 and 'WARNING: ' in out.stderr
    assert tree.keys('auditd')['database'].strip('"') == 'postgresql://sally@db.example.com/trail?sslmode=require'
    assert tree.read('database.password') == SECRET + '\n'
    assert os.stat(tree.path('database.password')).st_mode & 0o777 == 0o600
    assert SECRET not in out.stdout + out.stderr and 'not%2F' not in out.stdout + out.stderr
    assert tree.keys('auditd')['database_password'] == '/etc/sallyport/database.password'
    tree.made('--database=local')
    assert 'database_password' not in tree.keys('auditd') and tree.made().count('as it should be') == 3


def test_a_password_of_a_file_is_the_same_and_warns_of_nothing(tree, tmp_path):
    (tmp_path / 'pw').write_text(SECRET + '\n')
    out = tree.setup(f'--cluster-name={NAME}', '--database=postgresql://sally@db.example.com/trail?sslmode=verify-full',
                     f'--database-password-file={tmp_path}/pw')
    assert out.returncode == 0 and out.stderr == '' and tree.read('database.password') == SECRET + '\n'


def test_a_certificate_is_copied_with_its_key_and_taken_away_again(tree, pairs):
    tree.made(f'--cluster-name={NAME}', *pair(pairs, 'good'))
    assert tree.read('web.crt') == (pairs / 'good.crt').read_text() and tree.read('web.key') == (pairs / 'good.key').read_text()
    assert os.stat(tree.path('web.key')).st_mode & 0o777 == 0o600
    assert '\ntls:\n  certificate: /etc/sallyport/web.crt\n  key: /etc/sallyport/web.key\n' in tree.read('proxyd.yaml')
    before = tree.files()
    tree.made(*pair(pairs, 'good'))
    assert tree.files() == before
    tree.made(*pair(pairs, 'rsa'))
    assert tree.read('web.crt') == (pairs / 'rsa.crt').read_text() and tree.files()['proxyd.yaml'] == before['proxyd.yaml']
    tree.made('--self-signed')
    assert '\ntls:' not in tree.read('proxyd.yaml')


@pytest.mark.parametrize('cert, key, why', [
    ('good', 'other', 'is not the key of the certificate'), ('other', None, f'is not for {NAME} but for DNS:other.example.com'),
    ('over', None, 'has expired'), ('ed25519', None, 'RSA and ECDSA'), ('locked', None, 'passphrase'), ('none', 'good', 'no such file')])
def test_a_certificate_that_cannot_be_shown_is_refused(tree, pairs, cert, key, why):
    assert why in tree.refused(f'--cluster-name={NAME}', *pair(pairs, cert, key))


@pytest.mark.parametrize('args, why', [
    (['--cluster-name=a b'], 'letters, digits'), (['--cluster-name=-x'], 'letters, digits'), (['--cluster-name=..'], 'letters, digits'),
    ([], '--cluster-name is needed'), (['--public-addr=a:b:c', f'--cluster-name={NAME}'], 'is not HOST:PORT'),
    ([f'--cluster-name={NAME}', '--public-addr=tele:70000'], 'no port 70000'), ([f'--cluster-name={NAME}', '--public-addr=-x'], 'is not HOST:PORT'),
    ([f'--cluster-name={NAME}', '--database=mysql://x'], 'neither local nor'),
    ([f'--cluster-name={NAME}', '--database=postgresql://u@h/d?password=x'], 'in a file'),
    ([f'--cluster-name={NAME}', '--database-password-file=/none'], 'no such file'),
    (['--cluster-name', NAME], 'is not known'), (['--bogus'], 'is not known'), ([f'--cluster-name={NAME}', '--public-addr=$(id):1'], 'is not HOST:PORT'),
    ([f'--cluster-name={NAME}', '--public-addr=a\n\x1b[2Jb:1'], "'a  [2Jb:1' is not HOST:PORT")])
def test_a_wrong_answer_is_told_at_once(tree, args, why):
    assert why in tree.refused(*args)


def test_a_value_for_yaml_and_shell_is_only_a_value(tree):
    odd = r'''host=/x dbname='a"b\c' user=$(id)#: {x} & `y` %s'''
    tree.made(f'--cluster-name={NAME}', f'--database={odd}')
    before = tree.files()
    assert tree.keys('auditd')['database'] == '"' + odd.replace('\\', '\\\\').replace('"', '\\"') + '"'
    tree.made(f'--database={odd}')
    assert tree.files() == before


def test_it_asks_for_what_is_missing_and_again_after_a_wrong_answer(tree, pairs):
    answers = ['a b', NAME, 'x:y', '', 'mysql://x', 'local', 'paper', 'files', f'{pairs}/good.crt', f'{pairs}/good.key', 'yes']
    out = tree.setup(yes=False, input='\n'.join(answers) + '\n')
    assert out.returncode == 0, out.stdout + out.stderr
    assert len(re.findall('^ERROR: ', out.stderr, re.M)) == 4
    assert tree.keys('proxyd')['public_addr'] == f'{NAME}:3080' and tree.read('web.crt') == (pairs / 'good.crt').read_text()


@pytest.mark.parametrize('last', ['no\n', ''])
def test_nothing_is_done_without_a_yes(tree, last):
    before = tree.files()
    out = tree.setup(f'--cluster-name={NAME}', yes=False, input=f'\n\n\n{last}')
    assert out.returncode == 1 and 'ERROR: n' in out.stderr and tree.files() == before
    assert '? authd' in out.stdout and '+ ' not in out.stdout
