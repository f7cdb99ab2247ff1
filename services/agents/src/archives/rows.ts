/** An agent's own rows as records of an archive: read one after the other, and written to another agent. */
import { event, newId, type Actor, type ServiceDb, type Session } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { storable } from '../runs/storable.ts'
import { scheduleOf, type ContextFileRecord, type RecordOf } from './records.ts'

type SessionRecord = Extract<RecordOf<'sessionLine'>, { session: unknown }>['session']
type MessageRecord = Extract<RecordOf<'sessionLine'>, { message: unknown }>['message']

export interface AgentCounts {
  context_files: number
  user_context_files_users: number
  sessions: number
  cron_jobs: number
  grants: number
  user_profiles: number
  agent_links: number
}

export interface ArchiveRows {
  count: (agentId: string) => Promise<AgentCounts>
  contextFiles: (agentId: string, whose: 'agent' | 'users') => AsyncIterable<ContextFileRecord>
  /** Sessions, each before its messages. */
  sessions: (agentId: string) => AsyncIterable<RecordOf<'sessionLine'>>
  cronJobs: (agentId: string) => AsyncIterable<object>
  shares: (agentId: string) => AsyncIterable<RecordOf<'share'>>
  permissions: (agentId: string) => AsyncIterable<RecordOf<'permission'>>
  profiles: (agentId: string) => AsyncIterable<object>
  write: ArchiveWriter
  /** An archive was merged into an agent. */
  imported: (agentId: string, actor: Actor) => Promise<void>
}

/** Each says how many of the records it has written: what is there already stays, but for context files. */
export interface ArchiveWriter {
  contextFiles: (agentId: string, files: readonly ContextFileRecord[]) => Promise<number>
  /** The id of a new session; undefined where one of that key is there. */
  session: (agentId: string, session: SessionRecord) => Promise<string | undefined>
  /** Messages of a new session, the first of which has the given number. */
  messages: (sessionId: string, firstSeq: number, messages: readonly MessageRecord[]) => Promise<void>
  cronJobs: (agentId: string, jobs: readonly RecordOf<'cronJob'>[]) => Promise<number>
  shares: (agentId: string, shares: readonly RecordOf<'share'>[], grantedBy: string) => Promise<number>
  permissions: (agentId: string, permissions: readonly RecordOf<'permission'>[], grantedBy: string) => Promise<number>
  profiles: (agentId: string, profiles: readonly RecordOf<'profile'>[]) => Promise<number>
}

const page = 200
/** Messages may be large. */
const messagePage = 20
const firstId = '00000000-0000-0000-0000-000000000000'

/** A job of the contract, whose schedule has a column for each kind. */
const cronColumns = `name, user_id, schedule ->> 'kind' AS schedule_kind, schedule ->> 'expr' AS cron_expression,
  (schedule ->> 'everyMs')::float8 AS interval_ms,
  to_timestamp((schedule ->> 'atMs')::float8 / 1000) AS run_at, schedule ->> 'tz' AS timezone,
  jsonb_build_object('kind', 'agent_turn', 'message', message) AS payload, delete_after_run, stateless, deliver,
  deliver_channel, deliver_to, wake_heartbeat`

/** Without what the database says of nothing. */
const present = (row: object): object => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))

const column = <T, V>(rows: readonly T[], valueOf: (row: T) => V): V[] => rows.map(valueOf)
const json = (value: unknown): string | null => (value == null ? null : storable(JSON.stringify(value)))

export const createArchiveRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ArchiveRows => {
    const { sql, changeSql } = db.forTenant(tenantId)

    /** Rows in the order of a key, `page` at a time; `$3` is the last key that was read. */
    const inPages = async function* <T extends object>(
      agentId: string,
      {
        select,
        from,
        where = 'true',
        key,
        first,
      }: { select: string; from: string; where?: string; key: string; first: string },
    ): AsyncGenerator<T> {
      for (let last = first; ;) {
        const { rows } = await sql.query<T & { page_key: string }>(
          `SELECT ${key} AS page_key, ${select} FROM ${from}
           WHERE tenant_id = $1 AND agent_id = $2 AND ${where} AND ${key} > $3 ORDER BY ${key} LIMIT ${page}`,
          [tenantId, agentId, last],
        )
        for (const { page_key: pageKey, ...row } of rows) {
          yield row as unknown as T
          last = pageKey
        }
        if (rows.length < page) return
      }
    }

    const messagesOf = async function* (sessionId: string, firstSeq: number): AsyncGenerator<object> {
      for (let next = firstSeq; ;) {
        const { rows } = await sql.query<{ seq: number }>(
          `SELECT seq, role, content, extra, created_at FROM agents.messages
           WHERE tenant_id = $1 AND session_id = $2 AND seq >= $3 ORDER BY seq LIMIT ${messagePage}`,
          [tenantId, sessionId, next],
        )
        for (const { seq, ...message } of rows) {
          yield present(message)
          next = seq + 1
        }
        if (rows.length < messagePage) return
      }
    }

    const evict = [
      { kind: 'agents', tenantId },
      { kind: 'context_files', tenantId },
    ] as const
    /** Inserts rows that do not take the place of others; how many. */
    const insert = (work: (session: Session) => Promise<{ rowCount: number | null }>): Promise<number> =>
      changeSql(async (session) => ({ result: (await work(session)).rowCount ?? 0, evict }))

    return {
      count: async (agentId) => {
        const of = (table: string, condition = 'true', what = '*') =>
          `(SELECT count(${what})::int FROM agents.${table} WHERE tenant_id = $1 AND agent_id = $2 AND ${condition})`
        const { rows } = await sql.query<AgentCounts>(
          `SELECT ${of('context_files', "user_id = ''")} AS context_files,
             ${of('context_files', "user_id <> ''", 'DISTINCT user_id')} AS user_context_files_users,
             ${of('sessions')} AS sessions, ${of('cron_jobs')} AS cron_jobs,
             ${of('agent_shares')} + ${of('config_permissions')} AS grants, ${of('instances')} AS user_profiles,
             (SELECT count(*)::int FROM agents.agent_links
              WHERE tenant_id = $1 AND (source_agent_id = $2 OR target_agent_id = $2)) AS agent_links`,
          [tenantId, agentId],
        )
        return rows[0]!
      },

      contextFiles: (agentId, whose) =>
        inPages<ContextFileRecord>(agentId, {
          select: 'user_id AS "userId", file_name AS name, content',
          from: 'agents.context_files',
          where: whose === 'agent' ? "user_id = ''" : "user_id <> ''",
          // The two together are the key; no name has such a character in it.
          key: `(user_id || E'\\n' || file_name)`,
          first: '',
        }),

      sessions: async function* (agentId) {
        type Row = SessionRecord & { id: string; first_seq: number }
        const sessions = inPages<Row>(agentId, {
          select: `id, first_seq, session_key, user_id, summary, model, provider, channel, input_tokens, output_tokens,
            compaction_count, greatest(window_seq - first_seq, 0) AS summarised, label, metadata, created_at, updated_at`,
          from: 'agents.sessions',
          key: 'id',
          first: firstId,
        })
        for await (const { id, first_seq: firstSeq, ...session } of sessions) {
          yield { session }
          for await (const message of messagesOf(id, firstSeq)) yield { message } as { message: MessageRecord }
        }
      },

      cronJobs: async function* (agentId) {
        const jobs = inPages(agentId, { select: cronColumns, from: 'agents.cron_jobs', key: 'id', first: firstId })
        for await (const job of jobs) yield present(job)
      },

      shares: (agentId) =>
        inPages(agentId, { select: 'user_id, role', from: 'agents.agent_shares', key: 'id', first: firstId }),

      permissions: (agentId) =>
        inPages(agentId, {
          select: 'scope, config_type, user_id, permission, metadata',
          from: 'agents.config_permissions',
          key: 'id',
          first: firstId,
        }),

      profiles: (agentId) =>
        inPages(agentId, {
          select: 'user_id, metadata, first_seen_at, last_seen_at',
          from: 'agents.instances',
          key: 'user_id',
          first: '',
        }),

      write: {
        contextFiles: (agentId, files) =>
          insert((session) =>
            session.query(
              `INSERT INTO agents.context_files (tenant_id, agent_id, user_id, file_name, content)
               SELECT $1, $2, v.user_id, v.name, v.content FROM unnest($3::text[], $4::text[], $5::text[])
                 AS v (user_id, name, content) WHERE v.content <> ''
               ON CONFLICT (agent_id, user_id, file_name) DO UPDATE SET content = EXCLUDED.content, updated_at = now()`,
              [
                tenantId,
                agentId,
                column(files, ({ userId }) => userId),
                column(files, ({ name }) => name),
                column(files, ({ content }) => content),
              ],
            ),
          ),

        session: async (agentId, session) => {
          const { rows } = await sql.query<{ id: string }>(
            `INSERT INTO agents.sessions (id, tenant_id, agent_id, session_key, user_id, summary, model, provider, channel,
               input_tokens, output_tokens, compaction_count, window_seq, label, metadata, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, coalesce($16, now()), coalesce($17, now()))
             ON CONFLICT (tenant_id, session_key) DO NOTHING RETURNING id`,
            [
              newId(),
              tenantId,
              agentId,
              session.session_key,
              session.user_id,
              session.summary,
              session.model,
              session.provider,
              session.channel,
              session.input_tokens,
              session.output_tokens,
              session.compaction_count,
              session.summarised,
              session.label,
              json(session.metadata),
              session.created_at ?? null,
              session.updated_at ?? null,
            ],
          )
          return rows[0]?.id
        },

        messages: async (sessionId, firstSeq, messages) => {
          await sql.query(
            `WITH given AS (
               INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra, created_at)
               SELECT $1, $2, $3::int + v.at - 1, $2, v.role, v.content, v.extra::jsonb, coalesce(v.created_at::timestamptz, now())
               FROM unnest($4::text[], $5::text[], $6::text[], $7::text[])
                 WITH ORDINALITY AS v (role, content, extra, created_at, at)
               RETURNING octet_length(content) + coalesce(octet_length(extra::text), 0) AS bytes
             )
             UPDATE agents.sessions SET next_seq = next_seq + (SELECT count(*) FROM given),
               message_bytes = message_bytes + (SELECT coalesce(sum(bytes), 0) FROM given)
             WHERE id = $2 AND tenant_id = $1`,
            [
              tenantId,
              sessionId,
              firstSeq,
              column(messages, ({ role }) => role),
              column(messages, ({ content }) => content),
              column(messages, ({ extra }) => json(extra)),
              column(messages, ({ created_at: createdAt }) => createdAt ?? null),
            ],
          )
        },

        cronJobs: async (agentId, jobs) => {
          let written = 0
          for (const job of jobs)
            written += await insert((session) =>
              session.query(
                `INSERT INTO agents.cron_jobs (id, tenant_id, agent_id, user_id, name, enabled, schedule, message,
                   delete_after_run, stateless, deliver, deliver_channel, deliver_to, wake_heartbeat)
                 SELECT $1::uuid, $2::uuid, $3::uuid, $4, $5::text, false, $6::jsonb, $7, $8::boolean, $9::boolean, $10::boolean, $11,
                   $12, $13::boolean
                 WHERE NOT EXISTS (
                   SELECT FROM agents.cron_jobs WHERE tenant_id = $2 AND agent_id = $3 AND name = $5)`,
                [
                  newId(),
                  tenantId,
                  agentId,
                  job.user_id,
                  job.name,
                  JSON.stringify(scheduleOf(job)),
                  job.payload.message,
                  job.delete_after_run,
                  job.stateless,
                  job.deliver,
                  job.deliver_channel,
                  job.deliver_to,
                  job.wake_heartbeat,
                ],
              ),
            )
          return written
        },

        shares: (agentId, shares, grantedBy) =>
          insert((session) =>
            session.query(
              `INSERT INTO agents.agent_shares (id, tenant_id, agent_id, user_id, role, granted_by)
               SELECT v.id, $1, $2, v.user_id, v.role, $3 FROM unnest($4::uuid[], $5::text[], $6::text[]) AS v (id, user_id, role)
               ON CONFLICT DO NOTHING`,
              [
                tenantId,
                agentId,
                grantedBy,
                column(shares, () => newId()),
                column(shares, ({ user_id: userId }) => userId),
                column(shares, ({ role }) => role),
              ],
            ),
          ),

        permissions: (agentId, permissions, grantedBy) =>
          insert((session) =>
            session.query(
              `INSERT INTO agents.config_permissions
                 (id, tenant_id, agent_id, scope, config_type, user_id, permission, granted_by, metadata)
               SELECT v.id, $1, $2, v.scope, v.type, v.user_id, v.permission, $3, v.metadata::jsonb
               FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
                 AS v (id, scope, type, user_id, permission, metadata)
               ON CONFLICT DO NOTHING`,
              [
                tenantId,
                agentId,
                grantedBy,
                column(permissions, () => newId()),
                column(permissions, ({ scope }) => scope),
                column(permissions, ({ config_type: type }) => type),
                column(permissions, ({ user_id: userId }) => userId),
                column(permissions, ({ permission }) => permission),
                column(permissions, ({ metadata }) => json(metadata)),
              ],
            ),
          ),

        profiles: (agentId, profiles) =>
          insert((session) =>
            session.query(
              `INSERT INTO agents.instances (tenant_id, agent_id, user_id, metadata, first_seen_at, last_seen_at)
               SELECT $1, $2, v.user_id, v.metadata::jsonb, coalesce(v.first::timestamptz, now()), coalesce(v.last::timestamptz, now())
               FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS v (user_id, metadata, first, last)
               ON CONFLICT DO NOTHING`,
              [
                tenantId,
                agentId,
                column(profiles, ({ user_id: userId }) => userId),
                column(profiles, ({ metadata }) => json(metadata)),
                column(profiles, ({ first_seen_at: first }) => first ?? null),
                column(profiles, ({ last_seen_at: last }) => last ?? null),
              ],
            ),
          ),
      },

      imported: (agentId, actor) =>
        changeSql(async () => ({
          result: undefined,
          events: [event('agentImported', { id: agentId, ...actor })],
          evict,
        })),
    }
  }
