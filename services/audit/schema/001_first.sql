-- SPDX-License-Identifier: Apache-2.0
-- Events, recordings and the producers they come from. docs/SQL.md describes what is for people.

-- One row. Whoever holds its lock is the only one who adds records: two auditds take turns.
CREATE TABLE audit_writer (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  next_idx bigint NOT NULL
);
INSERT INTO audit_writer (next_idx) VALUES (0);

-- The logs of producers. seq: everything up to here is in this database.
CREATE TABLE audit_source (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  name text NOT NULL,
  log_id uuid NOT NULL,
  host text NOT NULL,
  seq bigint NOT NULL DEFAULT 0,
  records bigint NOT NULL DEFAULT 0,
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  UNIQUE (kind, name, log_id)
);

-- Records that are lost for ever: the producer said so (damaged disk, power failure).
CREATE TABLE audit_gap (
  ts timestamptz NOT NULL DEFAULT now(),
  source int NOT NULL,
  from_seq bigint NOT NULL,
  to_seq bigint NOT NULL
);

-- Records that could not be taken as what they say they are: the bytes and the reason.
CREATE TABLE audit_dead_letter (
  ts timestamptz NOT NULL,
  source int NOT NULL,
  src_seq bigint NOT NULL,
  reason text NOT NULL,
  record bytea NOT NULL
);

-- ts: when auditd took it (never goes back; the partitions). at: when it happened, by the producer's clock.
-- idx: 0, 1, 2, ... without gaps. canon: the record as the producer wrote it; body: the same for people.
CREATE TABLE audit_event (
  ts timestamptz NOT NULL,
  idx bigint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  code text NOT NULL,
  ok boolean NOT NULL,
  actor text NOT NULL,
  login text NOT NULL,
  node text NOT NULL,
  node_name text NOT NULL,
  session uuid,
  remote_addr text NOT NULL,
  message text NOT NULL,
  source int NOT NULL,
  src_seq bigint NOT NULL,
  canon bytea NOT NULL,
  body jsonb NOT NULL
) PARTITION BY RANGE (ts);
CREATE INDEX audit_event_ts ON audit_event USING brin (ts) WITH (pages_per_range = 32);
CREATE INDEX audit_event_actor ON audit_event (actor, ts);
CREATE INDEX audit_event_node ON audit_event (node, ts);
CREATE INDEX audit_event_session ON audit_event (session) WHERE session IS NOT NULL;

CREATE TABLE rec_session (
  sid uuid PRIMARY KEY,
  source int NOT NULL,
  kind text NOT NULL DEFAULT '',
  actor text NOT NULL DEFAULT '',
  login text NOT NULL DEFAULT '',
  node text NOT NULL DEFAULT '',
  node_name text NOT NULL DEFAULT '',
  remote_addr text NOT NULL DEFAULT '',
  started timestamptz NOT NULL,
  ended timestamptz,
  command text NOT NULL DEFAULT '',
  interactive boolean NOT NULL DEFAULT false,
  cols int NOT NULL DEFAULT 0,
  rows int NOT NULL DEFAULT 0,
  exit_status int,
  exit_signal text NOT NULL DEFAULT '',
  bytes bigint NOT NULL DEFAULT 0,
  chunks int NOT NULL DEFAULT 0
);
CREATE INDEX rec_session_started ON rec_session (started);
CREATE INDEX rec_session_actor ON rec_session (actor, started);
CREATE INDEX rec_session_node ON rec_session (node, started);

-- Frames of a recording, in the order of seq (number of the first record in the producer's log).
-- data: zstd; hash: SHA-256 of the frames before compression; output: what the terminal showed, as plain text.
CREATE TABLE rec_chunk (
  day date NOT NULL,
  sid uuid NOT NULL,
  seq bigint NOT NULL,
  source int NOT NULL,
  frames int NOT NULL,
  span_us bigint NOT NULL,
  raw_len int NOT NULL,
  hash bytea NOT NULL,
  data bytea NOT NULL,
  output text NOT NULL,
  PRIMARY KEY (sid, seq, source, day)
) PARTITION BY RANGE (day);
ALTER TABLE rec_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

-- Partitions by day (UTC), made ahead, and yesterday's, since clocks differ. Attached rather than created in place: that does not stop readers.
CREATE FUNCTION audit_add_partitions(days int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  d date;
  part text;
BEGIN
  FOR d IN SELECT (now() AT TIME ZONE 'UTC')::date + i FROM generate_series(-1, days) AS i LOOP
    part := 'audit_event_' || to_char(d, 'YYYYMMDD');
    IF to_regclass(part) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE audit_event INCLUDING DEFAULTS INCLUDING STORAGE)', part);
      EXECUTE format('ALTER TABLE %I ADD UNIQUE (idx)', part);
      EXECUTE format('ALTER TABLE audit_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
        d::text || ' 00:00:00+00', (d + 1)::text || ' 00:00:00+00');
    END IF;
    part := 'rec_chunk_' || to_char(d, 'YYYYMMDD');
    IF to_regclass(part) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE rec_chunk INCLUDING DEFAULTS INCLUDING STORAGE)', part);
      EXECUTE format('ALTER TABLE rec_chunk ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, d, d + 1);
    END IF;
  END LOOP;
END $$;

-- Retention: whole days are dropped, nothing is ever deleted row by row from what is kept.
CREATE FUNCTION audit_drop_partitions(keep_days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  part text;
  n int := 0;
  oldest text := to_char((now() AT TIME ZONE 'UTC')::date - keep_days, 'YYYYMMDD');
BEGIN
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('audit_event'::regclass, 'rec_chunk'::regclass)
      AND right(c.relname, 8) < oldest
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    n := n + 1;
  END LOOP;
  DELETE FROM rec_session WHERE started < (now() AT TIME ZONE 'UTC')::date - keep_days - 1
    AND coalesce(ended, started) < (now() AT TIME ZONE 'UTC')::date - keep_days;
  RETURN n;
END $$;

-- The row of a producer's log. An identity with that many logs is out of its mind, or hostile.
CREATE FUNCTION audit_find_source(for_kind text, for_name text, for_log uuid, for_host text)
RETURNS TABLE (source int, at_seq bigint) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY UPDATE audit_source s SET last_seen = now(), host = for_host
    WHERE s.kind = for_kind AND s.name = for_name AND s.log_id = for_log RETURNING s.id, s.seq;
  IF FOUND THEN
    RETURN;
  END IF;
  IF (SELECT count(*) FROM audit_source s WHERE s.kind = for_kind AND s.name = for_name) >= 1000 THEN
    RAISE EXCEPTION '% % has started 1000 logs already: delete rows of audit_source that are not used any more',
      for_kind, for_name;
  END IF;
  RETURN QUERY INSERT INTO audit_source AS s (kind, name, log_id, host) VALUES (for_kind, for_name, for_log, for_host)
    ON CONFLICT (kind, name, log_id) DO UPDATE SET last_seen = now() RETURNING s.id, s.seq;
END $$;

-- The beginning of every transaction that adds records: where the numbers and the sources stand, under the lock.
CREATE FUNCTION audit_lock(sources int[]) RETURNS TABLE (source int, at_seq bigint, at_idx bigint)
LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  SELECT w.next_idx INTO STRICT n FROM audit_writer w FOR UPDATE;
  RETURN QUERY SELECT s.id, s.seq, n FROM audit_source s WHERE s.id = ANY (sources);
END $$;

-- Its end.
CREATE FUNCTION audit_advance(sources int[], seqs bigint[], counts bigint[], idx bigint) RETURNS void
LANGUAGE sql AS $$
  UPDATE audit_source s SET seq = v.seq, records = s.records + v.n, last_seen = now()
    FROM unnest(sources, seqs, counts) AS v(id, seq, n) WHERE s.id = v.id;
  UPDATE audit_writer SET next_idx = idx;
$$;

-- What a batch knows about sessions, merged into their rows. A session belongs to the source that began it.
CREATE FUNCTION audit_merge_sessions(batch jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO rec_session AS s (sid, source, kind, actor, login, node, node_name, remote_addr, started, ended,
      command, interactive, cols, rows, exit_status, exit_signal, bytes, chunks)
    SELECT b.sid, b.source, coalesce(b.kind, ''), coalesce(b.actor, ''), coalesce(b.login, ''), coalesce(b.node, ''),
      coalesce(b.node_name, ''), coalesce(b.remote_addr, ''), coalesce(b.started, now()), b.ended,
      coalesce(b.command, ''), coalesce(b.interactive, false), coalesce(b.cols, 0), coalesce(b.rows, 0),
      b.exit_status, coalesce(b.exit_signal, ''), b.bytes, b.chunks
    FROM jsonb_to_recordset(batch) AS b(sid uuid, source int, kind text, actor text, login text, node text,
      node_name text, remote_addr text, started timestamptz, ended timestamptz, command text, interactive boolean,
      cols int, rows int, exit_status int, exit_signal text, bytes bigint, chunks int)
  ON CONFLICT (sid) DO UPDATE SET
      kind = coalesce(nullif(excluded.kind, ''), s.kind),
      actor = coalesce(nullif(excluded.actor, ''), s.actor),
      login = coalesce(nullif(excluded.login, ''), s.login),
      node = coalesce(nullif(excluded.node, ''), s.node),
      node_name = coalesce(nullif(excluded.node_name, ''), s.node_name),
      remote_addr = coalesce(nullif(excluded.remote_addr, ''), s.remote_addr),
      started = least(excluded.started, s.started),
      ended = coalesce(excluded.ended, s.ended),
      command = coalesce(nullif(excluded.command, ''), s.command),
      interactive = excluded.interactive OR s.interactive,
      cols = coalesce(nullif(s.cols, 0), excluded.cols),
      rows = coalesce(nullif(s.rows, 0), excluded.rows),
      exit_status = coalesce(excluded.exit_status, s.exit_status),
      exit_signal = coalesce(nullif(excluded.exit_signal, ''), s.exit_signal),
      bytes = s.bytes + excluded.bytes,
      chunks = s.chunks + excluded.chunks
    WHERE s.source = excluded.source;
$$;

-- For people.
CREATE VIEW sessions AS
  SELECT sid AS id, started, ended, actor AS username, login, node_name AS node, node AS node_id, kind, command,
    interactive, exit_status, exit_signal, bytes, remote_addr
  FROM rec_session;

CREATE VIEW events AS
  SELECT at, type, code, ok, actor AS username, login, node_name AS node, node AS node_id, session, remote_addr,
    message, body -> 'fields' AS fields, body -> 'labels' AS labels, idx, ts AS received
  FROM audit_event;

CREATE FUNCTION session_output(session uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(c.output, '' ORDER BY c.seq) FROM rec_session s JOIN rec_chunk c USING (sid, source)
    WHERE s.sid = session;
$$;

CREATE VIEW session_text AS
  SELECT s.*, session_output(s.id) AS output FROM sessions s;
