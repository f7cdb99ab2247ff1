import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'

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
export const createSystemConfigUseCases = (store: IdentityStore) => ({
  /** All values by key. */
  list: async (caller: Caller): Promise<Record<string, string>> => {
    const values = await store.systemConfigs(caller.tenantId).list()
    return Object.fromEntries(Object.entries(values).filter(([key]) => !isSecret(key)))
  },

  /** @throws NOT_FOUND when it is not set, INVALID_REQUEST for a secret */
  get: async (caller: Caller, key: string): Promise<string> => {
    refuseSecret(key)
    const value = await store.systemConfigs(caller.tenantId).find(key)
    if (value === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'system config', id: key })
    return value
  },

  /** @throws INVALID_REQUEST for a secret, NOT_FOUND when the tenant is gone */
  set: async (call: Call, key: string, value: string): Promise<void> => {
    refuseSecret(key)
    const { tenantId } = call.caller
    if (!(await store.systemConfigs(tenantId).put(key, value, actorOf(call))))
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id: tenantId })
  },

  /** Fine for a key that is not set. @throws INVALID_REQUEST for a secret */
  remove: async (call: Call, key: string): Promise<void> => {
    refuseSecret(key)
    await store.systemConfigs(call.caller.tenantId).remove(key, actorOf(call))
  },
})

export type SystemConfigUseCases = ReturnType<typeof createSystemConfigUseCases>
