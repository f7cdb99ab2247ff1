-- Tools of MCP servers that a user of an agent has found by searching.
CREATE TABLE tools.mcp_activated_tools (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL,
  tool_name varchar(512) NOT NULL,
  activated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, agent_id, user_id, tool_name)
);
