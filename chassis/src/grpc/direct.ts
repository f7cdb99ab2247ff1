/** The transport to a service of the same process: a function call under the same deadline and error rules. */
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { throwIfGone, type Call } from '../call.ts'
import { databaseError } from '../db/database.ts'
import { deadlineOf, type RpcTimeouts } from './deadline.ts'
import { serviceNameOf, type LooseFunctions, type RpcDefinition } from './types.ts'

interface Limited {
  call: Call
  timedOut: () => boolean
  /** Tells the work that nobody waits for it any more. */
  abandon: () => void
  done: () => void
}

const withDeadline = (call: Call, timeoutMs: number): Limited => {
  const abort = new AbortController()
  let late = false
  const forward = () => abort.abort(call.signal.reason)
  const timer = setTimeout(() => {
    late = true
    abort.abort()
  }, timeoutMs)
  call.signal.addEventListener('abort', forward, { once: true })
  return {
    call: { ...call, signal: abort.signal },
    timedOut: () => late,
    abandon: () => abort.abort(new MeshError('CANCELLED', 'error.cancelled')),
    done: () => {
      clearTimeout(timer)
      call.signal.removeEventListener('abort', forward)
    },
  }
}

/** Functions of a service that call its implementation in this process. */
export const connectDirect = (
  definition: RpcDefinition,
  implementation: LooseFunctions,
  timeouts: RpcTimeouts,
): LooseFunctions => {
  const service = serviceNameOf(definition)
  const errorOf = (thrown: unknown, late: boolean) =>
    late
      ? new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: service }, { cause: thrown })
      : toMeshError(databaseError(thrown))

  const unary = (name: string) => async (outer: Call, request: unknown) => {
    throwIfGone(outer.signal)
    const { call, timedOut, done } = withDeadline(outer, deadlineOf(definition[name]!, timeouts))
    try {
      return await Promise.race([
        implementation[name]!(call, request) as Promise<unknown>,
        new Promise<never>((_, reject) =>
          call.signal.addEventListener('abort', () => reject(new MeshError('CANCELLED', 'error.cancelled')), {
            once: true,
          }),
        ),
      ])
    } catch (thrown) {
      throw errorOf(thrown, timedOut())
    } finally {
      done()
    }
  }

  const streaming = (name: string) =>
    async function* (outer: Call, request: unknown): AsyncGenerator<unknown> {
      throwIfGone(outer.signal)
      const { call, timedOut, abandon, done } = withDeadline(outer, timeouts.streamTimeoutMs)
      let work: AsyncIterator<unknown> | undefined
      let ended = false
      // One listener for the whole stream: a race at every message would pile up on the signal.
      let giveUp: (fault: MeshError) => void = () => undefined
      call.signal.addEventListener('abort', () => giveUp(new MeshError('CANCELLED', 'error.cancelled')))
      const next = () =>
        new Promise<IteratorResult<unknown>>((resolve, reject) => {
          giveUp = reject
          work!.next().then(resolve, (thrown: Error) => {
            ended = true
            reject(thrown)
          })
        })
      try {
        work = (implementation[name]!(call, request) as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        for (let step = await next(); !step.done; step = await next()) yield step.value
        ended = true
      } catch (thrown) {
        throw errorOf(thrown, timedOut())
      } finally {
        done()
        if (!ended) {
          const idle = !call.signal.aborted
          abandon()
          const cleaned = Promise.resolve(work?.return?.()).catch(() => undefined)
          // Work that ignored its signal is still busy, and is left to itself.
          if (idle) await cleaned
        }
      }
    }

  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [name, method.responseStream ? streaming(name) : unary(name)]),
  )
}
