-- Which agent may hand work to which.
CREATE TABLE agents.agent_links (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  source_agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  target_agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  direction varchar(20) NOT NULL,
  description text NOT NULL DEFAULT '',
  max_concurrent integer NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  status varchar(20) NOT NULL DEFAULT 'active',
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (source_agent_id <> target_agent_id)
);
CREATE UNIQUE INDEX agent_links_source_agent_id_target_agent_id_key ON agents.agent_links (source_agent_id, target_agent_id);
CREATE INDEX agent_links_tenant_id_target_agent_id_idx ON agents.agent_links (tenant_id, target_agent_id);
