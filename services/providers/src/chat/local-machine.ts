/** Where the machine around a container is. */
import { systemResolve, type Resolve } from '@clawmesh/chassis/fetch'
import { containerHost } from '../providers/address.ts'

const loopback = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/**
 * Resolves like the system, but for `host.docker.internal` where nobody gave it a meaning (Docker on Linux without
 * `--add-host`): a model server can then only be in the container itself, or share its network.
 */
export const resolveLocal =
  (resolve: Resolve = systemResolve): Resolve =>
  async (hostname) => {
    try {
      return await resolve(hostname)
    } catch (error) {
      if (hostname === containerHost) return loopback
      throw error
    }
  }
