-- Agents whose context files are being written by a model; a row goes when that has ended.
CREATE TABLE agents.summonings (
  agent_id uuid PRIMARY KEY REFERENCES agents.agents (id) ON DELETE CASCADE,
  tenant_id uuid NOT NULL,
  -- Which summoning of the agent it is.
  id uuid NOT NULL,
  -- What is to become different; null where the files are written from the description of the agent.
  prompt text,
  -- Whoever asked for it; empty where nobody was named.
  user_id varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX summonings_tenant_id_idx ON agents.summonings (tenant_id);
