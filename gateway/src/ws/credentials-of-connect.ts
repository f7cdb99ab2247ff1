import { MeshError, pickLocale, type ws, type WsParamsOf } from '@clawmesh/contracts'
import { hashOf, type PresentedCredentials } from '../admission/credentials.ts'

export type ConnectParams = WsParamsOf<(typeof ws.gateway.methods)['connect']>

const controls = /\p{Cc}/u

/** What `connect` says about who connects, in the form of a request's credentials. @throws INVALID_REQUEST naming a param */
export const credentialsOfConnect = (params: ConnectParams): PresentedCredentials => {
  const { token = '', user_id = '', sender_id = '', tenant_id, tenant_hint, locale } = params
  const tenant = tenant_id || tenant_hint || ''
  for (const [field, value] of Object.entries({ user_id, sender_id, tenant_id: tenant }))
    if (controls.test(value))
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: 'control characters' })
  // As the bytes that a header would carry.
  const bearer = Buffer.from(token).toString('latin1')
  return {
    bearer,
    bearerHash: hashOf(bearer),
    userId: user_id,
    // A wrong token is refused, not weakened to what its browser may do.
    senderId: token === '' ? sender_id : '',
    tenant,
    locale: pickLocale(locale),
  }
}
