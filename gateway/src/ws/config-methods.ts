/** The configuration of the installation, shown to and changed by its owners. */
import {
  ConfigError,
  parseConfigFile,
  valueAt,
  type Configuration,
  type JsonObject,
  type Mesh,
} from '@clawmesh/chassis'
import { MeshError, type ws } from '@clawmesh/contracts'
import { ConfigServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/config.ts'
import type { OwnMethods } from './own-method.ts'
import { callForSession, type Session } from './session.ts'

type How = Parameters<Configuration['plan']>[1]

const shownFaults = 10

/** Faults name keys and what is wrong there, never values. */
const refusal = (thrown: unknown): unknown => {
  if (!(thrown instanceof ConfigError)) return thrown
  const [first, ...rest] = thrown.faults.slice(0, shownFaults)
  const reason = [first!.reason, ...rest.map(({ where, reason: why }) => `${where}: ${why}`)].join('; ')
  return new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: first!.where, reason })
}

const objectOf = (raw: string | JsonObject): JsonObject =>
  typeof raw === 'string' ? parseConfigFile('raw', raw).values : raw

/** An object of objects with a value at a dotted key. */
const at = (key: string, value: unknown): JsonObject =>
  key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value ?? null) as JsonObject

export const createConfigMethods = (mesh: Pick<Mesh, 'client' | 'configuration'>): OwnMethods<typeof ws.config> => {
  const store = mesh.client(ConfigServiceService)
  const configuration = (): Configuration => {
    if (mesh.configuration === undefined) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'config' })
    return mesh.configuration
  }

  const change = async (session: Session, given: () => JsonObject, how: How, baseHash: string | undefined) => {
    const call = callForSession(session)
    const { plan, shown, store: take } = configuration()
    const stored = await store.getStoredConfig(call, {})
    try {
      // This process may not have heard of the last change yet.
      take(JSON.parse(stored.valuesJson) as JsonObject)
      if (baseHash !== undefined && baseHash !== '' && baseHash !== shown().hash)
        throw new MeshError('INVALID_REQUEST', 'error.config_hash_mismatch')
      const values = plan(given(), how)
      const { isStored } = await store.setStoredConfig(call, {
        valuesJson: JSON.stringify(values),
        expectedRevision: stored.revision,
        isReplaced: how === 'replace',
      })
      if (!isStored) throw new MeshError('INVALID_REQUEST', 'error.config_hash_mismatch')
      take(values)
    } catch (thrown) {
      throw refusal(thrown)
    }
    return { ok: true as const, ...shown(), restart: false as const }
  }

  return {
    'config.get': async (_session, { key }) => {
      const now = configuration().shown()
      const value = key === undefined ? undefined : valueAt(now.config, key)
      return { ...now, ...(value === undefined ? {} : { value }) }
    },
    'config.schema': async () => ({ json: configuration().schema() as JsonObject }),
    'config.apply': (session, { raw, baseHash }) => change(session, () => objectOf(raw), 'replace', baseHash),
    'config.patch': (session, { raw, baseHash, key, value }) => {
      if (raw === undefined && key === undefined)
        throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'raw' })
      return change(session, () => (raw === undefined ? at(key!, value) : objectOf(raw)), 'patch', baseHash)
    },
  }
}
