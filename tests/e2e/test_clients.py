# SPDX-License-Identifier: Apache-2.0
"""tsh and tctl as people use them: several logins beside each other, what they are told, and what they are asked."""
import json
import os
import re

import pexpect
import pytest

from cluster import wait_for

pytestmark = pytest.mark.sanitized


def terminal(cluster, home, *args, program='tsh', **kw):
    """A verb in a terminal of 120 columns."""
    return pexpect.spawn(cluster.bin(program), list(args), encoding='utf-8', timeout=20, dimensions=(40, 120), env={
        **os.environ, 'SALLYPORT_HOME': cluster.home(home), 'TERM': 'xterm-256color', **kw})


# --- logins ---------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def people(cluster, login):
    """Two users who are logged in from one home, the second one last."""
    made = {}
    for name, logins in (('anna', login), ('bert', f'{login},bertslogin')):
        made[name] = cluster.add_user(name, roles='access', logins=logins)
    yield made
    for name in made:
        cluster.tctl('users', 'rm', name)


def log_in(cluster, person, home='shared', *more):
    return cluster.tsh(home, 'login', f'--proxy={cluster.proxy}', f"--user={person['user']}", f'--ca-pin={cluster.ca_pin()}',
                       *more, input=f"{person['password']}\n{cluster.code(person)}\n")


@pytest.fixture
def both(cluster, people):
    cluster.tsh('shared', 'logout', '--all')
    log_in(cluster, people['anna'])
    log_in(cluster, people['bert'])


def who(cluster, *more):
    status = json.loads(cluster.tsh('shared', 'status', '--format=json', *more).stdout)
    return status['active']['username'], sorted(p['username'] for p in status['profiles'])


def test_every_verb_works_as_the_user_that_is_named(cluster, both, login):
    """Not as the one who logged in last."""
    assert who(cluster) == ('bert', ['anna'])
    assert who(cluster, '--user=anna') == ('anna', ['bert'])
    for user in ('anna', 'bert'):
        out = cluster.tsh('shared', f'--user={user}', 'ssh', f'{login}@node-1', 'echo $SALLYPORT_USER $SSH_CONNECTION')
        assert out.returncode == 0
        assert f'/{user}/key"' in cluster.tsh('shared', 'config', f'--user={user}').stdout
        assert 'node-1' in cluster.tsh('shared', 'ls', f'--user={user}').stdout
        assert cluster.tsh('shared', 'scp', '-q', f'--user={user}', '/etc/hostname', f'{login}@node-1:/tmp/x').returncode == 0
        assert f'Logged in as:       {user}' in cluster.tsh('shared', 'login', f'--user={user}', input='').stdout
    assert wait_for('both users\' sessions', lambda: sorted(
        r[0] for r in cluster.sql("SELECT DISTINCT username FROM sessions WHERE username IN ('anna', 'bert')")) ==
        ['anna', 'bert'])
    assert cluster.tctl_remote('shared', 'status', '--as=anna').returncode == 0


def test_a_user_who_is_not_logged_in_is_nobody_else(cluster, both):
    for verb in (['ls'], ['config'], ['ssh', 'root@node-1', 'true'], ['status'], ['recordings', 'ls']):
        out = cluster.tsh('shared', *verb, '--user=carl', check=False) if verb[0] != 'ssh' else cluster.tsh(
            'shared', '--user=carl', *verb, check=False)
        assert out.returncode == 1 and out.stdout == ''
        assert 'carl is not logged in' in out.stderr and '--user=carl' in out.stderr
    out = cluster.tsh('shared', 'ls', '--proxy=elsewhere:3080', check=False)
    assert out.returncode == 1 and '--proxy=elsewhere:3080' in out.stderr


def test_logout_ends_what_it_names_and_nothing_else(cluster, both):
    keys = os.path.join(cluster.home('shared'), 'keys', cluster.proxy)
    assert sorted(os.listdir(keys)) == ['anna', 'bert']
    out = cluster.tsh('shared', 'logout', '--user=anna').stdout
    assert out == f'Logged out anna from {cluster.proxy}.\nbert is still logged in to {cluster.proxy}.\n'
    assert os.listdir(keys) == ['bert']
    assert who(cluster) == ('bert', []) and cluster.tsh('shared', 'ls').returncode == 0
    out = cluster.tsh('shared', 'logout', '--user=anna', check=False)
    assert out.returncode == 1 and 'anna is not logged in' in out.stderr
    assert who(cluster) == ('bert', [])


def test_a_bare_logout_ends_the_current_login_alone(cluster, both):
    out = cluster.tsh('shared', 'logout').stdout
    assert out == f'Logged out bert from {cluster.proxy}.\nanna is still logged in to {cluster.proxy}.\n'
    assert who(cluster) == ('anna', [])
    assert cluster.tsh('shared', 'logout').stdout == f'Logged out anna from {cluster.proxy}.\n'
    assert os.listdir(os.path.join(cluster.home('shared'), 'keys')) == []
    assert cluster.tsh('shared', 'logout', '--all').stdout == 'Nobody was logged in.\n'


def test_logout_of_all_names_each(cluster, both):
    out = cluster.tsh('shared', 'logout', '--all').stdout
    assert out == f'Logged out anna from {cluster.proxy}.\nLogged out bert from {cluster.proxy}.\n'
    out = cluster.tsh('shared', 'status', check=False)
    assert out.returncode == 1 and out.stdout == '' and 'not logged in' in out.stderr


def test_login_chooses_a_user_who_is_logged_in_without_asking(cluster, both):
    assert 'Logged in as:       anna' in cluster.tsh('shared', 'login', '--user=anna', input='').stdout
    assert who(cluster) == ('anna', ['bert'])
    text = cluster.tsh('shared', 'status').stdout
    assert re.findall(r'^(..)Profile URL', text, re.M) == ['> ', '  ']
    # Nobody needs the pin who logs in through a proxy that another login here knows.
    assert cluster.tsh('shared', 'login', '--user=dora', check=False, input='x\n123456\n').stderr.count('pin') == 0


def test_after_a_change_of_roles_the_login_is_renewed_by_itself(cluster, people, login):
    """The old certificate's time is not over: the refusal is remembered, and a person is asked at once."""
    anna = people['anna']
    cluster.tsh('shared', 'logout', '--all')
    log_in(cluster, anna)
    cluster.tctl('users', 'update', 'anna', f'--set-logins={login},first')
    out = cluster.tsh('shared', 'ssh', f'{login}@node-1', 'true', check=False)
    assert out.returncode == 1 and 'withdrawn' in out.stderr and '--user=anna' in out.stderr
    out = cluster.tsh('shared', 'status', check=False)
    assert out.returncode == 1 and '[WITHDRAWN]' in out.stdout
    # Without anybody there, the next verb says so without asking the cluster; tsh login asks the person.
    assert 'withdrawn' in cluster.tsh('shared', 'ls', check=False).stderr
    assert 'first' in cluster.tsh('shared', 'login', input=f"{anna['password']}\n{cluster.code(anna)}\n").stdout
    assert cluster.tsh('shared', 'ls').returncode == 0
    # At a terminal: asked where the refusal is met, and the command goes on.
    cluster.tctl('users', 'update', 'anna', f'--set-logins={login},second')
    child = terminal(cluster, 'shared', 'ssh', f'{login}@node-1', 'echo it went on')
    child.expect('anna at .* was withdrawn by a change of the account. Log in again')
    child.expect('Password of the Sallyport user anna: ')
    child.sendline(anna['password'])
    child.expect('of your second factor')
    child.sendline(cluster.code(anna))
    child.expect('it went on')
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    cluster.tsh('shared', 'logout', '--all')


def test_interrupted_at_a_prompt_the_exit_status_is_130(cluster, people):
    child = terminal(cluster, 'shared', 'login', f'--proxy={cluster.proxy}', '--user=anna', f'--ca-pin={cluster.ca_pin()}')
    child.expect('Password of the Sallyport user anna: ')
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_grpc_is_loaded_by_the_first_call_and_not_before(cluster, alice, login):
    """It is sixty libraries, which most of the start would be of verbs that make no call."""
    def loads(*args):
        out = cluster.run(cluster.bin('tsh'), *args, env={**cluster.env('alice'), 'LD_DEBUG': 'files'})
        return 'libgrpc.so' in out.stderr
    assert not loads('version', '--client')
    assert not loads('ssh', f'{login}@node-1', 'true')
    assert loads('ls')
