-- SPDX-License-Identifier: Apache-2.0
-- What is over stays as it was: a session that has ended takes no more frames, whichever auditd they come through, and saying
-- its end again changes nothing. A session belongs to the source that began it. Who, where, what and since when is what the row
-- was made with: whoever calls this may add to a session that goes on, and not make another one of it.
CREATE OR REPLACE FUNCTION audit_merge_sessions(batch jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_to_recordset(batch) AS b(sid uuid, chunks int) JOIN rec_session s USING (sid)
      WHERE s.ended IS NOT NULL AND b.chunks > 0) THEN
    RAISE EXCEPTION 'frames of a session that has ended';
  END IF;
  INSERT INTO rec_session AS s (sid, source, kind, actor, backed, login, node, node_name, connection, remote_addr, started,
      ended, command, command_raw, interactive, cols, rows, exit_status, exit_signal, bytes, chunks)
    SELECT b.sid, b.source, coalesce(b.kind, ''), coalesce(b.actor, ''), coalesce(b.backed, 'self'), coalesce(b.login, ''),
      coalesce(b.node, ''), coalesce(b.node_name, ''), b.connection, coalesce(b.remote_addr, ''), coalesce(b.started, now()),
      b.ended, coalesce(b.command, ''), decode(b.command_raw, 'hex'), coalesce(b.interactive, false), coalesce(b.cols, 0),
      coalesce(b.rows, 0), b.exit_status, coalesce(b.exit_signal, ''), b.bytes, b.chunks
    FROM jsonb_to_recordset(batch) AS b(sid uuid, source int, kind text, actor text, backed text, login text, node text,
      node_name text, connection uuid, remote_addr text, started timestamptz, ended timestamptz, command text, command_raw text,
      interactive boolean, cols int, rows int, exit_status int, exit_signal text, bytes bigint, chunks int)
  ON CONFLICT (sid) DO UPDATE SET
      ended = excluded.ended,
      cols = coalesce(nullif(s.cols, 0), excluded.cols),
      rows = coalesce(nullif(s.rows, 0), excluded.rows),
      exit_status = coalesce(s.exit_status, excluded.exit_status),
      exit_signal = coalesce(nullif(s.exit_signal, ''), excluded.exit_signal),
      bytes = s.bytes + greatest(excluded.bytes, 0),
      chunks = s.chunks + greatest(excluded.chunks, 0)
    WHERE s.source = excluded.source AND s.ended IS NULL;
END $$;
