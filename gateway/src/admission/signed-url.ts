/** Callers of signed addresses: whoever has one may fetch its file, as the user that it was made for. */
import type { IncomingMessage } from 'node:http'
import type { SignedUrls } from '@clawmesh/chassis'
import type { Locale, Route } from '@clawmesh/contracts'
import type { Admission } from './admit.ts'
import { createTenantChooser } from './choose-tenant.ts'
import type { Lookups } from './lookups.ts'

/** Undefined for a request without a signature. @throws UNAUTHORIZED for one that does not hold; TENANT_ACCESS_REVOKED */
export type AdmitSigned = (
  request: Pick<IncomingMessage, 'url'>,
  route: Route,
  locale: Locale,
) => Promise<Admission | undefined>

const own = /^(?:ft|fb)=/

/** The address as services and logs may see it: a signature opens the file to whoever reads it. */
const withoutSignature = (url: string): string => {
  const [path = '', ...rest] = url.split('?')
  const kept = rest
    .join('?')
    .split('&')
    .filter((pair) => pair !== '' && !own.test(pair))
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

export const createSignedAdmitter = ({ check }: Pick<SignedUrls, 'check'>, lookups: Lookups): AdmitSigned => {
  const chooseTenant = createTenantChooser({ unknownTenantFallback: false }, lookups)

  return async (request, { definition }, locale) => {
    if (definition.signedUrl !== true) return undefined
    const url = request.url ?? ''
    const grant = check(url)
    request.url = withoutSignature(url)
    if (grant === undefined) return undefined
    const { tenantId, userId } = grant
    const tenant = await chooseTenant({ kind: 'own', tenantId }, userId, '')
    return {
      caller: {
        tenantId: tenant.id,
        tenantSlug: tenant.slug,
        userId,
        role: 'viewer',
        scopes: [],
        credential: 'signed-url',
        userBound: true,
        locale,
      },
      limitKey: `signed:${tenantId}`,
    }
  }
}
