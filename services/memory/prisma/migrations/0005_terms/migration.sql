-- Chunks are found by terms that the service makes of their text: folded, stemmed, in pairs of characters where a script has
-- no spaces (src/text/terms.ts). One without them, such as a replica of the release before writes, waits for a part of the
-- service to make them; `tsv` is there for such replicas. Neither gets an index: row-level security lets no full-text match
-- use one (docs/adr/0008).
ALTER TABLE memory.chunks ADD COLUMN terms tsvector;
CREATE INDEX chunks_without_terms_idx ON memory.chunks (id) WHERE terms IS NULL;
DROP INDEX memory.chunks_tsv_idx;

-- The built-in embedder knows terms now; what it made before lies in another space.
UPDATE memory.chunks SET embedding = NULL, dims = NULL, embedding_model = NULL, embed_after = NULL
WHERE embedding_model = 'feature-hashing-256';
