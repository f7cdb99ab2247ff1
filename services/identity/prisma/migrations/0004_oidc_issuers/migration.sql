-- Whose tokens open a tenant, and the public keys to check them by as they were fetched last.
CREATE TABLE identity.oidc_issuers (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  issuer varchar(512) NOT NULL,
  jwks_uri varchar(1024),
  algorithms text[] NOT NULL,
  user_claim varchar(255) NOT NULL,
  role_claim varchar(255),
  role_mapping jsonb NOT NULL,
  default_role varchar(20),
  clock_skew_seconds integer NOT NULL,
  enabled boolean NOT NULL,
  keys jsonb NOT NULL DEFAULT '[]',
  keys_fetched_at timestamptz,
  keys_error varchar(500),
  keys_failures integer NOT NULL DEFAULT 0,
  -- Nobody fetches them before: a pause between fetches, a back-off after failures, a claim while one is under way.
  keys_next_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX oidc_issuers_tenant_id_idx ON identity.oidc_issuers (tenant_id);

-- A token's issuer and audience lead to one tenant in the whole installation, so this table has no tenant of its own.
CREATE TABLE identity.oidc_audiences (
  issuer varchar(512) NOT NULL,
  audience varchar(255) NOT NULL,
  issuer_id uuid NOT NULL REFERENCES identity.oidc_issuers (id) ON DELETE CASCADE,
  PRIMARY KEY (issuer, audience)
);
CREATE INDEX oidc_audiences_issuer_id_idx ON identity.oidc_audiences (issuer_id);
