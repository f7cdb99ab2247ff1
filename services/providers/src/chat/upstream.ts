/** The connections to upstream: which addresses they may have, and how long they may take. */
import { existsSync } from 'node:fs'
import type { Call, Part } from '@clawmesh/chassis'
import { createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import { localHosts, type AddressPolicy } from '../providers/address.ts'
import { createAcpSessions } from '../programs/acp-sessions.ts'
import { resolveLocal } from './local-machine.ts'
import type { CallOptions } from './protocols/options.ts'

interface UpstreamConfig {
  connectTimeoutMs: number
  firstTokenTimeoutMs: number
  idleTimeoutMs: number
  answerTimeoutMs: number
}

export interface Upstream {
  /** What a call to a provider needs besides its connection. */
  optionsOf: (call: Call) => CallOptions
  part: Part
}

/**
 * Connections to public addresses, to what `policy` allows, and for providers of local types to this machine.
 * @param dataDir where programs that are providers keep what they work with
 */
export const createUpstream = (
  { allow, allowLocal }: AddressPolicy,
  { connectTimeoutMs, firstTokenTimeoutMs, idleTimeoutMs, answerTimeoutMs }: UpstreamConfig,
  dataDir: string,
): Upstream => {
  const fetcher = createGuardedDispatcher({ allow, connectTimeoutMs })
  const localFetcher = allowLocal
    ? createGuardedDispatcher({ allow: [...allow, ...localHosts], resolve: resolveLocal(), connectTimeoutMs })
    : undefined
  const timeouts = {
    connectMs: connectTimeoutMs,
    firstTokenMs: firstTokenTimeoutMs,
    idleMs: idleTimeoutMs,
    wholeMs: answerTimeoutMs,
  }
  const sessions = createAcpSessions()
  const inContainer = existsSync('/.dockerenv')
  return {
    optionsOf: ({ signal, caller: { tenantId } }) => ({
      fetcher,
      localFetcher,
      signal,
      timeouts,
      inContainer,
      programs: allowLocal ? { dir: dataDir, tenantId, sessions } : undefined,
    }),
    part: {
      name: 'upstream connections',
      stop: async () => {
        await Promise.all([fetcher.destroy(), localFetcher?.destroy(), sessions.stop()])
      },
    },
  }
}
