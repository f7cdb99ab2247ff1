/** Whether the replicas of a service can be reached over links; for `clawmesh doctor`. */
import type { TlsSettings } from '../grpc/tls.ts'
import { connectLink } from './client.ts'
import { authorityOf, resolveTarget } from './resolve.ts'

export interface ProbedLink {
  address: string
  /** `unsupported`: it takes plain gRPC only, as earlier releases do. */
  state: 'ready' | 'closed' | 'unsupported'
  /** How long it took, milliseconds. */
  tookMs: number
}

/** Opens a link to each replica and closes it again. @throws the lookup's error when the name is unknown */
export const probeLinks = async (
  target: string,
  identity: () => Promise<string>,
  tls: TlsSettings = {},
): Promise<ProbedLink[]> => {
  const authority = authorityOf(target)
  const probe = (address: string): Promise<ProbedLink> =>
    new Promise((resolve) => {
      const sinceMs = performance.now()
      const link = connectLink({
        address,
        authority,
        tls,
        identity,
        changed: () => {
          const state = link.state()
          if (state === 'connecting' || state === 'leaving') return
          resolve({ address, state, tookMs: performance.now() - sinceMs })
          link.close()
        },
        idle: () => undefined,
      })
    })
  return Promise.all((await resolveTarget(target)).map(probe))
}
