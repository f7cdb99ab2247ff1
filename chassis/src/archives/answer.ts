/** Archives, and the work on them, as answers over HTTP. */
import { pipeline } from 'node:stream/promises'
import { toMeshError, translate } from '@clawmesh/contracts'
import type { Call } from '../call.ts'
import type { HttpResponse } from '../http/exchange.ts'
import { streamed } from '../http/reply.ts'
import { eventStream } from '../http/sse.ts'

/** What is told of work on its way. */
export interface Progress {
  phase: string
  status: 'running' | 'done' | 'error'
  detail?: string
  current?: number
  total?: number
}
export type Report = (progress: Progress) => Promise<void>

/** For who wants to hear nothing. */
export const silent: Report = async () => undefined

const heldBytes = 65_536

/** The same bytes, once some of them are there, or all: what fails before that can still be answered. */
const begun = async (bytes: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> => {
  const source = bytes[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let size = 0
  let step = await source.next()
  for (; !step.done && size < heldBytes; step = await source.next()) {
    held.push(step.value)
    size += step.value.length
  }
  return (async function* () {
    try {
      yield* held
      for (; !step.done; step = await source.next()) yield step.value
    } finally {
      await source.return?.()
    }
  })()
}

/** A file to keep, an archive where no other type is given. What fails before its first bytes is answered as an error. */
export const attachment = ({
  fileName,
  contentType = 'application/gzip',
  size,
  bytes,
}: {
  fileName: string
  contentType?: string
  size?: number
  bytes: AsyncIterable<Buffer>
}) =>
  streamed(async (response) => {
    const source = await begun(bytes)
    response.setHeader('content-type', contentType)
    response.setHeader('content-disposition', `attachment; filename="${fileName}"`)
    response.setHeader('cache-control', 'no-store')
    if (size !== undefined) response.setHeader('content-length', String(size))
    await pipeline(source, response)
  })

/** Work that tells how far it is, as events, and then what came of it or why it failed. @param more is told with a failure */
export const withProgress = (
  { caller }: Call,
  phase: string,
  more: object,
  work: (report: Report) => Promise<object>,
) =>
  streamed(async (response: HttpResponse) => {
    const events = eventStream(response)
    try {
      const result = await work((progress) => events.send(JSON.stringify(progress), 'progress'))
      await events.send(JSON.stringify(result), 'complete')
    } catch (thrown) {
      const { key, params } = toMeshError(thrown)
      const detail = translate(caller.locale, key, params)
      await events.send(JSON.stringify({ phase, status: 'error', detail, ...more }), 'error')
    } finally {
      events.end()
    }
  })
