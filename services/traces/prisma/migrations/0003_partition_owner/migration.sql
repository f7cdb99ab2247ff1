-- Partitions are made and dropped by the owner of the tables, which the service need not be: it calls these functions
-- under the system's role (docs/adr/0008). The lock on the default partition keeps everybody out of it meanwhile.
CREATE FUNCTION traces.partition_of(parent text, period_from timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'traces'::regnamespace AND relkind = 'p' AND relname = parent) THEN
    RAISE invalid_parameter_value USING MESSAGE = format('traces.%I is no partitioned table', parent);
  END IF;
  RETURN parent || to_char(period_from AT TIME ZONE 'UTC', '"_p"YYYYMMDD');
END $$;

-- Attached rather than created in place, which would lock everybody out; rows the default partition has move along.
CREATE FUNCTION traces.make_partition(parent text, period_from timestamptz, period_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE name text := traces.partition_of(parent, period_from);
BEGIN
  EXECUTE format('LOCK TABLE ONLY traces.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
  EXECUTE format('LOCK TABLE traces.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
  EXECUTE format('CREATE TABLE traces.%I (LIKE traces.%I INCLUDING DEFAULTS)', name, parent);
  -- The owner is bound by policies too, but for maintenance.
  PERFORM set_config('clawmesh.maintenance', 'on', true);
  EXECUTE format(
    'WITH moved AS (DELETE FROM traces.%I WHERE created_at >= $1 AND created_at < $2 RETURNING *) INSERT INTO traces.%I SELECT * FROM moved',
    parent || '_default', name) USING period_from, period_to;
  PERFORM set_config('clawmesh.maintenance', '', true);
  EXECUTE format('ALTER TABLE traces.%I ATTACH PARTITION traces.%I FOR VALUES FROM (%L) TO (%L)',
    parent, name, period_from, period_to);
  PERFORM traces.secure_tables();
END $$;

CREATE FUNCTION traces.drop_partition(parent text, period_from timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS traces.%I', traces.partition_of(parent, period_from));
END $$;

REVOKE EXECUTE ON FUNCTION traces.make_partition, traces.drop_partition FROM PUBLIC;
GRANT EXECUTE ON FUNCTION traces.make_partition, traces.drop_partition TO clawmesh_system;
