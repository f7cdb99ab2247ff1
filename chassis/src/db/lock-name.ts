/** What can run one raw statement of a transaction. */
interface Session {
  $executeRaw: (query: TemplateStringsArray, ...values: string[]) => PromiseLike<unknown>
}

/**
 * Lets transactions of the same name follow one another until they end: what two of them count, or take out and make anew, at
 * the same time would collide.
 */
export const lockName = async (tx: Session, ...name: readonly string[]): Promise<void> => {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${name.join(' ')}, 0))`
}
