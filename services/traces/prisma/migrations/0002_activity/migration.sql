-- The activity log lives in one partition a month of created_at, as traces do in one a day (0001_init): old months are
-- dropped instead of deleted row by row. The id is that of the event that told of the change.
CREATE TABLE traces.activity_logs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  actor_type text NOT NULL,
  actor_id text NOT NULL,
  action text NOT NULL,
  entity_type text,
  entity_id text,
  details jsonb,
  ip_address text,
  PRIMARY KEY (tenant_id, id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX activity_logs_tenant_id_created_at_idx ON traces.activity_logs (tenant_id, created_at DESC, id DESC);
CREATE INDEX activity_logs_tenant_id_actor_id_created_at_idx
  ON traces.activity_logs (tenant_id, actor_id, created_at DESC, id DESC);
CREATE INDEX activity_logs_tenant_id_action_created_at_idx
  ON traces.activity_logs (tenant_id, action, created_at DESC, id DESC);
CREATE INDEX activity_logs_tenant_id_entity_created_at_idx
  ON traces.activity_logs (tenant_id, entity_type, entity_id, created_at DESC, id DESC);
CREATE TABLE traces.activity_logs_default PARTITION OF traces.activity_logs DEFAULT;
