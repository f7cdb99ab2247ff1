-- Messages below are in the summary: kept for people, no longer shown to the model.
ALTER TABLE agents.sessions ADD COLUMN window_seq integer NOT NULL DEFAULT 0;
-- Why the conversation could not be summarised, while that is so.
ALTER TABLE agents.sessions ADD COLUMN compaction_error text;
-- The compaction before which memory was last written, and when.
ALTER TABLE agents.sessions ADD COLUMN memory_flush_compaction_count integer;
ALTER TABLE agents.sessions ADD COLUMN memory_flush_at timestamptz;
