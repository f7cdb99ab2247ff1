-- A user is asked which tenants they are a member of.
CREATE INDEX tenant_users_user_id_idx ON identity.tenant_users (user_id);
