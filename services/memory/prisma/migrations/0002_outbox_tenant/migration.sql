-- Whoever works for a tenant writes and sees that tenant's events only (docs/adr/0008). Empty for the system's.
ALTER TABLE memory.outbox ADD COLUMN tenant_id uuid DEFAULT nullif(current_setting('clawmesh.tenant_id', true), '')::uuid;
