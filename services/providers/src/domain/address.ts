/** What may stand in a provider's api_base: a public URL, or for local programs their name. */
import { isAbsolute } from 'node:path'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import { MeshError } from '@clawmesh/contracts'
import { providerType } from './types.ts'

/** Programs by type that need no path. */
const programs: Record<string, readonly string[]> = { claude_cli: ['claude'], acp: ['claude', 'codex', 'gemini'] }
/** How a container names the machine around it. */
const containerHost = 'host.docker.internal'

/**
 * Checks an address before it is stored; an empty one means the type's default.
 * @throws INVALID_REQUEST naming the field
 */
export const checkAddress = (type: string, address: string, allow: readonly string[], field = 'api_base'): void => {
  if (address === '') return
  const known = programs[type]
  if (known !== undefined) {
    if (known.includes(address) || isAbsolute(address)) return
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field,
      reason: 'must be known or path',
      known: known.join(', '),
    })
  }
  const local = providerType(type)?.local === true
  checkPublicUrl(address, { allow: local ? [...allow, containerHost] : allow, allowLoopback: local })
}
