CREATE TABLE identity.tenants (
  id uuid PRIMARY KEY,
  name varchar(255) NOT NULL,
  slug varchar(100) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'active',
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenants_slug_key ON identity.tenants (slug);

CREATE TABLE identity.tenant_users (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  display_name varchar(255),
  role varchar(20) NOT NULL DEFAULT 'member',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenant_users_tenant_id_user_id_key ON identity.tenant_users (tenant_id, user_id);

-- A key without a tenant is a system key.
CREATE TABLE identity.api_keys (
  id uuid PRIMARY KEY,
  tenant_id uuid REFERENCES identity.tenants (id) ON DELETE CASCADE,
  name varchar(100) NOT NULL,
  prefix varchar(20) NOT NULL,
  key_hash varchar(64) NOT NULL,
  scopes text[] NOT NULL,
  owner_id varchar(255),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked boolean NOT NULL DEFAULT false,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX api_keys_key_hash_key ON identity.api_keys (key_hash);
CREATE INDEX api_keys_tenant_id_idx ON identity.api_keys (tenant_id);

CREATE TABLE identity.system_configs (
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  key varchar(100) NOT NULL,
  value text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);

CREATE TABLE identity.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);

INSERT INTO identity.tenants (id, name, slug) VALUES ('0193a5b0-7000-7000-8000-000000000001', 'Master', 'master');
