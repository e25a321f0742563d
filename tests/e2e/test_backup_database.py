# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's own tools save the audit trail and bring it back, as docs/BACKUP.md has them: a dump with its roles, and a base
backup with the log of changes to any moment. What came after that moment producers send again as far as they still have it;
what nobody has any more is written down as missing, and auditd goes on."""
import os
import shutil
import subprocess
import time

import pytest

from cluster import PG_BIN, wait_for

pytestmark = pytest.mark.sanitized


def psql(c, script, db='sallyport', check=True):
    out = subprocess.run(['psql', '-h', c.path('postgres'), '-U', 'postgres', '-d', db, '-X', '-q',
                          *(['-v', 'ON_ERROR_STOP=1'] if check else [])],
                         input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert not check or out.returncode == 0, out.stdout
    return out.stdout


def start(c):
    """As the guide has it: auditd's role owns nothing."""
    c.start_postgres()
    c.sql('CREATE ROLE sally LOGIN')
    psql(c, c.run(c.bin('auditd'), 'schema', '--role=sally').stdout)
    c.start_authd()
    c.start_auditd()
    c.daemons['auditd'].stop()
    with open(c.path('auditd.yaml')) as f:
        text = f.read()
    c.write('auditd.yaml', text.replace('user=postgres', 'user=sally'), 0o644)
    audit(c)
    c.start_proxyd()
    c.start_node('node-1', 'env=example')
    alice = c.add_user('alice')
    c.login(alice)


def audit(c):
    d = c.restart('auditd')
    wait_for('auditd', lambda: c.up(d) and c.port_open(c.audit_port), 60)


def lose_database(c):
    c.daemons['auditd'].stop()
    c.stop_postgres('immediate')
    shutil.rmtree(c.path('postgres/data'))


def session(c, command):
    c.tsh('alice', 'ssh', 'root@node-1', command)


def ended(c):
    return {row[0] for row in c.sql("SELECT command FROM sessions WHERE ended IS NOT NULL")}


def wait_ended(c, *commands):
    wait_for(f'{commands} in the trail', lambda: set(commands) <= ended(c), 90)


def one(c, query, role='postgres'):
    return c.sql(query, role=role)[0][0]


def holds(c):
    """What is there is whole, in order, and auditd can do no more than before."""
    assert one(c, 'SELECT count(*) FROM session_chunks WHERE NOT intact') == '0'
    assert one(c, 'SELECT count(*) = max(idx) + 1 AND count(DISTINCT idx) = count(*) FROM audit_event') == 't'
    assert one(c, 'SELECT count(*) FROM audit_dead_letter') == '0'
    for table in ('audit_event', 'rec_chunk', 'audit_source'):
        with pytest.raises(Exception, match='permission denied'):
            c.sql(f'DELETE FROM {table}', role='sally')
    with pytest.raises(Exception, match='permission denied|must be'):
        c.sql('SET ROLE sallyport_owner', role='sally')
    # Said at every start of auditd by one that could.
    assert c.daemons['auditd'].text().count('could change or remove the audit trail') == 1  # before its role was set


def played(c, command):
    sid = one(c, f"SELECT id FROM sessions WHERE command = '{command}'")
    return c.tsh('alice', 'play', '--format=text', sid, check=False)


def test_a_dump_with_its_roles_is_restored_into_an_empty_server(fresh):
    c = fresh
    start(c)
    session(c, 'echo before-dump')
    wait_ended(c, 'echo before-dump')
    home = c.path('postgres')
    pg = ['-h', home, '-U', 'postgres']
    c.as_pg(f'{PG_BIN}/pg_dumpall', *pg, '--roles-only', '-f', f'{home}/roles.sql')
    c.as_pg(f'{PG_BIN}/pg_dump', *pg, '-Fc', '-f', f'{home}/trail.dump', 'sallyport')
    session(c, 'echo after-dump')
    wait_ended(c, 'echo after-dump')
    lose_database(c)
    # While there is none, people work and records wait.
    session(c, 'echo meanwhile')
    c.start_postgres()
    with open(f'{home}/roles.sql') as f:
        psql(c, f.read(), db='postgres', check=False)  # the superuser is there already
    c.as_pg(f'{PG_BIN}/pg_restore', *pg, '-d', 'sallyport', '--exit-on-error', f'{home}/trail.dump')
    assert ended(c) == {'echo before-dump'}
    audit(c)
    session(c, 'echo again')
    wait_ended(c, 'echo before-dump', 'echo after-dump', 'echo meanwhile', 'echo again')
    holds(c)
    assert one(c, 'SELECT count(*) FROM audit_gap') == '0'
    assert one(c, "SELECT session_output(id) FROM sessions WHERE command = 'echo before-dump'") == 'before-dump'
    assert 'before-dump' in c.tctl('recordings', 'ls').stdout
    # A retention and partitions of days to come still work: the functions are their owner's.
    assert one(c, "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'audit_add_partitions'") == 'sallyport_owner'
    c.sql('SELECT audit_add_partitions(5)', role='sally')


def archive(c):
    """WAL goes into a folder, as it would to another machine."""
    folder = c.folder('archive', 'nobody', 0o700)
    c.sql('ALTER SYSTEM SET archive_mode = on')
    c.sql(f"ALTER SYSTEM SET archive_command = 'cp %p {folder}/%f'")
    c.daemons['auditd'].stop()
    c.stop_postgres()
    c.start_postgres()
    audit(c)
    return folder


def recover(c, base, folder, moment):
    lose_database(c)
    c.as_pg('cp', '-a', base, c.path('postgres/data'))
    with open(c.path('postgres/data/postgresql.auto.conf'), 'a') as f:
        f.write(f"restore_command = 'cp {folder}/%f %p'\nrecovery_target_time = '{moment}'\nrecovery_target_action = promote\n")
    c.as_pg('touch', c.path('postgres/data/recovery.signal'))
    c.start_postgres()
    wait_for('the end of the recovery', lambda: one(c, 'SELECT pg_is_in_recovery()') == 'f', 60)


def test_a_base_backup_and_the_log_bring_back_any_moment(fresh):
    c = fresh
    start(c)
    folder = archive(c)
    session(c, 'echo before-base')
    wait_ended(c, 'echo before-base')
    base = c.path('postgres/base')
    c.as_pg(f'{PG_BIN}/pg_basebackup', '-h', c.path('postgres'), '-U', 'postgres', '-D', base, '-X', 'none', '-c', 'fast')
    session(c, 'echo before-the-moment')
    wait_ended(c, 'echo before-the-moment')
    moment = one(c, 'SELECT clock_timestamp()')
    time.sleep(0.1)
    session(c, 'echo after-the-moment')
    wait_ended(c, 'echo after-the-moment')
    # So much that the node's log drops what is committed: nobody has that any more.
    session(c, 'head -c 6000000 /dev/urandom | base64 -w 0')
    wait_ended(c, 'head -c 6000000 /dev/urandom | base64 -w 0')
    last = one(c, 'SELECT pg_walfile_name(pg_switch_wal())')
    wait_for('the archive', lambda: os.path.exists(os.path.join(folder, last)), 60)

    recover(c, base, folder, moment)
    assert ended(c) == {'echo before-base', 'echo before-the-moment'}
    audit(c)
    session(c, 'echo again')
    wait_ended(c, 'echo before-base', 'echo before-the-moment', 'echo again')
    holds(c)
    # Which producer has records that are not here, and how many: said by the database, of the node alone.
    gaps = c.sql('SELECT s.kind, s.host, g.to_seq - g.from_seq + 1 FROM audit_gap g JOIN audit_source s ON s.id = g.source')
    assert len(gaps) == 1 and gaps[0][0] == 'node' and int(gaps[0][2]) > 10, gaps
    # What authd and the proxy still had is here again: they know of the session that the node's records are missing of.
    connects = "SELECT count(*) FROM events WHERE type = 'session.connect' AND ok AND username = 'alice'"
    wait_for("the proxy's word of all five sessions", lambda: one(c, connects) == '5', 60)
    assert 'after-the-moment' not in c.tctl('recordings', 'ls').stdout
