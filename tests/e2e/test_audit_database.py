# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL itself holds to: who may do what with the trail, what retention says, what was tampered with, and that
things are found, page by page."""
import csv
import hashlib
import io
import json
import random
import re
import subprocess
import threading
import time
import uuid

import grpc
import psycopg2
import pytest

from cluster import wait_for
from conftest import keep_logs
from producers import Audit, frames_of, pb, varint

TRAIL = ('audit_event', 'rec_chunk', 'rec_session', 'audit_proof', 'audit_dead_letter', 'audit_gap', 'audit_source',
         'audit_writer', 'audit_schema', 'audit_limit', 'audit_ended')
VIEWS = ('sessions', 'events', 'session_text', 'session_chunks', 'refused')


@pytest.fixture
def audit(build, request):
    a = Audit(build, nodes=1)
    try:
        yield a
    finally:
        keep_logs(a.c, request.node.name)
        a.remove()


@pytest.fixture(scope='module')
def shared(build):
    """One for those who leave no traces that others could stumble over."""
    a = Audit(build, nodes=1)
    try:
        a.start()
        yield a
    finally:
        keep_logs(a.c, 'audit_database')
        a.remove()


def install(audit, role='sally'):
    """As the guide does it: a role that owns nothing, and the schema made by the administrator of PostgreSQL."""
    audit.sql(f'CREATE ROLE {role} LOGIN')
    script = audit.c.run(audit.c.bin('auditd'), 'schema', f'--role={role}').stdout
    psql(audit, script)


def psql(audit, script):
    out = subprocess.run(['psql', '-h', audit.c.path('postgres'), '-U', 'postgres', '-d', 'sallyport', '-X'], input=script,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert out.returncode == 0, out.stdout
    return out.stdout


def one_session(audit, text='typed-word'):
    with audit.producer(audit.hosts[0]) as p:
        session, _ = p.session(audit.alice, text)
        p.send()
    return session


# --- roles -----------------------------------------------------------------------------------------------


def test_a_writer_that_owns_nothing_adds_records_and_changes_none(audit):
    install(audit)
    d = audit.start(role='sally')
    session = one_session(audit)
    assert audit.one(f"SELECT session_output('{session}')") == 'typed-word'
    assert 'could change or remove the audit trail' not in d.text()
    assert audit.one("SELECT count(*) FROM pg_class WHERE relowner = 'sally'::regrole") == '0'
    for table in TRAIL:
        for query in (f'DELETE FROM {table}', f'TRUNCATE {table}', f'DROP TABLE {table}', f'ALTER TABLE {table} ADD x int',
                      f'UPDATE {table} SET {audit.columns(table)[-1]} = {audit.columns(table)[-1]}'):
            said = audit.refused(query, 'sally')
            assert 'permission denied' in said or 'must be owner' in said, said
    for part in audit.sql("SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'"):
        assert 'permission denied' in audit.refused(f'DELETE FROM {part[0]}', 'sally')
        assert 'must be owner' in audit.refused(f'DROP TABLE {part[0]}', 'sally')
    for query in ('CREATE TABLE mine (x int)', 'CREATE SCHEMA mine', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
                  'SET ROLE sallyport_owner', 'ALTER DATABASE sallyport SET search_path = x',
                  'SELECT audit_say($$audit.prune$$, $$TA003I$$, $$$$, $${}$$)'):
        assert 'permission denied' in audit.refused(query, 'sally') or 'must be owner' in audit.refused(query, 'sally')


def test_the_writer_asks_nothing_of_the_events(audit):
    """What it asks under everybody's lock must not depend on how many days are kept."""
    install(audit)
    assert audit.one("SELECT has_table_privilege('sallyport_writer', 'audit_event', 'SELECT')") == 'f'


def test_a_writer_adds_to_a_session_that_goes_on_and_makes_no_other_of_it(audit):
    install(audit)
    audit.start(role='sally')
    with audit.producer(audit.hosts[0]) as p:
        session = str(uuid.uuid4())
        p.event('session.start', 'T2000I', {'kind': 'exec', 'command': 'id'}, user='alice', login='root', session=session,
                connection=p.sign_in(audit.alice))
        p.send()
    columns = ('actor, login, node, node_name, kind, command, command_raw, interactive, started, remote_addr, connection, backed,'
               ' cols, rows, bytes, chunks')
    before = audit.sql(f"SELECT {columns} FROM rec_session WHERE sid = '{session}'")
    lie = {'sid': session, 'source': int(audit.one(f"SELECT source FROM rec_session WHERE sid = '{session}'")), 'actor': 'bob',
           'login': 'daemon', 'node': 'n', 'node_name': 'other', 'kind': 'subsystem', 'command': 'true', 'command_raw': '00',
           'interactive': True, 'started': '2001-01-01T00:00:00Z', 'remote_addr': '192.0.2.1', 'backed': 'self',
           'connection': '00000000-0000-4000-8000-000000000000', 'bytes': -5, 'chunks': -1}
    audit.sql(f"SELECT audit_merge_sessions('{json.dumps([lie])}')", 'sally')
    assert audit.sql(f"SELECT {columns} FROM rec_session WHERE sid = '{session}'") == before


def test_functions_that_lend_rights_are_for_the_writer_alone_and_look_nowhere_else(audit):
    install(audit)
    audit.sql('CREATE ROLE stranger LOGIN')
    lending = audit.sql("SELECT oid::regprocedure, array_to_string(proconfig, ' ') FROM pg_proc"
                        " WHERE pronamespace = 'public'::regnamespace AND prosecdef")
    assert len(lending) == 7
    for f, config in lending:
        assert config == 'search_path=public, pg_temp'
        assert audit.one(f"SELECT has_function_privilege('stranger', '{f}', 'EXECUTE')") == 'f'
        assert audit.one(f"SELECT has_function_privilege('sallyport_auditor', '{f}', 'EXECUTE')") == 'f'
        assert audit.one(f"SELECT has_function_privilege('sally', '{f}', 'EXECUTE')") == 't'
    assert audit.one("SELECT count(*) FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a"
                     " WHERE pronamespace = 'public'::regnamespace AND a.grantee = 0") == '0'


def test_an_auditor_reads_everything_and_writes_nothing(audit):
    install(audit)
    audit.start(role='sally')
    session = one_session(audit)
    audit.sql('CREATE ROLE olga LOGIN IN ROLE sallyport_auditor')
    for table in TRAIL + VIEWS:
        audit.sql(f'SELECT * FROM {table}', 'olga')
    assert audit.sql(f"SELECT replace(output, chr(10), '') FROM session_text WHERE id = '{session}'", 'olga') == [['typed-word']]
    for table in TRAIL:
        for query in (f'DELETE FROM {table}', f'TRUNCATE {table}', f'DROP TABLE {table}',
                      f'INSERT INTO {table} DEFAULT VALUES'):
            said = audit.refused(query, 'olga')
            assert 'permission denied' in said or 'must be owner' in said, said
    assert 'permission denied' in audit.refused('SELECT audit_drop_partitions(2)', 'olga')


def test_a_superuser_makes_the_roles_by_itself_and_gives_up_what_it_does_not_need(audit):
    d = audit.start()
    assert one_session(audit)
    assert 'it is a superuser' in d.text()
    assert audit.one("SELECT relowner::regrole FROM pg_class WHERE relname = 'audit_event'") == 'sallyport_owner'
    assert audit.one("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'sallyport_owner'") == 'f'
    parts = audit.sql("SELECT DISTINCT relowner::regrole FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE relkind = 'r'")
    assert parts == [['sallyport_owner']]


def test_a_plain_owner_of_the_database_works_and_is_told_what_is_missing(audit):
    audit.sql('CREATE ROLE plain LOGIN')
    audit.sql('ALTER DATABASE sallyport OWNER TO plain')
    d = audit.start(role='plain')
    assert one_session(audit)
    assert 'could change or remove the audit trail' in d.text() and 'it owns the tables' in d.text()
    assert audit.one("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'sallyport%'") == '0'
    d.stop()
    # The upgrade: an administrator runs the script, and auditd's role has lost the database.
    psql(audit, audit.c.run(audit.c.bin('auditd'), 'schema', '--role=plain').stdout)
    d = audit.start('again', role='plain')
    audit.c.give(audit.c.path('run'))
    assert 'could change or remove' not in d.text()
    assert audit.one("SELECT datdba::regrole FROM pg_database WHERE datname = 'sallyport'") == 'sallyport_owner'
    assert 'permission denied' in audit.refused('DELETE FROM audit_event', 'plain')


def test_an_owner_who_may_make_roles_makes_them(audit):
    audit.sql('CREATE ROLE maker LOGIN CREATEROLE')
    audit.sql('ALTER DATABASE sallyport OWNER TO maker')
    d = audit.start(role='maker')
    assert one_session(audit)
    assert 'it may become the owner of the tables' in d.text()
    assert audit.one("SELECT relowner::regrole FROM pg_class WHERE relname = 'rec_chunk'") == 'sallyport_owner'


def test_without_tables_and_without_the_right_to_make_them_auditd_says_what_to_do(audit):
    audit.sql('CREATE ROLE sally LOGIN')
    d = audit.start(role='sally', ready=False)
    wait_for('the word about it', lambda: 'auditd schema | psql' in d.text())
    psql(audit, audit.c.run(audit.c.bin('auditd'), 'schema', '--role=sally').stdout)
    wait_for('the database', lambda: 'the database is ready' in d.text())
    assert one_session(audit)


def test_the_script_is_for_every_state_of_the_database(audit):
    script = audit.c.run(audit.c.bin('auditd'), 'schema', '--role=postgres').stdout
    assert psql(audit, script) == '' == psql(audit, script)
    assert audit.one('SELECT count(*) = max(version) FROM audit_schema') == 't'
    out = subprocess.run(['psql', '-h', audit.c.path('postgres'), '-U', 'postgres', '-d', 'sallyport', '-X'],
                         input=audit.c.run(audit.c.bin('auditd'), 'schema', "--role=no'body").stdout, capture_output=True, text=True)
    assert out.returncode != 0 and "there is no role \"no'body\"" in out.stderr


# --- retention ----------------------------------------------------------------------------------------------


def test_retention_is_an_event_of_the_trail(audit):
    d = audit.start()
    one_session(audit)
    d.stop()
    audit.sql("SET ROLE sallyport_owner; CREATE TABLE audit_event_20200101 PARTITION OF audit_event"
              " FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')")
    audit.sql("INSERT INTO audit_event SELECT '2020-01-01 10:00+00', 5000 + n, '2020-01-01 10:00+00', 'exec', 'T', true, 'u', 'l',"
              " '', '', NULL, '', '', 1, n, '', '{}' FROM generate_series(0, 9) n")
    old = str(uuid.uuid4())
    audit.sql("INSERT INTO audit_proof SELECT '" + old + "', '2020-01-01', 1, 1, 'x', 'u', 'l', '2020-01-01', '2020-01-02', '', ''")
    audit.sql(f"INSERT INTO audit_ended VALUES ('{old}', '2020-01-01'), ('{audit.one('SELECT connection FROM audit_proof LIMIT 1')}', now())")
    before = int(audit.one('SELECT next_idx FROM audit_writer'))
    audit.start('again', more='retention: 30d\n')
    # That a connection is over is known as long as its proof is.
    assert audit.one('SELECT count(*) FROM audit_proof') == '1' == audit.one('SELECT count(*) FROM audit_ended')
    assert old != audit.one('SELECT connection FROM audit_ended')
    row = audit.sql("SELECT idx, code, ok, producer_kind, producer, fields->>'events', fields->>'before' < now()::date::text, message"
                    " FROM events WHERE type = 'audit.prune'")
    assert len(row) == 1 and row[0][:7] == [str(before), 'TA003I', 't', 'audit', 'auditd', '5000-5009', 't']
    assert '10 events, 0 recordings' in row[0][7]
    # The record itself reads like any other.
    sock = audit.c.path('run/again.sock')
    shown = json.loads(audit.c.run(audit.c.bin('tctl'), f'--auth-socket={sock}', f'--audit-socket={sock}', 'audit', 'ls',
                                   '--type=audit.prune', '--format=json').stdout)
    assert shown[0]['fields']['events'] == '5000-5009' and shown[0]['success'] and shown[0]['message'] == row[0][7]
    assert abs(int(time.time()) - int(audit.one(
        "SELECT extract(epoch FROM at)::bigint FROM events WHERE type = 'audit.prune'"))) < 600


def test_nobody_drops_more_than_the_database_permits(audit):
    install(audit)
    audit.start(role='sally')
    one_session(audit)
    assert 'less than audit_limit' in audit.refused('SELECT audit_drop_partitions(0)', 'sally')
    audit.sql('UPDATE audit_limit SET keep_days_min = 365')
    assert 'less than audit_limit' in audit.refused('SELECT audit_drop_partitions(364)', 'sally')
    audit.sql('SELECT audit_drop_partitions(365)', 'sally')
    # The script of an upgrade raises the limit, and undercuts nobody's.
    schema = (audit.c.bin('auditd'), 'schema', '--role=sally')
    for retention, limit in (('30d', '365'), ('400d', '400'), ('forever', '2147483647')):
        psql(audit, audit.c.run(*schema, f'--retention={retention}').stdout)
        assert audit.one('SELECT keep_days_min FROM audit_limit') == limit
    assert 'UPDATE audit_limit SET keep_days_min = 36500' in audit.refused('SELECT audit_drop_partitions(36500)', 'sally')
    # Nothing was dropped: nothing is said.
    assert audit.one("SELECT count(*) FROM events WHERE type = 'audit.prune'") == '0'


def test_what_a_configuration_keeps_nobody_drops_who_connects_as_auditd(audit):
    audit.sql('CREATE ROLE sally LOGIN')
    config = audit.configure('auditd', audit.c.audit_port, 'retention: 90d\n', 'sally')
    psql(audit, audit.c.run(audit.c.bin('auditd'), 'schema', f'--config={config}').stdout)
    assert 'less than audit_limit' in audit.refused('SELECT audit_drop_partitions(89)', 'sally')
    audit.sql('SELECT audit_drop_partitions(90)', 'sally')


# --- what was tampered with ---------------------------------------------------------------------------------


def play(audit, session):
    parts = audit.ask('Play', pb.PlayRequest(session=session), pb.PlayPart)
    return [p.tampered for p in parts if p.frames], b''.join(p.frames for p in parts).decode(errors='replace')


@pytest.mark.parametrize('change', [
    "data = data || '\\x00'", "data = overlay(data PLACING '\\xff' FROM 1)", "data = ''", "output = replace(output, 'evil', 'good')",
    "hash = sha256('')", 'seq = seq + 1000'])
def test_a_chunk_that_was_changed_is_shown_as_tampered_with(shared, change):
    session, other = one_session(shared, 'evil-words'), one_session(shared, 'other-words')
    tampered, text = play(shared, session)
    assert tampered == [False] and 'evil-words' in text and 'tampered' not in text
    shared.sql(f"UPDATE rec_chunk SET {change} WHERE sid = '{session}'")
    tampered, text = play(shared, session)
    assert tampered == [True] and re.search(r'\[tampered with: part \d+ of this recording was changed', text)
    assert play(shared, other)[0] == [False]
    assert shared.one(f"SELECT intact FROM session_chunks WHERE id = '{session}'") == 'f'
    shown = '\n'.join(r[0] for r in shared.sql(f"SELECT output FROM session_text WHERE id = '{session}'"))
    assert '[tampered with' in shown and '-words' in shown


def test_a_chunk_put_in_the_place_of_another_is_shown_as_tampered_with(shared):
    audit = shared
    a, b = one_session(audit, 'first-words'), one_session(audit, 'second-words')
    audit.sql(f"UPDATE rec_chunk x SET data = y.data, output = y.output, hash = y.hash, raw_len = y.raw_len"
              f" FROM rec_chunk y WHERE x.sid = '{a}' AND y.sid = '{b}'")
    tampered, text = play(audit, a)
    assert tampered == [True] and 'second-words' in text


# --- much output ----------------------------------------------------------------------------------------------


def much(audit, text, ends=True):
    """A session that shows so much at once."""
    session, data = str(uuid.uuid4()), text.encode()
    of_it = dict(user='alice', login='root', session=session)
    with audit.producer(audit.hosts[0]) as p:
        of_it['connection'] = p.sign_in(audit.alice)
        p.event('session.start', 'T2000I', {'kind': 'exec'}, **of_it)
        for i in range(0, len(data), 65536):
            if i and i % (12 << 16) == 0:
                p.send()  # a batch has a bound
            part = data[i:i + 65536]
            p.put(pb.Record(frames=pb.Frames(session=session, data=b'\x01\x01' + varint(len(part)) + part)))
        if ends:
            p.event('session.end', 'T2004I', {'kind': 'exec', 'exit_status': '0'}, **of_it)
        p.send()
    return session


def play_unread(channel, session, follow=False):
    """(a stream of which only the beginning was read, '') or (None, why not)."""
    stream = channel.unary_stream('/sallyport.audit.Audit/Play', lambda m: m.SerializeToString(), pb.PlayPart.FromString)(
        pb.PlayRequest(session=session, follow=follow), timeout=300)
    try:
        assert next(stream).recording.session == session
    except grpc.RpcError as e:
        return None, f'{e.code().name}: {e.details()}'
    return stream, ''


def test_recordings_that_few_people_do_not_read_leave_places_for_others(shared):
    session = much(shared, random.Random(3).randbytes(6 << 20).hex() + '\n')
    people = [f'reader-{i}' for i in range(14)]
    for name in people:
        shared.person(name, roles=('auditor', 'access'))
    channels = [shared.channel(name) for name in people]
    try:
        held = [[play_unread(c, session) for _ in range(8)] for c in channels[:-1]]
        refused = [why for of_one in held for _, why in of_one if why]
        assert 48 <= 8 * len(held) - len(refused) <= 96
        assert all(why.startswith('RESOURCE_EXHAUSTED: too many recordings') for why in refused)
        # Who has none yet is let in, also last of all.
        assert not any(of_one[0][1] for of_one in held) and play_unread(channels[-1], session)[1] == ''
    finally:
        for channel in channels:
            channel.close()
    wait_for('places for all', lambda: play(shared, session)[0], 60)


def test_sessions_that_few_people_watch_leave_places_for_others_and_the_unread_end(shared):
    session = much(shared, random.Random(4).randbytes(6 << 20).hex() + '\n', ends=False)
    people = [f'watcher-{i}' for i in range(17)]
    for name in people:
        shared.person(name, roles=('auditor', 'access'))
    channels = [shared.channel(name) for name in people]

    def watch(channel):
        return play_unread(channel, session, follow=True)
    try:
        held = [[watch(c) for _ in range(4)] for c in channels[:-1]]
        refused = [why for of_one in held for _, why in of_one if why]
        assert refused and all(why.startswith('RESOURCE_EXHAUSTED: ') for why in refused)
        # Who has none yet is let in, also last of all.
        assert not any(of_one[0][1] for of_one in held) and watch(channels[-1])[1] == ''
        # Nobody reads: after a minute the places of these are free again.
        assert watch(channels[0])[1] != ''
        wait_for('the end of what is not read', lambda: watch(channels[0])[1] == '', 120)
    finally:
        for channel in channels:
            channel.close()


def found(audit, what):
    """By the query of docs/SQL.md: {session: certain}."""
    quoted = what.replace("'", "''")
    return dict(audit.sql(f"SELECT id, bool_or(certain) FROM session_find('{quoted}') GROUP BY id"))


def test_every_word_of_much_output_is_found_and_hardly_another_one(shared):
    signs = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\u00e9\u00df\u0416\u4e2d\U0001f600'
    chance = random.Random(7)
    words = [''.join(chance.choice(signs) for _ in range(chance.randint(2, 14))) for _ in range(20000)]
    gaps = [' ', '\n', '/', '-', ': ', '\x1b[1m=', '\t', '\u2502', '\u2018', '\u2026', '\u00a0', '\u3000', '\r', '\x1b[3;7H',
            '\x1b[C', '\x1bE', '\u0085']
    text = ''.join(w + chance.choice(gaps) for w in words[:10000]) + ' l\x1b[Ce\x1b[Ct\x1b[Ct\x1b[Cers '
    text += ''.join(w + chance.choice(gaps) for w in words[10000:]) + '\n'
    session = much(shared, text)
    assert session in found(shared, 'letters')
    assert session not in found(shared, 'bytes more')
    assert shared.sql(f"SELECT DISTINCT whole, intact FROM session_chunks WHERE id = '{session}'") == [['f', 't']]
    for word in words[::100] + ['/'.join(words[5000:5003]), f"{words[9000]} '{words[9001]}'"]:
        assert session in found(shared, word), word
    assert found(shared, words[0].swapcase() if words[0].isascii() else words[0])[session] == 't'
    assert found(shared, words[-1])[session] == 't' and found(shared, words[10000])[session] == 'f'
    strange = [w for w in (''.join(chance.choice(signs) for _ in range(8)) for _ in range(300)) if session in found(shared, w)]
    assert len(strange) < 15
    # What is left out stands in the recording, and the text says how much it is.
    parts = shared.ask('Play', pb.PlayRequest(session=session), pb.PlayPart)
    assert b''.join(d for _, d in frames_of(b''.join(p.frames for p in parts))).decode() == text
    output = '\n'.join(r[0] for r in shared.sql(f"SELECT output FROM session_text WHERE id = '{session}'"))
    assert re.search(r'\[\d+ bytes more: session_find', output) and words[0] in output
    # Words that were taken away are missed.
    shared.sql(f"UPDATE rec_chunk SET words = set_bit(words, 77, 1 - get_bit(words, 77)) WHERE sid = '{session}'")
    assert play(shared, session)[0][0]
    # Text that was moved to where nobody looks shows, too.
    shared.sql("UPDATE rec_chunk SET output = left(output, 100), words = convert_to(substr(output, 101), 'UTF8') || words"
               f" WHERE sid = '{session}'")
    assert shared.sql(f"SELECT DISTINCT intact FROM session_chunks WHERE id = '{session}'") == [['f']]
    # One that is none any more hides nothing, and breaks no search.
    shared.sql(f"UPDATE rec_chunk SET words = '' WHERE sid = '{session}'")
    assert found(shared, 'not_in_any_text') == {session: 'f'}


def test_little_output_stands_there_as_it_was(shared):
    text = ''.join(f'line {i} of what somebody reads\n' for i in range(900))
    session = much(shared, text)
    assert shared.sql(f"SELECT whole FROM session_chunks WHERE id = '{session}'") == [['t']]
    assert shared.one(f"SELECT md5(session_output('{session}'))") == hashlib.md5(text.encode()).hexdigest()
    assert found(shared, 'LINE 450 of what')[session] == 't' and session not in found(shared, 'line 901')


# --- searching ------------------------------------------------------------------------------------------------


def pages(audit, limit, **question):
    """All of it, page by page; `between` is called after the first."""
    between = question.pop('between', lambda: None)
    found, after = [], ''
    while True:
        answer = audit.ask('SearchEvents', pb.SearchRequest(limit=limit, after=after, **question), pb.EventList)
        found.append([(e.event.time_us, e.event.id) for e in answer.events])
        if not answer.next:
            return found
        if not after:
            between()
        after = answer.next


def test_every_event_is_on_one_page_also_beyond_ten_thousand_and_while_others_come(audit):
    audit.start()
    with audit.producer(audit.hosts[0]) as p:
        for i in range(12000):
            # Ten at a time happened at the same moment.
            p.event('auth', 'T3007W', time_us=int(time.time()) // 10 * 10_000_000 - i // 10 * 1000, user='u')
            if i % 2000 == 1999:
                p.send()

        def more():
            for _ in range(50):
                p.event('auth', 'T3007W', user='u')
            p.send()
        found = pages(audit, 701, types=['auth'], between=more)
    every = [e for page in found for e in page]
    assert len(every) == len(set(every)) == 12000
    assert every == sorted(every, key=lambda e: -e[0])
    out = audit.tctl('audit', 'ls', '--limit=11000', '--type=auth', '--format=json')
    assert len(json.loads(out.stdout)) == 11000


# --- counting -------------------------------------------------------------------------------------------------


PART = 10 * 10 ** 6  # of time, in microseconds


def counts(audit, start, **question):
    reply = audit.ask('CountEvents', pb.CountRequest(from_us=start, **question), pb.EventCounts)
    return [((b.from_us - start) / PART, b.events, b.failed) for b in reply.buckets], reply.counted_from_us


@pytest.fixture(scope='module')
def counted(shared):
    """Where the time begins in which this one failed: 3 times in its first part, never in the second, twice in the third, at its very
    beginning and its very end."""
    start = int(time.time() - 240) * 10 ** 6
    with shared.producer(shared.hosts[0]) as p:
        for at in (0, 1, 9.999999, 20, 29.999999):
            p.event('auth', 'T3007W', time_us=start + round(at * 10 ** 6), user='counted')
        p.send()
    return start


def test_events_are_counted_where_they_happened(shared, counted):
    audit, start = shared, counted
    mine = {'user': 'counted', 'bucket_us': PART}
    assert counts(audit, start, **mine) == ([(0, 3, 3), (2, 2, 2)], 0)
    assert counts(audit, start + PART, **mine) == ([(1, 2, 2)], 0)
    assert counts(audit, start, to_us=start + 2 * PART, **mine) == ([(0, 3, 3)], 0)  # the end does not belong to it
    assert counts(audit, start, to_us=start + 2 * PART + 1, **mine) == ([(0, 3, 3), (2, 1, 1)], 0)
    assert counts(audit, start, failed_only=True, **mine) == ([(0, 3, 3), (2, 2, 2)], 0)
    assert counts(audit, start, types=['a*h'], **mine)[0] and not counts(audit, start, types=['exec'], **mine)[0]
    assert counts(audit, start, node=audit.hosts[0].uuid, **mine)[0] and not counts(audit, start, node='elsewhere', **mine)[0]
    assert counts(audit, start, user='counted') == ([(0, 5, 5)], 0)  # an hour is what nobody asked otherwise
    assert counts(audit, start, to_us=start - 1, **mine) == ([], 0)
    with audit.producer(audit.hosts[0]) as p:
        session = p.session(audit.alice, 'x', time_us=start + PART)[0]
        p.send()
    (where, events, failed), = counts(audit, start, session=session, bucket_us=1000 * PART)[0]
    assert where == 0 and events > 0 and failed == 0 and not counts(audit, start, session=session, failed_only=True)[0]
    assert not counts(audit, start, ok_only=True, **mine)[0]
    assert counts(audit, start, session=session, ok_only=True, bucket_us=1000 * PART)[0] == [(0, events, 0)]
    assert {e.event.ok for e in audit.ask('SearchEvents', pb.SearchRequest(ok_only=True), pb.EventList).events} == {True}
    assert {e.event.ok for e in audit.ask('SearchEvents', pb.SearchRequest(failed_only=True), pb.EventList).events} == {False}
    assert not audit.ask('SearchEvents', pb.SearchRequest(failed_only=True, ok_only=True), pb.EventList).events


def test_tctl_counts_and_writes_out_what_there_is(shared, counted):
    audit = shared
    rows = json.loads(audit.tctl('audit', 'count', '--last=1h', '--every=10s', '--by=counted', '--format=json').stdout)
    assert sum(row['events'] for row in rows) == 5 and sum(row['failed'] for row in rows) == 5
    assert re.search(r'Failed.*\n.*\n.* 5 +5\n', audit.tctl('audit', 'count', '--every=1000h', '--by=counted').stdout)
    assert 'No events' in audit.tctl('audit', 'count', '--by=counted', '--ok').stdout
    assert 'give one of them' in audit.tctl('audit', 'ls', '--failed', '--ok').stderr
    assert 'No events' in audit.tctl('audit', 'count', '--by=nobody-at-all').stdout
    assert '1000 buckets' in audit.tctl('audit', 'count', '--last=1000h', '--every=1s').stderr
    # More than one page, and what spreadsheets would run.
    with audit.producer(audit.hosts[0]) as p:
        for i in range(2345):
            p.event('auth', 'T3007W', user='written', message=f'=HYPERLINK("{i}")')
        p.send()
    lines = [json.loads(line) for line in audit.tctl('audit', 'export', '--by=written').stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(audit.tctl('audit', 'export', '--by=written', '--format=csv').stdout)))
    assert [e['event']['id'] for e in lines] == [row['id'] for row in rows] and len({row['id'] for row in rows}) == 2345
    assert lines[0]['event']['message'].startswith('=') and all(row['message'] == "'" + e['event']['message'] for row, e in zip(rows, lines))
    with open('/dev/full', 'w') as full:
        sock = audit.c.path('run/auditd.sock')
        out = subprocess.run([audit.c.bin('tctl'), f'--auth-socket={sock}', f'--audit-socket={sock}', 'audit', 'export', '--by=written'],
                             stdout=full, stderr=subprocess.PIPE, text=True)
    assert out.returncode != 0 and 'cannot be written' in out.stderr


@pytest.mark.parametrize('question', [{}, {'from_us': -1}, {'from_us': 1}, {'from_us': 1, 'bucket_us': -1}, {'from_us': 2 ** 63 - 1, 'bucket_us': -5},
                                      {'from_us': 1, 'to_us': 1002, 'bucket_us': 1}, {'from_us': 5, 'session': 'x', 'to_us': 6},
                                      {'from_us': 5, 'to_us': 6, 'types': ['*'] * 65}])
def test_what_cannot_be_counted_is_refused(shared, question):
    with pytest.raises(grpc.RpcError) as e:
        shared.ask('CountEvents', pb.CountRequest(**question), pb.EventCounts)
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_one_counts_once_at_a_time_and_gives_up_and_searches_go_on(audit):
    """While the database holds up all that reads events: of two one is refused, the other is told why it has no answer."""
    audit.start()
    start = int(time.time() - 3600) * 10 ** 6
    with audit.producer(audit.hosts[0]) as p:
        p.event('auth', 'T3007W', user='u')
        p.send()
    said, over = {}, threading.Event()

    def count():
        while not over.wait(0.1):
            try:
                audit.ask('CountEvents', pb.CountRequest(from_us=start), pb.EventCounts)
            except grpc.RpcError as e:
                said[e.code()] = e.details()
    lock = psycopg2.connect(host=audit.c.path('postgres'), user='postgres', dbname='sallyport')
    both = [threading.Thread(target=count) for _ in range(2)]
    try:
        lock.cursor().execute('LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE')
        for one in both:
            one.start()
        wait_for('a count that is refused', lambda: grpc.StatusCode.RESOURCE_EXHAUSTED in said)
        assert audit.ask('ListRecordings', pb.ListRecordingsRequest(), pb.RecordingList) is not None
        wait_for('a count that is given up', lambda: grpc.StatusCode.DEADLINE_EXCEEDED in said)
    finally:
        over.set()
        lock.close()
        for one in both:
            one.join(120)
    assert 'being counted' in said[grpc.StatusCode.RESOURCE_EXHAUSTED] and 'too long' in said[grpc.StatusCode.DEADLINE_EXCEEDED]
    assert audit.ask('CountEvents', pb.CountRequest(from_us=start), pb.EventCounts).buckets


@pytest.mark.parametrize('after', ['x', '1', '1.', '.1', '1.x', '-1.1', '1.' + '9' * 40, '1.1.1', "1.1' OR true"])
def test_a_place_that_nobody_was_told_is_refused(shared, after):
    audit = shared
    with pytest.raises(grpc.RpcError) as e:
        audit.ask('SearchEvents', pb.SearchRequest(after=after), pb.EventList)
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as e:
        audit.ask('ListRecordings', pb.ListRecordingsRequest(after=after), pb.RecordingList)
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_recordings_are_listed_page_by_page(shared):
    audit = shared
    others = {r[0] for r in audit.sql('SELECT id FROM sessions')}
    with audit.producer(audit.hosts[0]) as p:
        sessions = {p.session(audit.alice, 'x', time_us=int(time.time()) * 10 ** 6)[0] for _ in range(30)}
        p.send()
    found, after = [], ''
    while True:
        answer = audit.ask('ListRecordings', pb.ListRecordingsRequest(limit=7, after=after), pb.RecordingList)
        found += [r.session for r in answer.recordings]
        after = answer.next
        if not after:
            break
    assert len(found) == len(set(found)) and set(found) - others == sessions


def test_a_time_that_cannot_be_right_puts_nothing_on_top_for_ever(audit):
    audit.start()
    with audit.producer(audit.hosts[0]) as p:
        p.event('auth', 'T3007W', time_us=253402300000000000, user='far')
        p.send()
        p.event('auth', 'T3007W', user='now')
        p.send()
    assert [r[0] for r in audit.sql("SELECT username FROM events WHERE type = 'auth' ORDER BY happened DESC")] == ['now', 'far']
    shown = json.loads(audit.tctl('audit', 'ls', '--type=auth', '--format=json').stdout)
    assert [e['user'] for e in shown] == ['now', 'far'] and shown[1]['time_doubtful']


def test_every_filter_is_served_by_an_index_in_the_order_of_the_list(audit):
    """Not how long it takes: that the rows of the answer are read in order, and no others."""
    audit.start()
    audit.sql("INSERT INTO audit_event (ts, idx, at, type, code, ok, actor, login, node, node_name, remote_addr, message, source,"
              " src_seq, canon, body) SELECT now(), 1000 + n, now() - n * interval '1 s', 'v' || n % 7, 'T', true, 'v' || n % 7, '',"
              " 'v' || n % 7, 'v' || n % 7, '', '', 1, n, '', '{}' FROM generate_series(1, 20000) n")
    audit.sql('ANALYZE audit_event')
    day = audit.one("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
    for column in ('actor', 'node_name', 'node', 'type'):
        for where in (f"{column} = 'v3'", f"{column} = 'v3' AND happened < now() - interval '1 h'",
                      f"{column} = 'v3' AND (happened, idx) < (now() - interval '1 h', 5)"):
            plan = '\n'.join(r[0] for r in audit.sql(
                f'EXPLAIN SELECT canon FROM found_event WHERE {where} ORDER BY happened DESC, idx DESC LIMIT 50'))
            assert re.search(rf'Index Scan Backward using audit_event_{day}_{column}_', plan), plan
            assert not re.search(rf'Sort[^\n]*\n[^\n]*Sort Key[^\n]*\n[^\n]*audit_event_{day}', plan), plan


def test_a_day_is_found_without_looking_at_every_event_after_it(audit):
    audit.start()
    audit.sql("INSERT INTO audit_event (ts, idx, at, type, code, ok, actor, login, node, node_name, remote_addr, message, source,"
              " src_seq, canon, body) SELECT now(), 1000 + n, now() - n * interval '1 s', 't', 'T', true, 'v', '', '', '', '', '', 1, n,"
              " '', '{}' FROM generate_series(1, 20000) n")
    audit.sql('ANALYZE audit_event')
    plan = '\n'.join(r[0] for r in audit.sql(
        "EXPLAIN (ANALYZE) SELECT canon FROM found_event WHERE happened < now() - interval '5 h' ORDER BY happened DESC, idx DESC LIMIT 50"))
    assert 'Rows Removed by Filter' not in plan, plan
