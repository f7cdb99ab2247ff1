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
import { cronSessionKey } from '../sessions/session-keys.ts'
import type { NewMessage } from '../sessions/types.ts'
import { storableJson } from './storable.ts'
import type {
  EndedRun,
  FreshBegin,
  HeldSession,
  LostRun,
  NamedBegin,
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
 * `$1`: an array of runs to begin, each in another session. Gives for each whether its agent is there, and the session that
 * it has taken, if it has. The agent is read without a lock (docs/adr/0026), and by its key: of an EXISTS PostgreSQL may make
 * a list of all agents. Sessions are locked in the order of their keys, as statements of other replicas do.
 * @param onConflict what becomes of a session that exists
 */
const beginSql = (onConflict: string): string => `
  WITH input AS (
    SELECT i.*, (SELECT true FROM agents.agents a WHERE a.id = i.agent_id AND a.tenant_id = i.tenant_id) AS has_agent
    FROM jsonb_to_recordset($1::jsonb) AS i(id uuid, tenant_id uuid, session_key text, agent_id uuid,
      agent_key text, user_id text, channel text, messages jsonb, bytes int, preview text, lease_seconds float8)
  ), session AS (
    INSERT INTO agents.sessions AS s
      (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes, lease_run_id)
    SELECT id, tenant_id, session_key, agent_id, user_id, channel, jsonb_array_length(messages), bytes, id FROM input
    WHERE has_agent ORDER BY tenant_id, session_key
    ON CONFLICT ${onConflict}
    RETURNING id, lease_run_id, agent_id, user_id, summary, compaction_count, label, next_seq,
      GREATEST(first_seq, window_seq) AS first_seq
  ), run AS (
    INSERT INTO agents.runs
      (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
    SELECT input.id, input.tenant_id, session.id, session_key, input.agent_id, agent_key, input.user_id, channel, preview,
      now() + make_interval(secs => lease_seconds)
    FROM input JOIN session ON session.lease_run_id = input.id
  ), message AS (
    INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
    SELECT input.tenant_id, session.id, session.next_seq - jsonb_array_length(input.messages) + m.position - 1, input.id,
      m.value->>'role', m.value->>'content', m.value->'extra'
    FROM input JOIN session ON session.lease_run_id = input.id,
      jsonb_array_elements(input.messages) WITH ORDINALITY AS m(value, position)
  )
  SELECT input.id AS "runId", has_agent AS "hasAgent", session.id AS "sessionId", session.agent_id AS "agentId",
    session.user_id AS "userId", summary, compaction_count AS "compactionCount", label,
    next_seq - jsonb_array_length(input.messages) AS seq, first_seq AS "firstSeq"
  FROM input LEFT JOIN session ON session.lease_run_id = input.id`

const beginFreshSql = beginSql('DO NOTHING')

const beginNamedSql = beginSql(`(tenant_id, session_key) DO UPDATE SET
  lease_run_id = EXCLUDED.lease_run_id, next_seq = s.next_seq + EXCLUDED.next_seq,
  message_bytes = s.message_bytes + EXCLUDED.message_bytes, updated_at = now()
  WHERE s.lease_run_id IS NULL AND s.agent_id = EXCLUDED.agent_id`)

type BegunRow = { runId: string; hasAgent: true | null } & (HeldSession | { sessionId: null })

const beginInput = (runs: readonly NewRun[]): string =>
  storableJson(
    runs.map((run) => ({
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
    })),
  )

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

/** Joins runs `r` with the jobs `j` that they are of, if they are of one. */
export const jobOfRunSql = `LEFT JOIN agents.cron_jobs j ON channel = 'cron' AND j.tenant_id = r.tenant_id
  AND session_key = '${cronSessionKey("' || agent_key || '", "' || j.id || '")}'`

const freshBegin = ({ hasAgent, sessionId }: BegunRow): FreshBegin => {
  if (!hasAgent) return 'gone'
  return sessionId === null ? 'taken' : 'begun'
}

const namedBegin = (row: BegunRow): NamedBegin => {
  if (!row.hasAgent) return 'gone'
  if (row.sessionId === null) return 'held'
  const { sessionId, agentId, userId, summary, compactionCount, label, seq, firstSeq } = row
  return { sessionId, agentId, userId, summary, compactionCount, label, seq, firstSeq }
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

  const beginAll = async (name: string, text: string, runs: readonly NewRun[]): Promise<BegunRow[]> => {
    const { rows } = await system.prepared<BegunRow>(name, text, [beginInput(runs)])
    const byRun = new Map(rows.map((row) => [row.runId, row]))
    return runs.map(({ runId }) => byRun.get(runId)!)
  }

  const beginFresh = createBatcher<NewRun, FreshBegin>(
    async (runs) => (await beginAll('begin_fresh', beginFreshSql, runs)).map(freshBegin),
    batches,
  )

  /** Takes sessions that may exist: a row is made, or its lease taken when it is free. */
  const beginNamed = createBatcher<NewRun, NamedBegin>(async (runs) => {
    // One statement takes a session once: whoever asks for it after another must wait.
    const firstOf = new Map<string, NewRun>()
    for (const run of runs) {
      const session = `${run.tenantId}/${run.sessionKey}`
      if (!firstOf.has(session)) firstOf.set(session, run)
    }
    const firsts = [...firstOf.values()]
    const begun = (await beginAll('begin_named', beginNamedSql, firsts)).map(namedBegin)
    const outcomes = new Map(firsts.map(({ runId }, at) => [runId, begun[at]!]))
    return runs.map(({ runId }) => outcomes.get(runId) ?? 'held')
  }, batches)

  /** Counts as running what has begun here. */
  const counted = async <B extends string | HeldSession>(
    run: NewRun,
    begin: (run: NewRun) => Promise<B>,
  ): Promise<B> => {
    running.add(run.runId)
    let hasBegun = false
    try {
      const outcome = await begin(run)
      hasBegun = outcome === 'begun' || typeof outcome === 'object'
      return outcome
    } finally {
      if (!hasBegun) running.delete(run.runId)
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
    beginFresh: (run) => counted(run, beginFresh),

    begin: (run) => counted(run, beginNamed),

    end: (run) => {
      const outbox = run.events.map(({ name, data }) => outboxRow(name, run.tenantId, data))
      return end({ ...run, outbox }).finally(() => running.delete(run.runId))
    },

    sessionOwner: async (tenantId, sessionKey) => {
      const { rows } = await forTenant(tenantId).prepared<{ agentId: string; userId: string }>(
        'session_owner',
        `SELECT agent_id AS "agentId", user_id AS "userId" FROM agents.sessions
         WHERE tenant_id = $1 AND session_key = $2`,
        [tenantId, sessionKey],
      )
      return rows[0]
    },

    running: async (tenantId, { sessionKey = null, runId = null, agentId = null }) => {
      const { rows } = await forTenant(tenantId).prepared<RunningRun>(
        'running',
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
        `SELECT r.id, r.tenant_id AS "tenantId", session_key AS "sessionKey", r.agent_id AS "agentId", agent_key AS "agentKey",
           r.user_id AS "userId", channel, input_preview AS "inputPreview", started_at AS "startedAt", j.name AS "jobName"
         FROM agents.runs r ${jobOfRunSql}
         WHERE status = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1`,
        [limit],
      )
      return rows
    },
  }
}
