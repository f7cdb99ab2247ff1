import { implementHttp, streamed } from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import { prefers } from './prefers.ts'
import type { Lookups } from '../admission/lookups.ts'

const protocolVersion = 3
const databaseLimitMs = 2_000
const recheckAfterMs = 5_000

/** Repeats a check only when its last result is older than `maxAgeMs`; all who ask meanwhile share one. */
const recent = (check: () => Promise<boolean>, maxAgeMs: number): (() => Promise<boolean>) => {
  let last: { result: Promise<boolean>; atMs: number } | undefined
  return () => {
    if (last === undefined || Date.now() - last.atMs >= maxAgeMs) last = { result: check(), atMs: Date.now() }
    return last.result
  }
}

/**
 * /health: 200 as long as the process serves HTTP. Its `database` says whether identity answers, which it does from
 * its database; probes cannot load that, as they are told what was found out in the last 5 s.
 */
export const createHealthHttp = (lookups: Pick<Lookups, 'answers'>, version: string) => {
  const startedAtMs = performance.now()
  const databaseAnswers = recent(() => lookups.answers(databaseLimitMs), recheckAfterMs)

  return implementHttp(http.health)({
    getHealth: async ({ query, headers }) => {
      if (query.format === 'text' || (query.format === undefined && prefers('text/plain', headers.accept)))
        return streamed(async (response) => {
          response
            .writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
            .end('ok')
        })
      return {
        status: 'ok',
        protocol: protocolVersion,
        uptimeMs: Math.round(performance.now() - startedAtMs),
        mode: 'managed',
        database: (await databaseAnswers()) ? 'ok' : 'error',
        version,
      }
    },
  })
}
