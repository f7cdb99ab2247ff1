/** Ends connections that nobody may use any more, on every replica: of servers, secrets and sign-ins that are gone or others now. */
import type { Logger } from '@clawmesh/chassis'
import type { ConnectionKey, Pool } from './pool.ts'

interface Parts {
  connections: Pick<Pool, 'keys' | 'dropKey'>
  /** Versions that connections of these keys may have, by server. */
  versionsOf: (tenantId: string, keys: readonly ConnectionKey[]) => Promise<ReadonlyMap<string, ReadonlySet<string>>>
  /** Servers that are in no table. */
  isOfInstallation: (serverId: string) => boolean
  log: Logger
}

/** To be told of every change; changes of a tenant that come while one is looked at are looked at once, afterwards. */
export const createOutdated = ({ connections, versionsOf, isOfInstallation, log }: Parts) => {
  const underWay = new Map<string, { isAskedAgain: boolean }>()

  const end = async (tenantId: string): Promise<void> => {
    const keys = connections.keys().filter((key) => key.tenantId === tenantId && !isOfInstallation(key.serverId))
    if (keys.length === 0) return
    const versions = await versionsOf(tenantId, keys)
    const outdated = keys.filter(({ serverId, version }) => versions.get(serverId)?.has(version) !== true)
    await Promise.all(outdated.map(connections.dropKey))
  }

  const look = async (tenantId: string): Promise<void> => {
    const before = underWay.get(tenantId)
    if (before !== undefined) {
      before.isAskedAgain = true
      return
    }
    const state = { isAskedAgain: true }
    underWay.set(tenantId, state)
    try {
      while (state.isAskedAgain) {
        state.isAskedAgain = false
        await end(tenantId)
      }
    } catch (err) {
      // Nothing goes over them all the same, and they leave when they have been idle for long.
      log.warn({ err, tenantId }, 'connections to MCP servers could not be looked through')
    } finally {
      underWay.delete(tenantId)
    }
  }

  /** @param tenantId absent for a change of any of them */
  return (tenantId?: string): void => {
    const tenants = tenantId === undefined ? new Set(connections.keys().map((key) => key.tenantId)) : [tenantId]
    for (const each of tenants) void look(each)
  }
}
