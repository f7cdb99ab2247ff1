-- The type and its operators are found through the search path, where `public` is by default; a database that has the
-- extension elsewhere keeps it there.
CREATE EXTENSION IF NOT EXISTS vector;

-- A document without a user (empty user_id) belongs to the agent as a whole.
CREATE TABLE memory.documents (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL DEFAULT '',
  path varchar(500) NOT NULL,
  content text NOT NULL,
  hash varchar(32) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX documents_tenant_id_agent_id_user_id_path_key ON memory.documents (tenant_id, agent_id, user_id, path);
CREATE INDEX documents_tenant_id_updated_at_idx ON memory.documents (tenant_id, updated_at, id);

-- The width of a vector is that of the tenant's model, so the column has none. HNSW indexes are made by width when an
-- agent grows large (src/store/vector-index.ts).
CREATE TABLE memory.chunks (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  document_id uuid NOT NULL REFERENCES memory.documents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL DEFAULT '',
  path varchar(500) NOT NULL,
  start_line integer NOT NULL,
  end_line integer NOT NULL,
  -- Counts the pieces of one overlong line; 0 for all other chunks.
  part integer NOT NULL DEFAULT 0,
  hash varchar(32) NOT NULL,
  text text NOT NULL,
  tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED,
  embedding vector,
  dims integer,
  embedding_model varchar(512),
  -- A chunk without a vector is left to whoever set this until then.
  embed_after timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chunks_embedding_whole CHECK ((embedding IS NULL) = (dims IS NULL) AND (embedding IS NULL) = (embedding_model IS NULL))
);
CREATE INDEX chunks_document_id_idx ON memory.chunks (document_id, start_line, part);
CREATE INDEX chunks_agent_idx ON memory.chunks (tenant_id, agent_id, embedding_model, dims);
CREATE INDEX chunks_tsv_idx ON memory.chunks USING gin (tsv);
CREATE INDEX chunks_waiting_idx ON memory.chunks (tenant_id, embed_after NULLS FIRST, id) WHERE embedding IS NULL;

CREATE TABLE memory.embedding_cache (
  tenant_id uuid NOT NULL,
  hash varchar(32) NOT NULL,
  provider varchar(255) NOT NULL,
  model varchar(255) NOT NULL,
  dims integer NOT NULL,
  embedding vector NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, hash, provider, model)
);
CREATE INDEX embedding_cache_created_at_idx ON memory.embedding_cache (created_at);

CREATE TABLE memory.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
