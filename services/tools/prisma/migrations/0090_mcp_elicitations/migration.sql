-- What MCP servers ask users in the middle of a call.
CREATE TABLE tools.mcp_elicitations (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  agent_id varchar(255) NOT NULL,
  user_id varchar(255) NOT NULL,
  session_key text NOT NULL,
  -- Sealed JSON.
  question text NOT NULL,
  answer text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- Until when the process that waits has to say that it still does.
  waits_until timestamptz NOT NULL
);
CREATE INDEX mcp_elicitations_of_user ON tools.mcp_elicitations (tenant_id, user_id, created_at);
CREATE INDEX mcp_elicitations_of_server ON tools.mcp_elicitations (server_id);
