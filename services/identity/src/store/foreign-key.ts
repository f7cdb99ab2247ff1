/** Whether a thrown value says that a row refers to one that does not exist: Prisma (P2003) or PostgreSQL (23503). */
export const isForeignKeyViolation = (thrown: unknown): boolean => {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown }
  return code === 'P2003' || code === '23503' || (cause !== undefined && isForeignKeyViolation(cause))
}
