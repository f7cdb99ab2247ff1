/** What an MCP server may ask a user: a flat form of simple fields, or to open an address. Bounded before it is looked at. */
import { cutText } from '@clawmesh/chassis'
import { smallRecord } from '@clawmesh/contracts'
import { z } from 'zod'

const mostSchemaChars = 16_384
const mostMessageChars = 4_000
const mostFields = 50
const mostTextChars = 10_000
const mostChoices = 100

const choice = z.looseObject({ const: z.string(), title: z.string().optional() })
const choices = z.array(z.string()).max(mostChoices)
const field = z.looseObject({
  type: z.enum(['string', 'number', 'integer', 'boolean', 'array']),
  enum: choices.optional(),
  oneOf: z.array(choice).max(mostChoices).optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  items: z.looseObject({ enum: choices.optional(), anyOf: z.array(choice).max(mostChoices).optional() }).optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
})
const form = z.looseObject({
  type: z.literal('object'),
  properties: smallRecord(mostFields, 'fields', z.record(z.string().min(1).max(200), field)),
  required: z.array(z.string()).max(mostFields).optional(),
})
const asked = z.union([
  z.object({ mode: z.literal('url'), message: z.string(), url: z.url({ protocol: /^https?$/ }).max(4_096) }),
  z.object({ mode: z.literal('form').default('form'), message: z.string(), requestedSchema: form }),
])

export type Form = z.output<typeof form>
type Field = z.output<typeof field>

export type Question = { mode: 'form'; message: string; schema: Form } | { mode: 'url'; message: string; url: string }

export type Value = string | number | boolean | string[]

export type Answer = { action: 'accept'; content?: Record<string, Value> } | { action: 'decline' | 'cancel' }

/** Undefined where it asks for what is not known, or for too much. */
export const readQuestion = (params: unknown): Question | undefined => {
  if ((JSON.stringify(params) ?? '').length > mostSchemaChars) return undefined
  const { data } = asked.safeParse(params)
  if (data === undefined) return undefined
  const message = cutText(data.message, mostMessageChars)
  return data.mode === 'url'
    ? { mode: 'url', message, url: data.url }
    : { mode: 'form', message, schema: data.requestedSchema }
}

const choicesOf = ({ enum: listed, oneOf }: Field): readonly string[] | undefined =>
  listed ?? oneOf?.map(({ const: value }) => value)

const isWithin = (value: number, least = -Infinity, most = Infinity): boolean => value >= least && value <= most

const fits: Readonly<Record<Field['type'], (value: Value, field: Field) => boolean>> = {
  string: (value, field) =>
    typeof value === 'string' &&
    value.length <= mostTextChars &&
    isWithin(value.length, field.minLength, field.maxLength) &&
    choicesOf(field)?.includes(value) !== false,
  number: (value, { minimum, maximum }) => typeof value === 'number' && isWithin(value, minimum, maximum),
  integer: (value, { minimum, maximum }) =>
    typeof value === 'number' && Number.isSafeInteger(value) && isWithin(value, minimum, maximum),
  boolean: (value) => typeof value === 'boolean',
  array: (value, { items, minItems, maxItems }) => {
    const listed = items?.enum ?? items?.anyOf?.map(({ const: each }) => each)
    return (
      Array.isArray(value) &&
      isWithin(value.length, minItems, maxItems) &&
      value.every((each) => listed?.includes(each) === true)
    )
  },
}

/** The first field of an answer that the form does not allow; undefined where all are well. */
export const faultIn = (
  { properties, required = [] }: Form,
  content: Readonly<Record<string, Value>>,
): string | undefined =>
  required.find((name) => !Object.hasOwn(content, name)) ??
  Object.entries(content).find(
    ([name, value]) => !Object.hasOwn(properties, name) || !fits[properties[name]!.type](value, properties[name]!),
  )?.[0]
