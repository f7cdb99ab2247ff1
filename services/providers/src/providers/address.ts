/** What may stand in a provider's api_base: a public URL, or for local programs their name. */
import { isAbsolute } from 'node:path'
import { checkPublicUrl, loopbackHosts } from '@clawmesh/chassis/fetch'
import { MeshError } from '@clawmesh/contracts'
import { providerType } from './provider-types.ts'

/** How a container names the machine around it. */
export const containerHost = 'host.docker.internal'

/** The hosts of this machine, where providers of a local type may be reached if the operator allows it. */
export const localHosts: readonly string[] = [...loopbackHosts, containerHost]

/** What the operator permits. */
export interface AddressPolicy {
  /** Private hosts that any provider may have. */
  allow: readonly string[]
  /** Providers of local types may be on this machine. */
  allowLocal: boolean
}

/**
 * Checks an address before it is stored; an empty one means the type's default, which is checked where it is local.
 * @throws INVALID_REQUEST naming the field, error.url_blocked
 */
export const checkAddress = (
  type: string,
  address: string,
  { allow, allowLocal }: AddressPolicy,
  field = 'api_base',
): void => {
  const { local = false, base = '', programs: known = [] } = providerType(type) ?? {}
  const effective = address === '' && local ? base : address
  if (effective === '') return
  if (known.length > 0) {
    if (known.includes(effective) || isAbsolute(effective)) return
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field,
      reason: 'must be known or path',
      known: known.join(', '),
    })
  }
  if (!local) return void checkPublicUrl(effective, { allow })
  if (allowLocal) return void checkPublicUrl(effective, { allow: [...allow, ...localHosts] })
  try {
    checkPublicUrl(effective, { allow })
  } catch (thrown) {
    throw isLocal(effective) ? localRefused() : thrown
  }
}

const isLocal = (address: string): boolean => {
  try {
    checkPublicUrl(address, { allow: localHosts })
    return true
  } catch {
    return false
  }
}

/** Better said when it is stored than at every call. */
const localRefused = (): MeshError =>
  new MeshError('INVALID_REQUEST', 'error.url_blocked', {
    reason: 'providers on this machine are switched off',
  })
