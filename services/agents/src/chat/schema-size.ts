/** How large the JSON Schemas of a request become once references are written out, as vendors want them: a short one may say a million things. */

const longestRef = 1_000

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const pointedTo = (root: unknown, ref: string): unknown =>
  ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      if (Array.isArray(at)) return at[Number(key)]
      return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
    }, root)

/** Whether schemas hold more than `limit` objects and lists together, local references followed. Takes `limit` steps at most. */
export const isLargerThan = (limit: number, schemas: readonly unknown[]): boolean => {
  let left = limit
  const visit = (value: unknown, root: unknown, open: readonly string[]): void => {
    if (typeof value !== 'object' || value === null || left < 0) return
    left--
    const ref = isObject(value) ? value['$ref'] : undefined
    if (typeof ref === 'string' && ref.startsWith('#') && ref.length <= longestRef && !open.includes(ref))
      visit(pointedTo(root, ref), root, [...open, ref])
    for (const [key, inner] of Object.entries(value)) {
      if (left < 0) return
      if (key !== '$defs' && key !== 'definitions') visit(inner, root, open)
    }
  }
  for (const schema of schemas) visit(schema, schema, [])
  return left < 0
}
