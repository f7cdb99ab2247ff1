/** Arguments as models write them for tools of others: what stands for "nothing" is left out, where the tool can do without. */

const placeholders = new Set([
  'null',
  'none',
  'nil',
  'undefined',
  'n/a',
  'optional',
  'skip',
  '__omit__',
  '__skip__',
  '__empty__',
])
const exampleUrl = /^https?:\/\/(?:www\.)?(?:example\.(?:com|org|net)|localhost)(?:[:/?#]|$)/i
const allCapitals = /^[A-Z][A-Z_]{2,}$/
const longestPlaceholder = 200

const isPlaceholder = (text: string): boolean =>
  text.length <= longestPlaceholder &&
  (placeholders.has(text.trim().toLowerCase()) || exampleUrl.test(text) || allCapitals.test(text))

const typesOf = (schema: unknown): readonly unknown[] => {
  const { type } = (schema ?? {}) as { type?: unknown }
  return Array.isArray(type) ? type : [type]
}

/** One of the values that the schema lists is meant as it stands, however it looks. */
const isListed = (schema: unknown, value: string): boolean => {
  const listed = (schema as { enum?: unknown } | undefined)?.enum
  return Array.isArray(listed) && listed.includes(value)
}

/**
 * The arguments without optional ones that are null, a placeholder, or an empty text where no text is wanted.
 * @param schema JSON Schema of the tool's arguments
 */
export const meantArguments = (
  schema: Record<string, unknown>,
  args: Record<string, unknown>,
): Record<string, unknown> => {
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [])
  const properties = (schema['properties'] ?? {}) as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(args).filter(([name, value]) => {
      if (required.has(name)) return true
      if (value === null) return false
      if (typeof value !== 'string') return true
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined
      if (value === '') return typesOf(property).includes('string')
      return isListed(property, value) || !isPlaceholder(value)
    }),
  )
}
