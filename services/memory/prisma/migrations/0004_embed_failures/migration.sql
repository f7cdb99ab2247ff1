-- A text that the embedding provider cannot take is put off by itself, for longer each time, and says why.
ALTER TABLE memory.chunks
  ADD COLUMN embed_failures integer NOT NULL DEFAULT 0,
  ADD COLUMN embed_error varchar(300);
