-- What an operator lets an agent run always can be named, shown and taken back.
ALTER TABLE tools.exec_allowed
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- As it was asked for; absent of those from before.
  ADD COLUMN command text;
CREATE INDEX exec_allowed_tenant_id_id_idx ON tools.exec_allowed (tenant_id, id);
