/** Arguments as models write them. Many send null for what they leave out, and numbers and yes or no as text. */
import { perObject } from '@clawmesh/chassis'
import { parametersSchema, type Tool } from '../tool/tool.ts'

interface Parameters {
  types: ReadonlyMap<string, string>
  required: ReadonlySet<string>
}

const parametersOf = perObject((tool: Tool): Parameters => {
  const { properties = {}, required = [] } = parametersSchema(tool) as {
    properties?: Record<string, { type?: string }>
    required?: string[]
  }
  const types = Object.entries(properties).map(([name, { type }]) => [name, type ?? ''] as const)
  return { types: new Map(types), required: new Set(required) }
})

const booleans = new Map([
  ['true', true],
  ['false', false],
])

/** A text read as what a parameter wants; undefined where it cannot be. */
const readers: Record<string, (text: string) => unknown> = {
  integer: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : undefined),
  number: (text) => (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : undefined),
  boolean: (text) => booleans.get(text.toLowerCase()),
}

/** The arguments without optional ones that are null, texts for numbers and booleans read. What is no object stays. */
export const readableArguments = (tool: Tool, args: unknown): unknown => {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return args
  const { types, required } = parametersOf(tool)
  return Object.fromEntries(
    Object.entries(args).flatMap(([name, value]: [string, unknown]) => {
      if (value === null && !required.has(name)) return []
      const read = typeof value === 'string' ? readers[types.get(name) ?? '']?.(value.trim()) : undefined
      return [[name, read ?? value]]
    }),
  )
}
