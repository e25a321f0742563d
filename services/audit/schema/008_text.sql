-- SPDX-License-Identifier: Apache-2.0
-- Of much output at once the text is no second copy beside the frames: a part keeps its beginning and its end to read, and the
-- words of all of it as a filter to search by (services/audit/words.h). NULL: output is the whole text.
ALTER TABLE rec_chunk ADD COLUMN words bytea;
-- PostgreSQL compresses nothing in rows below 2 KB, and a few seconds of what somebody types are such a row: so each has room for
-- more, zeros, of which some thirty bytes are left. What is beyond 1 100 bytes then has its text in the TOAST table: rows of two
-- to eight KB would fill their pages badly.
ALTER TABLE rec_chunk ADD COLUMN room bytea NOT NULL DEFAULT decode(repeat('00', 2000), 'hex');
ALTER TABLE rec_chunk ALTER COLUMN data SET STORAGE MAIN, ALTER COLUMN output SET STORAGE EXTENDED,
  ALTER COLUMN words SET STORAGE MAIN, ALTER COLUMN room SET STORAGE EXTENDED, ALTER COLUMN hash SET STORAGE PLAIN;

CREATE OR REPLACE FUNCTION audit_add_partitions(days int) RETURNS void LANGUAGE plpgsql AS $$
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
      EXECUTE format('CREATE TABLE %I (LIKE rec_chunk INCLUDING DEFAULTS INCLUDING STORAGE) WITH (toast_tuple_target = 1100)', part);
      EXECUTE format('ALTER TABLE rec_chunk ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, d, d + 1);
    END IF;
  END LOOP;
END $$;

-- What of each word the filter knows: two numbers, one after the other. Words as in words.h.
CREATE FUNCTION audit_word_numbers(what text) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(('x' || substr(h, n, 8))::bit(32)::bigint ORDER BY h, n), '{}')
  FROM (SELECT DISTINCT encode(sha256(convert_to(w, 'UTF8')), 'hex') AS h
      FROM regexp_split_to_table(translate(what, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'),
        '[^a-z0-9_\u00c0-\u1fff\u2070-\u218f\u2c00-\u2fff\u3040-\ufffc\ufffe-\U0010ffff]+') AS w
      WHERE octet_length(w) >= 2) AS hashes, (VALUES (1), (9)) AS place(n);
$$;

-- Whether all these words can be in a text with this filter. False: not all of them are. (One that is none says nothing.)
CREATE FUNCTION audit_can_have(words bytea, numbers bigint[]) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(bool_and(get_bit(words,
      ((numbers[2 * w - 1] + i * numbers[2 * w]) % (8 * nullif(octet_length(words), 0)))::int) = 1), true)
  FROM generate_series(1, cardinality(numbers) / 2) AS w, generate_series(0, 5) AS i;
$$;

DROP VIEW session_chunks;
DROP FUNCTION audit_chunk_hash(uuid, bigint, bytea, text);
-- Which chunk it is, and what it says: one that was changed, or put in the place of another, shows. With the lengths, or what
-- moved from one column into the next would not.
CREATE FUNCTION audit_chunk_hash(sid uuid, seq bigint, data bytea, output text, words bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(uuid_send(sid) || int8send(seq) || int4send(octet_length(data)) || int4send(octet_length(output)) || data ||
    convert_to(output, 'UTF8') || coalesce(words, ''));
$$;

-- whole: output is all of the text.
CREATE VIEW session_chunks AS
  SELECT s.sid AS id, c.seq, c.day, c.frames, c.span_us, c.raw_len,
    c.hash IS NOT DISTINCT FROM audit_chunk_hash(c.sid, c.seq, c.data, c.output, c.words) AS intact, c.output,
    c.words IS NULL AS whole, c.words
  FROM rec_session s JOIN rec_chunk c USING (sid, source);

-- What of output is text: of what was left out stands there how much that was.
CREATE FUNCTION audit_shown(output text, whole boolean) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN whole THEN output
    ELSE regexp_replace(output, '\n\[\d+ bytes more: session_find\(\) finds their words, `tsh play` shows them\]\n', E'\n') END;
$$;

-- Where something stood on a screen, in any case of letters (in a part of which not all is kept: of ASCII letters). certain: it
-- stands in output. Not certain: all its words are in that part, or in less than a hundredth of the cases for each none of it is.
CREATE FUNCTION session_find(what text)
RETURNS TABLE (id uuid, seq bigint, certain boolean, started timestamptz, username text, login text, node text)
LANGUAGE sql STABLE AS $$
  SELECT s.id, c.seq, strpos(lower(audit_shown(c.output, c.whole)), lower(what)) > 0, s.started, s.username, s.login, s.node
  FROM sessions s JOIN session_chunks c USING (id)
  WHERE strpos(lower(audit_shown(c.output, c.whole)), lower(what)) > 0 OR audit_can_have(c.words, audit_word_numbers(what));
$$;
