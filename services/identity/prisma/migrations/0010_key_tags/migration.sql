-- What the costs of a key's runs are attributed to, by name.
ALTER TABLE identity.api_keys ADD COLUMN tags jsonb NOT NULL DEFAULT '{}';
