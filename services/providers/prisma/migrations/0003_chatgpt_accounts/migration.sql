ALTER TABLE providers.llm_providers ADD COLUMN refresh_token text NOT NULL DEFAULT '';
ALTER TABLE providers.llm_providers ADD COLUMN key_version int NOT NULL DEFAULT 0;
ALTER TABLE providers.llm_providers ADD COLUMN refresh_claimed_until timestamptz;

CREATE TABLE providers.oauth_flows (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  user_id varchar(255) NOT NULL,
  alias varchar(50) NOT NULL,
  state varchar(64) NOT NULL,
  verifier text NOT NULL,
  display_name varchar(255) NOT NULL DEFAULT '',
  api_base text NOT NULL DEFAULT '',
  expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_flows_tenant_id_idx ON providers.oauth_flows (tenant_id);
