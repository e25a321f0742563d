-- SPDX-License-Identifier: Apache-2.0
-- Who may do what in the database. Not a step of the schema but its last word: run after every change of it, as often as one
-- likes. `auditd schema` prints it too; sallyport.login is then the role that auditd connects as, sallyport.keep_days what it
-- may not drop.
--
--   DATABASE_owner    no login; owns every table and function
--   DATABASE_writer   owns nothing. Adds records, and calls the functions below
--   DATABASE_auditor  reads everything
--
-- Roles are only made by a superuser, or by an owner of the database who may make roles. Else all is the property of the one
-- who runs this.
DO $rights$
DECLARE
  home regnamespace := (SELECT relnamespace FROM pg_class WHERE oid = 'audit_event'::regclass);
  me pg_roles := (SELECT r FROM pg_roles r WHERE rolname = current_user);
  login name := coalesce(nullif(current_setting('sallyport.login', true), ''), current_user);
  keep int := nullif(current_setting('sallyport.keep_days', true), '')::int;
  owner name := current_database() || '_owner';
  writer name := current_database() || '_writer';
  auditor name := current_database() || '_auditor';
  wanted name;
  thing record;
BEGIN
  -- They run with their owner's rights, so that a writer needs none of his own on what they change. (pg_catalog comes first unnamed.)
  FOR thing IN SELECT p.oid::regprocedure AS f, p.proname IN ('audit_add_partitions', 'audit_drop_partitions', 'audit_find_source',
      'audit_lock', 'audit_advance', 'audit_merge_sessions', 'audit_end_connections') AS lends
    FROM pg_proc p WHERE p.pronamespace = home AND (p.proname LIKE 'audit\_%' OR p.proname IN ('session_output', 'session_find'))
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', thing.f);
    IF thing.lends THEN
      EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %s, pg_temp', thing.f, home);
    END IF;
  END LOOP;
  -- Never less than somebody wanted who owns the tables.
  IF keep > 0 THEN
    UPDATE audit_limit SET keep_days_min = keep WHERE keep > keep_days_min;
  END IF;
  IF NOT me.rolsuper AND NOT (me.rolcreaterole
      AND pg_has_role(current_user, (SELECT nspowner FROM pg_namespace WHERE oid = home), 'MEMBER')) THEN
    RETURN;
  END IF;
  IF octet_length(current_database()) > 55 THEN
    RAISE EXCEPTION 'the name of the database is too long to name roles after it: at most 55 bytes';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
    RAISE EXCEPTION 'there is no role "%", as which auditd connects: make it with createuser', login;
  END IF;
  FOREACH wanted IN ARRAY ARRAY[owner, writer, auditor] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
  -- Nobody gives away what he is no member of.
  IF NOT me.rolsuper THEN
    EXECUTE format('GRANT %I TO %I', owner, current_user);
  END IF;
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %s TO %I', home, owner);
  EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I, %I', home, writer, auditor);
  EXECUTE format('REVOKE CREATE ON SCHEMA %s FROM PUBLIC', home);
  FOR thing IN SELECT c.oid::regclass AS t, c.relkind FROM pg_class c WHERE c.relnamespace = home AND c.relkind IN ('r', 'p', 'v')
      AND (c.relname LIKE 'audit\_%' OR c.relname LIKE 'rec\_%'
        OR c.relname IN ('sessions', 'events', 'files', 'session_text', 'session_chunks', 'refused', 'found_event'))
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO %I', CASE thing.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, thing.t, owner);
    EXECUTE format('GRANT SELECT ON %s TO %I', thing.t, auditor);
  END LOOP;
  FOR thing IN SELECT p.oid::regprocedure AS f, p.prosecdef AS lends FROM pg_proc p
    WHERE p.pronamespace = home AND (p.proname LIKE 'audit\_%' OR p.proname IN ('session_output', 'session_find'))
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', thing.f, owner);
    IF thing.lends THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', thing.f, writer);
    END IF;
  END LOOP;
  EXECUTE format('GRANT EXECUTE ON FUNCTION session_output(uuid), session_find(text), audit_chunk_hash(uuid, bigint, bytea, text, bytea),
    audit_word_numbers(text), audit_can_have(bytea, bigint[]), audit_shown(text, boolean) TO %I', auditor);
  EXECUTE format('GRANT INSERT ON audit_event, rec_chunk, audit_proof, audit_dead_letter, audit_gap TO %I', writer);
  -- What auditd has to know before it takes a record.
  EXECUTE format('GRANT SELECT ON audit_proof, audit_ended, rec_session, audit_schema TO %I', writer);
  -- A database that belongs to auditd's own user could be dropped by it, tables and all.
  IF me.rolsuper AND login <> current_user
      AND EXISTS (SELECT FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
        WHERE d.datname = current_database() AND r.rolname = login) THEN
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), owner);
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = login) THEN
    EXECUTE format('GRANT %I, %I TO %I', writer, auditor, login);
  END IF;
END $rights$;
