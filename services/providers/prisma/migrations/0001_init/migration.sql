CREATE TABLE providers.llm_providers (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  name varchar(50) NOT NULL,
  display_name varchar(255) NOT NULL DEFAULT '',
  provider_type varchar(30) NOT NULL,
  api_base text NOT NULL DEFAULT '',
  api_key text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX llm_providers_tenant_id_name_key ON providers.llm_providers (tenant_id, name);
CREATE UNIQUE INDEX llm_providers_one_claude_cli ON providers.llm_providers (tenant_id) WHERE provider_type = 'claude_cli';

CREATE TABLE providers.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
