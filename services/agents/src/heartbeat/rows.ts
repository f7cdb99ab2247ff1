/** Rows of heartbeats, as people read and change them. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { HeartbeatRun, SkipReason } from './types.ts'
import type { HeartbeatRows } from './use-cases.ts'

const mostTargets = 500

export const createHeartbeatRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): HeartbeatRows => {
    const { prisma, change, sql } = db.forTenant(tenantId)
    return {
      find: async (agentId) => (await prisma.agentHeartbeat.findFirst({ where: { agentId, tenantId } })) ?? undefined,

      write: (agentId, actor, make, what) =>
        change(
          async (tx) => {
            // The agent's row, as there may be none of the heartbeat to be locked.
            await tx.$queryRaw`
              SELECT id FROM agents.agents WHERE id = ${agentId}::uuid AND tenant_id = ${tenantId}::uuid FOR NO KEY UPDATE`
            const stored = (await tx.agentHeartbeat.findFirst({ where: { agentId, tenantId } })) ?? undefined
            const fields = make(stored)
            if (fields === undefined) return { result: undefined }
            const row =
              stored === undefined
                ? await tx.agentHeartbeat.create({ data: { ...fields, id: newId(), tenantId, agentId } })
                : await tx.agentHeartbeat.update({ where: { id: stored.id, tenantId }, data: fields })
            const about = { id: agentId, ...actor }
            return {
              result: row,
              events: [
                what === 'set'
                  ? event('heartbeatSet', about)
                  : event('heartbeatToggled', { ...about, enabled: row.enabled }),
              ],
            }
          },
          { missing: { kind: 'agent', id: agentId } },
        ),

      ask: (agentId, actor) =>
        change(async (tx) => {
          const { count } = await tx.agentHeartbeat.updateMany({
            where: { agentId, tenantId },
            data: { askedAt: new Date(), asked: 'test', retryAt: null },
          })
          if (count === 0) return { result: false }
          return { result: true, events: [event('heartbeatTested', { id: agentId, ...actor })] }
        }),

      wake: async (agentId) => {
        await sql.query(
          `UPDATE agents.agent_heartbeats SET asked_at = now(), asked = 'wake'
           WHERE agent_id = $1 AND tenant_id = $2 AND enabled AND asked_at IS NULL AND claim IS NULL`,
          [agentId, tenantId],
        )
      },

      announce: ({ id, agentId }, agentKey) =>
        change(async () => ({ result: undefined, events: [event('heartbeatBegun', { id, agentId, agentKey })] })),

      isBusy: async (agentId) => {
        const { rowCount } = await sql.query(
          `SELECT 1 FROM agents.runs
           WHERE agent_id = $1 AND tenant_id = $2 AND status = 'running' AND lease_until > now() AND channel <> 'heartbeat' LIMIT 1`,
          [agentId, tenantId],
        )
        return rowCount === 1
      },

      runs: async (agentId, { limit, offset }) => {
        const where = { agentId, tenantId }
        const [rows, total] = await Promise.all([
          prisma.heartbeatRun.findMany({
            where,
            orderBy: [{ ranAt: 'desc' }, { id: 'desc' }],
            take: limit,
            skip: offset,
          }),
          prisma.heartbeatRun.count({ where }),
        ])
        const logs = rows.map(({ inputTokens, outputTokens, status, skipReason, ...row }) => ({
          ...row,
          status: status as HeartbeatRun['status'],
          skipReason: skipReason as SkipReason | null,
          inputTokens: Number(inputTokens),
          outputTokens: Number(outputTokens),
        }))
        return { logs, total }
      },

      targets: async () => {
        const { rows } = await sql.query<{ channel: string; chat: string; topic: string | null; title: string }>(
          `SELECT channel, chat, topic, max(label) AS title FROM (
             SELECT label, split_part(session_key, ':', 3) AS channel, split_part(session_key, ':', 5) AS chat,
               CASE WHEN split_part(session_key, ':', 6) = 'topic' THEN split_part(session_key, ':', 7) END AS topic
             FROM agents.sessions
             WHERE tenant_id = $1 AND session_key LIKE 'agent:%:group:%' AND split_part(session_key, ':', 4) = 'group'
           ) AS groups
           WHERE chat <> '' GROUP BY channel, chat, topic ORDER BY channel, title, chat, topic LIMIT ${mostTargets}`,
          [tenantId],
        )
        return rows.map(({ channel, chat, topic, title }) => ({
          channel,
          chatId: topic === null ? chat : `${chat}:topic:${topic}`,
          title,
          kind: topic === null ? 'group' : 'topic',
        }))
      },
    }
  }
