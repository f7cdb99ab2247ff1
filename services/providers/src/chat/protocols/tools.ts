/** Tools offered to a model: their schemas parsed and cleaned once, however often they are sent. */
import { MeshError } from '@clawmesh/contracts'
import type { ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { isObject, parseJson, type Json } from './json.ts'
import { cleanSchema, strictSchema, type SchemaProfile } from './schema.ts'

export interface ToolParameters {
  /** What is sent. */
  parameters: Json
  strict: boolean
  /** The schema before it was made strict. */
  clean: Json
}

const cacheLimit = 2_000
/** Longer schemas are cleaned each time: clients may send any number of them. */
const longestCached = 8_000
// Keyed by the text alone, whoever sent it: the value is a pure function of it.
const cache = new Map<string, ToolParameters>()

const prepare = (tool: ToolSpec, profile: SchemaProfile): ToolParameters => {
  const text = tool.parametersJson.trim()
  const schema = text === '' ? {} : parseJson(text)
  if (!isObject(schema))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: `tools.${tool.name}`,
      reason: 'parameters are not a JSON object',
    })
  const clean = cleanSchema(schema, profile)
  const strict = profile === 'strict' ? strictSchema(clean) : undefined
  return { parameters: strict ?? clean, strict: strict !== undefined, clean }
}

/** A tool's parameters for a family of models. @throws INVALID_REQUEST when they are not a JSON object */
export const toolParameters = (tool: ToolSpec, profile: SchemaProfile): ToolParameters => {
  const key = `${profile} ${tool.parametersJson}`
  const known = cache.get(key)
  if (known) return known
  const prepared = prepare(tool, profile)
  if (tool.parametersJson.length > longestCached) return prepared
  if (cache.size >= cacheLimit) cache.delete(cache.keys().next().value!)
  cache.set(key, prepared)
  return prepared
}
