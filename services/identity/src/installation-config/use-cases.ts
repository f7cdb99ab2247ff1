import { MeshError } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner } from '../caller.ts'
import type { JsonObject } from '../json.ts'

export interface StoredConfig {
  values: JsonObject
  /** 0 before the first change. */
  revision: number
}

export interface StoredConfigRows {
  read: () => Promise<StoredConfig>
  /** The next revision; undefined when somebody else has changed it since. */
  replace: (
    values: JsonObject,
    expectedRevision: number,
    isReplaced: boolean,
    actor: Actor,
  ) => Promise<number | undefined>
}

/** What of the installation's configuration was changed while it ran. What is right is decided at the edge, which shows it. */
export const createStoredConfigUseCases = (rows: StoredConfigRows) => ({
  read: rows.read,

  /** The next revision; undefined when somebody else has changed it since. @throws FORBIDDEN but for system owners */
  replace: async (
    call: Call,
    values: JsonObject,
    { expectedRevision, isReplaced }: { expectedRevision: number; isReplaced: boolean },
  ): Promise<number | undefined> => {
    if (!isSystemOwner(call.caller))
      throw new MeshError('FORBIDDEN', 'error.permission_denied', { what: 'config', role: 'owner' })
    return rows.replace(values, expectedRevision, isReplaced, actorOf(call))
  },
})

export type StoredConfigUseCases = ReturnType<typeof createStoredConfigUseCases>
