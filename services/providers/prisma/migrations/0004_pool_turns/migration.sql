CREATE TABLE providers.pool_turns (
  provider_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  turn bigint NOT NULL
);
