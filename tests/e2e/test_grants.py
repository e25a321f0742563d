# SPDX-License-Identifier: Apache-2.0
"""Nobody gives, edits, resets, locks or removes beyond what he holds himself, unless a role says so explicitly."""
import shutil
import tempfile

import pytest

from authd import Authd, Person, audit_text, fails, pb

pytestmark = pytest.mark.sanitized

EVERY = ['list', 'read', 'create', 'update', 'delete']
MANAGED = ['user', 'role', 'token', 'node', 'lock']


def rule(resources, verbs):
    return pb.VerbRule(resources=resources, verbs=verbs)


def role(name, logins=(), env=None, rules=(), deny=None, **options):
    nodes = [pb.LabelRule(key='env', values=env)] if env else []
    return pb.Role(name=name, allow=pb.RoleConditions(logins=logins, node_labels=nodes, rules=rules),
                   deny=deny, options=pb.RoleOptions(**options))


DENY_PROD = pb.RoleConditions(node_labels=[pb.LabelRule(key='env', values=['prod'])])


@pytest.fixture(scope='module')
def world(build):
    """A help desk with every verb but escalate, that holds web on dev; those below and above it."""
    folder = tempfile.mkdtemp(prefix='sp-grants-')
    a = Authd(folder, build).start()
    w = a.world = {}
    local = w['local'] = a.local()
    for r in (role('desk', rules=[rule(MANAGED, EVERY), rule(['cluster'], ['read'])]),
              role('all-verbs', rules=[rule(['*'], ['*'])]),
              role('dev', ['web'], ['dev']), role('mine', ['{{internal.logins}}'], ['dev']),
              role('prod', ['root'], ['prod', 'dev']),
              role('no-prod', deny=DENY_PROD), role('no-users', deny=pb.RoleConditions(rules=[rule(['user'], ['*'])])),
              role('above', rules=[rule(['user', 'role'], ['escalate'])]),
              role('shared', ['web'], ['dev'])):
        local.put(r)
    for name, roles, logins in (('desk', ['desk', 'dev', 'mine', 'shared'], ['web']), ('star', ['all-verbs'], []),
                                ('below', ['dev'], []), ('below2', ['dev'], []), ('boss', ['editor', 'access'], ['root']),
                                ('ops', ['prod', 'no-prod', 'shared'], []), ('held', ['prod', 'dev'], []),
                                ('chief', ['desk', 'above'], [])):
        person = a.user(name, roles, logins)
        if name in ('desk', 'star', 'boss', 'chief'):
            w[name] = person.login()[1]
    node = a.join(name='prod-1')
    node.beat(labels={'env': 'prod'})
    w['node'], w['proxy'] = node.uuid, a.join('proxy', 'gate').uuid
    yield a
    a.stop()
    text = a.daemon.text()
    assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    shutil.rmtree(folder, ignore_errors=True)


def with_more(r, **kw):
    more = pb.Role()
    more.CopyFrom(r)
    for k, v in kw.items():
        getattr(more.allow, k).extend(v)
    return more


# Each is something that would make the help desk, or somebody in its hands, more than it is; or would take from those
# above it what they have.
WAYS = {
    'give itself editor': lambda c, w: c.UpdateUser(name='desk', set_roles=True, roles=['desk', 'editor']),
    'give itself a role with more nodes': lambda c, w: c.UpdateUser(name='desk', set_roles=True, roles=['desk', 'prod']),
    'give itself a login': lambda c, w: c.UpdateUser(name='desk', set_logins=True, logins=['web', 'root']),
    'give itself the preset access': lambda c, w: c.UpdateUser(name='desk', set_roles=True, roles=['desk', 'access']),
    'give somebody below editor': lambda c, w: c.UpdateUser(name='below', set_roles=True, roles=['editor']),
    'give somebody below sight of all': lambda c, w: c.UpdateUser(name='below', set_roles=True, roles=['auditor']),
    'make a second editor': lambda c, w: c.AddUser(name='fresh', roles=['editor']),
    'make somebody with a login it lacks': lambda c, w: c.AddUser(name='fresh', roles=['mine'], logins=['root']),
    'make somebody with the verb escalate': lambda c, w: c.AddUser(name='fresh', roles=['above']),
    'reset the administrator': lambda c, w: c.ResetUser(name='boss'),
    'reset somebody with more nodes': lambda c, w: c.ResetUser(name='held'),
    'reset somebody who may escalate': lambda c, w: c.ResetUser(name='chief'),
    'demote the administrator': lambda c, w: c.UpdateUser(name='boss', set_roles=True, roles=['dev']),
    'take the administrator his logins': lambda c, w: c.UpdateUser(name='boss', set_logins=True, logins=['web']),
    'unlock the administrator': lambda c, w: c.UpdateUser(name='boss', unlock=True),
    'remove the administrator': lambda c, w: c.RemoveUser(name='boss'),
    'free somebody of his deny role': lambda c, w: c.UpdateUser(name='ops', set_roles=True, roles=['prod']),
    'write escalate into its own role': lambda c, w: c.put(
        with_more(role('desk', rules=[rule(MANAGED, EVERY), rule(['cluster'], ['read'])]), rules=[rule(['user'], ['escalate'])]), replace=True),
    'write a login into a role it has': lambda c, w: c.put(role('dev', ['web', 'root'], ['dev']), replace=True),
    'write a node into a role it has': lambda c, w: c.put(role('dev', ['web'], ['dev', 'prod']), replace=True),
    'write any node into a role it has': lambda c, w: c.put(role('dev', ['web'], ['*']), replace=True),
    'write an option into a role it has': lambda c, w: c.put(role('dev', ['web'], ['dev'], forward_agent=True),
                                                             replace=True),
    'make a role that it could give later': lambda c, w: c.put(role('later', ['root'], ['dev'])),
    'make a role with whatever logins on more nodes': lambda c, w: c.put(role('later', ['{{internal.logins}}'], ['prod'])),
    'make a role with sight of all sessions': lambda c, w: c.put(role('later', rules=[rule(['session'], ['read'])])),
    'empty the deny rules of others': lambda c, w: c.put(role('no-prod'), replace=True),
    'deny in a role that those above have': lambda c, w: c.put(
        role('shared', ['web'], ['dev'], deny=pb.RoleConditions(logins=['root'])), replace=True),
    'shorten the sessions of those above': lambda c, w: c.put(
        role('shared', ['web'], ['dev'], max_session_ttl_s=60), replace=True),
    'take from a role that it lacks': lambda c, w: c.put(role('prod', ['root'], ['dev']), replace=True),
    'empty the preset editor': lambda c, w: c.put(role('editor'), replace=True),
    'remove a role that it lacks': lambda c, w: c.RemoveResource(kind='role', name='above-unused'),
    'a token for a proxy': lambda c, w: c.AddToken(kind='proxy'),
    'a token for an audit daemon': lambda c, w: c.AddToken(kind='audit'),
    'label a node into its reach': lambda c, w: c.LabelNode(node=w['node'], set={'env': 'dev'}),
    'remove the proxy': lambda c, w: c.RemoveNode(name=w['proxy']),
    'lock the administrator out': lambda c, w: c.put(pb.Lock(user='boss'), kind='lock'),
    'lock a role of those above': lambda c, w: c.put(pb.Lock(role='editor'), kind='lock'),
    'lock a role that those above share': lambda c, w: c.put(pb.Lock(role='shared'), kind='lock'),
    'lock a login everywhere': lambda c, w: c.put(pb.Lock(login='root'), kind='lock'),
    'lock the proxy': lambda c, w: c.put(pb.Lock(node=w['proxy']), kind='lock'),
    'lock the proxy by its name': lambda c, w: c.put(pb.Lock(node='GATE'), kind='lock'),
    'open a lock of those above': lambda c, w: c.RemoveResource(kind='lock', name='of-ops'),
    'aim a lock of those above elsewhere': lambda c, w: c.put(pb.Lock(name='of-ops', user='below'), kind='lock', replace=True),
}


@pytest.fixture(scope='module')
def prepared(world):
    local = world.world['local']
    local.put(role('above-unused', rules=[rule(['user'], ['escalate'])]))
    local.put(pb.Lock(name='of-ops', user='ops'), kind='lock')
    return world


@pytest.mark.parametrize('way', WAYS)
def test_a_help_desk_does_not_become_more_than_it_is(prepared, way):
    w = prepared.world
    code, text = fails(WAYS[way], w['desk'], w)
    assert code == 'PERMISSION_DENIED' and 'beyond your own rights' in text, (code, text)
    assert 'escalate' in text
    wait = audit_text(prepared)
    assert b'access.deny' in wait and b'beyond your own rights' in wait


@pytest.mark.parametrize('way', ['give itself editor', 'make a second editor', 'reset the administrator',
                                 'write escalate into its own role', 'empty the preset editor',
                                 'lock the administrator out', 'a token for a proxy'])
def test_every_verb_on_everything_is_not_escalate(prepared, way):
    w = prepared.world
    code, text = fails(WAYS[way], w['star'], w)
    assert code == 'PERMISSION_DENIED' and 'beyond your own rights' in text, (code, text)


def test_a_help_desk_does_its_work_below_itself(prepared):
    c = prepared.world['desk']
    token = c.AddUser(name='new', roles=['dev', 'mine'], logins=['web']).token
    Person(prepared, 'new', 'correct horse battery').confirm(token)
    c.UpdateUser(name='new', set_roles=True, roles=['dev'])
    c.ResetUser(name='new')
    c.UpdateUser(name='below2', set_roles=True, roles=['dev', 'no-prod'])
    c.put(role('narrow', ['web'], ['dev'], max_session_ttl_s=600))
    c.put(role('narrow', ['web'], ['dev']), replace=True)
    c.RemoveResource(kind='role', name='narrow')
    name = c.put(pb.Lock(user='new'), kind='lock').name
    c.RemoveResource(kind='lock', name=name)
    c.AddToken(kind='node')
    c.LabelNode(node=prepared.world['node'], set={'rack': '7'})
    c.RemoveUser(name='new')


def test_what_a_role_says_explicitly_is_possible(prepared):
    c, w = prepared.world['chief'], prepared.world
    c.UpdateUser(name='held', set_roles=True, roles=['editor'])
    c.put(role('later', ['root'], ['*']))
    # On users and roles alone.
    assert fails(c.AddToken, kind='proxy')[0] == 'PERMISSION_DENIED'
    assert fails(c.put, pb.Lock(user='boss'), kind='lock')[0] == 'PERMISSION_DENIED'
    c.UpdateUser(name='held', set_roles=True, roles=['prod', 'dev'])
    assert w['local'].GetResources(kind='role', name='later').resources


def test_the_administrator_does_everything(prepared):
    c, w = prepared.world['boss'], prepared.world
    c.AddUser(name='second', roles=['editor', 'auditor', 'access'], logins=['root'])
    c.ResetUser(name='second')
    c.put(role('wide', ['root'], ['*'], rules=[rule(['*'], ['*', 'escalate'])]))
    c.AddToken(kind='proxy')
    name = c.put(pb.Lock(user='second'), kind='lock').name
    c.RemoveResource(kind='lock', name=name)
    c.LabelNode(node=w['node'], set={'env': 'dev'})
    c.LabelNode(node=w['node'], set={'env': 'prod'})
    c.RemoveUser(name='second')
    c.RemoveResource(kind='role', name='wide')


def test_update_alone_makes_no_new_role(prepared):
    local = prepared.world['local']
    local.put(role('changer', rules=[rule(['role'], ['update']), rule(['cluster'], ['read'])]))
    _, c = prepared.user('changer', ['changer'], []).login()
    code, text = fails(c.put, role('made', rules=[rule(['role'], ['update'])]), replace=True)
    assert code == 'PERMISSION_DENIED' and 'create' in text


@pytest.mark.parametrize('change', ['the user becomes more', 'the maker becomes less', 'the maker is removed'])
def test_a_link_does_not_outlive_the_right_to_make_it(prepared, change):
    local = prepared.world['local']
    maker, user = f'maker-{len(change)}', f'guest-{len(change)}'
    local.put(replace=True, message=role('inviter', rules=[rule(['user'], ['create', 'update']), rule(['cluster'], ['read'])]))
    _, c = prepared.user(maker, ['inviter', 'dev'], []).login()
    token = c.AddUser(name=user, roles=['dev']).token
    person = Person(prepared, user, 'correct horse battery')
    person.secret = local.GetInvite(name=token).totp_secret
    if change == 'the user becomes more':
        prepared.world['boss'].UpdateUser(name=user, set_roles=True, roles=['editor'])
    elif change == 'the maker becomes less':
        local.UpdateUser(name=maker, set_roles=True, roles=['inviter'])
    else:
        local.RemoveUser(name=maker)
    for call, kw in ((local.GetInvite, {'name': token}),
                     (local.CompleteInvite, {'token': token, 'password': 'correct horse battery', 'otp': person.otp()})):
        code, text = fails(call, **kw)
        assert code == 'PERMISSION_DENIED' and maker in text and 'users reset' in text, (code, text)
