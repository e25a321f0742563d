# SPDX-License-Identifier: Apache-2.0
"""authd alone, over its Unix socket and mutual TLS: logins, lockout, tokens, joins, cutoffs, who may call what."""
import base64
import concurrent.futures
import itertools
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import uuid

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from cluster import free_ports, wait_for

from authd import (CLUSTER, PASSWORD, Authd, Browser, Caller, Keys, Person, Relay, as_dict, audit_text, fails, on_behalf, pb,
                   ssh_cert)

pytestmark = pytest.mark.sanitized


@pytest.fixture
def authd(build):
    folder = tempfile.mkdtemp(prefix='sp-authd-')
    a = Authd(folder, build).start()
    yield a
    a.stop()
    text = a.daemon.text()
    assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    shutil.rmtree(folder, ignore_errors=True)


def test_a_copy_of_the_store_has_no_seed_and_the_key_is_not_in_its_folder(authd):
    alice = authd.user('alice')
    link = authd.local().AddUser(name='bob', roles=['access']).token
    shown = authd.local().GetInvite(name=link).totp_secret
    authd.stop()
    seeds = [base64.b32decode(s + '=' * (-len(s) % 8)) for s in (alice.secret, shown)]
    names = []
    for root, _, files in os.walk(authd.state):
        for f in files:
            names.append(f)
            with open(os.path.join(root, f), 'rb') as fh:
                data = fh.read()
            assert not [s for s in seeds if s in data or s.hex().encode() in data], f
    assert 'authd.sqlite' in names and 'ca.sealed' in names and not [n for n in names if n.endswith('.key') and 'ca' in n]
    key = authd.state + '.key'
    assert os.stat(key).st_mode & 0o777 == 0o600
    # With them it opens; without the key nothing does, and says what to do.
    authd.start()
    alice.login()
    authd.stop()
    os.rename(key, key + '.away')
    out = subprocess.run([os.path.join(authd.build, 'authd'), f'--config={authd.config}'], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=60)
    assert out.returncode != 0 and key in out.stdout and 'backup' in out.stdout and 'ca_key' in out.stdout
    os.rename(key + '.away', key)
    authd.start()


# --- logins ------------------------------------------------------------------------------------


def test_login_gives_certificates_with_what_the_roles_allow(authd, tmp_path):
    alice = authd.user('alice', ['access', 'editor'], ['root', 'ubuntu'])
    before = time.time()
    reply, caller = alice.login()
    assert (reply.user, reply.cluster) == ('alice', CLUSTER)
    assert list(reply.roles) == ['access', 'editor'] and list(reply.logins) == ['root', 'ubuntu']
    assert list(reply.extensions) == ['permit-pty']
    assert abs(reply.valid_until / 1000 - before - 12 * 3600) < 30
    cert = ssh_cert(reply.ssh_cert, tmp_path)
    assert cert['Key ID'] == ['"alice"'] and cert['Principals'] == ['root', 'ubuntu']
    assert cert['Critical Options'] == ['(none)']
    # Today's nodes forward neither ports nor agents.
    assert 'permit-pty' in cert['Extensions'] and not [x for x in cert['Extensions'] if 'forwarding' in x or 'X11' in x]
    assert any(x.startswith('roles@sallyport') for x in cert['Extensions'])
    assert caller.GetStatus().cluster == CLUSTER
    assert [u.name for u in caller.ListUsers().users] == ['alice']
    log = audit_text(authd)
    assert b'T1000I' in log and b'TC000I' in log


def test_the_ttl_is_what_was_asked_for_within_the_roles(authd):
    alice = authd.user('alice')
    now = time.time()
    assert abs(alice.login(ttl_s=3600)[0].valid_until / 1000 - now - 3600) < 30
    assert abs(alice.login(ttl_s=400 * 3600)[0].valid_until / 1000 - now - 30 * 3600) < 30


def test_wrong_user_password_and_code_are_one_answer(authd):
    alice = authd.user('alice')
    wrong_user = fails(Person(authd, 'nobody-here', PASSWORD).login, otp='123456')
    wrong_password = fails(alice.login, password='not the password!')
    wrong_code = fails(alice.login, otp='000000')
    assert wrong_user == wrong_password == wrong_code
    assert wrong_user[0] == 'UNAUTHENTICATED'
    assert b'T1000W' in audit_text(authd)


def test_a_code_is_good_once(authd):
    alice = authd.user('alice')
    code = alice.otp()
    alice.login(otp=code)
    assert fails(alice.login, otp=code)[0] == 'UNAUTHENTICATED'


def test_one_code_in_two_logins_at_once_lets_one_in(authd):
    alice = authd.user('alice')
    code = alice.otp()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = [f.result()[0] for f in [pool.submit(fails, alice.login, otp=code) for _ in range(4)]]
    assert codes.count('OK') == 1, codes


def test_five_failures_close_the_name_for_their_address_whether_it_exists_or_not(authd):
    alice = authd.user('alice')
    for person in (alice, Person(authd, 'ghost', PASSWORD)):
        for _ in range(5):
            assert fails(person.login, password='not the password!', otp='000000')[0] == 'UNAUTHENTICATED'
        code, text = fails(person.login, otp='000000')
        assert code == 'FAILED_PRECONDITION' and 'too many failed logins' in text
    assert fails(alice.login)[0] == 'FAILED_PRECONDITION'  # also with everything right
    assert authd.local().ListUsers().users[0].locked
    authd.kill()
    authd.start()
    assert fails(alice.login, otp='000000')[0] == 'FAILED_PRECONDITION'  # a restart does not open it
    authd.local().UpdateUser(name='alice', unlock=True)
    alice.login()
    assert b'TL001W' in audit_text(authd) and b'source' in audit_text(authd)


def test_guesses_at_the_same_time_do_not_get_round_the_lock(authd):
    alice = authd.user('alice')
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(fails, alice.login, password=f'guess number {i:04}', otp='000000') for i in range(12)]
        assert {j.result()[0] for j in jobs} <= {'UNAUTHENTICATED', 'FAILED_PRECONDITION', 'RESOURCE_EXHAUSTED'}
    assert fails(alice.login)[0] == 'FAILED_PRECONDITION'


def test_one_address_cannot_try_for_ever(authd):
    codes = [fails(Person(authd, f'user{i}', PASSWORD).login, otp='000000', password='x' * 12)[0] for i in range(60)]
    assert 'RESOURCE_EXHAUSTED' in codes


def test_users_whose_roles_let_them_in_nowhere(authd, tmp_path):
    local = authd.local()
    local.put(pb.Role(name='empty', allow=pb.RoleConditions(node_labels=[pb.LabelRule(key='*', values=['*'])])))
    nobody = authd.user('nobody', ['empty'], ['root'])
    code, text = fails(nobody.login)
    assert code == 'PERMISSION_DENIED' and 'no login' in text
    auditor = authd.user('audrey', ['auditor'], [])
    reply, caller = auditor.login()
    assert list(reply.logins) == []
    assert ssh_cert(reply.ssh_cert, tmp_path)['Principals'] == ['no-login@sallyport']
    assert caller.GetStatus().cluster == CLUSTER


def test_a_role_that_pins_the_address(authd, tmp_path):
    authd.local().put(pb.Role(
        name='pinned', allow=pb.RoleConditions(logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])]),
        options=pb.RoleOptions(pin_source_ip=True, permit_pty=True)))
    reply, _ = authd.user('alice', ['pinned'], []).login()
    cert = ssh_cert(reply.ssh_cert, tmp_path)
    assert cert['Critical Options'] == ['source-address 127.0.0.1/32']
    assert not any('agent' in x for x in cert['Extensions'])


def test_people_behind_a_proxy_are_known_by_their_own_address(authd, tmp_path):
    """The test plays a proxy that passes a connection on: it tells whose it is before the first byte."""
    authd.local().put(pb.Role(
        name='pinned', allow=pb.RoleConditions(logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])]),
        options=pb.RoleOptions(pin_source_ip=True)))
    alice = authd.user('alice', ['pinned'], [])
    proxy = authd.join('proxy', 'gate')
    proxy.caller.HelloProxy(public_addr='web.example.com:443')
    code, text = fails(alice.login)
    assert code == 'PERMISSION_DENIED' and 'not known here' in text  # hidden behind the proxy
    with Relay(authd.port) as relay:
        relay.before = lambda via: proxy.caller.NoteOrigin(via=via, client='203.0.113.7:4444')
        creds = grpc.ssl_channel_credentials(authd.ca)
        channel = grpc.secure_channel(f'127.0.0.1:{relay.port}', creds,
                                      [('grpc.ssl_target_name_override', f'authd.{CLUSTER}')])
        reply = authd.keep(Caller(channel)).Login(user='alice', password=PASSWORD, otp=alice.otp(),
                                                  keys=Keys().public())
    assert ssh_cert(reply.ssh_cert, tmp_path)['Critical Options'] == ['source-address 203.0.113.7/32']
    assert b'203.0.113.7:4444' in audit_text(authd)
    assert fails(proxy.caller.NoteOrigin, via='10.9.9.9:1', client='203.0.113.7:1')[0] == 'INVALID_ARGUMENT'


class Shown:
    """A proxy that shows its metrics; how often it was asked for them, and how its stream ended."""

    def __init__(self, caller):
        self.texts, self.asked, self.ended = queue.Queue(), 0, None
        self.stream = caller.ShowMetrics(iter(self.texts.get, None))
        self.show('')
        threading.Thread(target=self.listen, daemon=True).start()

    def show(self, text):
        self.texts.put(pb.MetricsText(daemon='authd', host='somebody else', text=text))

    def listen(self):
        try:
            for _ in self.stream:
                self.asked += 1
        except grpc.RpcError as e:
            self.ended = e.code().name


def test_a_proxy_shows_its_metrics_when_somebody_asks(authd):
    boss, proxy = authd.local(), authd.join('proxy', 'gate')
    shown = Shown(proxy.caller)
    wait_for('the question', lambda: boss.GetMetrics().daemons[0].daemon == 'authd' and shown.asked == 1)
    boss.GetMetrics()
    assert shown.asked == 1  # the first is not answered yet
    shown.show('sallyport_tunnels 7\n')
    wait_for('the answer', lambda: [(d.daemon, d.host, d.text) for d in boss.GetMetrics().daemons[1:]] ==
             [('proxyd', 'gate', 'sallyport_tunnels 7\n')])
    assert 'sallyport_build_info{daemon="authd"' in boss.GetMetrics().daemons[0].text

    # Who sends without being asked, or too much, sends no more.
    wait_for('the next question', lambda: shown.asked == 2)
    shown.show('a 1\n')
    shown.show('a 2\n')
    wait_for('the end of the stream', lambda: shown.ended == 'INVALID_ARGUMENT')
    wait_for('nothing of it left', lambda: len(boss.GetMetrics().daemons) == 1)
    shown = Shown(proxy.caller)
    wait_for('the question', lambda: boss.GetMetrics() and shown.asked == 1)
    shown.show('x' * 300000)
    wait_for('the end of the stream', lambda: shown.ended == 'INVALID_ARGUMENT')

    # One that comes twice is there once; one that was removed, no more.
    first, second = Shown(proxy.caller), Shown(proxy.caller)
    wait_for('the question', lambda: boss.GetMetrics() and (second.asked or first.asked) and (first.ended or second.ended))
    boss.RemoveNode(name='gate')
    wait_for('the end of both', lambda: boss.GetMetrics() and first.ended and second.ended)
    assert len(boss.GetMetrics().daemons) == 1


def test_metrics_are_for_those_who_may_read_the_cluster(authd):
    authd.local().put(pb.Role(name='blind', allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])])))
    node, alice, bob = authd.join('node', 'n1'), authd.user('alice', ['auditor']), authd.user('bob', ['blind'])
    assert len(alice.login()[1].GetMetrics().daemons) == 1
    assert fails(bob.login()[1].GetMetrics)[0] == 'PERMISSION_DENIED'
    assert fails(authd.anyone().GetMetrics)[0] == 'UNAUTHENTICATED'
    assert fails(node.caller.GetMetrics)[0] == 'PERMISSION_DENIED'
    assert fails(lambda: next(node.caller.ShowMetrics(iter([pb.MetricsText()]))))[0] == 'PERMISSION_DENIED'


def test_keys_of_the_wrong_kind_are_refused(authd):
    alice = authd.user('alice')
    keys = Keys().public()
    keys.ssh = b'\0\0\0\7ssh-rsa' + keys.ssh[11:]
    assert fails(authd.anyone().Login, user='alice', password=PASSWORD, otp=alice.otp(), keys=keys)[0] == 'INVALID_ARGUMENT'
    assert fails(authd.anyone().Login, user='alice', password=PASSWORD, otp='1')[0] == 'INVALID_ARGUMENT'


# --- invites --------------------------------------------------------------------------------------


def test_an_invite_is_good_once_and_its_secret_stays_until_then(authd):
    local = authd.local()
    link = local.AddUser(name='alice', roles=['access'], logins=['root'])
    assert link.url == f'https://tele.example.com:443/web/invite/{link.token}' and len(link.token) == 32
    a, b = local.GetInvite(name=link.token), local.GetInvite(name=link.token)
    assert a.totp_secret == b.totp_secret and a.user == 'alice' and a.totp_uri.startswith('otpauth://totp/')
    alice = Person(authd, 'alice', PASSWORD)
    alice.secret = a.totp_secret
    code, text = fails(local.CompleteInvite, token=link.token, password='short', otp=alice.otp())
    assert code == 'INVALID_ARGUMENT' and '12' in text
    assert fails(local.CompleteInvite, token=link.token, password='x' * 129, otp='000000')[0] == 'INVALID_ARGUMENT'
    assert fails(local.CompleteInvite, token=link.token, password=PASSWORD, otp='000000')[0] == 'PERMISSION_DENIED'
    assert fails(alice.login)[0] == 'UNAUTHENTICATED'  # not confirmed yet
    alice.confirm(link.token)
    assert fails(local.GetInvite, name=link.token)[0] == 'NOT_FOUND'
    assert fails(local.CompleteInvite, token=link.token, password=PASSWORD, otp='000000')[0] == 'NOT_FOUND'
    alice.login()


def test_a_new_link_kills_the_old_one_and_wrong_codes_kill_it_too(authd):
    local = authd.local()
    old = local.AddUser(name='alice', roles=['access'], logins=['root']).token
    new = local.ResetUser(name='alice').token
    assert fails(local.GetInvite, name=old)[0] == 'NOT_FOUND'
    local.GetInvite(name=new)
    codes = [fails(local.CompleteInvite, token=new, password=PASSWORD, otp='000000') for _ in range(12)]
    assert 'too many wrong codes' in codes[9][1] and codes[10][0] == 'NOT_FOUND'


def test_reset_keeps_the_old_password_until_the_link_is_used(authd):
    local = authd.local()
    alice = authd.user('alice')
    _, caller = alice.login()
    token = local.ResetUser(name='alice').token
    _, caller = alice.login()
    old = alice.password
    alice.password = 'another long password'
    alice.confirm(token)
    assert fails(caller.GetStatus)[0] == 'UNAUTHENTICATED'  # got by the old password
    _, caller = alice.login()
    assert caller.GetStatus().cluster == CLUSTER
    assert fails(alice.login, password=old)[0] == 'UNAUTHENTICATED'


def test_an_invite_expires(authd):
    link = authd.local().AddUser(name='alice', roles=['access'], logins=['root'], ttl_s=1)
    time.sleep(1.1)
    assert fails(authd.local().GetInvite, name=link.token)[0] == 'NOT_FOUND'


# --- users -------------------------------------------------------------------------------------------


def test_removing_a_user_makes_certificates_worthless_and_adding_again_works(authd):
    node = authd.join()
    alice = authd.user('alice', ['editor', 'access'])
    _, caller = alice.login()
    stream = node.caller.watch('cutoff')
    assert not stream.changes
    authd.local().RemoveUser(name='alice')
    cutoff = next(stream)
    stream.cancel()
    assert cutoff.key == 'alice'
    assert (time.time() - 61) * 1000 <= cutoff.value.issued_before <= (time.time() - 58) * 1000
    assert fails(caller.ListUsers)[0] == 'UNAUTHENTICATED'
    again = authd.user('alice', ['editor', 'access'])
    _, new_caller = again.login()
    assert [u.name for u in new_caller.ListUsers().users] == ['alice']
    assert fails(caller.ListUsers)[0] == 'UNAUTHENTICATED'
    stream = node.caller.watch('cutoff')
    stream.cancel()
    assert [c.key for c in stream.changes] == ['alice']


def test_changing_roles_cuts_off_and_takes_rights_at_once(authd):
    alice = authd.user('alice', ['editor', 'access'])
    _, caller = alice.login()
    authd.local().UpdateUser(name='alice', set_roles=True, roles=['access'])
    assert fails(caller.ListUsers)[0] == 'UNAUTHENTICATED'
    reply, caller = alice.login()
    assert list(reply.roles) == ['access']
    assert fails(caller.ListUsers)[0] == 'PERMISSION_DENIED'
    assert b'access.deny' in audit_text(authd)


def test_bad_users_are_refused_with_a_reason(authd):
    local = authd.local()
    for fields, code in [(dict(name='a b', roles=['access']), 'INVALID_ARGUMENT'),
                         (dict(name='a,b', roles=['access']), 'INVALID_ARGUMENT'),
                         (dict(name='x' * 65, roles=['access']), 'INVALID_ARGUMENT'),
                         (dict(name='alice'), 'INVALID_ARGUMENT'),
                         (dict(name='alice', roles=['no-such']), 'NOT_FOUND'),
                         (dict(name='alice', roles=['access'], logins=['ro ot']), 'INVALID_ARGUMENT'),
                         (dict(name='alice', roles=['access'], ttl_s=-1), 'INVALID_ARGUMENT')]:
        assert fails(local.AddUser, **fields)[0] == code, fields
    assert len(local.ListUsers().users) == 0
    local.AddUser(name='alice', roles=['access'])
    assert fails(local.AddUser, name='alice', roles=['access'])[0] == 'ALREADY_EXISTS'
    assert fails(local.RemoveUser, name='bob')[0] == 'NOT_FOUND'


# --- tokens and joins -----------------------------------------------------------------------------------


def test_a_token_is_single_use_and_says_why_it_is_refused(authd):
    local = authd.local()
    token = local.AddToken(kind='node').token
    assert len(token) == 32
    authd.join(token=token)
    used = fails(authd.join, token=token)
    wrong = fails(authd.join, token='0' * 32)
    short = local.AddToken(kind='node', ttl_s=1).token
    time.sleep(1.1)
    expired = fails(authd.join, token=short)
    other = fails(authd.join, kind='proxy', token=local.AddToken(kind='node').token)
    assert used[0] == 'FAILED_PRECONDITION' and 'used already' in used[1]
    assert wrong[0] == 'NOT_FOUND' and 'not known' in wrong[1]
    assert expired[0] == 'FAILED_PRECONDITION' and 'expired' in expired[1]
    assert other[0] == 'PERMISSION_DENIED' and 'is for kind node' in other[1]
    log = audit_text(authd)
    assert log.count(b'TJ002E') == 4 and log.count(b'TJ002I') == 1


def test_uses_are_counted_also_at_the_same_time(authd):
    token = authd.local().AddToken(kind='node', uses=3).token
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = [j.result()[0] for j in [pool.submit(fails, authd.join, token=token, name=f'n{i}') for i in range(8)]]
    assert codes.count('OK') == 3, codes


def test_a_join_whose_answer_was_lost_can_be_repeated(authd):
    token = authd.local().AddToken(kind='node').token
    keys, uid = Keys(), str(uuid.uuid4())
    authd.join(token=token, keys=keys, uid=uid)
    authd.join(token=token, keys=keys, uid=uid).beat()
    assert fails(authd.join, token=token, keys=Keys(), uid=uid)[0] == 'ALREADY_EXISTS'
    assert fails(authd.join, token=token, keys=keys)[0] == 'FAILED_PRECONDITION'


def test_tokens_are_listed_without_themselves_and_can_be_removed(authd):
    local = authd.local()
    a = local.AddToken(kind='node', labels={'env': 'example'}, uses=2)
    b = local.AddToken(kind='proxy', value='a value that the caller chose for it')
    listed = {t.id: t for t in local.ListTokens().tokens}
    assert set(listed) == {a.id, b.id} and not any(t.token for t in listed.values())
    assert a.id == a.token[:8] and not b.token.startswith(b.id)
    assert as_dict(listed[a.id].labels) == {'env': 'example'} and listed[a.id].uses_left == 2
    with open(os.path.join(authd.state, 'authd.sqlite'), 'rb') as f, \
            open(os.path.join(authd.state, 'authd.sqlite-wal'), 'rb') as w:
        assert a.token.encode() not in f.read() + w.read()
    local.RemoveToken(name=a.id)
    local.RemoveToken(name=b.token)
    assert len(local.ListTokens().tokens) == 0
    assert fails(authd.join, token=a.token)[0] == 'NOT_FOUND'
    assert fails(local.AddToken, kind='node', value='short')[0] == 'INVALID_ARGUMENT'
    assert fails(local.AddToken, kind='king')[0] == 'INVALID_ARGUMENT'


def test_join_gives_host_and_tunnel_certificates(authd, tmp_path):
    token = authd.local().AddToken(kind='node', labels={'env': 'example'}).token
    node = authd.join(name='node-1', token=token, addresses=['10.1.2.3'], labels={'own': 'x'})
    host = ssh_cert(node.reply.ssh_host_cert, tmp_path)
    assert host['Type'] == ['ssh-ed25519-cert-v01@openssh.com host certificate']
    assert host['Principals'] == ['node-1', f'node-1.{CLUSTER}', node.uuid, f'{node.uuid}.{CLUSTER}', '10.1.2.3']
    tunnel = ssh_cert(node.reply.ssh_tunnel_cert, tmp_path)
    assert tunnel['Type'] == ['ssh-ed25519-cert-v01@openssh.com user certificate']
    assert tunnel['Principals'] == [node.uuid] and tunnel['Key ID'] == [f'"{node.uuid}"']
    assert any('tunnel@sallyport' in x for x in tunnel['Extensions'])
    assert as_dict(node.reply.labels) == {'env': 'example'}
    assert abs(node.reply.valid_until / 1000 - time.time() - 7 * 86400) < 60
    proxy = authd.join('proxy', 'gate', addresses=['tele.example.com', '127.0.0.1'])
    assert proxy.reply.ssh_tunnel_cert == b''
    assert CLUSTER in ssh_cert(proxy.reply.ssh_host_cert, tmp_path)['Principals']


def test_a_node_cannot_take_the_names_of_the_cluster(authd):
    proxy = authd.join('proxy', 'gate', addresses=['tele.example.com'])
    proxy.caller.HelloProxy(public_addr='web.example.com:443', ssh_addr='ssh.example.com:3023')
    for name in (CLUSTER, f'node-2.{CLUSTER}', 'authd', 'tele.example.com', 'web.example.com', 'ssh.example.com',
                 str(uuid.uuid4()), 'a b', 'a,b', '*', ''):
        assert fails(authd.join, name=name)[0] == 'INVALID_ARGUMENT', name
    assert fails(authd.join, addresses=['web.example.com'])[0] == 'INVALID_ARGUMENT'
    assert fails(authd.join, uid='not-a-uuid')[0] == 'INVALID_ARGUMENT'


def test_a_node_cannot_be_certified_for_another_nodes_name(authd):
    authd.join(name='db-1')
    web = authd.join(name='web')
    assert fails(authd.join, name='other', addresses=['DB-1'])[0] == 'ALREADY_EXISTS'
    assert fails(web.caller.Renew, keys=Keys().public(), addresses=['db-1'])[0] == 'ALREADY_EXISTS'
    web.caller.Renew(keys=Keys().public(), addresses=['web', '10.1.2.3'])


def test_a_name_is_its_first_hosts_until_an_administrator_frees_it(authd):
    first = authd.join(name='db-1')
    code, why = fails(authd.join, name='DB-1')
    assert code == 'ALREADY_EXISTS' and 'tctl nodes rm' in why and first.reply.uuid in why
    assert fails(authd.join, token='0' * 32, name='db-1')[0] == 'NOT_FOUND'   # who has no token learns nothing
    authd.local().RemoveNode(name='Db-1')
    assert authd.join(name='DB-1').reply.name == 'db-1'


def test_a_token_says_what_may_join_with_it(authd):
    token = authd.local().AddToken(kind='node', uses=5, names=['Web-*', 'db-1'])
    assert list(token.names) == ['web-*', 'db-1']
    assert list(authd.local().ListTokens().tokens[0].names) == ['web-*', 'db-1']
    code, why = fails(authd.join, token=token.token, name='mail')
    assert code == 'PERMISSION_DENIED' and 'mail' in why
    node = authd.join(token=token.token, name='web-7')
    assert fails(node.caller.Renew, keys=Keys().public(), addresses=['mail'])[0] == 'PERMISSION_DENIED'
    assert authd.join(token=token.token, name='db-1').reply.name == 'db-1'
    assert fails(authd.local().AddToken, kind='node', names=['web 1'])[0] == 'INVALID_ARGUMENT'


def test_a_used_token_does_not_rename_its_host(authd):
    token, keys, uid = authd.local().AddToken(kind='node').token, Keys(), str(uuid.uuid4())
    authd.join(token=token, keys=keys, uid=uid, name='web')
    assert fails(authd.join, token=token, keys=keys, uid=uid, name='db-1')[0] == 'FAILED_PRECONDITION'
    authd.join(token=token, keys=keys, uid=uid, name='web')


def test_heartbeats_leaving_and_lists(authd):
    token = authd.local().AddToken(kind='node', labels={'from': 'token', 'env': 'token'}).token
    node = authd.join(token=token)
    local = authd.local()
    assert len(local.ListNodes().nodes) == 0  # joined, but not there yet
    node.beat(labels={'env': 'own', 'a': 'b'}, version='0.1.0')
    listed = local.ListNodes().nodes[0]
    assert (listed.uuid, listed.name, listed.tunnel) == (node.uuid, 'node-1', True)
    assert as_dict(listed.labels) == {'env': 'token', 'a': 'b', 'from': 'token'}
    local.LabelNode(node='node-1', set={'env': 'server', 'team': 'x'})
    assert as_dict(node.beat(labels={'env': 'own'}).server_labels) == {'env': 'server', 'team': 'x'}
    assert as_dict(local.ListNodes(selector={'env': 'ser*'}).nodes[0].labels)['env'] == 'server'
    assert len(local.ListNodes(selector={'env': 'own'}).nodes) == 0
    assert len(local.ListNodes(search='node,TEAM').nodes) == 1 and len(local.ListNodes(search='nope').nodes) == 0
    local.LabelNode(node=node.uuid, remove=['team'])
    assert 'team' not in as_dict(local.ListNodes().nodes[0].labels)
    node.caller.Leave()
    assert len(local.ListNodes().nodes) == 0
    node.beat()
    assert len(local.ListNodes().nodes) == 1


def test_a_removed_node_stays_removed_until_it_joins_again(authd):
    proxy = authd.join('proxy', 'gate')
    node = authd.join()
    node.beat()
    own = node.caller.watch('role', 'cutoff')
    streams = [h.caller.watch('host_cutoff', 'host') for h in (proxy, authd.join('audit', 'auditd'))]
    streams.append(authd.join(name='node-2').caller.watch('host_cutoff'))
    authd.local().RemoveNode(name='node-1')
    for stream in streams:
        assert stream.next_of('host_cutoff').key == node.uuid
        stream.cancel()
    assert [c.value for c in streams[0].of('host') if c.key == node.uuid][0].online
    later = proxy.caller.watch('host')
    later.cancel()
    assert node.uuid not in [c.key for c in later.changes]
    code, text = fails(list, own)
    assert code == 'UNAUTHENTICATED' and 'removed' in text
    assert fails(node.beat)[0] == 'UNAUTHENTICATED'
    assert fails(node.caller.Renew, keys=Keys().public())[0] == 'UNAUTHENTICATED'
    again = authd.join(uid=node.uuid)
    again.beat()
    assert fails(node.beat)[0] == 'UNAUTHENTICATED'
    assert [n.uuid for n in authd.local().ListNodes().nodes] == [node.uuid]


def test_renewal_gives_new_certificates_for_new_keys(authd):
    node = authd.join()
    keys = Keys()
    reply = node.caller.Renew(keys=keys.public(), addresses=['10.0.0.9'])
    assert reply.uuid == node.uuid and reply.name == 'node-1' and reply.ssh_tunnel_cert
    authd.remote(keys.tls_pem(), reply.tls_cert_pem.encode()).Heartbeat(name='node-1')
    node.beat()  # the old one is good until it ends


def test_people_see_the_nodes_their_roles_allow(authd):
    local = authd.local()
    for name, env in (('node-1', 'dev'), ('node-2', 'prod')):
        authd.join(name=name).beat(labels={'env': env})
    local.put(pb.Role(name='dev', allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='env', values=['dev'])])))
    _, dev = authd.user('dave', ['dev'], []).login()
    _, admin = authd.user('eve', ['editor', 'access'], ['root']).login()
    assert [n.name for n in dev.ListNodes().nodes] == ['node-1']
    assert [n.name for n in admin.ListNodes().nodes] == ['node-1', 'node-2']


def test_nodes_that_are_gone_are_listed_for_those_who_may_remove_them(authd):
    """Who is told that some are gone must be able to find out which."""
    local = authd.local()
    here, gone = authd.join(name='node-1'), authd.join(name='node-2')
    for node in (here, gone):
        node.beat(labels={'env': 'dev'})
    assert [n.name for n in local.ListNodes(offline=True).nodes] == []
    gone.caller.Leave()
    assert [n.name for n in local.ListNodes().nodes] == ['node-1']
    _, editor = authd.user('eve', ['editor', 'access'], ['root']).login()
    _, other = authd.user('dave', ['access'], ['root']).login()
    for caller in (local, editor):
        assert [n.name for n in caller.ListNodes(offline=True).nodes] == ['node-2']
    assert [n.name for n in other.ListNodes().nodes] == ['node-1']
    assert fails(other.ListNodes, offline=True)[0] == 'PERMISSION_DENIED'
    editor.RemoveNode(name='node-2')
    assert [n.name for n in editor.ListNodes(offline=True).nodes] == []


@pytest.mark.heavy
def test_a_watcher_that_does_not_read_is_cut_and_costs_nothing(authd):
    """More changes than authd remembers, for one watcher that reads and one that does not."""
    node = authd.join()
    node.beat()
    proxies = [authd.join('proxy', f'gate-{i}').caller for i in range(2)]
    lazy, eager = [p.watch('host', timeout=300) for p in proxies]
    seen = []

    def read():
        try:
            seen.extend(as_dict(c.value.labels)['n'] for c in eager if c.key == node.uuid)
        except grpc.RpcError:
            pass  # cancelled below
    reader = threading.Thread(target=read)
    reader.start()

    def resident():
        with open(f'/proc/{authd.daemon.pid}/statm') as f:
            return int(f.read().split()[1]) * 4096
    local, big = authd.local(), 'x' * 250
    for i in range(200):
        local.LabelNode(node=node.uuid, set={'n': str(i), 'pad': big})
    before = resident()
    for i in range(200, 20000):
        local.LabelNode(node=node.uuid, set={'n': str(i), 'pad': big})
    assert resident() - before < 8 << 20
    wait_for('the last change', lambda: seen and seen[-1] == '19999')
    eager.cancel()
    reader.join()
    code, text = fails(list, lazy)
    assert code == 'RESOURCE_EXHAUSTED' and 'watch again' in text
    stream = proxies[0].watch('host')
    stream.cancel()
    assert [as_dict(c.value.labels)['n'] for c in stream.changes if c.key == node.uuid] == ['19999']


def test_one_daemon_does_not_hold_the_places_of_all_watchers(authd):
    greedy, other = authd.join(name='greedy'), authd.join(name='other')
    streams = [greedy.caller.watch('role') for _ in range(20)]
    beside = other.caller.watch('role')
    for s in streams[:12]:
        assert fails(next, s)[0] == 'CANCELLED'
    authd.local().put(pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev'])))
    for s in [*streams[12:], beside]:
        assert next(s).key == 'dev'
        s.cancel()


# --- roles ---------------------------------------------------------------------------------------------


def test_roles_are_checked_kept_and_watched(authd):
    node = authd.join()
    local = authd.local()
    stream = node.caller.watch('role')
    assert {c.value.name for c in stream.changes} == {'access', 'editor', 'auditor'}
    role = pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev'], node_labels=[pb.LabelRule(key='env', values=['d*'])]))
    local.put(role)
    change = next(stream)
    assert change.value.name == 'dev' and list(change.value.allow.logins) == ['dev']
    assert fails(local.put, role)[0] == 'ALREADY_EXISTS'
    role.allow.logins.append('ops')
    local.put(role, replace=True)
    assert list(next(stream).value.allow.logins) == ['dev', 'ops']
    local.RemoveResource(kind='role', name='dev')
    change = next(stream)
    assert change.key == 'dev' and change.value is None
    stream.cancel()
    assert fails(local.RemoveResource, kind='role', name='dev')[0] == 'NOT_FOUND'
    assert fails(local.RemoveResource, kind='role', name='access')[0] == 'FAILED_PRECONDITION'
    bad = pb.Role(name='bad', allow=pb.RoleConditions(rules=[pb.VerbRule(resources=['usr'], verbs=['read'])]))
    assert fails(local.put, bad)[0] == 'INVALID_ARGUMENT'
    local.put(pb.Role(name='held', allow=pb.RoleConditions(logins=['x'])))
    authd.local().AddUser(name='alice', roles=['held'])
    code, text = fails(local.RemoveResource, kind='role', name='held')
    assert code == 'FAILED_PRECONDITION' and 'alice' in text


def test_a_resource_is_changed_over_what_was_read(authd):
    local = authd.local()
    role = pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev']))
    kept = local.put(role)
    assert (kept.kind, kept.name) == ('role', 'dev') and kept.revision > 0
    listed = local.GetResources(kind='role').resources
    assert [r.name for r in listed] == ['access', 'auditor', 'dev', 'editor']
    one, = local.GetResources(kind='role', name='dev').resources
    assert one.revision == kept.revision and pb.Role.FromString(one.value).allow.logins == ['dev']
    assert not local.GetResources(kind='role', name='none').resources
    local.PutResource(resource=one, replace=True)
    code, text = fails(local.PutResource, resource=one, replace=True)
    assert code == 'FAILED_PRECONDITION' and 'somebody else' in text
    one.revision = 0
    local.PutResource(resource=one, replace=True)
    assert fails(local.PutResource, resource=pb.Resource(kind='role', name='other', value=one.value))[0] == 'INVALID_ARGUMENT'
    assert audit_text(authd).count(b'T9002I') == 2


def test_what_is_no_resource_is_refused(authd):
    local = authd.local()
    for kind in ('user', 'node', 'token', '', 'nothing'):
        assert fails(local.GetResources, kind=kind)[0] == 'INVALID_ARGUMENT'
        assert fails(local.RemoveResource, kind=kind, name='x')[0] == 'INVALID_ARGUMENT'
    assert fails(local.PutResource)[0] == 'INVALID_ARGUMENT'
    for value in (b'\xff', b'\x0a\x02\xff\xfe', b'\x0a\x03a\x00b', b''):
        code, _ = fails(local.PutResource, resource=pb.Resource(kind='role', value=value))
        assert code == 'INVALID_ARGUMENT'


# --- durability -------------------------------------------------------------------------------------------


def test_what_was_answered_survives_kill_9(authd):
    local = authd.local()
    alice = authd.user('alice')
    node = authd.join()
    node.beat(labels={'env': 'x'})
    token = local.AddToken(kind='node').token
    local.LabelNode(node='node-1', set={'s': 't'})
    pin = list(local.GetStatus().ca_pins)
    names = []
    for i in range(20):
        local.AddUser(name=f'user{i:02}', roles=['access'])
        names.append(f'user{i:02}')
    authd.kill()
    authd.start()
    local = authd.local()
    assert list(local.GetStatus().ca_pins) == pin
    assert [u.name for u in local.ListUsers().users] == ['alice'] + names
    nodes = local.ListNodes().nodes  # at once: whoever was there is taken to be there
    assert [n.name for n in nodes] == ['node-1'] and as_dict(nodes[0].labels) == {'env': 'x', 's': 't'}
    node.beat()
    alice.login()
    authd.join(token=token, name='node-2')


def test_kill_9_during_changes_leaves_whole_ones(authd):
    local = authd.local()
    done = []

    def add_until_it_dies():
        for i in range(10000):
            name = f'u{i:05}'
            if fails(local.AddUser, name=name, roles=['access'], logins=['root'])[0] != 'OK':
                return
            done.append(name)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(add_until_it_dies)
        while len(done) < 30:
            time.sleep(0.01)
        authd.kill()
        job.result()
    authd.start()
    users = {u.name for u in authd.local().ListUsers().users}
    assert set(done) <= users and len(users) <= len(done) + 1


def test_a_second_authd_on_the_same_state_refuses(authd):
    with open(authd.config) as f:
        text = f.read()
    other = os.path.join(authd.dir, 'other.yaml')
    with open(other, 'w') as f:
        f.write(text.replace(f':{authd.port}', f':{free_ports(1)[0]}').replace('authd.sock', 'other.sock'))
    out = subprocess.run([os.path.join(authd.build, 'authd'), f'--config={other}'], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=30)
    assert out.returncode == 1 and 'in use by another process' in out.stdout
    assert authd.local().Ping().cluster == CLUSTER


def test_authd_ends_when_its_signer_is_gone(authd):
    with open(f'/proc/{authd.daemon.pid}/task/{authd.daemon.pid}/children') as f:
        signer = int(f.read().split()[0])
    os.kill(signer, signal.SIGKILL)
    assert authd.daemon.proc.wait(20) == 1
    authd.start()


def test_an_unknown_schema_is_refused(authd):
    authd.daemon.stop()
    with sqlite3.connect(os.path.join(authd.state, 'authd.sqlite')) as db:
        db.execute('PRAGMA user_version = 99')
    db.close()
    out = subprocess.run([os.path.join(authd.build, 'authd'), f'--config={authd.config}'], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=30)
    assert out.returncode == 1 and 'newer version' in out.stdout


def test_the_configuration_is_checked_with_line_and_key(authd):
    run = [os.path.join(authd.build, 'authd'), f'--config={authd.config}', '--check']
    assert subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0
    with open(authd.config, 'a') as f:
        f.write('usr: x\n')
    out = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert out.returncode == 1 and 'usr' in out.stdout


# --- a full audit log -------------------------------------------------------------------------------------


def segments(authd):
    folder = os.path.join(authd.state, 'audit')
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith('.seg'))


def test_nothing_is_given_that_could_not_be_written_down(authd):
    """Nor looked at, nor used up: with auditd away and the log nearly full."""
    local, gate = authd.local(), authd.join('proxy', 'gate')
    page = Browser(gate.caller).login(authd.user('alice'))
    bob = Person(authd, 'bob', PASSWORD)
    link, token = local.AddUser(name='bob', roles=['access'], logins=['bob']).token, local.AddToken(kind='node').token
    bob.secret = local.GetInvite(name=link).totp_secret
    authd.stop()
    os.remove(os.path.join(authd.state, 'audit', 'boot'))  # as after a power cut: a new segment
    authd.start().stop()
    assert len(segments(authd)) == 2
    full = segments(authd)[0]
    os.truncate(full, 1000 << 20)  # a hole, of the GiB that there may be
    authd.start()
    proxy = page.proxy = authd.remote(gate.keys.tls_pem(), gate.reply.tls_cert_pem.encode())
    who = dict(user='alice', password='wrong')
    for ask, kw in ((authd.anyone().Login, dict(who, keys=Keys().public())),
                    (proxy.WebLogin, dict(who, metadata=on_behalf(client='203.0.113.7:1'))),
                    (proxy.BeginLogin, dict(who, metadata=on_behalf(client='203.0.113.7:1'))),
                    (proxy.CompleteInvite, dict(token=link, password=PASSWORD, otp=bob.otp())),
                    (page.CertifyWeb, dict(ssh_key=Keys().public().ssh)),
                    (authd.anyone().Join, dict(token=token, kind='node', name='n', uuid=str(uuid.uuid4()), keys=Keys().public()))):
        code, text = fails(ask, **kw)
        assert code == 'RESOURCE_EXHAUSTED' and 'audit log' in text, (ask, code, text)
    assert fails(page.EndWebSession)[0] == 'OK', 'whoever goes is let go'
    authd.stop()
    os.remove(full)
    authd.start()
    bob.confirm(link)
    assert authd.join(name='n', token=token)


# --- the watch ------------------------------------------------------------------------------------------


def test_a_watch_goes_on_where_the_last_one_ended(authd):
    proxy, local = authd.join('proxy', 'gate').caller, authd.local()
    first = proxy.watch('role', 'cutoff')
    first.cancel()
    assert first.whole and len(first.of('role')) == 3
    local.put(pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev'])))
    local.AddUser(name='alice', roles=['dev'])  # of no kind that is watched
    again = proxy.watch('role', 'cutoff', epoch=first.epoch, after=first.revision)
    assert not again.whole and [c.key for c in again.changes] == ['dev']
    local.RemoveUser(name='alice')
    local.RemoveResource(kind='role', name='dev')
    assert [(c.kind, c.key, c.value is None) for c in (next(again), next(again))] == \
        [('cutoff', 'alice', False), ('role', 'dev', True)]
    again.cancel()
    nothing = proxy.watch('role', 'cutoff', epoch=first.epoch, after=again.revision)
    nothing.cancel()
    assert not nothing.whole and not nothing.changes
    for epoch, after in (('', again.revision), ('0' * 32, again.revision), (first.epoch, 1 << 40),
                         (first.epoch, (1 << 64) - 1)):
        other = proxy.watch('role', 'cutoff', epoch=epoch, after=after)
        other.cancel()
        assert other.whole and len(other.of('role')) == 3, (epoch, after)


def test_a_watch_after_a_restart_of_authd_begins_anew(authd):
    local = authd.local()
    first = local.watch('role')
    first.cancel()
    local.put(pb.Role(name='dev', allow=pb.RoleConditions(logins=['dev'])))
    authd.stop()
    authd.start()
    again = authd.local().watch('role', epoch=first.epoch, after=first.revision)
    again.cancel()
    assert again.whole and again.epoch != first.epoch and 'dev' in [c.key for c in again.changes]


KINDS = {'ca': {'node', 'proxy', 'audit', 'local'}, 'role': {'node', 'proxy', 'audit', 'local'}, 'cutoff': {'node', 'proxy', 'audit', 'local'},
         'host_cutoff': {'node', 'proxy', 'audit', 'local'}, 'host': {'proxy', 'audit', 'local'}, 'user': {'proxy', 'audit', 'local'},
         'own_labels': {'node'}, 'signed_cutoffs': {'node'}, 'token': set(), 'nonsense': set()}


def test_every_kind_of_a_watch_for_every_kind_of_daemon(authd):
    callers = {'local': authd.local()}
    for kind in ('node', 'proxy', 'audit'):
        callers[kind] = authd.join(kind, f'the-{kind}').caller
    for kind, who in KINDS.items():
        for name, caller in callers.items():
            code, text = fails(lambda c=caller, k=kind: c.watch('role' if k != 'role' else 'ca', k).cancel())
            assert code == ('OK' if name in who else 'PERMISSION_DENIED'), (kind, name, text)


def test_every_daemon_is_a_host_and_a_node_sees_its_own_labels_only(authd):
    local = authd.local()
    hosts = {kind: authd.join(kind, f'the-{kind}') for kind in ('node', 'proxy', 'audit')}
    hosts['node'].beat(labels={'env': 'dev'})
    seen = hosts['audit'].caller.watch('host')
    assert {(c.value.kind, c.value.name) for c in seen.changes} == {(k, f'the-{k}') for k in hosts}
    assert all(c.key == c.value.uuid for c in seen.changes)
    node = next(c.value for c in seen.changes if c.value.kind == 'node')
    assert node.online and as_dict(node.labels) == {'env': 'dev'}
    own = hosts['node'].caller.watch('own_labels')
    assert [(c.key, as_dict(c.value.labels)) for c in own.changes] == [(node.uuid, {})]
    authd.join(name='other').beat(labels={'x': 'y'})
    local.LabelNode(node=node.uuid, set={'env': 'prod', 'team': 'db'})
    change = next(c for c in own if as_dict(c.value.labels))
    assert change.key == node.uuid and as_dict(change.value.labels) == {'env': 'prod', 'team': 'db'}
    change = next(c for c in seen if c.key == node.uuid and 'team' in as_dict(c.value.labels))
    assert as_dict(change.value.labels)['env'] == 'prod'
    hosts['node'].caller.Leave()
    assert not next(c for c in seen if c.key == node.uuid).value.online
    for stream in (own, seen):
        stream.cancel()


def test_a_node_is_told_the_labels_of_its_token_and_the_servers_win(authd):
    local = authd.local()
    token = local.AddToken(kind='node', labels={'env': 'token', 'zone': 'a'}).token
    node = authd.join(name='with-labels', token=token)
    local.LabelNode(node=node.uuid, set={'env': 'server'})
    own = node.caller.watch('own_labels')
    assert [as_dict(c.value.labels) for c in own.changes] == [{'env': 'server', 'zone': 'a'}]
    own.cancel()


def read_cutoffs(signed):
    """The list inside: (cluster, issued_ms, everybody_ms, {user: before_ms}, what was signed, signature)."""
    data, at = signed.list, 0

    def take(n):
        nonlocal at
        at += n
        assert at <= len(data)
        return data[at - n:at]

    def number(n):
        return int.from_bytes(take(n), 'big')

    assert take(number(4)) == b'cutoffs@sallyport'
    cluster, issued, everybody, n = take(number(4)).decode(), number(8), number(8), number(4)
    users = {}
    for _ in range(n):
        name = take(number(4)).decode()
        users[name] = number(8)
    signed_part = data[:at]
    signature = take(number(4))
    assert at == len(data)
    return cluster, issued, everybody, users, signed_part, signature


def test_nodes_get_the_cutoffs_signed_by_the_host_ca(authd):
    """Signed anew with every change, so that a monitor need not believe its worker."""
    node = authd.join(name='node').caller
    local = authd.local()
    stream = node.watch('signed_cutoffs', 'ca')
    first = next(itertools.chain((c for c in stream.changes if c.kind == 'signed_cutoffs' and c.value), stream))
    cluster, issued, everybody, users, _, _ = read_cutoffs(first.value)
    assert cluster == CLUSTER and everybody == 0 and abs(issued / 1000 - time.time()) < 60
    local.AddUser(name='withdrawn', roles=['access'], logins=['root'])
    local.RemoveUser(name='withdrawn')
    for change in stream:
        if change.kind == 'signed_cutoffs' and 'withdrawn' in read_cutoffs(change.value)[3]:
            break
    _, again, _, users, signed_part, signature = read_cutoffs(change.value)
    assert again >= issued and users['withdrawn'] <= again
    bundle = next(c for c in stream.changes if c.kind == 'ca').value
    ca = pb.CaSet.FromString(bundle.ca_set).host_ssh[0]
    # both are "string type, string of 32 or 64 bytes"
    ed25519.Ed25519PublicKey.from_public_bytes(ca[-32:]).verify(signature[-64:], signed_part)
    stream.cancel()


# --- who may call what --------------------------------------------------------------------------------------

EVERYBODY = {'anyone', 'user', 'node', 'proxy', 'audit', 'local'}
DAEMONS = {'node', 'proxy', 'audit'}
PEOPLE = {'user', 'local'}
WHO = {
    'Ping': EVERYBODY, 'GetCaBundle': EVERYBODY, 'Login': EVERYBODY, 'Join': EVERYBODY, 'Renew': DAEMONS, 'Heartbeat': {'node'}, 'Leave': DAEMONS, 'HelloProxy': {'proxy'},
    'NoteOrigin': {'proxy'},
    'Watch': DAEMONS | {'local'}, 'GetInvite': {'proxy', 'local'}, 'CompleteInvite': {'proxy', 'local'},
    'BeginInviteKey': {'proxy', 'local'},
    'GetStatus': PEOPLE, 'ListNodes': PEOPLE, 'RemoveNode': PEOPLE, 'LabelNode': PEOPLE, 'AddUser': PEOPLE,
    'UpdateUser': PEOPLE, 'ListUsers': PEOPLE, 'RemoveUser': PEOPLE, 'ResetUser': PEOPLE, 'AddToken': PEOPLE,
    'ListTokens': PEOPLE, 'RemoveToken': PEOPLE, 'PutResource': PEOPLE, 'GetResources': PEOPLE,
    'RemoveResource': PEOPLE, 'Backup': PEOPLE, 'GetMetrics': PEOPLE, 'ShowMetrics': {'proxy'},
    'BeginLogin': {'proxy'}, 'ListFactors': {'user'}, 'BeginFactor': {'user'}, 'AddFactor': {'user'}, 'RenameFactor': {'user'},
    'RemoveFactor': {'user'},
    'WebLogin': {'proxy'}, 'GetWebSession': {'user'}, 'EndWebSession': {'user'}, 'CertifyWeb': {'user'},
    'ListWebSessions': {'user'}, 'RemoveWebSession': {'user'}, 'ChangePassword': {'user'}, 'SignOutEverywhere': {'user'},
    'BeginBrowserLogin': EVERYBODY, 'GetBrowserLogin': {'user'}, 'ApproveBrowserLogin': {'user'}, 'RefuseBrowserLogin': {'user'},
    'ListReach': PEOPLE, 'Explain': PEOPLE,
}
# Streams: how they are called. The answer to a call shows with the first message that is read.
STREAMS = {'Watch': lambda c: c.Watch(timeout=10), 'Backup': lambda c: c.Backup(timeout=10),
           'ShowMetrics': lambda c: c.ShowMetrics(iter([pb.MetricsText()]), timeout=10)}
# Verbs: what a person's role must allow.
VERBS = {
    'RemoveNode': ('node', 'delete'), 'LabelNode': ('node', 'update'), 'AddUser': ('user', 'create'),
    'UpdateUser': ('user', 'update'), 'ListUsers': ('user', 'list'), 'RemoveUser': ('user', 'delete'),
    'ResetUser': ('user', 'update'), 'AddToken': ('token', 'create'), 'ListTokens': ('token', 'list'),
    'RemoveToken': ('token', 'delete'), 'PutResource': ('role', 'create'), 'GetResources': ('role', 'list'),
    'RemoveResource': ('role', 'delete'), 'GetMetrics': ('cluster', 'read'),
}
# Whose rules decide stands in the request.
ARGUMENTS = {'PutResource': {'resource': pb.Resource(kind='role')}, 'GetResources': {'kind': 'role'}, 'RemoveResource': {'kind': 'role'}}


def admitted(caller, method):
    """Whether a call gets past the table of who may call (whatever it is answered then)."""
    if method in STREAMS:
        stream = STREAMS[method](caller)
        code, text = fails(next, stream, None)
        stream.cancel()
    else:
        code, text = fails(getattr(caller, method))
    return not (code in ('UNAUTHENTICATED', 'PERMISSION_DENIED') and 'may not' in text or
                'certificate' in text and code == 'UNAUTHENTICATED'), (code, text)


def test_every_method_for_every_kind_of_caller(authd):
    callers = {'anyone': authd.anyone(), 'local': authd.local(),
               'user': authd.user('alice', ['editor', 'access'], ['root']).login()[1]}
    for kind in ('node', 'proxy', 'audit'):
        callers[kind] = authd.join(kind, f'the-{kind}').caller
    methods = [m.name for m in pb.DESCRIPTOR.services_by_name['Auth'].methods]
    assert set(methods) == set(WHO)
    # After that one the user is nobody.
    for method in sorted(methods, key=lambda m: m == 'SignOutEverywhere'):
        for kind, caller in callers.items():
            ok, why = admitted(caller, method)
            assert ok == (kind in WHO[method]), (method, kind, why)


def test_every_verb_needs_its_rule(authd):
    local = authd.local()
    local.put(pb.Role(name='plain', allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])])))
    _, plain = authd.user('plain', ['plain'], []).login()
    for method, (resource, verb) in VERBS.items():
        code, text = fails(getattr(plain, method), **ARGUMENTS.get(method, {}))
        assert code == 'PERMISSION_DENIED', (method, code, text)
    by_rule = {}
    for method, rule in VERBS.items():
        by_rule.setdefault(rule, []).append(method)
    alice = authd.user('alice', ['plain'], [])
    for i, ((resource, verb), methods) in enumerate(by_rule.items()):
        name = f'role-{i}'
        local.put(pb.Role(name=name, allow=pb.RoleConditions(
            logins=['root'], rules=[pb.VerbRule(resources=[resource], verbs=[verb])])))
    # One person, one certificate: rights follow the record. Changing roles cuts off, so the role is changed instead.
    keep = pb.Role(name='one', allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])]))
    local.put(keep)
    local.UpdateUser(name='alice', set_roles=True, roles=['one'])
    _, caller = alice.login()
    for (resource, verb), methods in by_rule.items():
        keep.allow.ClearField('rules')
        keep.allow.rules.append(pb.VerbRule(resources=[resource], verbs=[verb]))
        local.put(keep, replace=True)
        for method in VERBS:
            code, text = fails(getattr(caller, method), **ARGUMENTS.get(method, {}))
            denied = code == 'PERMISSION_DENIED'
            assert denied == (method not in methods), (resource, verb, method, code, text)
