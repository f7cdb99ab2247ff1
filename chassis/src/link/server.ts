/** Links, from the side that answers the calls. */
import { Metadata, status as grpcStatus, type ServerDuplexStream } from '@grpc/grpc-js'
import { MeshError } from '@clawmesh/contracts'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { clientIpIn, type Call } from '../call.ts'
import { statusOf } from '../grpc/status.ts'
import type { LooseFunctions, RpcDefinition } from '../grpc/types.ts'
import type { Logger } from '../log/logger.ts'
import { traced, tracedStream } from '../telemetry/telemetry.ts'
import { createLinkCall, type LinkCall } from './call.ts'
import { decodeBatch, type Frame, type Open, type Status } from './codec.ts'
import { maxMessageBytes, maxOpenCalls } from './limits.ts'
import { rememberTexts } from './texts.ts'
import { createWriter } from './writer.ts'

export type LinkStream = ServerDuplexStream<Buffer, Buffer>

export interface LinkServerParts {
  services: readonly { definition: RpcDefinition; functions: LooseFunctions }[]
  tokens: IdentityTokens
  log: Logger
  /** After about so long the client is told to open another link, so that new replicas behind one address get traffic. */
  maxAgeMs: number
}

export interface LinkServer {
  /** Serves a link whose opener is known. */
  accept: (stream: LinkStream) => void
  /** Asks every client to go elsewhere. */
  leave: () => void
  /** Takes no new calls, and ends every link with its last one. */
  drain: () => void
}

interface Served {
  readonly method: RpcDefinition[string]
  readonly run: LooseFunctions[string]
}

interface Work {
  readonly link: LinkCall
  readonly abort: AbortController
  deadline?: NodeJS.Timeout
  begun: boolean
}

const noError = Buffer.alloc(0)
const failedWith = (code: number, details: string, refused = false): Status => ({
  code,
  details,
  error: noError,
  refused,
})
const ok = failedWith(grpcStatus.OK, '')

/** A message as bytes. @throws Error when it is larger than the other side takes */
const bytesOf = ({ responseSerialize }: Served['method'], message: unknown): Buffer => {
  const bytes = (responseSerialize as (value: unknown) => Buffer)(message)
  if (bytes.length > maxMessageBytes) throw new Error('an answer is too large')
  return bytes
}

/** The links to this process. */
export const createLinkServer = ({ services, tokens, log, maxAgeMs }: LinkServerParts): LinkServer => {
  const links = new Set<{ leave: (again: boolean) => void; drain: () => void }>()
  const served = new Map<string, Served>(
    services.flatMap(({ definition, functions }) =>
      Object.entries(definition).map(([name, method]) => [method.path, { method, run: functions[name]! }] as const),
    ),
  )
  let leaving = false
  let draining = false

  const accept = (stream: LinkStream): void => {
    const calls = new Map<number, Work>()
    const texts = rememberTexts()
    let gone = false
    const writer = createWriter(
      (batch, done) => void stream.write(batch, done),
      () => endWhenDone(),
    )

    const leave = (again: boolean): void => writer.first({ call: 0, kind: { $case: 'leaving', value: again } })
    /** A link that drains ends with its last call, once the answer is out. */
    const endWhenDone = (): void => {
      if (!gone && draining && calls.size === 0 && writer.idle()) close(() => stream.end())
    }
    const own = { leave, drain: endWhenDone }

    const close = (end: () => void): void => {
      if (gone) return
      gone = true
      links.delete(own)
      clearTimeout(aging)
      writer.close()
      for (const [, work] of calls) stop(work)
      calls.clear()
      end()
    }
    const stop = ({ link, abort, deadline }: Work): void => {
      clearTimeout(deadline)
      link.close(failedWith(grpcStatus.CANCELLED, ''))
      abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
    }
    /** The call is over, here too; false when it was before. */
    const finish = (id: number): boolean => {
      const work = calls.get(id)
      if (work === undefined) return false
      clearTimeout(work.deadline)
      calls.delete(id)
      if (draining) endWhenDone()
      return true
    }
    const failed = (id: number, thrown: unknown, path: string): void => {
      const status = statusOf(thrown)
      log[status.details === 'INTERNAL' ? 'error' : 'debug']({ err: thrown, path }, 'call failed')
      const work = calls.get(id)
      if (finish(id)) work!.link.end({ ...status, refused: false })
    }

    const answer = async (
      id: number,
      { link, abort }: Work,
      { method, run }: Served,
      opened: OpenCall,
    ): Promise<void> => {
      const path = method.path
      try {
        const call = await callOf(opened, abort.signal)
        const work = { name: path.slice(1), kind: 'server', carrier: { traceparent: opened.traceparent } } as const
        const request = method.requestDeserialize(opened.request)
        if (!method.responseStream) {
          const response = await traced(work, () => run(call, request) as Promise<unknown>)
          const bytes = bytesOf(method, response)
          if (calls.has(id)) void link.send(bytes, 'last')
        } else {
          for await (const message of tracedStream(work, () => run(call, request) as AsyncIterable<unknown>)) {
            if (abort.signal.aborted) break
            const sent = link.send(bytesOf(method, message), 'message')
            if (sent !== undefined) await sent
          }
          if (calls.has(id)) link.end(ok)
        }
        finish(id)
      } catch (thrown) {
        failed(id, thrown, path)
      }
    }

    interface OpenCall extends Omit<Open, 'method' | 'identity'> {
      readonly token: string
      readonly request: Buffer
    }
    const callOf = async ({ token, requestId, clientIp }: OpenCall, signal: AbortSignal): Promise<Call> => ({
      caller: await tokens.verify(token),
      requestId,
      signal,
      ...clientIpIn(clientIp),
    })

    const refuse = (id: number, status: Status): void => writer.lane(id).push({ $case: 'end', value: status })

    const open = (id: number, opening: Open): void => {
      if (calls.has(id)) throw new Error('a call that is open')
      const [path, token] = [texts.get(opening.method), texts.get(opening.identity)]
      const target = served.get(path)
      if (draining) return refuse(id, failedWith(grpcStatus.UNAVAILABLE, 'the server is leaving', true))
      if (target === undefined) return refuse(id, failedWith(grpcStatus.UNIMPLEMENTED, 'there is no such method'))
      if (calls.size >= maxOpenCalls) return refuse(id, failedWith(grpcStatus.UNAVAILABLE, 'too many calls', true))
      const link = createLinkCall(id, writer, () => {
        const request = work.begun ? undefined : link.take()
        if (request === undefined) return
        work.begun = true
        void answer(id, work, target, { ...opening, token, request })
      })
      const work: Work = { link, abort: new AbortController(), begun: false }
      calls.set(id, work)
      if (opening.timeoutMs > 0) work.deadline = setTimeout(() => late(id, work), opening.timeoutMs)
    }
    const late = (id: number, work: Work): void => {
      if (!finish(id)) return
      work.link.end(failedWith(grpcStatus.DEADLINE_EXCEEDED, ''))
      stop(work)
    }
    const cancel = (id: number): void => {
      const work = calls.get(id)
      if (finish(id)) stop(work!)
    }

    const receive = ({ call: id, kind }: Frame): void => {
      if (kind === undefined) return
      if (kind.$case === 'text') return texts.set(kind.value)
      if (kind.$case === 'open') return open(id, kind.value)
      if (kind.$case === 'cancel') return cancel(id)
      if (kind.$case === 'ping') {
        if (kind.value) writer.first({ call: 0, kind: { $case: 'ping', value: false } })
        return
      }
      // Frames of a call that has ended here may still be under way.
      calls.get(id)?.link.receive(kind)
    }

    const aging = setTimeout(() => leave(true), maxAgeMs * (0.7 + Math.random() * 0.2)).unref()
    links.add(own)
    stream.on('data', (batch: Buffer) => {
      if (gone) return
      try {
        for (const frame of decodeBatch(batch)) receive(frame)
      } catch (fault) {
        log.warn({ err: fault }, 'a link is cut, as what came over it breaks the rules')
        close(() => stream.emit('error', { code: grpcStatus.INVALID_ARGUMENT, details: (fault as Error).message }))
      }
    })
    stream.on('cancelled', () => close(() => undefined))
    stream.on('end', () => close(() => stream.end()))
    stream.sendMetadata(new Metadata())
    if (leaving) leave(false)
    if (draining) endWhenDone()
  }

  return {
    accept,
    leave: () => {
      leaving = true
      for (const link of links) link.leave(false)
    },
    drain: () => {
      draining = true
      for (const link of [...links]) link.drain()
    },
  }
}
