/** Rows of work at set times, as people list and change them. */
import { MeshError } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { CronJob as JobRow, PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { Schedule } from './schedule.ts'
import type { CronJob } from './types.ts'
import type { CronRows } from './use-cases.ts'

export const toJob = (row: JobRow): CronJob => ({ ...row, schedule: row.schedule as unknown as Schedule })
const toJson = (schedule: Schedule) => schedule as unknown as InputJsonObject

export const createCronRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): CronRows => {
    const { prisma, change } = db.forTenant(tenantId)
    return {
      list: async ({ includeDisabled, agentId, userId }) => {
        const rows = await prisma.cronJob.findMany({
          where: {
            tenantId,
            ...(includeDisabled ? {} : { enabled: true }),
            ...(agentId === undefined ? {} : { agentId }),
            ...(userId === undefined ? {} : { userId }),
          },
          orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        })
        return rows.map(toJob)
      },

      find: async (id) => {
        const row = await prisma.cronJob.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toJob(row)
      },

      countEnabled: () => prisma.cronJob.count({ where: { tenantId, enabled: true } }),

      insert: ({ schedule, ...plain }, actor, most) =>
        change(
          async (tx) => {
            if (most !== undefined) {
              const { agentId, userId } = plain
              // One after the other, as an agent may ask for several at once.
              await tx.$queryRaw`
                SELECT id FROM agents.agents WHERE id = ${agentId}::uuid AND tenant_id = ${tenantId}::uuid FOR NO KEY UPDATE`
              if ((await tx.cronJob.count({ where: { tenantId, agentId, userId } })) >= most)
                throw new MeshError('ALREADY_EXISTS', 'error.too_many_cron_jobs', { limit: most })
            }
            const row = await tx.cronJob.create({ data: { ...plain, tenantId, schedule: toJson(schedule) } })
            return { result: toJob(row), events: [event('cronCreated', { id: row.id, ...actor })] }
          },
          { missing: { kind: 'agent', id: plain.agentId ?? '' } },
        ),

      update: (id, actor, changesOf, what) =>
        change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM agents.cron_jobs WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const stored = await tx.cronJob.findFirst({ where: { id, tenantId } })
            if (stored === null) return { result: undefined }
            const { schedule, ...plain } = changesOf(toJob(stored))
            const row = await tx.cronJob.update({
              where: { id, tenantId },
              data: { ...plain, ...(schedule === undefined ? {} : { schedule: toJson(schedule) }) },
            })
            const about = { id, ...actor }
            return {
              result: toJob(row),
              events: [
                what === 'toggled'
                  ? event('cronToggled', { ...about, enabled: row.enabled })
                  : event('cronUpdated', about),
              ],
            }
          },
          { missing: { kind: 'agent', id: '' } },
        ),

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.cronJob.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('cronDeleted', { id, ...actor })] }
        }),

      ask: ({ id, name, userId }, actor) =>
        change(async (tx) => {
          const { count } = await tx.cronJob.updateMany({
            where: { id, tenantId, claim: null, askedAt: null },
            data: { askedAt: new Date() },
          })
          return {
            result: undefined,
            events: count === 0 ? [] : [event('cronRun', { id, name, userId, ...actor })],
          }
        }),

      runs: async ({ jobId, userId, agentId, limit, offset }) => {
        const where = {
          tenantId,
          ...(jobId === undefined ? {} : { jobId }),
          job: { ...(userId === undefined ? {} : { userId }), ...(agentId === undefined ? {} : { agentId }) },
        }
        const [rows, total] = await Promise.all([
          prisma.cronRun.findMany({
            where,
            orderBy: [{ ranAt: 'desc' }, { id: 'desc' }],
            take: limit,
            skip: offset,
          }),
          prisma.cronRun.count({ where }),
        ])
        const entries = rows.map((row) => ({
          ...row,
          status: row.status === 'ok' ? ('ok' as const) : ('error' as const),
          inputTokens: Number(row.inputTokens),
          outputTokens: Number(row.outputTokens),
        }))
        return { entries, total }
      },
    }
  }
