-- SPDX-License-Identifier: Apache-2.0
-- Finding things again: an order for people, an index for every filter, hashes that anybody can check in SQL.

-- "happened": by the producer's clock, or by auditd's where the producer's cannot be right, so that nobody puts himself on
-- top of every list for ever. Written out in each index, since that is what the planner compares; found_event has it as a column.
DROP INDEX audit_event_actor;
DROP INDEX audit_event_node;
CREATE INDEX audit_event_happened ON audit_event ((CASE WHEN at_doubtful THEN ts ELSE at END), idx);
CREATE INDEX audit_event_actor ON audit_event (actor, (CASE WHEN at_doubtful THEN ts ELSE at END), idx);
CREATE INDEX audit_event_node ON audit_event (node, (CASE WHEN at_doubtful THEN ts ELSE at END), idx) WHERE node <> '';
CREATE INDEX audit_event_node_name ON audit_event (node_name, (CASE WHEN at_doubtful THEN ts ELSE at END), idx)
  WHERE node_name <> '';
CREATE INDEX audit_event_type ON audit_event (type, (CASE WHEN at_doubtful THEN ts ELSE at END), idx);
CREATE INDEX audit_event_failed ON audit_event ((CASE WHEN at_doubtful THEN ts ELSE at END), idx) WHERE NOT ok;

DROP INDEX rec_session_started;
DROP INDEX rec_session_actor;
DROP INDEX rec_session_node;
CREATE INDEX rec_session_started ON rec_session (started, sid);
CREATE INDEX rec_session_actor ON rec_session (actor, started, sid);
CREATE INDEX rec_session_node ON rec_session (node, started, sid);
CREATE INDEX rec_session_node_name ON rec_session (node_name, started, sid);

CREATE OR REPLACE VIEW found_event AS
  SELECT e.*, CASE WHEN e.type IN ('audit.refuse', 'audit.prune') THEN 'audit' ELSE coalesce(s.kind, '') END AS producer_kind,
    CASE WHEN e.type IN ('audit.refuse', 'audit.prune') THEN 'auditd' ELSE coalesce(s.name, '') END AS producer,
    CASE WHEN e.at_doubtful THEN e.ts ELSE e.at END AS happened
  FROM audit_event e LEFT JOIN audit_source s ON s.id = e.source;

CREATE OR REPLACE VIEW events AS
  SELECT at, type, code, ok, actor AS username, login, node_name AS node, node AS node_id, session, remote_addr,
    message, body -> 'fields' AS fields, body -> 'labels' AS labels, idx, ts AS received, at_doubtful, backed, connection,
    producer_kind, producer, body -> 'raw' AS raw, happened
  FROM found_event;

-- Which chunk it is, and everything that is kept of it: one that was changed, or put in the place of another, shows.
CREATE FUNCTION audit_chunk_hash(sid uuid, seq bigint, data bytea, output text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(uuid_send(sid) || int8send(seq) || data || convert_to(output, 'UTF8'));
$$;

-- Parts of recordings, in the order of seq. intact: as they were written.
CREATE VIEW session_chunks AS
  SELECT s.sid AS id, c.seq, c.day, c.frames, c.span_us, c.raw_len,
    c.hash IS NOT DISTINCT FROM audit_chunk_hash(c.sid, c.seq, c.data, c.output) AS intact, c.output
  FROM rec_session s JOIN rec_chunk c USING (sid, source);

-- What was shown, whether or not it is what was recorded; which of the two is said.
CREATE OR REPLACE FUNCTION session_output(session uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(CASE WHEN c.intact THEN c.output
      ELSE E'\n[tampered with: part ' || c.seq || E' of this recording was changed in the database. It now says:]\n' || c.output ||
        E'\n[end of part ' || c.seq || E']\n' END, '' ORDER BY c.seq)
    FROM session_chunks c WHERE c.id = session;
$$;
