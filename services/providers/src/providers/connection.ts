/** A stored provider made ready for calls: type, address, key and model settled. */
import { trimEndOf } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { containerHost } from './address.ts'
import { providerType, type ProviderType } from './provider-types.ts'

/** What a call needs of a stored provider. `apiKey` is in clear, and may hold several keys (`keysOf`). */
export interface ProviderConnection {
  /** Of its row; absent where there is none. */
  id?: string
  name: string
  type: string
  /** Empty means the type's own. */
  apiBase: string
  apiKey: string
  settings: Record<string, unknown>
  /** Of an account that signs in: whose row it is, and whether its token can be renewed. */
  account?: { tenantId: string; isRenewable: boolean } | undefined
}

export interface Target {
  connection: ProviderConnection
  type: ProviderType
  /** Without a trailing slash. */
  base: string
  /** Empty when the type needs none. */
  key: string
}

/** The keys in a text that holds one or several, separated by commas or white space. */
export const keysOf = (apiKey: string): string[] => apiKey.split(/[\s,]+/).filter((key) => key !== '')

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

const localBase = (base: string, inContainer: boolean): string => {
  const url = new URL(base)
  if (inContainer && loopback.has(url.hostname)) url.hostname = containerHost
  const path = trimEndOf(url.pathname, '/')
  url.pathname = path.endsWith('/v1') ? path : `${path}/v1`
  return url.href
}

/**
 * The API base of a connection, its type's default when it names none, without a trailing slash.
 * @throws INVALID_REQUEST for anything but an http or https URL
 */
export const connectionBase = (connection: ProviderConnection, type: ProviderType, inContainer = false): string => {
  const base = connection.apiBase.trim() || type.base
  const url = URL.canParse(base) ? new URL(base) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'api_base',
      reason: 'must be an http or https URL',
    })
  return trimEndOf(type.local ? localBase(base, inContainer) : base, '/')
}

/** `path` put below a base, whose query (Azure's api-version) is kept. */
export const endpoint = (base: string, path: string): URL => {
  const url = new URL(base)
  url.pathname = trimEndOf(url.pathname, '/') + path
  return url
}

/** The error of a type that cannot do `what`. */
export const unsupported = (connection: ProviderConnection, what: string): MeshError =>
  new MeshError('FAILED_PRECONDITION', 'error.provider_unsupported', {
    provider: connection.name,
    type: connection.type,
    what,
  })

/** The type of a connection. @throws FAILED_PRECONDITION for an unknown one */
export const connectionType = (connection: ProviderConnection): ProviderType => {
  const type = providerType(connection.type)
  if (!type) throw unsupported(connection, 'calls')
  return type
}

/**
 * Settles type, address and key of a connection.
 * @throws FAILED_PRECONDITION for an unknown type or a missing key, INVALID_REQUEST for a bad address
 */
export const resolveTarget = (
  connection: ProviderConnection,
  options: { inContainer?: boolean | undefined; base?: string | undefined } = {},
): Target => {
  const type = connectionType(connection)
  const key = keysOf(connection.apiKey)[0] ?? type.dummyKey
  if (type.needsKey && key === '') throw new MeshError('FAILED_PRECONDITION', 'error.api_key_required')
  const placed = options.base ? { ...connection, apiBase: options.base } : connection
  return { connection, type, base: connectionBase(placed, type, options.inContainer), key }
}

/** The model a request means: aliases resolved, the type's default when none is named. @throws INVALID_REQUEST */
export const resolveModel = ({ connection, type }: Pick<Target, 'connection' | 'type'>, requested: string): string => {
  const wanted = requested.trim()
  const routed = type.routes || connection.name === 'openrouter'
  // A router's models are named vendor/model; a bare name comes from an agent written for another provider.
  const model = wanted === '' || (routed && !wanted.includes('/') && type.model) ? type.model : wanted
  if (model === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'model' })
  return Object.hasOwn(type.aliases, model) ? type.aliases[model]! : model
}
