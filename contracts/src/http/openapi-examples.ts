/** Example values worked out from JSON Schemas; `examples` in a schema's metadata win. */
import type { JsonSchema, SchemaComponents } from './openapi-schemas.ts'

/** What texts with a format look like. */
const byFormat: Readonly<Record<string, string>> = {
  uuid: '0193a5b0-7c1e-7a52-9d3f-2b6c1e0f4a77',
  'date-time': '2026-11-20T09:30:00.000Z',
  date: '2026-11-20',
  email: 'alice@example.org',
  uri: 'https://example.org/',
}

/** What texts with a name usually hold. */
const byName: Readonly<Record<string, string>> = {
  action: 'agent.created',
  actor_id: 'alice',
  actor_type: 'user',
  agent_key: 'support',
  agentName: 'Support',
  api_base: 'https://api.openai.com/v1',
  api_key: 'sk-example',
  channel: 'telegram',
  content: 'The release is on Friday.',
  created_by: 'alice',
  display_name: 'Support',
  entity_type: 'agent',
  finish_reason: 'stop',
  hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ip_address: '192.0.2.7',
  key: 'agent:support:direct:alice',
  message: 'When is the release?',
  model: 'gpt-4.1-mini',
  owner_id: 'alice',
  path: 'notes/release.md',
  provider: 'openai',
  query: 'when is the release?',
  session_key: 'agent:support:direct:alice',
  slug: 'acme',
  snippet: 'The release is on Friday.',
  tool: 'memory_search',
  user_id: 'alice',
  userID: 'alice',
  value: '1000',
  version: '1.0.0',
}

const fits = (text: string, { pattern, minLength = 0, maxLength = Infinity }: JsonSchema): boolean =>
  text.length >= Number(minLength) &&
  text.length <= Number(maxLength) &&
  (typeof pattern !== 'string' || new RegExp(pattern, 'u').test(text))

const isAlias = ({ description }: JsonSchema): boolean =>
  typeof description === 'string' && description.startsWith('Alias of ')

/**
 * Makes an example for a schema: every member of an object but aliases, one item of a list, the first of several forms.
 * @throws Error for a text with a pattern that no sample fits: give the schema `.meta({ examples })`
 */
export const createExampleMaker = (components: Pick<SchemaComponents, 'resolve'>) => {
  const textFor = (schema: JsonSchema, name: string): string => {
    const { format } = schema
    const formatted = typeof format === 'string' ? byFormat[format] : undefined
    if (formatted !== undefined) return formatted
    const found = [byName[name], name, 'example'].find((text) => text !== undefined && fits(text, schema))
    if (found === undefined) throw new Error(`no example for ${name}: ${JSON.stringify(schema)}`)
    return found
  }

  const numberFor = ({ minimum, exclusiveMinimum, maximum }: JsonSchema): number => {
    const lowest = minimum ?? (exclusiveMinimum === undefined ? undefined : Number(exclusiveMinimum) + 1)
    return Math.min(Math.max(Number(lowest ?? 0), 1), Number(maximum ?? Infinity))
  }

  const exampleOf = (given: JsonSchema, name = ''): unknown => {
    const schema = components.resolve(given)
    const { examples, default: fallback, const: only, enum: values, items, properties = {} } = schema
    if (Array.isArray(examples)) return examples[0]
    if (only !== undefined) return only
    if (fallback !== undefined && fallback !== '') return fallback
    if (Array.isArray(values)) return values[0]
    const forms = schema['anyOf'] ?? schema['oneOf']
    if (Array.isArray(forms)) return exampleOf(forms[0] as JsonSchema, name)
    switch ([schema['type']].flat()[0]) {
      case 'string':
        return textFor(schema, name)
      case 'integer':
      case 'number':
        return numberFor(schema)
      case 'boolean':
        return true
      case 'null':
        return null
      case 'array':
        return [exampleOf((items ?? {}) as JsonSchema, name)]
      case 'object':
        return Object.fromEntries(
          Object.entries(properties as Record<string, JsonSchema>)
            .filter(([, member]) => !isAlias(member))
            .map(([key, member]) => [key, exampleOf(member, key)]),
        )
      default:
        return {}
    }
  }
  return exampleOf
}
