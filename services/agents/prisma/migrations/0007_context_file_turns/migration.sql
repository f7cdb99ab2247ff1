-- Turns in which a file was shown that is only for the first of them.
ALTER TABLE agents.context_files ADD COLUMN turns integer NOT NULL DEFAULT 0;
