/** The transport to a service of the same process: a function call under the same deadline and error rules. */
import { MeshError, toMeshError } from '@clawmesh/contracts'
import type { Call } from '../call.ts'
import { databaseError } from '../db/database.ts'
import type { RpcTimeouts } from './client.ts'
import { serviceNameOf, type LooseFunctions, type RpcDefinition } from './types.ts'

const withDeadline = (call: Call, timeoutMs: number): { call: Call; timedOut: () => boolean; done: () => void } => {
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
    done: () => {
      clearTimeout(timer)
      call.signal.removeEventListener('abort', forward)
    },
  }
}

/** Functions of a service that call its implementation in this process. */
export const directFunctions = (
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
    outer.signal.throwIfAborted()
    const { call, timedOut, done } = withDeadline(outer, timeouts.rpcTimeoutMs)
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
      outer.signal.throwIfAborted()
      const { call, timedOut, done } = withDeadline(outer, timeouts.streamTimeoutMs)
      try {
        yield* implementation[name]!(call, request) as AsyncIterable<unknown>
      } catch (thrown) {
        throw errorOf(thrown, timedOut())
      } finally {
        done()
      }
    }

  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [name, method.responseStream ? streaming(name) : unary(name)]),
  )
}
