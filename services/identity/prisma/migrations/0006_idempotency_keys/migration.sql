-- One row a key. Its id is that of the claim that holds it; an answer, once there, is sealed.
CREATE TABLE identity.idempotency_keys (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  scope_hash varchar(64) NOT NULL,
  lease_until timestamptz NOT NULL,
  answer text,
  expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX idempotency_keys_tenant_id_scope_hash_key ON identity.idempotency_keys (tenant_id, scope_hash);
CREATE INDEX idempotency_keys_expires_at_idx ON identity.idempotency_keys (expires_at);
