/**
 * OpenTelemetry's semantic conventions for generative AI as of 1.41.0, as far as spans of agents, models and tools go: what
 * a receiver holds spans against.
 */

type Kind = 'internal' | 'client'
type Is = 'string' | 'int' | 'double' | 'strings' | 'json'

interface Convention {
  kind: Kind
  /** The attribute that ends the span's name. */
  named: string
  required: readonly string[]
  attributes: Readonly<Record<string, Is>>
}

/** On any span: `user.id` and `error.type` of the general conventions, and what is ours under our own name. */
const anywhere = { 'error.type': 'string', 'user.id': 'string', 'clawmesh.tenant.id': 'string' } as const
const operation = { 'gen_ai.operation.name': 'string' } as const
const messages = { 'gen_ai.input.messages': 'json', 'gen_ai.output.messages': 'json' } as const
const request = {
  'gen_ai.provider.name': 'string',
  'gen_ai.request.model': 'string',
  'gen_ai.usage.input_tokens': 'int',
} as const

export const genAiConventions: Readonly<Record<string, Convention>> = {
  invoke_agent: {
    kind: 'internal',
    named: 'gen_ai.agent.name',
    required: ['gen_ai.operation.name'],
    attributes: {
      ...anywhere,
      ...operation,
      ...messages,
      'gen_ai.agent.id': 'string',
      'gen_ai.agent.name': 'string',
      'gen_ai.conversation.id': 'string',
    },
  },
  chat: {
    kind: 'client',
    named: 'gen_ai.request.model',
    required: ['gen_ai.operation.name', 'gen_ai.provider.name'],
    attributes: {
      ...anywhere,
      ...operation,
      ...messages,
      ...request,
      'gen_ai.conversation.id': 'string',
      'gen_ai.usage.output_tokens': 'int',
      'gen_ai.usage.cache_read.input_tokens': 'int',
      'gen_ai.usage.cache_creation.input_tokens': 'int',
      'gen_ai.usage.reasoning.output_tokens': 'int',
      'gen_ai.response.finish_reasons': 'strings',
      'gen_ai.request.temperature': 'double',
      'gen_ai.request.top_p': 'double',
      'gen_ai.request.max_tokens': 'int',
    },
  },
  execute_tool: {
    kind: 'internal',
    named: 'gen_ai.tool.name',
    required: ['gen_ai.operation.name', 'gen_ai.tool.name'],
    attributes: {
      ...anywhere,
      ...operation,
      'gen_ai.tool.name': 'string',
      'gen_ai.tool.call.id': 'string',
      'gen_ai.tool.type': 'string',
      'gen_ai.tool.call.arguments': 'string',
      'gen_ai.tool.call.result': 'string',
    },
  },
  embeddings: {
    kind: 'client',
    named: 'gen_ai.request.model',
    required: ['gen_ai.operation.name', 'gen_ai.provider.name'],
    attributes: { ...anywhere, ...operation, ...request },
  },
}

/** What an attribute's value looks like on the wire, one member of AnyValue set. */
const isOfType: Readonly<Record<Is, (value: Record<string, unknown>) => boolean>> = {
  string: (value) => typeof value['stringValue'] === 'string',
  int: (value) => /^\d+$/.test(String(value['intValue'])),
  // A whole number is sent as one.
  double: (value) => value['doubleValue'] !== undefined || value['intValue'] !== undefined,
  strings: (value) =>
    ((value['arrayValue'] as { values?: Record<string, unknown>[] } | undefined)?.values ?? []).some(
      (each) => typeof each['stringValue'] === 'string',
    ),
  json: (value) => Array.isArray(JSON.parse(String(value['stringValue']))),
}

const kindNumbers: Readonly<Record<Kind, number>> = { internal: 1, client: 3 }

export interface WireSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: Record<string, unknown> }[]
  status?: { code?: number; message?: string }
}

/** What of a span is not as the conventions have it. */
export const violationsOf = ({ name, kind, attributes, status }: WireSpan): string[] => {
  const values = new Map(attributes.map(({ key, value }) => [key, value]))
  const text = (key: string) => values.get(key)?.['stringValue'] as string | undefined
  const convention = genAiConventions[text('gen_ai.operation.name') ?? '']
  if (convention === undefined) return [`${name}: no operation of the conventions`]
  const expected = [text('gen_ai.operation.name'), text(convention.named)].filter(Boolean).join(' ')
  return [
    ...(name === expected ? [] : [`${name}: the name is not ${expected}`]),
    ...(kind === kindNumbers[convention.kind] ? [] : [`${name}: kind ${kind}`]),
    ...convention.required.filter((key) => !values.has(key)).map((key) => `${name}: lacks ${key}`),
    ...[...values].flatMap(([key, value]) => {
      const is = convention.attributes[key]
      return is === undefined ? [`${name}: unknown ${key}`] : isOfType[is](value) ? [] : [`${name}: ${key} is no ${is}`]
    }),
    ...((status?.code === 2) === values.has('error.type')
      ? []
      : [`${name}: an error is told by error.type and status`]),
  ]
}
