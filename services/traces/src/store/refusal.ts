/** SQLSTATE classes of values that PostgreSQL cannot take: bad data, a broken constraint, something too large. */
const dataErrors = /^(22|23|54)/

/** Why the database refused values; undefined when it failed for another reason, such as being away. */
export const refusal = (thrown: unknown): { code: string; reason: string } | undefined => {
  const { code, message } = thrown as { code?: unknown; message?: unknown }
  return typeof code === 'string' && dataErrors.test(code) ? { code, reason: String(message) } : undefined
}
