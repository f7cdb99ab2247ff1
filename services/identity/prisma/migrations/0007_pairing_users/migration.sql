-- A browser's request counts for its client's address, and makes room once the connection on which it waited has closed.
ALTER TABLE identity.pairing_requests ADD COLUMN client_ip varchar(45), ADD COLUMN connection_id uuid;
-- A paired browser speaks for the user that it named first.
ALTER TABLE identity.paired_devices ADD COLUMN user_id varchar(255);
