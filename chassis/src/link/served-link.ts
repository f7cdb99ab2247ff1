/** One link, from the side that answers the calls. */
import { status as grpcStatus, type Metadata, type ServerDuplexStream } from '@grpc/grpc-js'
import { MeshError } from '@clawmesh/contracts'
import type { Logger } from '../log/logger.ts'
import type { Answer, Course, OpenedCall } from './answer.ts'
import { createLinkCall, type LinkCall } from './call.ts'
import { decodeBatch, type Frame, type Open, type Status } from './codec.ts'
import { maxOpenCalls } from './limits.ts'
import { countServed } from './metrics.ts'
import { rememberTexts } from './texts.ts'
import { createWriter } from './writer.ts'

export type LinkStream = ServerDuplexStream<Buffer, Buffer>

export interface ServedLink {
  /** Asks the client to go elsewhere; `again` where another link to this address will do. */
  leave: (again: boolean) => void
  /** Ends with the last call; new ones are refused. */
  drain: () => void
}

export interface ServedLinkParts {
  /** How calls are answered, by method. */
  answers: ReadonlyMap<string, Answer>
  /** What the client is told of this server at the beginning. */
  metadata: Metadata
  log: Logger
  /** It is over, however it ended. */
  ended: () => void
}

/** A call that is open. */
interface Work {
  readonly link: LinkCall
  readonly abort: AbortController
  readonly course: Course
  deadline?: NodeJS.Timeout
  begun: boolean
}

const failedWith = (code: number, details: string, refused = false): Status => ({
  code,
  details,
  error: Buffer.alloc(0),
  refused,
})

const stop = ({ link, abort, deadline }: Work): void => {
  clearTimeout(deadline)
  link.close(failedWith(grpcStatus.CANCELLED, ''))
  abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
}

/** Serves a link whose opener is known. */
export const serveLink = (stream: LinkStream, { answers, metadata, log, ended }: ServedLinkParts): ServedLink => {
  const calls = new Map<number, Work>()
  const texts = rememberTexts()
  let draining = false
  let gone = false

  const close = (end: () => void): void => {
    if (gone) return
    gone = true
    writer.close()
    for (const work of calls.values()) stop(work)
    calls.clear()
    ended()
    end()
  }
  /** Ends only once every answer has been written: what a client then misses was never begun. */
  const endWhenDone = (): void => {
    if (!gone && draining && calls.size === 0 && writer.idle()) close(() => stream.end())
  }
  const writer = createWriter((batch, done) => void stream.write(batch, done), endWhenDone)

  /** The answer of a call has been handed to the writer, or nobody wants it. */
  const finish = (id: number, { deadline }: Work): void => {
    clearTimeout(deadline)
    calls.delete(id)
    endWhenDone()
  }
  const late = (id: number, work: Work): void => {
    work.link.end(failedWith(grpcStatus.DEADLINE_EXCEEDED, ''))
    stop(work)
    finish(id, work)
  }
  const cancel = (id: number): void => {
    const work = calls.get(id)
    if (work === undefined) return
    stop(work)
    finish(id, work)
  }
  const begin = (id: number, work: Work, answer: Answer, opened: OpenedCall): void => {
    work.begun = true
    void answer(work.link, opened, work.course).then(() => {
      if (calls.get(id) === work) finish(id, work)
    })
  }

  const open = (id: number, opening: Open): void => {
    if (calls.has(id)) throw new Error('a call that is open')
    const [path, token] = [texts.get(opening.method), texts.get(opening.identity)]
    const answer = answers.get(path)
    const refuse = (status: Status): void => writer.lane(id).push({ $case: 'end', value: status })
    if (draining) return refuse(failedWith(grpcStatus.UNAVAILABLE, 'the server is leaving', true))
    if (answer === undefined) return refuse(failedWith(grpcStatus.UNIMPLEMENTED, 'there is no such method'))
    if (calls.size >= maxOpenCalls) return refuse(failedWith(grpcStatus.UNAVAILABLE, 'too many calls', true))
    const link = createLinkCall(id, writer, () => {
      if (work.begun) return work.course.changed?.()
      const request = link.take()
      if (request !== undefined) begin(id, work, answer, { ...opening, token, request })
    })
    const abort = new AbortController()
    const work: Work = { link, abort, course: { signal: abort.signal }, begun: false }
    calls.set(id, work)
    countServed(path)
    if (opening.timeoutMs > 0) work.deadline = setTimeout(() => late(id, work), opening.timeoutMs)
  }

  const receive = ({ call: id, kind }: Frame): void => {
    if (kind === undefined) return
    switch (kind.$case) {
      case 'text':
        return texts.set(kind.value)
      case 'open':
        return open(id, kind.value)
      case 'cancel':
        return cancel(id)
      case 'ping':
        if (kind.value) writer.first({ call: 0, kind: { $case: 'ping', value: false } })
        return
      default:
        // Frames of a call that has ended here may still be under way.
        calls.get(id)?.link.receive(kind)
    }
  }

  stream.on('data', (batch: Buffer) => {
    if (gone) return
    try {
      for (const frame of decodeBatch(batch)) receive(frame)
    } catch (fault) {
      log.warn({ err: fault }, 'a link is cut, as what came over it breaks the rules')
      close(() => stream.emit('error', { code: grpcStatus.INVALID_ARGUMENT, details: (fault as Error).message }))
    }
  })
  // Emitted when the stream closes, however it ended.
  stream.on('cancelled', () => close(() => undefined))
  stream.on('end', () => close(() => stream.end()))
  // Tells the client that calls may begin.
  stream.sendMetadata(metadata)

  return {
    leave: (again) => writer.first({ call: 0, kind: { $case: 'leaving', value: again } }),
    drain: () => {
      draining = true
      endWhenDone()
    },
  }
}
