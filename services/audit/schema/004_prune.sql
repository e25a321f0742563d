-- SPDX-License-Identifier: Apache-2.0
-- Retention says what it dropped: an event in the trail, made here, so that nobody drops without it.

-- What no setting of an auditd undercuts. `auditd schema` raises it to the retention it was told; whoever owns the table sets it
-- as he likes: UPDATE audit_limit SET keep_days_min = 365;
CREATE TABLE audit_limit (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  keep_days_min int NOT NULL DEFAULT 2 CHECK (keep_days_min >= 2)
);
INSERT INTO audit_limit DEFAULT VALUES;

-- A number as protobuf writes it, and a member of a message that is text, bytes or a message. Numbers of members are below 16.
CREATE FUNCTION audit_pb_number(v bigint) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  packed bytea := '';
BEGIN
  WHILE v > 127 LOOP
    packed := packed || set_byte('\x00', 0, (v & 127 | 128)::int);
    v := v >> 7;
  END LOOP;
  RETURN packed || set_byte('\x00', 0, v::int);
END $$;
CREATE FUNCTION audit_pb(member int, value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT set_byte('\x00', 0, member * 8 + 2) || audit_pb_number(length(value)) || value;
$$;
CREATE FUNCTION audit_pb(member int, value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT audit_pb(member, convert_to(value, 'UTF8'));
$$;

-- An event of auditd's own. fields: JSON of texts. Takes the writers' lock.
CREATE FUNCTION audit_say(for_type text, for_code text, words text, fields jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
  t timestamptz := clock_timestamp();
  us bigint := (extract(epoch FROM t) * 1000000)::bigint;
  id text := gen_random_uuid()::text;
  packed bytea;
BEGIN
  packed := audit_pb(1, id) || audit_pb(2, for_type) || audit_pb(3, for_code) || '\x20' || audit_pb_number(us) || '\x2801' ||
    audit_pb(12, words);
  SELECT packed || coalesce(string_agg(audit_pb(13, audit_pb(1, f.key) || audit_pb(2, f.value)), ''), '')
    INTO STRICT packed FROM jsonb_each_text(fields) f;
  UPDATE audit_writer SET next_idx = next_idx + 1 RETURNING next_idx - 1 INTO STRICT n;
  INSERT INTO audit_event (ts, idx, at, type, code, ok, actor, login, node, node_name, remote_addr, message, source, src_seq,
      canon, body)
    VALUES (t, n, t, for_type, for_code, true, '', '', '', '', '', words, 0, 0, audit_pb(1, packed),
      jsonb_build_object('id', id, 'type', for_type, 'code', for_code, 'ok', true, 'backed', 'self', 'message', words,
        'fields', fields, 'time', to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
END $$;

-- Whole days, nothing row by row of what is kept. Proofs as long as their certificate could be used, or something that they
-- back is kept.
CREATE OR REPLACE FUNCTION audit_drop_partitions(keep_days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  part text;
  parts int := 0;
  first_idx bigint;
  last_idx bigint;
  lo bigint;
  hi bigint;
  sessions int;
  letters int;
  gone text;
  today date := (now() AT TIME ZONE 'UTC')::date;
  before date := today - keep_days;
BEGIN
  IF keep_days < (SELECT keep_days_min FROM audit_limit) THEN
    RAISE EXCEPTION 'a retention of % days is less than audit_limit in the database permits; who may change that: UPDATE audit_limit SET keep_days_min = %',
      keep_days, keep_days;
  END IF;
  FOR part IN
    SELECT c.oid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('audit_event'::regclass, 'rec_chunk'::regclass)
      AND right(c.relname, 8) < to_char(before, 'YYYYMMDD')
  LOOP
    IF part LIKE '%audit_event\_%' THEN
      EXECUTE 'SELECT min(idx), max(idx) FROM ' || part INTO lo, hi;
      first_idx := least(first_idx, lo);
      last_idx := greatest(last_idx, hi);
    END IF;
    EXECUTE 'DROP TABLE ' || part;
    parts := parts + 1;
  END LOOP;
  DELETE FROM rec_session WHERE started < before - 1 AND coalesce(ended, started) < before;
  GET DIAGNOSTICS sessions = ROW_COUNT;
  DELETE FROM audit_dead_letter WHERE ts < before;
  GET DIAGNOSTICS letters = ROW_COUNT;
  -- A spool may be 30 days late with what its certificate was good for.
  WITH old AS (DELETE FROM audit_proof p WHERE ts < before AND valid_until < now() - interval '31 days'
      AND NOT EXISTS (SELECT FROM rec_session s WHERE s.connection = p.connection) RETURNING connection)
    DELETE FROM audit_ended e USING old WHERE e.connection = old.connection;
  IF first_idx IS NOT NULL OR sessions > 0 OR letters > 0 THEN
    gone := CASE WHEN first_idx IS NULL THEN '' ELSE first_idx || '-' || last_idx END;
    PERFORM audit_say('audit.prune', 'TA003I',
      format('retention: everything from before %s was dropped: %s events, %s recordings, %s dead letters', before,
        coalesce(last_idx - first_idx + 1, 0), sessions, letters),
      jsonb_build_object('before', before::text, 'events', gone, 'recordings', sessions::text));
  END IF;
  RETURN parts;
END $$;
