/** Verifies the tokens (JWT, RFC 7519) of the OIDC issuers that tenants have connected. */
import { maxAudiences, maxIssuerLength, type OidcRole } from '@clawmesh/contracts'
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'
import { maxBearerBytes, type PresentedCredentials } from './credentials.ts'
import type { Lookups, OidcIssuer } from './lookups.ts'
import { roleIn, userIn } from './token-claims.ts'

/** Whom a token speaks for. */
export interface TokenUser {
  readonly tenantId: string
  readonly userId: string
  readonly role: OidcRole
}

/** Why a token counts for nothing; for the log. */
interface TokenRefusal {
  readonly refused: string
}

interface Origin {
  readonly issuer: string
  readonly audiences: readonly string[]
}

interface Verified extends Origin {
  /** What was found for each audience when the token was verified. */
  readonly found: readonly (OidcIssuer | undefined)[]
  readonly user: TokenUser
  readonly untilMs: number
}

const maxVerified = 20_000
const maxAudienceLength = 255
const issuerPattern = /^https?:\/\/\S+$/
/** Three parts in base64url; an unsigned token has nothing in the third. */
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]*$/

export const looksLikeToken = (bearer: string): boolean => bearer.length <= maxBearerBytes && tokenPattern.test(bearer)

/** Where an unverified token says it comes from and for whom it is; undefined when nobody can have connected that. */
const originOf = (token: string): Origin | undefined => {
  let payload: JWTPayload
  try {
    payload = decodeJwt(token)
  } catch {
    return undefined
  }
  const { iss, aud } = payload as { iss?: unknown; aud?: unknown }
  const audiences: unknown[] = [...new Set([aud].flat())]
  const fits =
    typeof iss === 'string' &&
    iss.length <= maxIssuerLength &&
    issuerPattern.test(iss) &&
    audiences.length <= maxAudiences &&
    audiences.every((text) => typeof text === 'string' && text !== '' && text.length <= maxAudienceLength)
  return fits ? { issuer: iss, audiences: audiences as string[] } : undefined
}

/** The one issuer that was found; a token that several have a claim to belongs to none. */
const only = (found: readonly (OidcIssuer | undefined)[]): OidcIssuer | undefined => {
  const distinct = new Map(found.flatMap((issuer) => (issuer === undefined ? [] : [[issuer.id, issuer]])))
  return distinct.size === 1 ? [...distinct.values()][0] : undefined
}

const verifyBy = async (token: string, issuer: OidcIssuer): Promise<JWTPayload> => {
  const { payload } = await jwtVerify(token, issuer.keyOf, {
    issuer: issuer.issuer,
    audience: [...issuer.audiences],
    algorithms: [...issuer.algorithms],
    clockTolerance: issuer.clockSkewSeconds,
    requiredClaims: ['exp'],
  })
  return payload
}

/**
 * Verifies tokens: the issuer and audience lead to the one tenant that has connected them; signature, algorithm, `exp`,
 * `nbf`, `iss` and `aud` are checked by that tenant's settings. A verified token is remembered until it expires or
 * anything about its issuer may have changed: what is remembered counts only with the very answers it was verified by.
 * The function throws UNAVAILABLE when the issuer cannot be looked up or has no keys yet.
 */
export const createTokenVerifier = (
  lookups: Pick<Lookups, 'oidcIssuer' | 'oidcIssuerAnew'>,
): ((credentials: PresentedCredentials) => Promise<TokenUser | TokenRefusal>) => {
  const verified = new LRUCache<string, Verified>({ max: maxVerified })

  const lookUp = ({ issuer, audiences }: Origin) =>
    Promise.all(audiences.map((audience) => lookups.oidcIssuer(issuer, audience)))

  /** A key that is not known may be a new one. */
  const payloadOf = async (token: string, issuer: OidcIssuer): Promise<JWTPayload> => {
    try {
      return await verifyBy(token, issuer)
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown
      const renewed = await lookups.oidcIssuerAnew(issuer.issuer, issuer.audiences[0]!)
      if (renewed?.id !== issuer.id) throw thrown
      return verifyBy(token, renewed)
    }
  }

  const judge = async (token: string, hash: string): Promise<TokenUser | TokenRefusal> => {
    const origin = originOf(token)
    if (origin === undefined) return { refused: 'no usable issuer or audience' }
    const found = await lookUp(origin)
    const issuer = only(found)
    if (issuer === undefined) return { refused: 'issuer and audience are connected with no tenant, or several' }
    let payload: JWTPayload
    try {
      payload = await payloadOf(token, issuer)
    } catch (thrown) {
      // What jose throws has the claims in it, which do not belong into a log.
      if (thrown instanceof errors.JOSEError) return { refused: `${thrown.code}: ${thrown.message}` }
      // A key that cannot be used at all, such as an RSA key that is too short.
      if (thrown instanceof TypeError) return { refused: thrown.message }
      throw thrown
    }
    const userId = userIn(payload, issuer.userClaim)
    if (userId === undefined) return { refused: `claim ${issuer.userClaim} names no user` }
    const role = roleIn(payload, issuer)
    if (role === undefined) return { refused: 'claims give no role' }
    const user: TokenUser = { tenantId: issuer.tenantId, userId, role }
    const untilMs = (payload.exp! + issuer.clockSkewSeconds) * 1000
    verified.set(hash, { ...origin, found, user, untilMs })
    return user
  }

  return async ({ bearer, bearerHash }) => {
    const known = verified.get(bearerHash)
    if (known !== undefined && known.untilMs > Date.now()) {
      const found = await lookUp(known)
      if (found.every((issuer, at) => issuer === known.found[at])) return known.user
    }
    return judge(bearer, bearerHash)
  }
}
