/** The rows of entities. */
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../../db/client/client.ts'
import { entityColumns, inGraph, relationColumns, upsertEntities } from '../sql.ts'
import type { Entity, Relation } from '../types.ts'
import type { EntityRows } from './use-cases.ts'

/** Entities deleted in one transaction when an agent goes. */
const deleteBatch = 1_000

export const createEntityRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): EntityRows => {
    const { sql, changeSql } = db.forTenant(tenantId)
    return {
      list: async ({ agentId, userIds }, { type, limit, offset }) => {
        const { rows } = await sql.query<Entity>(
          `SELECT ${entityColumns('e')} FROM memory.kg_entities e
           WHERE ${inGraph('e')} AND ($4::text IS NULL OR e.entity_type = $4)
           ORDER BY e.updated_at DESC, e.id DESC LIMIT $5 OFFSET $6`,
          [tenantId, agentId, userIds ?? null, type ?? null, limit, offset],
        )
        return rows
      },

      load: async (ids) => {
        const { rows } = await sql.query<Entity>(
          `SELECT ${entityColumns('e')} FROM memory.kg_entities e WHERE e.tenant_id = $1 AND e.id = ANY($2)`,
          [tenantId, ids],
        )
        return rows
      },

      find: async ({ agentId, userIds }, id) => {
        const { rows } = await sql.query<Entity>(
          `SELECT ${entityColumns('e')} FROM memory.kg_entities e WHERE ${inGraph('e')} AND e.id = $4`,
          [tenantId, agentId, userIds ?? null, id],
        )
        return rows[0]
      },

      relationsOf: async ({ agentId, userIds }, id, most) => {
        const { rows } = await sql.query<Relation>(
          `SELECT ${relationColumns} FROM memory.kg_relations r
           WHERE ${inGraph('r')} AND (r.source_entity_id = $4 OR r.target_entity_id = $4)
           ORDER BY r.created_at DESC, r.id DESC LIMIT $5`,
          [tenantId, agentId, userIds ?? null, id, most ?? null],
        )
        return rows
      },

      upsert: (owner, entity, actor) =>
        changeSql(async (session) => {
          const [stored] = await upsertEntities(session, tenantId, owner, [entity], { addProperties: false })
          const { id, waiting } = stored!
          return { result: { id, waiting }, events: [event('kgEntityStored', { id, ...actor })] }
        }),

      remove: ({ agentId, userIds }, id, actor) =>
        changeSql(async (session) => {
          const { rowCount } = await session.query(
            `DELETE FROM memory.kg_entities e WHERE ${inGraph('e')} AND e.id = $4`,
            [tenantId, agentId, userIds ?? null, id],
          )
          return { result: undefined, events: rowCount === 0 ? [] : [event('kgEntityDeleted', { id, ...actor })] }
        }),

      removeOfAgent: async (agentId) => {
        for (let full = true; full;)
          full = await changeSql(async (session) => {
            const { rowCount } = await session.query(
              `DELETE FROM memory.kg_entities WHERE tenant_id = $1 AND id IN (
                 SELECT id FROM memory.kg_entities WHERE tenant_id = $1 AND agent_id = $2 LIMIT ${deleteBatch})`,
              [tenantId, agentId],
            )
            return { result: rowCount === deleteBatch }
          })
      },
    }
  }
