/** Pieces that the tables of the knowledge graph share. */
import { z } from 'zod'
import { smallRecord } from '../../small-record.ts'
import { epochMs, uuid } from '../common.ts'

/** A flat map of texts. */
export const properties = smallRecord(200, 'entries', z.record(z.string().max(255), z.string().max(10_000)))

export const kgEntity = z
  .object({
    id: uuid,
    agent_id: uuid,
    user_id: z.string().optional(),
    external_id: z.string(),
    name: z.string(),
    entity_type: z.string(),
    description: z.string().optional(),
    properties: z.record(z.string(), z.string()).optional(),
    source_id: z.string().optional(),
    confidence: z.number(),
    created_at: epochMs,
    updated_at: epochMs,
  })
  .meta({ id: 'KgEntity', description: 'A thing that an agent knows of' })

export const kgRelation = z
  .object({
    id: uuid,
    agent_id: uuid,
    user_id: z.string().optional(),
    source_entity_id: uuid,
    relation_type: z.string(),
    target_entity_id: uuid,
    confidence: z.number(),
    properties: z.record(z.string(), z.string()).optional(),
    created_at: epochMs,
  })
  .meta({ id: 'KgRelation', description: 'How one entity stands to another' })

/** What every operation on a graph does. */
export const graphRules = {
  needsAccessToTheAgent: 'Who has no access to the agent is answered 403; an unknown agent is answered 404',
}

/** What a list or a count covers. */
export const graphOwnerRules = {
  coversAllOwners: 'Without `user_id` the graphs of all users count that the caller may name, and the shared one',
  narrowsToOneOwner: 'With `user_id` only what that user owns counts, without what is shared',
}
