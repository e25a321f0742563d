-- SPDX-License-Identifier: Apache-2.0
-- Who said it, and what backs it: the connection, the proof that its user signed in, what was set aside.

-- That a user signed in on a connection to a node: what he signed and the signature, checked by auditd. signed_data holds
-- his certificate (RFC 4252 section 7). session_id: SHA-256 of the SSH session identifier, which is never used twice.
CREATE TABLE audit_proof (
  connection uuid PRIMARY KEY,
  ts timestamptz NOT NULL,
  source int NOT NULL,
  src_seq bigint NOT NULL,
  session_id bytea NOT NULL UNIQUE,
  username text NOT NULL,
  login text NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  signed_data bytea NOT NULL,
  signature bytea NOT NULL
);
CREATE INDEX audit_proof_ts ON audit_proof (ts);

-- backed: 'signature', 'proxy', 'claimed', 'self' (docs/SQL.md). at_doubtful: the producer's time cannot be right.
ALTER TABLE audit_event ADD COLUMN connection uuid;
ALTER TABLE audit_event ADD COLUMN backed text NOT NULL DEFAULT 'self';
ALTER TABLE audit_event ADD COLUMN at_doubtful boolean NOT NULL DEFAULT false;
CREATE INDEX audit_event_connection ON audit_event (connection) WHERE connection IS NOT NULL;

ALTER TABLE rec_session ADD COLUMN connection uuid;
ALTER TABLE rec_session ADD COLUMN backed text NOT NULL DEFAULT 'self';
-- The exact bytes, where `command` is not what came.
ALTER TABLE rec_session ADD COLUMN command_raw bytea;

CREATE INDEX audit_dead_letter_ts ON audit_dead_letter (ts);

-- As before, and: proofs as long as their certificate could be used, or something that they back is kept.
CREATE OR REPLACE FUNCTION audit_drop_partitions(keep_days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  part text;
  n int := 0;
  today date := (now() AT TIME ZONE 'UTC')::date;
  oldest text := to_char(today - keep_days, 'YYYYMMDD');
BEGIN
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('audit_event'::regclass, 'rec_chunk'::regclass)
      AND right(c.relname, 8) < oldest
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    n := n + 1;
  END LOOP;
  DELETE FROM rec_session WHERE started < today - keep_days - 1 AND coalesce(ended, started) < today - keep_days;
  DELETE FROM audit_dead_letter WHERE ts < today - keep_days;
  -- A spool may be 30 days late with what its certificate was good for.
  DELETE FROM audit_proof p WHERE ts < today - keep_days AND valid_until < now() - interval '31 days'
    AND NOT EXISTS (SELECT FROM rec_session s WHERE s.connection = p.connection);
  RETURN n;
END $$;
CREATE INDEX rec_session_connection ON rec_session (connection) WHERE connection IS NOT NULL;

CREATE OR REPLACE FUNCTION audit_merge_sessions(batch jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO rec_session AS s (sid, source, kind, actor, backed, login, node, node_name, connection, remote_addr, started,
      ended, command, command_raw, interactive, cols, rows, exit_status, exit_signal, bytes, chunks)
    SELECT b.sid, b.source, coalesce(b.kind, ''), coalesce(b.actor, ''), coalesce(b.backed, 'self'), coalesce(b.login, ''),
      coalesce(b.node, ''), coalesce(b.node_name, ''), b.connection, coalesce(b.remote_addr, ''), coalesce(b.started, now()),
      b.ended, coalesce(b.command, ''), decode(b.command_raw, 'hex'), coalesce(b.interactive, false), coalesce(b.cols, 0), coalesce(b.rows, 0),
      b.exit_status, coalesce(b.exit_signal, ''), b.bytes, b.chunks
    FROM jsonb_to_recordset(batch) AS b(sid uuid, source int, kind text, actor text, backed text, login text, node text,
      node_name text, connection uuid, remote_addr text, started timestamptz, ended timestamptz, command text, command_raw text,
      interactive boolean, cols int, rows int, exit_status int, exit_signal text, bytes bigint, chunks int)
  ON CONFLICT (sid) DO UPDATE SET
      kind = coalesce(nullif(excluded.kind, ''), s.kind),
      actor = coalesce(nullif(excluded.actor, ''), s.actor),
      backed = coalesce(nullif(excluded.backed, 'self'), s.backed),
      login = coalesce(nullif(excluded.login, ''), s.login),
      node = coalesce(nullif(excluded.node, ''), s.node),
      node_name = coalesce(nullif(excluded.node_name, ''), s.node_name),
      connection = coalesce(excluded.connection, s.connection),
      remote_addr = coalesce(nullif(excluded.remote_addr, ''), s.remote_addr),
      started = least(excluded.started, s.started),
      ended = coalesce(excluded.ended, s.ended),
      command = coalesce(nullif(excluded.command, ''), s.command),
      command_raw = coalesce(excluded.command_raw, s.command_raw),
      interactive = excluded.interactive OR s.interactive,
      cols = coalesce(nullif(s.cols, 0), excluded.cols),
      rows = coalesce(nullif(s.rows, 0), excluded.rows),
      exit_status = coalesce(excluded.exit_status, s.exit_status),
      exit_signal = coalesce(nullif(excluded.exit_signal, ''), s.exit_signal),
      bytes = s.bytes + excluded.bytes,
      chunks = s.chunks + excluded.chunks
    WHERE s.source = excluded.source;
$$;

-- For people. New columns come last: a view that is there can only grow.
CREATE OR REPLACE VIEW sessions AS
  SELECT r.sid AS id, r.started, r.ended, r.actor AS username, r.login, r.node_name AS node, r.node AS node_id, r.kind,
    r.command, r.interactive, r.exit_status, r.exit_signal, r.bytes, r.remote_addr, r.connection, r.backed,
    s.kind AS producer_kind, s.name AS producer, r.command_raw
  FROM rec_session r LEFT JOIN audit_source s ON s.id = r.source;

-- Events with their producers. What auditd sets aside it says itself; the row bears the source and number of the record
-- that it is about.
CREATE VIEW found_event AS
  SELECT e.*, CASE WHEN e.type = 'audit.refuse' THEN 'audit' ELSE coalesce(s.kind, '') END AS producer_kind,
    CASE WHEN e.type = 'audit.refuse' THEN 'auditd' ELSE coalesce(s.name, '') END AS producer
  FROM audit_event e LEFT JOIN audit_source s ON s.id = e.source;

CREATE OR REPLACE VIEW events AS
  SELECT at, type, code, ok, actor AS username, login, node_name AS node, node AS node_id, session, remote_addr,
    message, body -> 'fields' AS fields, body -> 'labels' AS labels, idx, ts AS received, at_doubtful, backed, connection,
    producer_kind, producer, body -> 'raw' AS raw
  FROM found_event;

-- Every record that was set aside, by its producer.
CREATE VIEW refused AS
  SELECT d.ts AS received, s.kind AS producer_kind, s.name AS producer, d.reason, d.source, d.src_seq, d.record
  FROM audit_dead_letter d LEFT JOIN audit_source s ON s.id = d.source;

DROP VIEW session_text;
CREATE VIEW session_text AS
  SELECT s.*, session_output(s.id) AS output FROM sessions s;
