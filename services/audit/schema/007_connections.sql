-- SPDX-License-Identifier: Apache-2.0
-- Which connections are over, beside their proofs, which never change: what is asked before a record is taken must not depend
-- on how many days of events are kept, nor be forgotten with them. A row goes with its proof.
CREATE TABLE audit_ended (
  connection uuid PRIMARY KEY,
  ts timestamptz NOT NULL
);

-- The first word about it is the last.
CREATE FUNCTION audit_end_connections(connections uuid[], at_us bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO audit_ended (connection, ts)
    SELECT p.connection, to_timestamp(at_us / 1e6) FROM audit_proof p WHERE p.connection = ANY (connections)
    ON CONFLICT DO NOTHING;
$$;
