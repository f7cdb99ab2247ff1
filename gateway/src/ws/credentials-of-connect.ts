import type { RequestShape } from '@clawmesh/chassis'
import { MeshError, pickLocale, type ws } from '@clawmesh/contracts'
import { hashOf, type PresentedCredentials } from '../admission/credentials.ts'

type ConnectParams = RequestShape<(typeof ws.connection.methods)['connect']['params']>

const controls = /\p{Cc}/u

/** What `connect` says about who connects, in the form of a request's credentials. @throws INVALID_REQUEST naming a param */
export const credentialsOfConnect = (params: ConnectParams): PresentedCredentials => {
  const { token = '', userId = '', senderId = '', tenantId, tenantHint, locale } = params
  const tenant = tenantId || tenantHint || ''
  for (const [field, value] of Object.entries({ user_id: userId, sender_id: senderId, tenant_id: tenant }))
    if (controls.test(value))
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: 'control characters' })
  // As the bytes that a header would carry.
  const bearer = Buffer.from(token).toString('latin1')
  return {
    bearer,
    bearerHash: hashOf(bearer),
    userId,
    // A wrong token is refused, not weakened to what its browser may do.
    senderId: token === '' ? senderId : '',
    tenant,
    locale: pickLocale(locale),
  }
}
