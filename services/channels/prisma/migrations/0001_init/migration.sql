-- Agents live in another service: there is no foreign key, their deletion arrives as an event.
CREATE TABLE channels.channel_instances (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  name varchar(100) NOT NULL,
  display_name varchar(255) NOT NULL DEFAULT '',
  channel_type varchar(50) NOT NULL,
  agent_id uuid NOT NULL,
  -- One sealed JSON object; null when there are none.
  credentials text,
  -- The object's keys, so that showing an instance decrypts nothing.
  credential_keys text[] NOT NULL DEFAULT '{}',
  config jsonb NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL DEFAULT true,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX channel_instances_tenant_id_name_key ON channels.channel_instances (tenant_id, name);
CREATE INDEX channel_instances_tenant_id_agent_id_idx ON channels.channel_instances (tenant_id, agent_id);

CREATE TABLE channels.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
