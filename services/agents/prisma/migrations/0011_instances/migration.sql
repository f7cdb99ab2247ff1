-- Users who have talked with an agent, and what is known of them there.
CREATE TABLE agents.instances (
  agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  tenant_id uuid NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent_id, user_id)
);
CREATE INDEX instances_tenant_id_agent_id_last_seen_at_idx ON agents.instances (tenant_id, agent_id, last_seen_at DESC);
