# SPDX-License-Identifier: Apache-2.0
"""Backup and restore: a cluster comes back from one file and what opens it, and from nothing that is not exactly that."""
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

from cluster import wait_for

from authd import Authd, Keys, audit_text, fails, pb

pytestmark = pytest.mark.sanitized

PASSPHRASE = 'a passphrase that nobody guesses'


@pytest.fixture
def authd(build):
    folder = tempfile.mkdtemp(prefix='sp-backup-')
    a = Authd(folder, build).start()
    with open(os.open(f'{folder}/passphrase', os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
        f.write(PASSPHRASE + '\n')
    yield a
    a.stop()
    text = a.daemon.text()
    assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    shutil.rmtree(folder, ignore_errors=True)


def run(*argv):
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return out.returncode, out.stdout


def tctl(a, *args):
    return run(os.path.join(a.build, 'tctl'), f'--auth-socket={a.socket}', *args)


def backup(a, name='backup'):
    """As root on authd's host, for the passphrase."""
    path = os.path.join(a.dir, name)
    status, text = tctl(a, 'backup', path, f'--passphrase-file={a.dir}/passphrase', f'--ca-key={a.state}.key')
    assert status == 0, text
    return path


def restore(a, path, *args, opener=None):
    return run(os.path.join(a.build, 'authd'), f'--config={a.config}', f'--restore={path}',
               opener or f'--passphrase-file={a.dir}/passphrase', *args)


def fill(a, n):
    """Roles of 56 KB each: more than a stream's windows take."""
    values = ['x%06d' % i + 'y' * 210 for i in range(256)]
    for i in range(n):
        a.local().put(pb.Role(name=f'big-{i:03}', allow=pb.RoleConditions(node_labels=[pb.LabelRule(key='k', values=values)])))


def lose(a):
    """The machine is gone, but for authd.yaml."""
    a.stop()
    shutil.rmtree(a.state)
    os.remove(a.state + '.key')


def files(a):
    """Everything in the state folder and the key, with its content, and what else lies beside them."""
    found = {}
    for top in (a.state, a.dir):
        for root, _, names in os.walk(top) if top == a.state else [(top, [], os.listdir(top))]:
            for name in names:
                path = os.path.join(root, name)
                if os.path.isfile(path) and not path.endswith(('.lock', '.log')):
                    with open(path, 'rb') as f:
                        found[path] = f.read()
    return found


def test_a_lost_machine_comes_back_from_the_file_and_the_passphrase(authd):
    alice = authd.user('alice', roles=['editor', 'access'])
    keys = Keys()
    cert = alice.login(with_keys=keys)[0].tls_cert_pem.encode()
    node = authd.join(name='db-1')
    authd.local().put(pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev'])))
    authd.local().put(pb.Lock(user='mallory', message='left'), kind='lock')
    token = authd.local().AddToken(kind='node', ttl_s=100000).token
    link = authd.local().AddUser(name='bob', roles=['access']).token
    pin = list(authd.local().GetStatus().ca_pins)
    path = backup(authd)
    with open(path, 'rb') as f:
        data = f.read()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert b'alice' not in data and b'db-1' not in data
    # Who fetched it, and which file that was, is in the trail, the beginning before the first byte.
    trail = audit_text(authd)
    assert b'backup.start' in trail and hashlib.sha256(data).hexdigest().encode() in trail

    lose(authd)
    status, text = restore(authd, path)
    assert status == 0 and pin[0] in text and '2 users' in text and '4 roles' in text and '1 nodes' in text, text
    assert os.stat(authd.state + '.key').st_mode & 0o777 == 0o600
    assert os.stat(authd.state).st_mode & 0o777 == 0o700
    for name in ('authd.sqlite', 'ca.sealed'):
        assert os.stat(os.path.join(authd.state, name)).st_mode & 0o777 == 0o600
    authd.start()
    assert b'auth.restore' in audit_text(authd)
    assert list(authd.local().GetStatus().ca_pins) == pin
    # The node was never told anything: its certificate is good.
    node.caller = authd.remote(node.keys.tls_pem(), node.reply.tls_cert_pem.encode())
    node.beat()
    assert [n.name for n in authd.local().ListNodes().nodes] == ['db-1']
    assert {r.name for r in authd.local().GetResources(kind='role').resources} == {'access', 'editor', 'auditor', 'dev'}
    assert len(authd.local().GetResources(kind='lock').resources) == 1
    # Password and second factor are the old ones; certificates from before are not: some may have been withdrawn since.
    code, why = fails(authd.remote(keys.tls_pem(), cert).ListUsers)
    assert code == 'UNAUTHENTICATED' and 'tsh login' in why
    _, after = alice.login()
    assert {u.name for u in after.ListUsers().users} == {'alice', 'bob'}
    # What could be used once may have been used since.
    assert fails(authd.local().GetInvite, name=link)[0] != 'OK'
    assert fails(authd.join, name='db-2', token=token)[0] != 'OK'
    # The event is written once.
    authd.stop()
    authd.start()
    assert audit_text(authd).count(b'auth.restore') == 1


def test_a_backup_for_a_key_is_opened_by_its_file_alone(authd):
    status, text = tctl(authd, 'backup', f'--make-key={authd.dir}/private')
    recipient = re.search(r'^backup_recipient: (sallyport-backup-1:\S+)$', text, re.M).group(1)
    assert status == 0 and os.stat(f'{authd.dir}/private').st_mode & 0o777 == 0o600
    assert tctl(authd, 'backup', f'--make-key={authd.dir}/private')[0] == 1  # not written over
    assert tctl(authd, 'backup', f'--make-key={authd.dir}/other')[0] == 0
    status, text = tctl(authd, 'backup', f'{authd.dir}/backup')
    assert status == 1 and 'backup_recipient' in text
    authd.stop()
    with open(authd.config, 'a') as f:
        f.write(f'backup_recipient: {recipient}\n')
    authd.start()
    status, text = tctl(authd, 'backup', f'{authd.dir}/backup')
    assert status == 0 and recipient in text, text
    status, text = tctl(authd, 'backup', f'{authd.dir}/backup')
    assert status == 1 and 'there already' in text
    lose(authd)
    status, text = restore(authd, f'{authd.dir}/backup')
    assert status == 1 and '--backup-key' in text
    status, text = restore(authd, f'{authd.dir}/backup', opener=f'--backup-key={authd.dir}/other')
    assert status == 1 and 'does not open' in text and not os.path.exists(authd.state)
    assert restore(authd, f'{authd.dir}/backup', opener=f'--backup-key={authd.dir}/private')[0] == 0
    authd.start()


def fetch(caller, **kw):
    """The file as a foreign client would fetch it."""
    data, last = b'', None
    for part in caller.Backup(timeout=60, **kw):
        data, last = data + part.data, part
    assert last.done and last.size == len(data) and last.sha256 == hashlib.sha256(data).digest()
    return data


def test_a_backup_is_for_whom_root_says(authd):
    """Whoever may fetch one, or holds authd itself, does not choose who can open it."""
    for name in ('ours', 'mine'):
        tctl(authd, 'backup', f'--make-key={authd.dir}/{name}')
    with open(f'{authd.dir}/mine') as f:
        assert f.read().startswith('sallyport-backup-secret-1:')
    os.remove(f'{authd.dir}/mine')
    ours, mine = [re.search(r'sallyport-backup-1:\S+', text).group(0) for text in
                  (tctl(authd, 'backup', f'--make-key={authd.dir}/{n}')[1] for n in ('a', 'b'))]
    authd.stop()
    with open(authd.config, 'a') as f:
        f.write(f'backup_recipient: {ours}\n')
    authd.start()
    authd.local().put(pb.Role(name='keeper', allow=pb.RoleConditions(
        rules=[pb.VerbRule(resources=['backup'], verbs=['create'])])))
    _, keeper = authd.user('keeper', roles=['keeper']).login()
    _, editor = authd.user('editor', roles=['editor', 'access', 'auditor']).login()
    node = authd.join(name='db-1')
    assert fetch(keeper).startswith(b'SPBACKUP')
    assert fetch(keeper, recipient=ours).startswith(b'SPBACKUP')
    for caller, wanted in ((keeper, 'authd.yaml'), (authd.local(), 'authd.yaml')):
        for proof in (b'', b'\0' * 32, b'x' * 31):
            code, why = fails(lambda c=caller, p=proof: fetch(c, recipient=mine, proof=p))
            assert code == 'FAILED_PRECONDITION' and wanted in why
    # No preset has the right, and daemons have none.
    code, why = fails(lambda: fetch(editor))
    assert code == 'PERMISSION_DENIED' and 'backup' in why
    assert fails(lambda: fetch(node.caller))[0] == 'PERMISSION_DENIED'
    assert fails(lambda: fetch(authd.anyone()))[0] in ('PERMISSION_DENIED', 'UNAUTHENTICATED')
    code, why = fails(lambda: fetch(keeper, recipient='sallyport-backup-1:AAAA'))
    assert code == 'FAILED_PRECONDITION' and '--make-key' in why


def test_who_breaks_off_is_known_as_well(authd):
    fill(authd, 300)
    recipient = re.search(r'sallyport-backup-1:\S+', tctl(authd, 'backup', f'--make-key={authd.dir}/key')[1]).group(0)
    authd.stop()
    with open(authd.config, 'a') as f:
        f.write(f'backup_recipient: {recipient}\n')
    authd.start()
    authd.local().put(pb.Role(name='keeper', allow=pb.RoleConditions(rules=[pb.VerbRule(resources=['backup'], verbs=['create'])])))
    keepers = [authd.user(name, roles=['keeper']).login()[1] for name in ('kim', 'lee')]
    streams = [keepers[0].Backup()]
    next(streams[0])
    assert b'backup.start' in audit_text(authd) and b'backup.create' not in audit_text(authd)
    # They hold the store's log: there are few at a time, of one person one, and authd serves others meanwhile.
    assert fails(lambda: list(keepers[0].Backup()))[0] == 'RESOURCE_EXHAUSTED'
    streams.append(authd.local().Backup())
    next(streams[1])
    assert fails(lambda: list(keepers[1].Backup()))[0] == 'RESOURCE_EXHAUSTED'
    authd.local().AddUser(name='bob', roles=['access'])
    for stream in streams:
        stream.cancel()
    wait_for('the event of the end', lambda: audit_text(authd).count(b'backup.create') == 2, 60)
    assert b'TBK01E' in audit_text(authd)
    assert len(fetch(authd.local())) > 1000000


def test_a_backup_is_of_one_moment(authd):
    """What is changed while it is fetched is in it as it was when it began."""
    fill(authd, 300)
    status, text = tctl(authd, 'backup', f'--make-key={authd.dir}/key2')
    recipient = re.search(r'sallyport-backup-1:\S+', text).group(0)
    authd.stop()
    with open(authd.config, 'a') as f:
        f.write(f'backup_recipient: {recipient}\n')
    authd.start()
    stream = authd.local().Backup()
    data = next(stream).data
    for i in range(300):
        authd.local().RemoveResource(kind='role', name=f'big-{i:03}')
    authd.local().AddUser(name='zoe', roles=['access'])
    for part in stream:
        data += part.data
    with open(f'{authd.dir}/backup', 'wb') as f:
        f.write(data)
    lose(authd)
    status, text = restore(authd, f'{authd.dir}/backup', opener=f'--backup-key={authd.dir}/key2')
    assert status == 0 and '303 roles' in text and '0 users' in text, text
    authd.start()
    assert authd.local().GetResources(kind='role', name='big-299').resources
    assert not authd.local().ListUsers().users


def test_what_is_no_whole_backup_changes_nothing(authd):
    authd.user('alice')
    path = backup(authd)
    with open(path, 'rb') as f:
        good = f.read()
    authd.stop()
    before = files(authd)

    def refused(data, *args, wanted, opener=None):
        bad = f'{authd.dir}/bad'
        with open(bad, 'wb') as f:
            f.write(data)
        status, text = restore(authd, bad, '--replace', *args, opener=opener)
        os.remove(bad)
        assert status == 1 and wanted in text and text.count('\n') == 1, text
        assert files(authd) == before

    refused(good[:-1], wanted='cut off')
    refused(good[:len(good) // 2], wanted='cut off')
    refused(b'', wanted='cut off')
    refused(good + b'x', wanted='changed')
    middle = len(good) // 2
    refused(good[:-100] + bytes([good[-100] ^ 1]) + good[-99:], wanted='changed')
    refused(good[:300] + bytes([good[300] ^ 1]) + good[301:], wanted='does not open')
    refused(good[:8] + b'\0\0\0\2' + good[12:], wanted='version 2')
    refused(good.replace(b'test.sallyport', b'best.sallyport', 1), wanted='keeps its name')
    refused(os.urandom(middle), wanted='no backup')
    with open(os.open(f'{authd.dir}/wrong', os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
        f.write('another passphrase')
    before = files(authd)
    refused(good, wanted='wrong', opener=f'--passphrase-file={authd.dir}/wrong')
    status, text = restore(authd, f'{authd.dir}/none')
    assert status == 1 and 'No such file' in text
    status, text = restore(authd, '/dev/zero')
    assert status == 1 and 'not a regular file' in text
    # Nor does one that is good, as long as nobody says that what is there may go.
    status, text = restore(authd, path)
    assert status == 1 and '--replace' in text and files(authd) == before
    status, text = restore(authd, path, '--dry-run')
    assert status == 0 and '1 users' in text and files(authd) == before
    status, text = run(os.path.join(authd.build, 'authd'), f'--config={authd.config}', '--replace')
    assert status == 1 and '--restore' in text
    authd.start()


def test_restore_leaves_a_running_authd_alone(authd):
    authd.user('alice')
    path = backup(authd)
    status, text = restore(authd, path, '--replace')
    assert status == 1 and 'in use' in text, text
    assert {u.name for u in authd.local().ListUsers().users} == {'alice'}


def test_what_was_there_is_kept_beside_it(authd):
    authd.user('alice')
    path = backup(authd)
    authd.user('bob')
    authd.stop()
    status, text = restore(authd, path, '--replace')
    assert status == 0, text
    old = [n for n in os.listdir(authd.state) if n.startswith('replaced-')]
    assert len(old) == 1 and set(os.listdir(os.path.join(authd.state, old[0]))) >= {'authd.sqlite', 'ca.sealed'}
    assert os.path.exists(f'{authd.state}.key.{old[0]}') and old[0] in text
    authd.start()
    assert {u.name for u in authd.local().ListUsers().users} == {'alice'}
    # And back.
    authd.stop()
    for name in os.listdir(os.path.join(authd.state, old[0])):
        os.rename(os.path.join(authd.state, old[0], name), os.path.join(authd.state, name))
    os.rename(f'{authd.state}.key.{old[0]}', authd.state + '.key')
    authd.start()
    assert {u.name for u in authd.local().ListUsers().users} == {'alice', 'bob'}


def test_a_restore_that_was_broken_off_is_seen_and_can_be_done_again(authd):
    authd.user('alice')
    path = backup(authd)
    lose(authd)
    assert restore(authd, path)[0] == 0
    # As if the power had failed between the files.
    os.remove(os.path.join(authd.state, 'ca.sealed'))
    os.remove(authd.state + '.key')
    with open(os.path.join(authd.state, 'restore.unfinished'), 'w'):
        pass
    status, text = run(os.path.join(authd.build, 'authd'), f'--config={authd.config}')
    assert status == 1 and '--restore' in text, text
    assert not os.path.exists(os.path.join(authd.state, 'ca.sealed')) and not os.path.exists(authd.state + '.key')
    status, text = restore(authd, path)
    assert status == 0, text
    authd.start()
    assert {u.name for u in authd.local().ListUsers().users} == {'alice'}


def rows(a, query, *values):
    """Of authd's store, while authd does not run."""
    db = sqlite3.connect(f'{a.state}/authd.sqlite')
    with db:
        found = db.execute(query, values).fetchall()
    db.close()
    return found


def test_a_host_is_known_for_as_long_as_its_certificates_may_live(authd):
    """Hosts renew them after the backup, of which it knows nothing."""
    node = authd.join(name='db-1')
    gone = authd.join(name='db-2')
    authd.local().RemoveNode(name=gone.uuid)
    authd.stop()
    now = int(time.time() * 1000)
    # As of hosts that joined almost seven days ago.
    rows(authd, "UPDATE item SET expires_ms = ? WHERE key LIKE 'node/%' OR key LIKE 'host_cutoff/%'", now + 600000)
    authd.start()
    path = backup(authd)
    lose(authd)
    assert restore(authd, path)[0] == 0
    found = dict(rows(authd, "SELECT key, expires_ms FROM item WHERE key LIKE 'node/%' OR key LIKE 'host_cutoff/%'"))
    assert set(found) == {f'node/{node.uuid}', f'host_cutoff/{gone.uuid}'}
    assert all(now + 7 * 86400000 <= until <= now + 8 * 86400000 for until in found.values()), found
    authd.start()
    node.caller = authd.remote(node.keys.tls_pem(), node.reply.tls_cert_pem.encode())
    node.beat()
    # What is removed again is cut off as long, too.
    authd.local().RemoveNode(name=node.uuid)
    authd.stop()
    [(until,)] = rows(authd, 'SELECT expires_ms FROM item WHERE key = ?', f'host_cutoff/{node.uuid}')
    assert until >= now + 7 * 86400000


def test_a_password_costs_what_it_did(authd):
    """Measured anew it would cost another time than those of users, and tell who is one."""
    authd.user('alice')
    path = backup(authd)
    authd.stop()
    before = rows(authd, "SELECT value, revision FROM item WHERE key LIKE 'hashing/%'")
    lose(authd)
    assert restore(authd, path)[0] == 0
    authd.start()
    authd.stop()
    assert len(before) == 1 and rows(authd, "SELECT value, revision FROM item WHERE key LIKE 'hashing/%'") == before


def test_folders_on_the_way_are_open_to_the_other_daemons(authd):
    """/var/lib/sallyport is everybody's, whatever the umask of root's shell."""
    path = backup(authd)
    lose(authd)
    authd.state = f'{authd.dir}/var/lib/state'
    with open(authd.config) as f:
        text = f.read()
    with open(authd.config, 'w') as f:
        f.write(re.sub(r'(?m)^state: .*', f'state: {authd.state}', text))
    old = os.umask(0o077)
    try:
        status, text = restore(authd, path)
    finally:
        os.umask(old)
    assert status == 0, text
    modes = [os.stat(os.path.join(authd.dir, d)).st_mode & 0o777 for d in ('var', 'var/lib', 'var/lib/state')]
    assert modes == [0o755, 0o755, 0o700]
    authd.start()


def test_a_host_that_only_its_certificate_knows_can_be_cut_off(authd):
    """Who joined after the backup is believed by nodes until they hear a cut-off."""
    authd.local().put(pb.Role(name='remover', allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])],
        rules=[pb.VerbRule(resources=['node'], verbs=['delete'])])))
    remover = authd.user('rita', ['remover'])
    path = backup(authd)
    proxy = authd.join('proxy', 'gate-1')
    lose(authd)
    assert restore(authd, path)[0] == 0
    authd.start()
    proxy.caller = authd.remote(proxy.keys.tls_pem(), proxy.reply.tls_cert_pem.encode())
    assert fails(proxy.caller.HelloProxy)[0] == 'UNAUTHENTICATED'
    # It might be a proxy: nodes are what she may remove.
    assert fails(remover.login()[1].RemoveNode, name=proxy.uuid)[0] == 'NOT_FOUND'
    assert fails(authd.local().RemoveNode, name='gate-1')[0] == 'NOT_FOUND'
    node = authd.join('node', 'db-1')
    watch = node.caller.watch('host_cutoff')
    assert not watch.of('host_cutoff')
    status, text = tctl(authd, 'nodes', 'rm', proxy.uuid)
    assert status == 0, text
    change = watch.next_of('host_cutoff')
    assert change.key == proxy.uuid and change.value.issued_before > 0
    assert b'node.remove' in audit_text(authd)
    # And it can come back like others.
    authd.join('proxy', 'gate-1', uid=proxy.uuid, keys=proxy.keys)


def broken_restore(a, path, *args):
    """One that is killed while it writes the new store."""
    argv = [os.path.join(a.build, 'authd'), f'--config={a.config}', f'--restore={path}', f'--passphrase-file={a.dir}/passphrase']
    return subprocess.run(['prlimit', '--fsize=20000', '--core=0', *argv, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=120).returncode


def test_a_restore_that_breaks_off_makes_no_new_cluster(authd):
    fill(authd, 3)
    path = backup(authd)
    pin = list(authd.local().GetStatus().ca_pins)
    # Beside a state nothing happened to it.
    authd.stop()
    assert broken_restore(authd, path, '--replace') != 0
    authd.start()
    assert list(authd.local().GetStatus().ca_pins) == pin
    lose(authd)
    assert broken_restore(authd, path) != 0
    status, text = run(os.path.join(authd.build, 'authd'), f'--config={authd.config}')
    assert status == 1 and '--restore' in text, text
    assert not os.path.exists(os.path.join(authd.state, 'ca.sealed')) and not os.path.exists(authd.state + '.key')
    status, text = restore(authd, path)
    assert status == 0 and 'replaced' not in text, text
    authd.start()
    assert list(authd.local().GetStatus().ca_pins) == pin


def test_what_was_there_is_in_one_place_however_often_it_is_tried(authd):
    path = backup(authd)
    authd.user('bob')
    authd.stop()
    with open(f'{authd.state}.key') as f:
        key = f.read()
    assert restore(authd, path, '--replace')[0] == 0
    [old] = [n for n in os.listdir(authd.state) if n.startswith('replaced-')]
    mark = os.path.join(authd.state, 'restore.unfinished')
    # As if the power had failed just before the end.
    for content, wanted in (('../../etc', 1), ('replaced-/../..', 1), (old, 0)):
        with open(mark, 'w') as f:
            f.write(content)
        status, text = restore(authd, path)
        assert status == wanted and (old in text or 'replaced-*' in text), text
    assert [n for n in os.listdir(authd.state) if n.startswith('replaced-')] == [old] and not os.path.exists(mark)
    db = sqlite3.connect(os.path.join(authd.state, old, 'authd.sqlite'))
    assert db.execute("SELECT count(*) FROM item WHERE key = 'user/bob'").fetchone() == (1,)
    db.close()
    with open(f'{authd.state}.key.{old}') as f:
        assert f.read() == key
    authd.start()
    assert not authd.local().ListUsers().users


# --- a whole cluster ------------------------------------------------------------------------------------------------

def save(c):
    path = c.path('cluster.backup')
    c.write('passphrase', PASSPHRASE + '\n')
    c.tctl('backup', path, f"--passphrase-file={c.path('passphrase')}", f"--ca-key={c.path('authd.key')}")
    return path


def bring_back(c, path):
    """authd's machine is lost, and made anew from the package, authd.yaml and the backup."""
    c.daemons['authd'].cut_off()
    shutil.rmtree(c.path('authd'))
    os.remove(c.path('authd.key'))
    c.run(c.bin('authd'), f"--config={c.path('authd.yaml')}", f'--restore={path}', f"--passphrase-file={c.path('passphrase')}")
    if c.root:
        owner = os.stat(c.path('authd'))
        assert owner.st_uid == os.stat(c.path('authd/authd.sqlite')).st_uid == os.stat(c.path('authd/ca.sealed')).st_uid != 0
        assert owner.st_mode & 0o777 == 0o700 and os.stat(c.path('authd.key')).st_uid == 0
    restart(c, 'authd')


def restart(c, name):
    d = c.restart(name)
    if name == 'authd':
        wait_for('authd', lambda: c.up(d) and c.tctl('status', check=False).returncode == 0, 60)


def count(c, query):
    return int(c.sql(query)[0][0])


def says(c, user, *args):
    out = c.tsh(user, *args, check=False)
    return out.returncode, out.stdout + out.stderr


def test_everybody_takes_the_older_state_after_a_restore(fresh):
    """What came after the backup is gone in every program, what went after it is back, and who has to do something is told."""
    c = fresh.start([('node-1', 'env=example')])
    people = {name: c.add_user(name) for name in ('alice', 'bob', 'carol')}
    for name in ('alice', 'bob'):
        c.login(people[name])
    c.tsh('alice', 'ssh', 'root@node-1', 'echo recorded-before')
    path = save(c)
    # After the backup: bob goes, dora comes, a node comes, carol is locked.
    c.tctl('users', 'rm', 'bob')
    dora = c.add_user('dora')
    c.login(dora)
    c.start_node('node-2')
    c.tctl('lock', '--user=carol', '--message=left')
    assert says(c, 'dora', 'ssh', 'root@node-2', 'echo recorded-after')[1].strip() == 'recorded-after'
    dora_keys = c.keys('dora')
    wait_for('the recordings', lambda: count(c, "SELECT count(*) FROM sessions WHERE ended IS NOT NULL") == 2, 60)

    bring_back(c, path)
    # node-1 was told nothing and started by nobody.
    wait_for('node-1', lambda: 'node-1' in c.node_names(), 60)
    assert c.node_names() == {'node-1'}
    assert {u for u in ('alice', 'bob', 'carol', 'dora') if u in c.tctl('users', 'ls').stdout} == {'alice', 'bob', 'carol'}
    # Nobody's certificate of before counts: at authd, and at proxyd and node, which heard it.
    wait_for('the replicas', lambda: all(c.daemons[n].text().count('the cluster is known as authd has it') >= 2
                                         for n in ('proxyd', 'node-1', 'auditd')), 60)
    for user in ('alice', 'bob', 'dora'):
        status, text = says(c, user, 'ssh', 'root@node-1', 'true')
        assert status != 0 and 'tsh login' in text, (user, text)
        assert c.tctl_remote(user, 'users', 'ls', check=False).returncode != 0
    # Of dora, who is known to nobody, a node alone would still believe the certificate.
    assert os.path.exists(os.path.join(dora_keys, 'key-cert.pub'))
    # bob is back with his old password; nobody knows dora; the lock is gone.
    for name in ('alice', 'bob', 'carol'):
        c.login(people[name])
        wait_for(f'{name} at the node', lambda: says(c, name, 'ssh', 'root@node-1', 'echo again')[1].strip() == 'again')
    assert c.login(dora, False).returncode != 0
    # The node of after the backup is told what to do, and does it.
    wait_for('word to node-2', lambda: 'not registered here' in c.daemons['node-2'].text() and
             'new token' in c.daemons['node-2'].text(), 60)
    status, text = says(c, 'alice', 'ssh', 'root@node-2', 'true')
    assert status != 0 and 'node-2' in text, text
    c.daemons['node-2'].stop()
    os.remove(c.path('node-2.yaml'))
    c.start_node('node-2')
    wait_for('node-2', lambda: says(c, 'alice', 'ssh', 'root@node-2', 'echo joined')[1].strip() == 'joined')
    # Recordings and events are the database's, and all there: also of what authd has forgotten.
    shown = c.tsh('alice', 'recordings', 'ls', '--format=json', check=False)
    assert 'recorded-before' in c.tctl('recordings', 'ls').stdout and 'recorded-after' in c.tctl('recordings', 'ls').stdout, shown
    wait_for('the event of the restore', lambda: count(c, "SELECT count(*) FROM events WHERE type = 'auth.restore'") == 1, 60)
    assert count(c, "SELECT count(*) FROM events WHERE type = 'backup.create' AND ok") == 1
    assert 'dora' in c.tctl('audit', 'ls', '--type=user.create', '--format=json').stdout
    wait_for('what was done since', lambda: count(
        c, "SELECT count(*) FROM sessions WHERE command IN ('echo again', 'echo joined') AND ended IS NOT NULL") == 4, 60)
    assert count(c, 'SELECT count(*) FROM audit_dead_letter') == 0
    assert count(c, 'SELECT count(*) FROM audit_gap') == 0


def test_a_lost_proxy_audit_daemon_or_node_comes_back_with_a_new_token(fresh):
    c = fresh.start([('node-1', 'env=example')])
    alice = c.add_user('alice')
    c.login(alice)
    c.tsh('alice', 'ssh', 'root@node-1', 'echo one')
    old_uuid = c.tctl('nodes', 'ls', '--format=json').stdout
    # The proxy: another machine under the old address.
    c.daemons['proxyd'].cut_off()
    shutil.rmtree(c.path('proxyd'))
    c.start_proxyd()
    wait_for('the way through the new proxy', lambda: says(c, 'alice', 'ssh', 'root@node-1', 'echo two')[1].strip() == 'two', 60)
    # The audit daemon.
    c.daemons['auditd'].cut_off()
    shutil.rmtree(c.path('auditd'))
    assert says(c, 'alice', 'ssh', 'root@node-1', 'echo three')[1].strip() == 'three'
    c.start_auditd()
    # The node: its name is free when the old one is removed.
    wait_for('what it had sent', lambda: count(c, "SELECT count(*) FROM sessions WHERE ended IS NOT NULL") == 3, 90)
    c.daemons['node-1'].cut_off()
    shutil.rmtree(c.path('node-1'))
    c.tctl('nodes', 'rm', 'node-1')
    c.nodes.remove('node-1')
    os.remove(c.path('node-1.yaml'))
    c.start_node('node-1', 'env=example')
    assert c.tctl('nodes', 'ls', '--format=json').stdout != old_uuid
    # Who knew the old machine is told that this is another one.
    status, text = says(c, 'alice', 'ssh', 'root@node-1', 'true')
    assert status != 0 and 'tsh forget' in text
    c.tsh('alice', 'forget', 'node-1')
    assert says(c, 'alice', 'ssh', 'root@node-1', 'echo four')[1].strip() == 'four'
    # A token that is not good changes nothing for a node that is one.
    c.daemons['node-1'].stop()
    c.write('node-1.token', 'f' * 32 + '\n')
    restart(c, 'node-1')
    wait_for('node-1 as it was', lambda: 'going on as the host that it is' in c.daemons['node-1'].text() and
             says(c, 'alice', 'ssh', 'root@node-1', 'echo five')[1].strip() == 'five', 60)
    wait_for('the last', lambda: count(c, "SELECT count(*) FROM sessions WHERE command = 'echo four' AND ended IS NOT NULL") == 1, 60)
    assert count(c, 'SELECT count(*) FROM audit_dead_letter') == 0
