-- The key that replaced this one; a replaced key ends at its expires_at.
ALTER TABLE identity.api_keys ADD COLUMN rotated_to uuid;
