import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'

/** The config values of one tenant. */
export interface SystemConfigRows {
  /** All values by key. */
  list: () => Promise<Record<string, string>>
  find: (key: string) => Promise<string | undefined>
  /** @throws NOT_FOUND when the tenant does not exist */
  put: (key: string, value: string, actor: Actor) => Promise<void>
  remove: (key: string, actor: Actor) => Promise<void>
}

/** Keys whose values are secrets: every viewer may read system configs, so these are never kept there. */
const secretKeys = new Set([
  'gateway.token',
  'tts.openai.api_key',
  'tts.elevenlabs.api_key',
  'tts.minimax.api_key',
  'tts.minimax.group_id',
  'tools.web.brave.api_key',
  'tailscale.auth_key',
])

const isSecret = (key: string): boolean => secretKeys.has(key.toLowerCase())

const refuseSecret = (key: string): void => {
  if (isSecret(key)) throw new MeshError('INVALID_REQUEST', 'error.secret_config_key', { key })
}

/** Config values of the caller's tenant. Keys that hold secrets are refused. */
export const createSystemConfigUseCases = (rowsOf: (tenantId: string) => SystemConfigRows) => ({
  /** All values by key. */
  list: async ({ tenantId }: Caller): Promise<Record<string, string>> => {
    const values = await rowsOf(tenantId).list()
    return Object.fromEntries(Object.entries(values).filter(([key]) => !isSecret(key)))
  },

  /** @throws NOT_FOUND when it is not set, INVALID_REQUEST for a secret */
  get: async ({ tenantId }: Caller, key: string): Promise<string> => {
    refuseSecret(key)
    const value = await rowsOf(tenantId).find(key)
    if (value === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'system config', id: key })
    return value
  },

  /** @throws FORBIDDEN below admin, INVALID_REQUEST for a secret, NOT_FOUND when the tenant is gone */
  set: async (call: Call, key: string, value: string): Promise<void> => {
    if (!roleIncludes(call.caller.role, 'admin'))
      throw new MeshError('FORBIDDEN', 'error.permission_denied', { what: key, role: 'admin' })
    refuseSecret(key)
    await rowsOf(call.caller.tenantId).put(key, value, actorOf(call))
  },

  /** Fine for a key that is not set. @throws INVALID_REQUEST for a secret */
  remove: async (call: Call, key: string): Promise<void> => {
    refuseSecret(key)
    await rowsOf(call.caller.tenantId).remove(key, actorOf(call))
  },
})

export type SystemConfigUseCases = ReturnType<typeof createSystemConfigUseCases>
