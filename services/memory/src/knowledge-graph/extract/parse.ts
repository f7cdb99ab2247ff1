/** Reads what a model answered, as far as it can be read. */
import { cutText, jsonExcess, maxJsonDepth } from '@clawmesh/chassis'
import { z } from 'zod'
import type { Extracted, ExtractedRelation, NewEntity } from '../types.ts'

/** What is wrong between strings: a comma at the end of a list, a space after the point of a number. */
const repairOutsideStrings = (text: string): string =>
  text.replace(/,(?=\s*[}\]])/g, '').replace(/(?<=\d\.)[ \t]+(?=\d)/g, '')

/** A JSON text with the slips of models mended; what stands in strings stays as it is. Takes time by the length. */
export const repairJson = (text: string): string => {
  let repaired = ''
  let outside = ''
  for (let at = 0; at < text.length;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return repaired + repairOutsideStrings(outside + text.slice(at))
    outside += text.slice(at, quote)
    let end = quote + 1
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
    repaired += repairOutsideStrings(outside) + text.slice(quote, end + 1)
    outside = ''
    at = end + 1
  }
  return repaired + repairOutsideStrings(outside)
}

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
const clean = (longest: number) =>
  z.string().transform((text) => cutText(text.replaceAll('\0', '').toWellFormed().trim(), longest))
const name = (longest: number) => clean(longest).pipe(z.string().min(1))
const identifier = (longest: number) => name(longest).transform((text) => text.toLowerCase())
/** Models that do not say how sure they are count as sure enough. */
const confidence = z.coerce.number().min(0).max(1).catch(0.75)

const entity = z
  .object({
    external_id: identifier(255),
    name: name(1_000),
    entity_type: identifier(100),
    description: clean(20_000).catch(''),
    confidence,
  })
  .transform(({ external_id, entity_type, ...rest }): NewEntity => ({
    ...rest,
    externalId: external_id,
    entityType: entity_type,
    properties: {},
    sourceId: '',
  }))
const relation = z
  .object({
    source_entity_id: identifier(255),
    relation_type: identifier(200),
    target_entity_id: identifier(255),
    confidence,
  })
  .transform(({ source_entity_id, relation_type, target_entity_id, ...rest }): ExtractedRelation => ({
    ...rest,
    source: source_entity_id,
    type: relation_type,
    target: target_entity_id,
  }))

/** A piece of a text names some hundred things at most; each value is looked at, and more than once. */
const limits = { depth: maxJsonDepth, values: 20_000 }

const answer = z.object({ entities: z.array(z.unknown()).catch([]), relations: z.array(z.unknown()).catch([]) })

/** Those items that can be read. */
const readable = <T extends z.ZodType>(schema: T, items: readonly unknown[]): z.output<T>[] =>
  items.flatMap((item) => {
    const read = schema.safeParse(item)
    return read.success ? [read.data] : []
  })

/**
 * What a model extracted, out of its answer: a JSON object, perhaps in a code fence or among other words. Items that make
 * no sense are left out. @throws Error when there is no JSON object in it
 */
export const parseExtraction = (content: string): Extracted => {
  const from = content.indexOf('{')
  const to = content.lastIndexOf('}')
  if (from < 0 || to < from) throw new Error('the answer of the model is no JSON object')
  const json = content.slice(from, to + 1)
  if (jsonExcess(json, limits) !== undefined) throw new Error('the answer of the model names more than a text can hold')
  const { entities, relations } = answer.parse(JSON.parse(repairJson(json)))
  return { entities: readable(entity, entities), relations: readable(relation, relations) }
}

const relationKey = ({ source, type, target }: ExtractedRelation): string => JSON.stringify([source, type, target])

const surest = <T extends { confidence: number }>(items: readonly T[], keyOf: (item: T) => string): T[] => {
  const kept = new Map<string, T>()
  for (const item of items) {
    const known = kept.get(keyOf(item))
    if (known === undefined || item.confidence > known.confidence) kept.set(keyOf(item), item)
  }
  return [...kept.values()]
}

/** What several pieces name comes once, as the surest of them has it. */
export const mergeExtractions = (extractions: readonly Extracted[]): Extracted => ({
  entities: surest(
    extractions.flatMap(({ entities }) => entities),
    ({ externalId }) => externalId,
  ),
  relations: surest(
    extractions.flatMap(({ relations }) => relations),
    relationKey,
  ),
})
