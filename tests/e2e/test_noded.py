# SPDX-License-Identifier: Apache-2.0
"""noded by itself: its two halves, what a crash of either does, what is recorded when, and who may start what."""
import json
import os
import pwd
import re
import signal
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization

from cluster import SERVICE_USER, Cluster, wait_for
from conftest import keep_logs, scratch


@pytest.fixture(scope='module')
def own(build):
    """A cluster of this module's own, since its parts are killed."""
    c = Cluster(scratch(), build)
    try:
        c.start([('node-1', 'env=example')])
        yield c
    finally:
        keep_logs(c, 'noded')
        c.remove()


@pytest.fixture(scope='module')
def bob(own, login):
    person = own.add_user('bob', roles='editor,access,auditor', logins=login)
    own.login(person)
    own.config = own.write('bob-ssh-config', own.tsh('bob', 'config').stdout)
    return person


def ssh_argv(own, login, *args, options=(), node='node-1'):
    return ['ssh', '-F', own.config, *options, f'{login}@{node}.{own.name}', *args]


def ssh(own, login, *args, check=True, **kw):
    return own.run(*ssh_argv(own, login, *args), check=check, **kw)


def start_ssh(own, login, *args, options=(), node='node-1'):
    return subprocess.Popen(ssh_argv(own, login, *args, options=options, node=node), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(pid, name):
    out = subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', str(pid)], stdout=subprocess.PIPE, text=True).stdout
    return [int(line.split()[0]) for line in out.splitlines() if line.split()[1] == name]


def worker_of(own, node='node-1'):
    return wait_for('the worker', lambda: children(own.daemons[node].pid, 'noded'))[0]


def forkserver_of(own, node='node-1'):
    return wait_for('the forkserver', lambda: children(own.daemons[node].pid, 'noded-forks'))[0]


def keepers_of(own, node='node-1'):
    return children(forkserver_of(own, node), 'noded-session')


def works(own, login, node='node-1'):
    return own.run(*ssh_argv(own, login, 'true', node=node), check=False).returncode == 0


def further_node(own, login, name, more):
    """authd lists it a moment before the proxy has heard of its labels."""
    node = own.start_node(name, 'env=example', more=more)
    wait_for('a session', lambda: works(own, login, node=name))
    return node


def events(own, type_, **want):
    out = own.tctl('audit', 'ls', f'--type={type_}', '--limit=1000', '--format=json', check=False)
    rows = json.loads(out.stdout) if out.returncode == 0 else []  # auditd is not back yet
    return [r for r in rows if all(r.get(k) == v for k, v in want.items())]


def session_id(p):
    """The first line of a command that begins with `echo $SALLYPORT_SESSION`."""
    return p.stdout.readline().strip()


# --- two halves -----------------------------------------------------------------------------------


def test_the_worker_is_not_root_and_confined(own, bob):
    worker = worker_of(own)
    with open(f'/proc/{worker}/status') as f:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
    if own.root:
        assert set(status['Uid'].split()) == {str(pwd.getpwnam(SERVICE_USER).pw_uid)}
        assert status['Groups'].strip() == '' and int(status['CapEff'], 16) == 0
    assert status['NoNewPrivs'] == '1'
    if not own.build.endswith('san'):
        assert status['Seccomp'] == '2'


def test_the_worker_cannot_be_read_by_processes_of_its_own_user(own, bob):
    argv = ['cat', f'/proc/{worker_of(own)}/environ', f'/proc/{worker_of(own)}/maps']
    if own.root:
        pw = pwd.getpwnam(SERVICE_USER)
        argv = ['setpriv', '--reuid', str(pw.pw_uid), '--regid', str(pw.pw_gid), '--clear-groups', *argv]
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert out.returncode != 0 and out.stdout == '' and out.stderr.count('Permission denied') == 2


def test_keys_and_spool_are_closed_to_others(own, bob):
    for folder, owner in ('monitor', 'root'), ('worker', SERVICE_USER), ('worker/spool', SERVICE_USER):
        st = os.stat(own.path('node-1', folder))
        assert st.st_mode & 0o7777 == 0o700
        if own.root:
            assert pwd.getpwuid(st.st_uid).pw_name == owner
    for name in os.listdir(own.path('node-1/worker/identity')):
        assert os.stat(own.path('node-1/worker/identity', name)).st_mode & 0o077 == 0


def test_no_port_is_open(own, bob):
    pids = {own.daemons['node-1'].pid, worker_of(own)}
    out = subprocess.run(['ss', '-ltnpH'], stdout=subprocess.PIPE, text=True).stdout
    assert not [line for line in out.splitlines() if pids & set(map(int, re.findall(r'pid=(\d+)', line)))]


# --- crashes --------------------------------------------------------------------------------------


def test_sessions_of_a_killed_worker_end_and_their_ends_are_written(own, bob, login):
    ps = [start_ssh(own, login, 'echo $SALLYPORT_SESSION; trap "" HUP; sleep 1000') for _ in range(5)]
    ids = [session_id(p) for p in ps]
    assert len(set(ids)) == 5 and len(keepers_of(own)) == 5
    os.kill(worker_of(own), signal.SIGKILL)
    for p in ps:
        p.wait(20)
        assert p.returncode == 255
    wait_for('the end of the sessions', lambda: not keepers_of(own))
    wait_for('the node', lambda: works(own, login))
    wait_for('session.end of each', lambda: set(ids) <= {e['sid'] for e in events(own, 'session.end')})
    ended = [e['sid'] for e in events(own, 'session.end')]
    assert len(ended) == len(set(ended))


def test_proxy_and_node_name_a_connection_alike(own, bob, login):
    sid = ssh(own, login, 'echo $SALLYPORT_SESSION').stdout.strip()
    start = wait_for('session.start', lambda: events(own, 'session.start', sid=sid))[0]
    name = start['connection']
    assert re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', name)
    for kind in 'session.connect', 'exec', 'session.end', 'client.disconnect':
        rows = wait_for(kind, lambda kind=kind: events(own, kind, connection=name))
        assert len(rows) == 1 and rows[0]['user'] == start['user']
    # Another connection has another name, and one that died with its worker keeps its own.
    p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; sleep 1000')
    other = session_id(p)
    os.kill(worker_of(own), signal.SIGKILL)
    p.wait(20)
    wait_for('the node', lambda: works(own, login))
    end = wait_for('session.end', lambda: events(own, 'session.end', sid=other))[0]
    assert end['connection'] != name and events(own, 'session.connect', connection=end['connection'])


def test_a_killed_monitor_takes_everything_with_it(own, bob, login):
    p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; trap "" HUP; sleep 1000')
    session = session_id(p)
    monitor, worker, keeper = own.daemons['node-1'].pid, worker_of(own), keepers_of(own)[0]
    shell = wait_for('the shell', lambda: children(keeper, 'bash') + children(keeper, 'sh') + children(keeper, 'sleep'))
    own.daemons['node-1'].kill()
    p.wait(20)
    for pid in worker, keeper, *shell:
        wait_for(f'the end of {pid} of {monitor}', lambda: not os.path.exists(f'/proc/{pid}'))
    own.restart('node-1')
    wait_for('the node', lambda: works(own, login))
    wait_for('session.end', lambda: [e for e in events(own, 'session.end') if e['sid'] == session])


def holds(pid, secret):
    """Whether the bytes are anywhere in a process's memory."""
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            start, end = (int(x, 16) for x in line.split()[0].split('-'))
            if end - start > 1 << 28:  # reserved, or a sanitizer's
                continue
            try:
                mem.seek(start)
                if secret in mem.read(end - start):
                    return True
            except (OSError, OverflowError, ValueError):  # [vvar] and the like
                pass
    return False


def test_sessions_go_on_when_the_process_that_starts_them_dies(own, bob, login):
    p = subprocess.Popen(ssh_argv(own, login, 'read line; echo $line'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    keeper = wait_for('the session', lambda: keepers_of(own))[0]
    for _ in range(2):
        before = forkserver_of(own)
        os.kill(before, signal.SIGKILL)
        assert ssh(own, login, 'echo another').stdout == 'another\n'
        assert forkserver_of(own) != before
    assert os.path.exists(f'/proc/{keeper}')
    assert p.communicate('still here\n', 20)[0] == 'still here\n' and p.returncode == 0
    wait_for('the end of the session', lambda: not os.path.exists(f'/proc/{keeper}'))


def test_a_burst_of_sessions_with_long_commands_starts_whole(own, bob, login):
    # More than lies in a socket, while whoever reads it does not, and then reads again.
    forks, word = forkserver_of(own), 'x' * 60000
    os.kill(forks, signal.SIGSTOP)
    ps = [start_ssh(own, login, f'echo {i}; : {word}') for i in range(12)]
    time.sleep(1)
    os.kill(forks, signal.SIGCONT)
    assert [p.communicate(timeout=60)[0].strip() for p in ps] == [str(i) for i in range(12)]


def test_a_process_that_no_longer_starts_sessions_is_replaced(own, bob, login):
    forks, word = forkserver_of(own), 'x' * 100000
    os.kill(forks, signal.SIGSTOP)
    ps = [start_ssh(own, login, f': {word}') for _ in range(12)]
    wait_for('another', lambda: children(own.daemons['node-1'].pid, 'noded-forks') not in ([], [forks]))
    for p in ps:
        p.communicate(timeout=60)
    assert works(own, login) and not os.path.exists(f'/proc/{forks}')


def test_a_killed_monitor_takes_the_process_that_starts_sessions_with_it(own, bob, login):
    forks = forkserver_of(own)
    own.daemons['node-1'].kill()
    wait_for('its end', lambda: not os.path.exists(f'/proc/{forks}'))
    own.restart('node-1')
    wait_for('the node', lambda: works(own, login))


def test_no_process_in_which_pam_runs_has_the_host_key(own, bob, login):
    if not own.root:
        pytest.skip('reads the memory of others')
    with open(own.path('node-1/monitor/ssh_host_key'), 'rb') as f:
        secret = serialization.load_ssh_private_key(f.read(), None).private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    for _ in range(2):  # the one that began with the monitor, and one that was started anew
        p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; sleep 1000')
        session_id(p)
        assert holds(own.daemons['node-1'].pid, secret)
        forks, keeper = forkserver_of(own), keepers_of(own)[0]
        assert [pid for pid in (forks, keeper, worker_of(own)) if holds(pid, secret)] == []
        os.kill(forks, signal.SIGKILL)
        p.kill()
        p.wait()
        wait_for('the end of the session', lambda keeper=keeper: not os.path.exists(f'/proc/{keeper}'))
        assert works(own, login)


def test_a_node_says_that_it_follows_the_pam_service_of_others(own, bob):
    assert ('no PAM service of ours' in own.daemons['node-1'].text()) == \
        (own.root and not any(os.path.exists(f'{d}/pam.d/sallyport') for d in ('/etc', '/usr/lib')))


def test_the_node_is_back_when_the_proxy_is(own, bob, login):
    own.daemons['proxyd'].kill()
    time.sleep(4)  # long enough for the pause to have grown
    own.start_proxyd()
    since = time.monotonic()
    wait_for('the node', lambda: works(own, login))
    assert time.monotonic() - since < 10  # 5 s and a sign-in on a loaded machine


def test_a_node_that_starts_while_authd_is_away_serves_by_what_it_knew(own, bob, login):
    own.daemons['authd'].kill()
    own.daemons['node-1'].stop()
    own.restart('node-1')
    wait_for('the node', lambda: works(own, login))
    own.restart('authd')
    wait_for('authd', lambda: own.tctl('status', check=False).returncode == 0)
    wait_for('the list', lambda: 'node-1' in own.node_names())


# --- recording ------------------------------------------------------------------------------------


def test_the_client_sees_nothing_that_is_not_in_the_spool_already(own, bob, login):
    """With auditd away the spool holds every byte at the moment the client has it, even if noded dies right then."""
    own.daemons['auditd'].kill()
    p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; echo the-last-words; sleep 1000')
    session = session_id(p)
    assert p.stdout.readline() == 'the-last-words\n'
    os.kill(worker_of(own), signal.SIGKILL)
    p.wait(20)
    own.restart('auditd')
    wait_for('session.end', lambda: [e for e in events(own, 'session.end') if e['sid'] == session])
    text = own.tsh('bob', 'play', session, '--format=text', check=False)
    assert 'the-last-words' in text.stdout, text.stderr


def test_a_session_that_fills_the_spool_waits_and_a_quiet_one_survives_it(own, bob, login):
    """Of the same user, while auditd is away. Nothing of either is lost, and none is ended."""
    node = further_node(own, login, 'small', 'spool_quota: 16MB\n')
    quiet = subprocess.Popen(ssh_argv(own, login, 'cat', node='small'), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    quiet.stdin.write(b'before\n')
    quiet.stdin.flush()
    assert quiet.stdout.readline() == b'before\n'
    own.daemons['auditd'].kill()
    path = own.path('noisy-output')
    with open(path, 'wb') as out:
        noisy = subprocess.Popen(ssh_argv(own, login, 'echo $SALLYPORT_SESSION; head -c 40000000 /dev/urandom', node='small'),
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE)
    try:
        assert noisy.stderr.readline().startswith(b'WAITING: the audit service')
        size = os.path.getsize(path)
        assert 4e6 < size < 12e6
        for i in range(20):
            quiet.stdin.write(b'line %d\n' % i)
            quiet.stdin.flush()
            assert quiet.stdout.readline() == b'line %d\n' % i
        assert works(own, login, node='small')  # and others begin
        assert noisy.poll() is None and quiet.poll() is None and os.path.getsize(path) < 12e6
    finally:
        own.restart('auditd')
    assert noisy.wait(120) == 0
    quiet.stdin.close()
    assert quiet.wait(60) == 0
    with open(path, 'rb') as f:
        session = f.readline().decode().strip()
        assert len(f.read()) == 40000000
    wait_for('session.end', lambda: events(own, 'session.end', sid=session))
    assert wait_for('the whole recording', lambda: own.sql(
        f"SELECT bytes FROM rec_session WHERE sid = '{session}' AND bytes > 40000000"))
    node.stop()


def test_no_session_begins_when_the_spool_is_full(own, bob, login):
    """Half of it by one user's sessions, more by another's: who has filled his share is told so."""
    node = further_node(own, login, 'tight', 'spool_quota: 16MB\n')
    own.daemons['auditd'].kill()
    # All of them begin before the first is noisy.
    noisy = [subprocess.Popen(ssh_argv(own, login, 'echo begun >&2; read x; head -c 40000000 /dev/urandom', node='tight'),
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)]
    late = threading.Timer(180, lambda: [p.kill() for p in noisy])  # then a line is empty
    late.start()
    for p in noisy:
        assert p.stderr.readline() == b'begun\n'
    for p in noisy:
        p.stdin.write(b'go\n')
        p.stdin.flush()
    try:
        for p in noisy:
            assert p.stderr.readline().startswith(b'WAITING: ')
        late.cancel()
        out = wait_for('the refusal', lambda: (lambda r: r if r.returncode == 254 else None)(
            own.run(*ssh_argv(own, login, 'head -c 3000000 /dev/urandom >&2', node='tight'), check=False, text=False)))
        assert b'spool' in out.stderr[-300:]
        for p in noisy:
            assert p.poll() is None
            p.kill()
    finally:
        own.restart('auditd')
    wait_for('room in the spool', lambda: works(own, login, node='tight'), 60)
    node.stop()


def test_sftp_is_told_of_but_its_bodies_are_not_recorded(own, bob, login, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('body-of-a-file ' * 1000)
    own.run('sftp', '-q', '-F', own.config, f'{login}@node-1.{own.name}', input=f'get {secret} {tmp_path}/copy\n')
    assert (tmp_path / 'copy').read_text() == secret.read_text()
    done = wait_for('the event', lambda: events(own, 'subsystem'))
    assert 'body-of-a-file' not in own.tsh('bob', 'play', done[0]['sid'], '--format=text', check=False).stdout


# --- what a session leaves behind ------------------------------------------------------------------


LEFT_BEHIND = {
    'daemon': 'setsid nohup {p} >/dev/null 2>&1 </dev/null &',
    'twice': "(setsid sh -c '(setsid {p} >/dev/null 2>&1 </dev/null &) &' &);",
    'deaf': "setsid sh -c 'trap \"\" HUP TERM INT; {p} & wait; {p}' >/dev/null 2>&1 </dev/null &",
}


def processes(word):
    return subprocess.run(['pgrep', '-f', word], stdout=subprocess.PIPE, text=True).stdout.split()


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize('how', list(LEFT_BEHIND))
def test_nothing_of_a_session_outlives_it(own, bob, login, how, terminal):
    """Here without cgroups: a container has none to give."""
    word = f'sleep 98{list(LEFT_BEHIND).index(how)}{int(terminal)}'
    command = LEFT_BEHIND[how].format(p=word) + f' sleep 0.3; pgrep -cf "^{word}"'
    out = own.run(*ssh_argv(own, login, command, options=['-tt'] if terminal else []), check=False)
    assert int(out.stdout.split()[-1]) >= 1  # it was there
    wait_for('the end of all', lambda: not processes('^' + word))
    wait_for('the keeper', lambda: not keepers_of(own))


def test_what_is_left_of_a_session_whose_keeper_was_killed_is_ended(own, bob, login):
    """As the kernel may for lack of memory."""
    p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; setsid nohup sleep 9872 >/dev/null 2>&1 & sleep 9873')
    session = session_id(p)
    wait_for('the daemon', lambda: processes('^sleep 9872') and processes('^sleep 9873'))
    os.kill(keepers_of(own)[0], signal.SIGKILL)
    assert p.wait(20) != 0
    wait_for('the end of all', lambda: not processes('^sleep 987[23]'))
    wait_for('session.end', lambda: [e for e in events(own, 'session.end') if e['sid'] == session])


def test_what_a_removed_user_left_running_dies_with_his_session(own, bob, login):
    own.login(own.add_user('eve', roles='access', logins=login))
    p = subprocess.Popen([own.bin('tsh'), 'ssh', f'{login}@node-1', 'setsid nohup sleep 9871 >/dev/null 2>&1 & cat'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **own.env('eve')})
    wait_for('the daemon', lambda: processes('^sleep 9871'))
    own.tctl('users', 'rm', 'eve')
    p.wait(20)
    wait_for('the end of the daemon', lambda: not processes('^sleep 9871'))
    p.stdin.close()


BOMB = '''
import os, time
for i in range(11):
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
time.sleep(9870)
'''


def test_a_fork_bomb_leaves_the_node_and_other_sessions_working(own, bob, login):
    if not own.root:
        pytest.skip('needs root: the limit is for a user that is not ours')
    victim = 'games'
    own.login(own.add_user('boris', roles='access', logins=victim))
    node = further_node(own, login, 'bombed', 'session_processes: 150\n')
    shell = pwd.getpwnam(victim).pw_shell
    subprocess.run(['usermod', '-s', '/bin/sh', victim], check=True)
    quiet = start_ssh(own, login, 'echo here; sleep 1000', node='bombed')
    try:
        assert quiet.stdout.readline() == 'here\n'
        # It doubles eleven times and no more: a test that fails must not take the machine with it.
        bomb = subprocess.Popen([own.bin('tsh'), 'ssh', f'{victim}@bombed',
                                 f"prlimit --nproc=9999 --pid $$ 2>/dev/null; exec python3 -c '{BOMB}'"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={**os.environ, **own.env('boris')})
        count = ['pgrep', '-c', '-u', victim]
        wait_for('the bomb', lambda: int(subprocess.run(count, stdout=subprocess.PIPE).stdout) > 100)
        time.sleep(2)
        assert int(subprocess.run(count, stdout=subprocess.PIPE).stdout) <= 150
        assert works(own, login, node='bombed') and quiet.poll() is None
        own.tctl('users', 'rm', 'boris')
        bomb.wait(30)
        wait_for('the end of the bomb', lambda: int(subprocess.run(count, stdout=subprocess.PIPE).stdout) == 0)
        assert works(own, login, node='bombed') and quiet.poll() is None
    finally:
        quiet.kill()
        subprocess.run(['usermod', '-s', shell, victim], check=True)
        node.stop()


# --- stopping -------------------------------------------------------------------------------------


def test_a_clean_stop_tells_the_client_and_loses_nothing(own, bob, login):
    p = start_ssh(own, login, 'echo $SALLYPORT_SESSION; sleep 1000', options=['-v'])
    session = session_id(p)
    # The way to auditd is there (tests before this one end proxies): what cannot leave in time leaves at the next start.
    wait_for('session.start', lambda: [e for e in events(own, 'session.start') if e['sid'] == session])
    own.daemons['node-1'].stop()
    _, err = p.communicate(timeout=20)
    assert p.returncode == 255 and 'the node is stopping' in err
    assert 'node-1' not in own.node_names()
    wait_for('session.end', lambda: [e for e in events(own, 'session.end') if e['sid'] == session])
    own.restart('node-1')
    wait_for('the node', lambda: works(own, login))


# --- a port of its own ----------------------------------------------------------------------------


def test_a_node_may_listen_too(own, bob, login):
    from cluster import free_ports
    port = free_ports(1)[0]
    node = further_node(own, login, 'listener', f'listen: 127.0.0.1:{port}\n')
    wait_for('the port', lambda: own.port_open(port))
    out = own.run('ssh', '-F', own.config, '-o', 'ProxyJump=none', '-o', 'HostName=127.0.0.1', '-p', str(port), '-o',
                  f'HostKeyAlias=listener.{own.name}', f'{login}@listener.{own.name}', 'echo direct')
    assert out.stdout == 'direct\n'
    node.stop()


# --- configure ------------------------------------------------------------------------------------


def configure(own, path, *args):
    return own.run(own.bin('noded'), 'configure', f'--output=file://{path}', f'--proxy={own.proxy}',
                   f'--ca-pin={own.ca_pin()}', *args, check=False)


def test_configure_does_not_overwrite(own, tmp_path):
    token = tmp_path / 'token'
    token.write_text('0' * 32 + '\n')
    path = tmp_path / 'noded.yaml'
    assert configure(own, path, f'--token={token}').returncode == 0
    before = path.read_text()
    again = configure(own, path, f'--token={token}', '--labels=a=b')
    assert again.returncode == 1 and again.stderr.count('ERROR: ') == 1 and '--force' in again.stderr
    assert path.read_text() == before
    assert configure(own, path, f'--token={token}', '--labels=a=b', '--force').returncode == 0
    assert 'a=b' in path.read_text() and path.stat().st_mode & 0o777 == 0o600


def test_a_token_on_the_command_line_is_taken_with_a_warning_and_kept_in_a_file(own, tmp_path):
    path = tmp_path / 'noded.yaml'
    out = configure(own, path, '--token=' + 'ab' * 16)
    assert out.returncode == 0 and 'WARNING: a token on the command line' in out.stderr
    assert 'ab' * 16 not in path.read_text()
    beside = tmp_path / 'noded.yaml.token'
    assert beside.read_text().strip() == 'ab' * 16 and beside.stat().st_mode & 0o777 == 0o600


def test_a_wrong_configuration_is_named_with_its_line(own, tmp_path):
    path = tmp_path / 'noded.yaml'
    path.write_text('proxy: localhost:3080\nlabel: x\n')
    out = own.run(own.bin('noded'), f'--config={path}', '--check', check=False)
    assert out.returncode == 1 and 'label' in out.stderr and out.stderr.startswith('ERROR: ')
