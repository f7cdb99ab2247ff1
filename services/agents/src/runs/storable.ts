/** PostgreSQL stores no NUL and no half of a surrogate pair; models and tools produce both. */
export const storable = (text: string): string =>
  text.includes('\0') || !text.isWellFormed() ? text.replaceAll('\0', '').toWellFormed() : text

/** The JSON text of a value, every string in it storable. */
export const storableJson = (value: unknown): string => {
  const json = JSON.stringify(value)
  return /\\u(0000|d[89a-f])/i.test(json)
    ? JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'string' ? storable(inner) : inner))
    : json
}
