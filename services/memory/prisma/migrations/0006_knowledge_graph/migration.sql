-- What an agent knows as a graph. An empty user_id is the graph that all users of the agent share.
CREATE TABLE memory.kg_entities (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL DEFAULT '',
  -- What the source calls it; the name of the entity across extractions.
  external_id varchar(255) NOT NULL,
  name text NOT NULL,
  entity_type varchar(100) NOT NULL,
  description text NOT NULL DEFAULT '',
  properties jsonb NOT NULL DEFAULT '{}',
  source_id varchar(255) NOT NULL DEFAULT '',
  confidence double precision NOT NULL DEFAULT 1,
  terms tsvector NOT NULL,
  -- The vector of name and description, as of chunks.
  embedding vector,
  dims integer,
  embedding_model varchar(512),
  embed_after timestamptz,
  embed_failures integer NOT NULL DEFAULT 0,
  embed_error varchar(300),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT kg_entities_embedding_whole CHECK ((embedding IS NULL) = (dims IS NULL) AND (embedding IS NULL) = (embedding_model IS NULL))
);
CREATE UNIQUE INDEX kg_entities_external_id_key ON memory.kg_entities (tenant_id, agent_id, user_id, external_id);
CREATE INDEX kg_entities_updated_at_idx ON memory.kg_entities (tenant_id, agent_id, updated_at, id);
CREATE INDEX kg_entities_type_idx ON memory.kg_entities (tenant_id, agent_id, entity_type);
CREATE INDEX kg_entities_waiting_idx ON memory.kg_entities (tenant_id, embed_after NULLS FIRST, id) WHERE embedding IS NULL;

CREATE TABLE memory.kg_relations (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL DEFAULT '',
  source_entity_id uuid NOT NULL REFERENCES memory.kg_entities (id) ON DELETE CASCADE,
  relation_type varchar(200) NOT NULL,
  target_entity_id uuid NOT NULL REFERENCES memory.kg_entities (id) ON DELETE CASCADE,
  confidence double precision NOT NULL DEFAULT 1,
  properties jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX kg_relations_ends_key ON memory.kg_relations (tenant_id, agent_id, user_id, source_entity_id, relation_type, target_entity_id);
-- A walk goes along relations and against them.
CREATE INDEX kg_relations_source_idx ON memory.kg_relations (source_entity_id);
CREATE INDEX kg_relations_target_idx ON memory.kg_relations (target_entity_id);
CREATE INDEX kg_relations_created_at_idx ON memory.kg_relations (tenant_id, agent_id, created_at, id);

-- Pairs of entities that may be one; entity_a_id is the smaller id.
CREATE TABLE memory.kg_dedup_candidates (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL DEFAULT '',
  entity_a_id uuid NOT NULL REFERENCES memory.kg_entities (id) ON DELETE CASCADE,
  entity_b_id uuid NOT NULL REFERENCES memory.kg_entities (id) ON DELETE CASCADE,
  similarity double precision NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT kg_dedup_candidates_order CHECK (entity_a_id < entity_b_id)
);
CREATE UNIQUE INDEX kg_dedup_candidates_pair_key ON memory.kg_dedup_candidates (entity_a_id, entity_b_id);
CREATE INDEX kg_dedup_candidates_b_idx ON memory.kg_dedup_candidates (entity_b_id);
CREATE INDEX kg_dedup_candidates_agent_idx ON memory.kg_dedup_candidates (tenant_id, agent_id, status, similarity);
