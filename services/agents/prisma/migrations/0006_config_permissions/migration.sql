-- Who may change what of an agent from a chat.
CREATE TABLE agents.config_permissions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  scope varchar(255) NOT NULL,
  config_type varchar(50) NOT NULL,
  user_id varchar(255) NOT NULL,
  permission varchar(10) NOT NULL,
  granted_by varchar(255) NOT NULL,
  metadata jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX config_permissions_agent_id_scope_config_type_user_id_key
  ON agents.config_permissions (agent_id, scope, config_type, user_id);
