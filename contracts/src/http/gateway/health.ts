import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

export const health = defineHttpTable('gateway', {
  getHealth: {
    method: 'GET',
    path: '/health',
    role: 'public',
    summary: 'Liveness: 200 while the process serves HTTP; plain `ok` for Accept: text/plain or ?format=text',
    rules: {
      answersTheUnion: 'Answers status, protocol 3, uptime, mode, database and version as JSON',
      answersText: 'Answers the text ok where `Accept` prefers text/plain or `format` is text',
      prefersJson: 'JSON is preferred where `Accept` likes both alike or cannot be read',
      ignoresOddFormats: 'A `format` that is not known counts as none',
      needsNoCredential: 'Answered to anybody, whatever credential they send',
      isNotRateLimited: 'Probes are not rate limited',
      staysOkWithoutDatabase: 'While the database is away the answer is 200 with status ok, and `database` says error',
      limitsTheWait: 'A database that does not answer is waited for 2 s at most',
      asksRarely: 'The database is asked at most every 5 s, however often it is probed',
      answersHead: 'HEAD is answered as GET, without a body',
      hidesFailures: 'The reason why the database is away is not shown',
    },
    query: z.object({
      format: z.enum(['json', 'text']).optional().catch(undefined).describe('Form of the answer; else Accept decides'),
    }),
    produces: 'text/plain',
    producesExample: 'ok',
    response: {
      200: z.object({
        status: z.literal('ok'),
        protocol: z.literal(3),
        uptime_ms: z.number().int(),
        mode: z.literal('managed'),
        database: z.enum(['ok', 'error', 'n/a']),
        version: z.string(),
      }),
    },
    errors: [],
  },
})
