/**
 * The run path: one statement to begin a run, one an iteration to append, one to end it. Plain SQL, as this is what a
 * chat turn waits for (docs/adr/0006); under load one statement begins or ends many runs.
 */
import {
  claimedByWriter,
  createBatcher,
  outboxRow,
  type BatcherOptions,
  type OutboxRow,
  type ServiceDb,
} from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { NewMessage } from '../sessions/types.ts'
import { storableJson } from './storable.ts'
import type {
  EndedRun,
  FreshBegin,
  HeldSession,
  LostRun,
  NewRun,
  RunningRun,
  RunOutcome,
  RunRows,
  ShownText,
} from './types.ts'

/** From so many runs on, a statement waits a moment to begin or end several: the database does less for each. */
const busyRuns = 8
const gatherMs = 2

const messagesOf = (messages: readonly NewMessage[]): string => storableJson(messages)

const bytesOf = (messages: readonly NewMessage[]): number =>
  messages.reduce(
    (sum, { content, extra }) =>
      sum + Buffer.byteLength(content) + (extra === undefined ? 0 : JSON.stringify(extra).length),
    0,
  )

const insertMessages = `
  INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
  SELECT grown.tenant_id, grown.id, grown.from_seq + m.position - 1, grown.run_id,
    m.value->>'role', m.value->>'content', m.value->'extra'
  FROM grown, jsonb_array_elements(grown.messages) WITH ORDINALITY AS m(value, position)`

/**
 * `$1`: an array of fresh runs. Gives for each whether its agent is there, and whether it has begun: not when its session
 * exists already. The agent is read without a lock (docs/adr/0026).
 */
const beginFreshSql = `
  WITH input AS (
    SELECT i.*, EXISTS (SELECT FROM agents.agents a WHERE a.id = i.agent_id AND a.tenant_id = i.tenant_id) AS has_agent
    FROM jsonb_to_recordset($1::jsonb) AS i(id uuid, tenant_id uuid, session_key text, agent_id uuid,
      agent_key text, user_id text, channel text, messages jsonb, bytes int, preview text, lease_seconds float8)
  ), session AS (
    INSERT INTO agents.sessions
      (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes, lease_run_id)
    SELECT id, tenant_id, session_key, agent_id, user_id, channel, jsonb_array_length(messages), bytes, id FROM input
    WHERE has_agent
    ON CONFLICT DO NOTHING
    RETURNING id
  ), run AS (
    INSERT INTO agents.runs
      (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
    SELECT id, tenant_id, id, session_key, agent_id, agent_key, user_id, channel, preview, now() + make_interval(secs => lease_seconds)
    FROM input JOIN session USING (id)
  ), message AS (
    INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
    SELECT tenant_id, id, m.position - 1, id, m.value->>'role', m.value->>'content', m.value->'extra'
    FROM input JOIN session USING (id), jsonb_array_elements(input.messages) WITH ORDINALITY AS m(value, position)
  )
  SELECT input.id, has_agent AS "hasAgent", session.id IS NOT NULL AS "hasBegun" FROM input LEFT JOIN session USING (id)`

/**
 * `$1`: an array of ended runs, `$2`: their outbox rows, `$3`: their ids. Gives the ids of those that were still running, of
 * agents that are still there.
 * The array and IS TRUE lead the planner to the primary key: the index of running runs, which a kept plan from quieter
 * times would scan, holds every run that ended since the last vacuum.
 */
const endSql = `
  WITH input AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS i(id uuid, status text, error text, messages jsonb, bytes int,
      input_tokens bigint, output_tokens bigint, provider text, model text)
  ), mine AS (
    UPDATE agents.runs r SET status = input.status, error = input.error, ended_at = now()
    FROM input WHERE r.id = input.id AND r.id = ANY ($3::uuid[]) AND (r.status = 'running') IS TRUE
      AND EXISTS (SELECT FROM agents.agents a WHERE a.id = r.agent_id)
    RETURNING r.id, r.session_id
  ), grown AS (
    UPDATE agents.sessions s SET
      next_seq = s.next_seq + jsonb_array_length(input.messages),
      message_bytes = s.message_bytes + input.bytes,
      input_tokens = s.input_tokens + input.input_tokens,
      output_tokens = s.output_tokens + input.output_tokens,
      provider = CASE WHEN input.provider = '' THEN s.provider ELSE input.provider END,
      model = CASE WHEN input.model = '' THEN s.model ELSE input.model END,
      lease_run_id = NULL,
      updated_at = now()
    FROM mine JOIN input USING (id) WHERE s.id = mine.session_id
    RETURNING s.id, s.tenant_id, mine.id AS run_id, input.messages, s.next_seq - jsonb_array_length(input.messages) AS from_seq
  ), appended AS (${insertMessages}
  ), stored AS (
    INSERT INTO agents.outbox (id, subject, payload, claimed_until)
    SELECT e.id, e.subject, e.payload, ${claimedByWriter}
    FROM mine JOIN jsonb_to_recordset($2::jsonb) AS e(run_id uuid, id uuid, subject text, payload text) ON e.run_id = mine.id
  )
  SELECT id FROM mine`

const freshBegin = (hasAgent: boolean, hasBegun: boolean): FreshBegin => {
  if (!hasAgent) return 'gone'
  return hasBegun ? 'begun' : 'taken'
}

/**
 * Statements over runs. Those of one run work for its tenant; batches, leases and the search for lost runs are over all
 * tenants and go through the system scope, naming a run's unguessable id (docs/adr/0008).
 */
export const createRunRows = ({ database, wakeRelay }: ServiceDb<PrismaClient>): RunRows => {
  const { forTenant } = database
  const system = database.system
  /** Runs begun here and not ended yet. */
  const running = new Set<string>()
  const batches: BatcherOptions = {
    maxBatch: 64,
    // One commits while the next is gathered.
    concurrency: 2,
    gatherMs: () => (running.size >= busyRuns ? gatherMs : 0),
  }

  const beginFresh = createBatcher<NewRun, FreshBegin>(async (runs) => {
    const input = runs.map((run) => ({
      id: run.runId,
      tenant_id: run.tenantId,
      session_key: run.sessionKey,
      agent_id: run.agentId,
      agent_key: run.agentKey,
      user_id: run.userId,
      channel: run.channel,
      messages: run.messages,
      bytes: bytesOf(run.messages),
      preview: run.inputPreview,
      lease_seconds: run.leaseMs / 1000,
    }))
    const { rows } = await system.prepared<{ id: string; hasAgent: boolean; hasBegun: boolean }>(
      'begin_fresh',
      beginFreshSql,
      [storableJson(input)],
    )
    const outcomes = new Map(rows.map(({ id, hasAgent, hasBegun }) => [id, freshBegin(hasAgent, hasBegun)]))
    return runs.map(({ runId }) => outcomes.get(runId)!)
  }, batches)

  /** Takes a session that may exist: its row is made, or its lease taken when it is free. */
  const beginNamed = async (run: NewRun): Promise<HeldSession | 'held' | 'gone'> => {
    const { rows } = await forTenant(run.tenantId).query<{
      id: string | null
      agent_id: string
      user_id: string
      summary: string
      compaction_count: number
      label: string
      next_seq: number
      first_seq: number
    }>(
      `WITH agent AS (
         SELECT id FROM agents.agents WHERE id = $4 AND tenant_id = $2
       ), session AS (
         INSERT INTO agents.sessions AS s
           (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes, lease_run_id)
         SELECT $1, $2, $3, agent.id, $5, $6, jsonb_array_length($7::jsonb), $11, $1 FROM agent
         ON CONFLICT (tenant_id, session_key) DO UPDATE SET
           lease_run_id = EXCLUDED.lease_run_id, next_seq = s.next_seq + EXCLUDED.next_seq,
           message_bytes = s.message_bytes + EXCLUDED.message_bytes, updated_at = now()
         WHERE s.lease_run_id IS NULL AND s.agent_id = EXCLUDED.agent_id
         RETURNING id, agent_id, user_id, summary, compaction_count, label, next_seq, GREATEST(first_seq, window_seq) AS first_seq
       ), run AS (
         INSERT INTO agents.runs
           (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
         SELECT $1, $2, session.id, $3, $4, $8, $5, $6, $9, now() + make_interval(secs => $10) FROM session
       ), message AS (
         INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
         SELECT $2, session.id, session.next_seq - jsonb_array_length($7::jsonb) + m.position - 1, $1,
           m.value->>'role', m.value->>'content', m.value->'extra'
         FROM session, jsonb_array_elements($7::jsonb) WITH ORDINALITY AS m(value, position)
       )
       SELECT session.* FROM agent LEFT JOIN session ON true`,
      [
        run.runId,
        run.tenantId,
        run.sessionKey,
        run.agentId,
        run.userId,
        run.channel,
        messagesOf(run.messages),
        run.agentKey,
        run.inputPreview,
        run.leaseMs / 1000,
        bytesOf(run.messages),
      ],
    )
    const [row] = rows
    if (row === undefined) return 'gone'
    if (row.id === null) return 'held'
    return {
      sessionId: row.id,
      agentId: row.agent_id,
      userId: row.user_id,
      summary: row.summary,
      compactionCount: row.compaction_count,
      label: row.label,
      seq: row.next_seq - run.messages.length,
      firstSeq: row.first_seq,
    }
  }

  const end = createBatcher<EndedRun & { outbox: readonly OutboxRow[] }, boolean>(async (runs) => {
    const input = runs.map(({ runId, status, error, messages, usage, provider, model }) => {
      const json = messagesOf(messages)
      return `{"id":"${runId}","status":"${status}","error":${JSON.stringify(error ?? null)},"messages":${json},"bytes":${json.length},"input_tokens":${usage.inputTokens},"output_tokens":${usage.outputTokens},"provider":${JSON.stringify(provider)},"model":${JSON.stringify(model)}}`
    })
    const events = runs.flatMap(({ runId, outbox }) => outbox.map((row) => ({ run_id: runId, ...row })))
    const { rows } = await system.prepared<{ id: string }>('end', endSql, [
      `[${input.join(',')}]`,
      JSON.stringify(events),
      runs.map(({ runId }) => runId),
    ])
    const ended = new Set(rows.map(({ id }) => id))
    wakeRelay(runs.flatMap(({ runId, outbox }) => (ended.has(runId) ? outbox : [])))
    return runs.map(({ runId }) => ended.has(runId))
  }, batches)

  /** Texts of one moment, of whatever runs, are one statement. */
  const keepText = createBatcher<ShownText, void>(
    async (texts) => {
      await system.prepared(
        'keep_text',
        `INSERT INTO agents.run_texts (run_id, tenant_id, iteration, position, content)
         SELECT "runId", "tenantId", iteration, position, content FROM jsonb_to_recordset($1::jsonb)
           AS t("runId" uuid, "tenantId" uuid, iteration int, position int, content text)
         WHERE EXISTS (SELECT 1 FROM agents.runs r WHERE r.id = "runId")`,
        [storableJson(texts)],
      )
      return texts.map(() => undefined)
    },
    { maxBatch: 64, concurrency: 2 },
  )

  return {
    beginFresh: async (run) => {
      running.add(run.runId)
      let begin: FreshBegin | undefined
      try {
        begin = await beginFresh(run)
      } finally {
        if (begin !== 'begun') running.delete(run.runId)
      }
      return begin
    },

    begin: beginNamed,

    end: (run) => {
      const outbox = run.events.map(({ name, data }) => outboxRow(name, run.tenantId, data))
      return end({ ...run, outbox }).finally(() => running.delete(run.runId))
    },

    sessionOwner: async (tenantId, sessionKey) => {
      const { rows } = await forTenant(tenantId).query<{ agentId: string; userId: string }>(
        `SELECT agent_id AS "agentId", user_id AS "userId" FROM agents.sessions
         WHERE tenant_id = $1 AND session_key = $2`,
        [tenantId, sessionKey],
      )
      return rows[0]
    },

    running: async (tenantId, { sessionKey = null, runId = null, agentId = null }) => {
      const { rows } = await forTenant(tenantId).query<RunningRun>(
        `SELECT id AS "runId", agent_id AS "agentId", session_key AS "sessionKey", user_id AS "userId", channel
         FROM agents.runs WHERE tenant_id = $1 AND status = 'running'
           AND ($2::text IS NULL OR session_key = $2) AND ($3::text IS NULL OR id::text = $3)
           AND ($4::uuid IS NULL OR agent_id = $4)`,
        [tenantId, sessionKey, runId, agentId],
      )
      return rows
    },

    outcome: async (tenantId, runId) => {
      const { rows } = await forTenant(tenantId).query<RunOutcome>(
        `SELECT r.status, r.error, r.user_id AS "userId", coalesce((
           SELECT string_agg(m.content, '' ORDER BY m.seq) FROM agents.messages m
           WHERE m.session_id = r.session_id AND m.run_id = r.id AND m.role = 'assistant'), '') AS content
         FROM agents.runs r WHERE r.tenant_id = $1 AND r.id = $2`,
        [tenantId, runId],
      )
      return rows[0]
    },

    keepText,

    unstoredText: async (tenantId, runId) => {
      // Each model call leaves one answer in the session.
      const { rows } = await forTenant(tenantId).query<{ content: string | null }>(
        `SELECT string_agg(t.content, '' ORDER BY t.position) AS content FROM agents.run_texts t
         WHERE t.run_id = $1 AND t.iteration > (
           SELECT count(*) FROM agents.runs r JOIN agents.messages m
             ON m.session_id = r.session_id AND m.run_id = r.id AND m.role = 'assistant'
           WHERE r.id = $1)`,
        [runId],
      )
      return rows[0]?.content ?? ''
    },

    forgetTexts: async () => {
      await system.query(
        `DELETE FROM agents.run_texts t USING agents.runs r WHERE r.id = t.run_id AND r.status <> 'running'`,
      )
    },

    append: async (tenantId, runId, messages) => {
      const { rowCount } = await forTenant(tenantId).query(
        `WITH grown AS (
         UPDATE agents.sessions s SET
           next_seq = s.next_seq + jsonb_array_length($2::jsonb),
           message_bytes = s.message_bytes + octet_length($2::text),
           updated_at = now()
         FROM agents.runs r WHERE r.id = $1 AND r.status = 'running' AND s.id = r.session_id
         RETURNING s.id, s.tenant_id, r.id AS run_id, $2::jsonb AS messages, s.next_seq - jsonb_array_length($2::jsonb) AS from_seq
       ), appended AS (${insertMessages})
       SELECT 1 FROM grown`,
        [runId, messagesOf(messages)],
      )
      return rowCount === 1
    },

    renew: async (runIds, leaseMs) => {
      const { rows } = await system.query<{ id: string }>(
        `UPDATE agents.runs SET lease_until = now() + make_interval(secs => $2)
         WHERE id = ANY($1::uuid[]) AND status = 'running' RETURNING id`,
        [runIds, leaseMs / 1000],
      )
      return rows.map(({ id }) => id)
    },

    lost: async (limit) => {
      const { rows } = await system.query<LostRun>(
        `SELECT id, tenant_id AS "tenantId", session_key AS "sessionKey", agent_id AS "agentId", agent_key AS "agentKey",
           user_id AS "userId", channel, input_preview AS "inputPreview", started_at AS "startedAt"
         FROM agents.runs WHERE status = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1`,
        [limit],
      )
      return rows
    },
  }
}
