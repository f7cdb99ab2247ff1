/** Tools offered to a model: their schemas parsed and cleaned once, however often they are sent. */
import { LRUCache } from 'lru-cache'
import { MeshError } from '@clawmesh/contracts'
import type { ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { isObject, jsonText, parseJson, type Json } from './json.ts'
import { cleanSchema, strictSchema, type SchemaProfile } from './schema.ts'
import { distinctTools } from './tool-names.ts'

export interface ToolParameters {
  /** What is sent. */
  parameters: Json
  strict: boolean
  /** The schema before it was made strict. */
  clean: Json
}

const cacheLimit = 2_000
/** Of the texts of tools in a vendor's form, with what they are found by. */
const cachedCharacters = 4_000_000
/** Longer schemas are cleaned each time: clients may send any number of them. */
const longestCached = 8_000
// Keyed by the text alone, whoever sent it: the value is a pure function of it.
const cache = new LRUCache<string, ToolParameters>({ max: cacheLimit })

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
  cache.set(key, prepared)
  return prepared
}

/** An object's text with further fields. */
const extended = (text: string, fields: Json): string =>
  Object.keys(fields).length === 0 ? text : `${text.slice(0, -1)},${jsonText(fields).slice(1)}`

/** A tool as it was written for a family of models. */
interface Written {
  tool: ToolSpec
  profile: SchemaProfile
  text: string
}

/** Tenants may have different tools of one name; of more than this many the latest are known. */
const formsOfName = 16

const isSame = (one: ToolSpec, other: ToolSpec): boolean =>
  one.description === other.description && one.parametersJson === other.parametersJson && one.strict === other.strict

/**
 * The field `tools` of requests, as JSON text; none without tools. Each tool is written once for a family of models, however
 * often it is sent: they are the most of many a request. `ofLast` are further fields of the last one.
 * @throws INVALID_REQUEST for parameters that are not a JSON object
 */
export const createToolsField = (write: (tool: ToolSpec, profile: SchemaProfile) => Json) => {
  // Found by its name and all that is written, whoever sent it. A key of all this would have to be made for each call.
  const known = new LRUCache<string, Written[]>({
    maxSize: cachedCharacters,
    sizeCalculation: (forms) =>
      forms.reduce(
        (sum, { tool, text }) => sum + tool.description.length + tool.parametersJson.length + text.length,
        1,
      ),
  })
  const textOf = (tool: ToolSpec, profile: SchemaProfile): string => {
    const { name, description, parametersJson } = tool
    const forms = known.get(name) ?? []
    const same = forms.find((form) => form.profile === profile && isSame(form.tool, tool))
    if (same !== undefined) return same.text
    const text = jsonText(write(tool, profile))
    if (name.length + description.length + parametersJson.length <= longestCached)
      known.set(name, [...forms.slice(1 - formsOfName), { tool, profile, text }])
    return text
  }
  return (tools: readonly ToolSpec[], profile: SchemaProfile, ofLast: Json = {}): Record<string, string> => {
    if (tools.length === 0) return {}
    const written = distinctTools(tools).map((tool) => textOf(tool, profile))
    return { tools: `[${written.with(-1, extended(written.at(-1)!, ofLast)).join(',')}]` }
  }
}
