import type { PrismaClient } from '../db/client/client.ts'

/** Lets transactions of the same name follow one another: rows that two take out and make anew at once would collide. */
export const lockName = (tx: Pick<PrismaClient, '$executeRaw'>, ...name: readonly string[]) =>
  tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${name.join(' ')}, 0))`
