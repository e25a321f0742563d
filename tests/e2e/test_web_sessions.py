# SPDX-License-Identifier: Apache-2.0
"""Web sessions: a login through a proxy, and calls that the proxy makes on behalf of the person, at authd and at auditd.

The proxy here is a Python program with a proxy's certificate: what one does that was broken into."""
import hashlib
import os
import secrets
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from authd import PASSWORD, Browser, Keys, Person, audit_text, fails, on_behalf, pb, ssh_cert
from cluster import wait_for
from conftest import keep_logs
from producers import Audit
from producers import pb as audit_pb

import grpc

pytestmark = pytest.mark.sanitized
NEW = 'another long password'


@pytest.fixture(scope='module')
def audit(build):
    a = Audit(build, nodes=0, of_authd=True)
    try:
        a.proxy = a.host('proxy-1', kind='proxy')
        a.start()
        yield a
        for name in ('auditd',):
            a.c.daemons[name].stop()
            text = a.c.daemons[name].text()
            assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    finally:
        keep_logs(a.c, 'web-sessions')
        a.remove()


@pytest.fixture
def authd(audit):
    return audit.authd


@pytest.fixture
def proxy(audit):
    return audit.proxy.caller


count = iter(range(1000))


@pytest.fixture
def alice(authd):
    """Of each test one of her own, who may see the cluster's events."""
    return authd.user(f'alice-{next(count)}', roles=['access', 'auditor'])


def address():
    n = next(count)
    return f'198.51.{n // 250}.{n % 250 + 1}'


def browser(proxy, who=None, **kw):
    b = Browser(proxy, address())
    return b.login(who, **kw) if who else b


def audit_channel(audit, host):
    creds = grpc.ssl_channel_credentials(audit.authd.ca, host.keys.tls_pem(), host.reply.tls_cert_pem.encode())
    return grpc.secure_channel(f'127.0.0.1:{audit.c.audit_port}', creds,
                               [('grpc.ssl_target_name_override', 'auditd.test.sallyport'),
                                ('grpc.use_local_subchannel_pool', 1)])


def search(audit, metadata, host=None):
    """SearchEvents on behalf of somebody: as `fails` tells it."""
    channel = audit_channel(audit, host or audit.proxy)
    call = channel.unary_unary('/sallyport.audit.Audit/SearchEvents', lambda m: m.SerializeToString(),
                               audit_pb.EventList.FromString)
    try:
        return fails(call, audit_pb.SearchRequest(limit=1), timeout=20, metadata=metadata)
    finally:
        channel.close()


def search_as(audit, b):
    return search(audit, on_behalf(b.token, b.address))[0]


def has_ended(audit, b):
    """At authd at once, at auditd as soon as it heard of it."""
    assert fails(b.GetWebSession)[0] == 'UNAUTHENTICATED'
    assert fails(b.ListNodes)[0] == 'UNAUTHENTICATED'
    wait_for('the end at auditd', lambda: search_as(audit, b) == 'UNAUTHENTICATED')
    return True


def works(audit, b):
    assert b.GetWebSession().user
    return wait_for('auditd to know the session', lambda: search_as(audit, b) == 'OK')


def p256_blob(key):
    def string(b):
        return len(b).to_bytes(4, 'big') + b
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return string(b'ecdsa-sha2-nistp256') + string(b'nistp256') + string(point)


# --- logging in and out ------------------------------------------------------------------------------------------


def test_a_login_gives_a_session_that_says_who_one_is(audit, authd, proxy, alice):
    b = browser(proxy, alice)
    s = b.GetWebSession()
    assert (s.user, s.cluster, s.id) == (alice.name, 'test.sallyport', hashlib.sha256(b.token.encode()).hexdigest()[:16])
    assert s == b.session and list(s.roles) == ['access', 'auditor'] and list(s.logins) == ['root']
    may = {m.resource: set(m.verbs) for m in s.may}
    assert may['event'] == {'list', 'read'} and 'user' not in may and 'backup' not in may
    assert 0 < s.expires / 1000 - time.time() <= 12 * 3600
    assert len(b.token) == 64 and b.token not in str(s)
    assert works(audit, b)
    b.EndWebSession()
    assert has_ended(audit, b)
    assert browser(proxy, alice).token != b.token


def test_the_trail_names_the_session_and_the_proxy_and_never_the_token(audit, authd, proxy, alice):
    b = browser(proxy, alice)
    fails(b.AddUser, name='eve')
    b.EndWebSession()
    rows = wait_for('the trail', lambda: (r := audit.sql(
        f"SELECT type, code, fields ->> 'web_session', fields ->> 'caller', fields ->> 'caller_name', fields ->> 'method', remote_addr"
        f" FROM events WHERE username = '{alice.name}' AND at > now() - interval '5 min' ORDER BY happened, idx")) and r[-1][0] == 'user.logout' and r, 60)
    by = {r[0]: r for r in rows}
    assert by['user.login'][1:6] == ['T1000I', b.session.id, 'proxy', audit.proxy.uuid, 'web']
    assert by['access.deny'][1:6] == ['TA000W', b.session.id, 'user', audit.proxy.uuid, 'AddUser']
    assert by['user.logout'][2:5] == [b.session.id, 'user', audit.proxy.uuid]
    assert {r[6] for r in rows if r[2]} == {b.address}
    assert b.token.encode() not in audit_text(authd) and b.token not in authd.daemon.text()
    with sqlite3.connect(os.path.join(authd.state, 'authd.sqlite')) as db:
        assert b.token not in '\n'.join(db.iterdump())


def test_wrong_factors_are_refused_as_with_tsh(authd, proxy, alice):
    b, code = browser(proxy), alice.otp()
    for kw in (dict(password='wrong'), dict(otp='000000'), dict(user='nobody')):
        refusal, text = fails(b.login, alice, **dict(dict(otp=code), **kw))
        assert refusal == 'UNAUTHENTICATED' and 'wrong user name, password or one-time code' in text
    b.login(alice, otp=code)
    assert fails(browser(proxy).login, alice, otp=code)[0] == 'UNAUTHENTICATED', 'a code is good once'


def test_whom_a_lock_shuts_out_does_not_log_in(authd, proxy, alice):
    authd.local().put(pb.Lock(name=f'l-{alice.name}', user=alice.name, message='on leave'), 'lock')
    code, text = fails(browser(proxy).login, alice)
    assert code == 'PERMISSION_DENIED' and 'on leave' in text


def test_failed_logins_close_the_name_for_the_browsers_address_alone(proxy, alice):
    b = browser(proxy)
    code = alice.otp()
    for _ in range(5):
        assert fails(b.login, alice, password='wrong', otp=code)[0] == 'UNAUTHENTICATED'
    refusal, text = fails(b.login, alice, otp=code)
    assert refusal == 'FAILED_PRECONDITION' and 'from your address' in text
    assert browser(proxy, alice, otp=code).GetWebSession().user == alice.name


def test_a_flood_of_one_browser_does_not_shut_out_others_behind_the_same_proxy(proxy, alice):
    flood = browser(proxy)
    assert any(fails(flood.login, alice, user=f'nobody-{i}', otp='000000')[0] == 'RESOURCE_EXHAUSTED' for i in range(300))
    assert browser(proxy, alice).GetWebSession().user == alice.name


def test_only_a_proxy_that_says_for_whom_logs_people_in(authd, proxy, alice):
    fields = dict(user=alice.name, password=alice.password, otp=alice.otp())
    assert fails(proxy.WebLogin, **fields)[0] == 'INVALID_ARGUMENT'
    node = authd.join('node', f'n-{next(count)}').caller
    _, person = alice.login()
    for caller in (node, person, authd.anyone(), authd.local()):
        assert fails(caller.WebLogin, **fields)[0] in ('PERMISSION_DENIED', 'UNAUTHENTICATED')


# --- whose calls they are ---------------------------------------------------------------------------------------------


def test_the_persons_rights_count_and_not_the_proxys(audit, authd, proxy, alice):
    b = browser(proxy, alice)
    assert fails(b.AddUser, name='x')[0] == 'PERMISSION_DENIED'
    # What a proxy may do, a person may not, also not through one.
    for method, kw in ((b.HelloProxy, {}), (b.NoteOrigin, {}), (b.GetInvite, dict(name='0' * 32)), (b.Renew, {}), (b.Leave, {}),
                       (b.WebLogin, {})):
        assert fails(method, **kw)[0] == 'PERMISSION_DENIED', method
    assert fails(lambda: next(b.Watch(kinds=['user'])))[0] == 'PERMISSION_DENIED'


@pytest.mark.parametrize('who', ['user', 'node', 'audit', 'nobody', 'root'])
def test_nobody_else_calls_on_behalf_of_somebody(audit, authd, proxy, alice, who):
    b = browser(proxy, alice)
    assert works(audit, b)
    bob = {'user': lambda: authd.user(f'bob-{next(count)}').login()[1], 'node': lambda: authd.join('node', f'n-{next(count)}').caller,
           'audit': lambda: authd.join('audit', f'u-{next(count)}').caller, 'nobody': authd.anyone, 'root': authd.local}[who]()
    for metadata in (on_behalf(b.token, b.address), on_behalf(client=b.address), on_behalf(session='x')):
        code, text = fails(bob.ListNodes, metadata=metadata)
        assert code == 'PERMISSION_DENIED' and 'only a proxy' in text
        assert fails(bob.Ping, metadata=metadata)[0] == 'PERMISSION_DENIED'
    if who == 'node':
        node = audit.host(f'node-{next(count)}')
        assert search(audit, on_behalf(b.token, b.address), node)[0] == 'PERMISSION_DENIED'


def test_what_a_proxy_invents_is_no_session(audit, proxy, alice):
    b = browser(proxy, alice)
    assert works(audit, b)
    key = hashlib.sha256(b.token.encode()).hexdigest()
    for token in (secrets.token_hex(32), key, '0' * 64):
        for code in (fails(proxy.ListNodes, metadata=on_behalf(token, b.address))[0], search(audit, on_behalf(token, b.address))[0]):
            assert code == 'UNAUTHENTICATED', token
    for token in (b.token.upper(), b.token[:-1], b.token + '0', '', 'x'):
        for code in (fails(proxy.ListNodes, metadata=on_behalf(token, b.address))[0], search(audit, on_behalf(token, b.address))[0]):
            assert code == 'INVALID_ARGUMENT', token
    twice = on_behalf(b.token, b.address) + on_behalf(b.token)
    assert fails(proxy.ListNodes, metadata=twice)[0] == 'INVALID_ARGUMENT'
    assert fails(proxy.ListNodes, metadata=on_behalf(b.token, b.address) + [('sallyport-role', 'x')])[0] == 'INVALID_ARGUMENT'
    assert fails(proxy.ListNodes, metadata=on_behalf(b.token))[0] == 'INVALID_ARGUMENT', 'without an address'


def test_a_proxy_that_was_removed_acts_for_nobody(audit, authd, alice):
    other = audit.host(f'proxy-{next(count)}', kind='proxy')
    b = browser(other.caller, alice)
    assert works(audit, b)
    authd.local().RemoveNode(name=other.uuid)
    assert fails(b.GetWebSession)[0] == 'UNAUTHENTICATED'
    assert fails(browser(other.caller).login, alice, otp='000000')[0] == 'UNAUTHENTICATED'
    wait_for('auditd to hear of it', lambda: search(audit, on_behalf(b.token, b.address), other)[0] == 'UNAUTHENTICATED')
    # The person's session goes on through another.
    b.proxy = audit.proxy.caller
    assert works(audit, b)


def test_a_locked_proxy_acts_for_nobody_until_it_is_unlocked(audit, authd, alice):
    other = audit.host(f'proxy-{next(count)}', kind='proxy')
    b = browser(other.caller, alice)
    authd.local().put(pb.Lock(name=other.name, node=other.uuid), 'lock')
    assert fails(b.GetWebSession)[0] == 'UNAVAILABLE'
    wait_for('auditd to hear of it', lambda: search(audit, on_behalf(b.token, b.address), other)[0] == 'UNAVAILABLE')
    authd.local().RemoveResource(kind='lock', name=other.name)
    assert works(audit, b)


def test_the_certificates_of_a_proxy_from_before_it_joined_again_are_believed_nowhere(audit, authd, alice):
    name = f'proxy-{next(count)}'
    other = audit.host(name, kind='proxy')
    b = browser(other.caller, alice)
    assert works(audit, b) and search(audit, on_behalf(b.token, b.address), other)[0] == 'OK'
    begun = int(time.time())
    wait_for('the next second', lambda: int(time.time()) > begun)
    again = authd.join('proxy', name, keys=other.keys, uid=other.uuid)
    assert fails(b.GetWebSession)[0] == 'UNAUTHENTICATED'
    wait_for('auditd to hear of it', lambda: search(audit, on_behalf(b.token, b.address), other)[0] == 'UNAUTHENTICATED')
    assert search(audit, on_behalf(b.token, b.address), again)[0] == 'OK'


# --- what ends a session ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize('what', ['removed', 'changed', 'reset'])
def test_what_takes_a_users_certificates_takes_his_sessions(audit, authd, proxy, alice, what):
    b = browser(proxy, alice)
    assert works(audit, b)
    if what == 'removed':
        authd.local().RemoveUser(name=alice.name)
    elif what == 'changed':
        authd.local().UpdateUser(name=alice.name, set_logins=True, logins=['daemon'])
    else:
        alice.confirm(authd.local().ResetUser(name=alice.name).token)
    assert has_ended(audit, b)
    if what == 'removed':
        authd.user(alice.name)
        assert has_ended(audit, b), 'also when there is somebody of the name again'
    else:
        assert works(audit, browser(proxy, alice)), 'a login right behind the change'


def test_a_lock_closes_a_session_for_as_long_as_it_lasts(audit, authd, proxy, alice):
    b = browser(proxy, alice)
    assert works(audit, b)
    authd.local().put(pb.Lock(name=f'l-{alice.name}', user=alice.name, message='on leave'), 'lock')
    assert has_ended(audit, b)
    assert 'on leave' in fails(b.GetWebSession)[1]
    authd.local().RemoveResource(kind='lock', name=f'l-{alice.name}')
    assert works(audit, b)


def test_a_session_ends_with_its_time(audit, authd, proxy):
    name = f'short-{next(count)}'
    authd.local().put(pb.Role(name=name, options=pb.RoleOptions(max_session_ttl_s=3), allow=pb.RoleConditions(
        logins=['root'], rules=[pb.VerbRule(resources=['event'], verbs=['list', 'read'])])))
    bob = authd.user(f'bob-{next(count)}', roles=[name])
    b = browser(proxy, bob)
    assert b.session.expires <= time.time() * 1000 + 3000
    wait_for('the end of the session', lambda: fails(b.GetWebSession)[0] == 'UNAUTHENTICATED')
    assert has_ended(audit, b)


def test_sessions_outlive_a_restart_of_authd(audit, authd, proxy, alice):
    b = browser(proxy, alice)
    gone = browser(proxy, alice)
    gone.EndWebSession()
    authd.daemon.stop()
    assert search_as(audit, b) == 'OK', 'auditd decides by what it knows'
    authd.start()
    wait_for('the session', lambda: fails(b.GetWebSession)[0] == 'OK')
    assert fails(gone.GetWebSession)[0] == 'UNAUTHENTICATED'
    assert works(audit, b)


def test_ones_own_sessions_are_listed_and_ended_and_nobody_elses(authd, proxy, alice):
    bob = browser(proxy, authd.user(f'bob-{next(count)}'))
    here, there = browser(proxy, alice), browser(proxy, alice)
    rows = here.ListWebSessions().sessions
    assert [(s.id, s.address, s.browser, s.current) for s in rows] == \
        [(here.session.id, here.address.split(':')[0], 'Firefox', True), (there.session.id, there.address.split(':')[0], 'Firefox', False)]
    assert fails(bob.RemoveWebSession, name=here.session.id)[0] == 'NOT_FOUND'
    for wrong in ('', here.session.id[:8], hashlib.sha256(here.token.encode()).hexdigest()):
        assert fails(here.RemoveWebSession, name=wrong)[0] == 'NOT_FOUND'
    here.RemoveWebSession(name=there.session.id)
    assert fails(there.GetWebSession)[0] == 'UNAUTHENTICATED'
    assert [s.id for s in here.ListWebSessions().sessions] == [here.session.id]


def test_sign_out_everywhere_takes_tshs_certificates_too(audit, authd, proxy, alice):
    _, tsh = alice.login()
    here = browser(proxy, alice)
    here.SignOutEverywhere()
    assert has_ended(audit, here)
    assert fails(tsh.ListNodes)[0] == 'UNAUTHENTICATED'


# --- certificates ---------------------------------------------------------------------------------------------------------


def test_a_session_certifies_the_pages_key_until_it_ends(proxy, alice, tmp_path):
    b = browser(proxy, alice)
    key = ec.generate_private_key(ec.SECP256R1())
    for blob, algorithm in ((Keys().public().ssh, 'ssh-ed25519-cert-v01@openssh.com'),
                            (p256_blob(key), 'ecdsa-sha2-nistp256-cert-v01@openssh.com')):
        reply = b.CertifyWeb(ssh_key=blob)
        cert = ssh_cert(reply.ssh_cert, tmp_path, algorithm)
        assert cert['Key ID'] == [f'"{alice.name}"'] and cert['Principals'] == ['root'] and 'user certificate' in cert['Type'][0]
        assert 'permit-pty' in cert['Extensions'] and cert['Critical Options'] in ([], ['(none)'])
        assert reply.user == alice.name and list(reply.logins) == ['root'] and reply.host_ca
        assert reply.valid_until <= b.session.expires


def test_a_certificate_is_pinned_to_the_browsers_address_where_a_role_says_so(authd, proxy, tmp_path):
    name = f'pinned-{next(count)}'
    authd.local().put(pb.Role(name=name, options=pb.RoleOptions(pin_source_ip=True), allow=pb.RoleConditions(
        logins=['root'], node_labels=[pb.LabelRule(key='*', values=['*'])])))
    b = browser(proxy, authd.user(f'bob-{next(count)}', roles=[name]))
    cert = ssh_cert(b.CertifyWeb(ssh_key=Keys().public().ssh).ssh_cert, tmp_path)
    assert f"source-address {b.address.split(':')[0]}/32" in cert['Critical Options'][0]


def test_a_session_is_pinned_to_the_browsers_address_where_a_role_says_so(audit, authd, proxy):
    name = f'pinned-{next(count)}'
    authd.local().put(pb.Role(name=name, options=pb.RoleOptions(pin_source_ip=True), allow=pb.RoleConditions(
        rules=[pb.VerbRule(resources=['event'], verbs=['list', 'read'])])))
    b = browser(proxy, authd.user(f'bob-{next(count)}', roles=[name]))
    assert works(audit, b)
    here, b.address = b.address, address() + ':40000'
    code, text = fails(b.GetWebSession)
    assert code == 'UNAUTHENTICATED' and 'pin a session' in text and search_as(audit, b) == 'UNAUTHENTICATED'
    b.address = here.split(':')[0] + ':40001'
    assert works(audit, b), 'from another port'


def test_what_is_no_key_of_a_person_is_not_certified(proxy, alice):
    b = browser(proxy, alice)
    rsa = b'\0\0\0\7ssh-rsa'
    for blob in (b'', b'x', rsa, Keys().public().ssh[:-1], Keys().public().ssh + b'x', b'\0' * 5000):
        assert fails(b.CertifyWeb, ssh_key=blob)[0] == 'INVALID_ARGUMENT', blob


def test_certificates_are_for_web_sessions_only(proxy, alice):
    _, tsh = alice.login()
    for method, kw in ((tsh.CertifyWeb, dict(ssh_key=Keys().public().ssh)), (tsh.GetWebSession, {}), (tsh.EndWebSession, {})):
        assert fails(method, **kw)[0] == 'PERMISSION_DENIED'
    assert fails(proxy.CertifyWeb, ssh_key=Keys().public().ssh)[0] == 'PERMISSION_DENIED'


def test_a_session_asks_for_no_end_of_certificates(proxy, alice):
    b = browser(proxy, alice)
    codes = [fails(b.CertifyWeb, ssh_key=Keys().public().ssh)[0] for _ in range(60)]
    assert codes[0] == 'OK' and codes[-1] == 'RESOURCE_EXHAUSTED'
    assert browser(proxy, alice).CertifyWeb(ssh_key=Keys().public().ssh).ssh_cert


# --- passwords --------------------------------------------------------------------------------------------------------------


def test_the_session_in_which_a_password_is_changed_goes_on(audit, proxy, alice):
    """That all others end, and that the old one is worth nothing: tests/unit/services/auth/web_login_test.c."""
    b = browser(proxy, alice)
    b.ChangePassword(password=alice.password, otp=alice.otp(), new_password=NEW)
    assert works(audit, b) and b.CertifyWeb(ssh_key=Keys().public().ssh).ssh_cert


def test_who_has_only_the_session_does_not_change_the_password(proxy, alice):
    b, code = browser(proxy, alice), alice.otp()
    for kw, refusal in ((dict(password='wrong'), 'UNAUTHENTICATED'), (dict(otp='000000'), 'UNAUTHENTICATED'),
                        (dict(new_password='short'), 'INVALID_ARGUMENT'), (dict(new_password=alice.password), 'INVALID_ARGUMENT')):
        fields = dict(dict(password=alice.password, otp=code, new_password=NEW), **kw)
        assert fails(b.ChangePassword, **fields)[0] == refusal
    codes = [fails(b.ChangePassword, password='wrong', otp='000000', new_password=NEW)[0] for _ in range(30)]
    assert codes[-1] in ('FAILED_PRECONDITION', 'RESOURCE_EXHAUSTED'), 'guesses cost what those of a login cost'
    assert b.GetWebSession().user == alice.name


# --- invitations ------------------------------------------------------------------------------------------------------------


def complete(b, who, link, **kw):
    """The reply to whoever fills the page behind a link in."""
    who.secret, who.last = b.proxy.GetInvite(name=link).totp_secret, 0
    metadata = kw.pop('metadata', on_behalf(client=b.address))
    return b.proxy.CompleteInvite(token=link, password=who.password, otp=who.otp(), browser='Firefox', metadata=metadata, **kw)


def signed_in(b, reply):
    b.token, b.session = reply.token, reply.session
    return b


def test_who_completes_an_invitation_is_signed_in(audit, authd, proxy):
    bob = Person(authd, f'bob-{next(count)}', PASSWORD)
    b = browser(proxy)
    signed_in(b, complete(b, bob, authd.local().AddUser(name=bob.name, roles=['access', 'auditor'], logins=['root']).token))
    assert b.session == b.GetWebSession() and b.session.user == bob.name and works(audit, b)
    assert [(s.address, s.browser) for s in b.ListWebSessions().sessions] == [(b.address.split(':')[0], 'Firefox')]
    # A reset ends that session, and begins one.
    again = browser(proxy)
    signed_in(again, complete(again, bob, authd.local().ResetUser(name=bob.name).token))
    assert has_ended(audit, b) and works(audit, again)
    wait_for('the trail', lambda: audit.sql("SELECT 1 FROM events WHERE type = 'user.login' AND ok AND fields ->> 'web_session' = "
                                            f"'{again.session.id}' AND username = '{bob.name}' AND fields ->> 'method' = 'web'"), 60)


def test_who_may_do_nothing_yet_is_not_signed_in(authd, proxy):
    idle = Person(authd, f'idle-{next(count)}', PASSWORD)
    authd.local().put(pb.Role(name=idle.name))
    reply = complete(browser(proxy), idle, authd.local().AddUser(name=idle.name, roles=[idle.name]).token)
    assert reply.token == '' and not reply.HasField('session')
    bob = Person(authd, f'bob-{next(count)}', PASSWORD)
    reply = complete(browser(proxy), bob, authd.local().AddUser(name=bob.name, roles=['access'], logins=['root']).token, metadata=None)
    assert reply.token == '', 'nor is it known whose browser it is'
    assert bob.login()


# --- API tokens -------------------------------------------------------------------------------------------------------------


def api(proxy, token):
    b = Browser(proxy, address())
    b.token = token
    return b


def test_an_api_token_calls_by_its_own_roles(audit, authd, proxy):
    made = authd.local().AddToken(kind='api', roles=['auditor'])
    b = api(proxy, made.token)
    assert len(made.token) == 64 and made.id == hashlib.sha256(made.token.encode()).hexdigest()[:8]
    assert abs(made.expires / 1000 - time.time() - 30 * 86400) < 300
    s = b.GetWebSession()
    assert (s.user, list(s.roles), list(s.logins)) == (f'api:{made.id}', ['auditor'], [])
    assert works(audit, b) and fails(b.ListNodes)[0] == 'OK'
    assert fails(b.AddUser, name='eve')[0] == 'PERMISSION_DENIED'
    wait_for('the trail', lambda: audit.sql(f"SELECT 1 FROM events WHERE username = 'api:{made.id}' AND type = 'access.deny'"), 60)
    assert audit.sql(f"SELECT fields ->> 'roles' FROM events WHERE type = 'api_token.create' AND fields ->> 'name' = 'api:{made.id}'") == [['auditor']]
    assert made.token.encode() not in audit_text(authd)
    authd.local().RemoveToken(name=made.id)
    assert has_ended(audit, b)
    assert fails(authd.local().RemoveToken, name=made.id)[0] == 'NOT_FOUND'


def test_an_api_token_is_no_person(authd, proxy):
    b = api(proxy, authd.local().AddToken(kind='api', roles=['access']).token)
    for method, kw in ((b.CertifyWeb, dict(ssh_key=Keys().public().ssh)), (b.EndWebSession, {}), (b.ListWebSessions, {}),
                       (b.RemoveWebSession, {}), (b.SignOutEverywhere, {}), (b.ChangePassword, dict(new_password=NEW)),
                       (b.ListFactors, {}), (b.BeginFactor, dict(kind='totp')), (b.AddFactor, {}), (b.RenameFactor, {}), (b.RemoveFactor, {}),
                       (b.WebLogin, {})):
        assert fails(method, **kw)[0] == 'PERMISSION_DENIED', method
    assert b.GetWebSession().user.startswith('api:')
    assert fails(authd.local().AddUser, name=b.GetWebSession().user)[0] == 'INVALID_ARGUMENT', 'and nobody is called that'


def test_an_api_token_ends_with_its_time(audit, authd, proxy):
    b = api(proxy, authd.local().AddToken(kind='api', roles=['auditor'], ttl_s=3).token)
    wait_for('the end', lambda: fails(b.GetWebSession)[0] == 'UNAUTHENTICATED')
    assert has_ended(audit, b)


def test_nobody_makes_an_api_token_beyond_his_own_rights(authd, proxy):
    name = f'tokens-{next(count)}'
    authd.local().put(pb.Role(name=name, allow=pb.RoleConditions(rules=[
        pb.VerbRule(resources=['token'], verbs=['create', 'delete', 'list']), pb.VerbRule(resources=['user'], verbs=['create'])])))
    b = browser(proxy, authd.user(f'bob-{next(count)}', roles=[name], logins=[]))
    for roles in (['editor'], [name, 'auditor']):
        code, text = fails(b.AddToken, kind='api', roles=roles)
        assert code == 'PERMISSION_DENIED' and 'beyond your own rights' in text
    assert fails(b.AddToken, kind='api')[0] == 'INVALID_ARGUMENT'
    assert fails(b.AddToken, kind='api', roles=['nothing'])[0] == 'NOT_FOUND'
    assert fails(b.AddToken, kind='api', roles=[name], ttl_s=367 * 86400)[0] == 'INVALID_ARGUMENT'
    assert fails(b.AddToken, kind='api', roles=[name], uses=1)[0] == 'INVALID_ARGUMENT'
    assert fails(b.AddToken, kind='node', roles=[name])[0] == 'INVALID_ARGUMENT'
    strong, own = authd.local().AddToken(kind='api', roles=['editor']), b.AddToken(kind='api', roles=[name])
    assert fails(b.RemoveToken, name=strong.id)[0] == 'PERMISSION_DENIED'
    # What a token makes holds, and no token makes more than it may.
    c = api(proxy, own.token)
    carol = f'carol-{next(count)}'
    link = c.AddUser(name=carol, roles=[name]).token
    assert authd.local().GetInvite(name=link).user == carol
    assert fails(c.AddToken, kind='api', roles=['editor'])[0] == 'PERMISSION_DENIED'
    b.RemoveToken(name=own.token)
    assert fails(authd.local().GetInvite, name=link)[0] == 'PERMISSION_DENIED', 'the maker of the link is gone'
    authd.local().RemoveToken(name=strong.id)


def test_a_role_that_an_api_token_has_is_not_removed_and_locks_shut_it_out(audit, authd, proxy):
    name = f'held-{next(count)}'
    authd.local().put(pb.Role(name=name, allow=pb.RoleConditions(rules=[pb.VerbRule(resources=['event'], verbs=['list', 'read'])])))
    made = authd.local().AddToken(kind='api', roles=[name])
    b = api(proxy, made.token)
    code, text = fails(authd.local().RemoveResource, kind='role', name=name)
    assert code == 'FAILED_PRECONDITION' and f'api:{made.id}' in text
    for lock in (dict(user=f'api:{made.id}'), dict(role=name)):
        authd.local().put(pb.Lock(name=name, **lock), 'lock')
        assert has_ended(audit, b)
        authd.local().RemoveResource(kind='lock', name=name)
        assert works(audit, b)
    authd.local().RemoveToken(name=made.token)
    authd.local().RemoveResource(kind='role', name=name)


def maker_of(name, verbs):
    return pb.Role(name=name, allow=pb.RoleConditions(rules=[
        pb.VerbRule(resources=['token'], verbs=verbs), pb.VerbRule(resources=['event', 'session'], verbs=['list', 'read'])]))


@pytest.mark.parametrize('what', ['gets other roles', 'has a role that may less', 'is locked', 'signs out everywhere', 'is reset', 'has a new password',
                                  'is gone at the start'])
def test_an_api_token_ends_with_the_right_to_make_it(audit, authd, proxy, what):
    local, name = authd.local(), f'maker-{next(count)}'
    local.put(maker_of(name, ['create']))
    maker = authd.user(name, roles=[name], logins=[])
    b = browser(proxy, maker)
    his = api(proxy, b.AddToken(kind='api', roles=[name]).token)
    its = api(proxy, his.AddToken(kind='api', roles=[name]).token)
    roots = api(proxy, local.AddToken(kind='api', roles=[name]).token)
    # What takes nothing ends none.
    local.put(maker_of(name, ['create', 'list']), replace=True)
    assert fails(b.ChangePassword, password='wrong', otp=maker.otp(), new_password=NEW)[0] == 'UNAUTHENTICATED'
    assert works(audit, his) and works(audit, its)
    if what == 'gets other roles':
        local.UpdateUser(name=name, set_roles=True, roles=['auditor'])
    elif what == 'has a role that may less':
        local.put(maker_of(name, ['list']), replace=True)
    elif what == 'is locked':
        local.put(pb.Lock(name=name, user=name), 'lock')
        local.RemoveResource(kind='lock', name=name)
    elif what == 'signs out everywhere':
        b.SignOutEverywhere()
    elif what == 'has a new password':
        b.ChangePassword(password=maker.password, otp=maker.otp(), new_password=NEW)
        assert works(audit, b)
    elif what == 'is reset':
        link = local.ResetUser(name=name).token
        assert works(audit, his), 'nothing has happened yet'
        maker.confirm(link)
    else:
        authd.daemon.stop()
        with sqlite3.connect(os.path.join(authd.state, 'authd.sqlite')) as db:
            assert db.execute('DELETE FROM item WHERE key = ?', (f'user/{name}',)).rowcount == 1
        authd.start()
    assert has_ended(audit, his) and has_ended(audit, its)
    assert works(audit, roots)
    deleted = f"SELECT 1 FROM events WHERE type = 'api_token.delete' AND fields ->> 'roles' = '{name}'"
    wait_for('the trail', lambda: len(audit.sql(deleted)) == 2, 60)
    local.RemoveToken(name=roots.token)


def test_api_tokens_are_listed_page_by_page_behind_join_tokens(authd):
    local = authd.local()
    for _ in range(3):
        local.AddToken(kind='api', roles=['auditor'])
        local.AddToken(kind='node')
    whole = local.ListTokens().tokens
    assert [t.kind for t in whole] == sorted((t.kind for t in whole), key=lambda k: k == 'api') and not any(t.token for t in whole)
    pages, after = [], ''
    while True:
        page = local.ListTokens(limit=1, after=after)
        pages += page.tokens
        after = page.next
        if not after:
            break
    assert [t.id for t in pages] == [t.id for t in whole] and len(whole) >= 6
