/** What chunks are found by. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Logger, Part } from '@clawmesh/chassis'
import { toTsvector } from '../text/lexemes.ts'
import { termsOf } from '../text/terms.ts'

/** The terms of a chunk and of the path of its document, as a tsvector. */
export const chunkTerms = (path: string, text: string): string =>
  toTsvector([...new Set([...termsOf(path.replace(/\.md$/i, '')), ...termsOf(text)])])

const batch = 200
const pauseMs = 60_000

/** Gives terms to some chunks of any tenant that have none; how many. */
export const giveTerms = async ({ system }: Database): Promise<number> => {
  const { rows } = await system.query<{ id: string; path: string; text: string }>(
    `SELECT id, path, text FROM memory.chunks WHERE terms IS NULL ORDER BY id LIMIT ${batch}`,
  )
  await system.query(
    `UPDATE memory.chunks c SET terms = v.terms::tsvector
     FROM unnest($1::uuid[], $2::text[]) AS v (id, terms) WHERE c.id = v.id AND c.terms IS NULL`,
    [rows.map(({ id }) => id), rows.map(({ path, text }) => chunkTerms(path, text))],
  )
  return rows.length
}

/** Gives terms to chunks that an older release wrote: at once, and to those that still come while it is replaced. */
export const chunkTermsPart = (database: Database, log: Logger): Part => {
  const stop = new AbortController()
  let running: Promise<void> | undefined
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        while (!stop.signal.aborted && (await giveTerms(database)) === batch);
      } catch (err) {
        log.warn({ err }, 'chunks could not be given their terms')
      }
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  return {
    name: 'memory chunk terms',
    start: async () => {
      running = loop()
    },
    stop: async () => {
      stop.abort()
      await running
    },
  }
}
