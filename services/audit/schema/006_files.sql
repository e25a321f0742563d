-- SPDX-License-Identifier: Apache-2.0
-- Who took which file where: the events of file transfers, a row each. For people; docs/SQL.md describes it.

CREATE VIEW files AS
  SELECT at, actor AS username, login, node_name AS node, type, ok, body -> 'fields' ->> 'path' AS path,
    body -> 'fields' ->> 'name' AS name, body -> 'fields' ->> 'target' AS target, (body -> 'fields' ->> 'bytes')::bigint AS bytes,
    (body -> 'fields' ->> 'whole')::boolean AS whole, body -> 'fields' ->> 'sha256' AS sha256,
    body -> 'fields' ->> 'ranges' AS ranges, body -> 'fields' ->> 'attributes' AS attributes, message,
    body -> 'fields' ->> 'protocol' AS protocol, decode(body -> 'raw' ->> 'path', 'hex') AS path_raw,
    decode(body -> 'raw' ->> 'name', 'hex') AS name_raw, decode(body -> 'raw' ->> 'target', 'hex') AS target_raw, session,
    remote_addr, node AS node_id, backed, idx, ts AS received
  FROM audit_event WHERE type LIKE 'file.%';
