/** Decides what vouches for a request: the gateway token, an API key, an OIDC token, or that nothing has to. */
import { derived } from '@clawmesh/chassis'
import { MeshError, type Caller, type Role } from '@clawmesh/contracts'
import { isDevelopment, type GatewayConfig } from '../config.ts'
import { hashOf, type Claim } from './claim.ts'
import type { ApiKey, Lookups } from './lookups.ts'
import { isPaired } from './paired.ts'
import { roleOfScopes } from './role-of-scopes.ts'
import { secretMatcher } from './secret-matcher.ts'
import { looksLikeToken, tokenVerifier, type TokenUser } from './token-verifier.ts'

/** Which tenants the credential reaches. */
export type Reach =
  | { readonly kind: 'master' }
  | { readonly kind: 'own'; readonly tenantId: string }
  | { readonly kind: 'membership' }
  | { readonly kind: 'all' }

/** An authenticated requester whose tenant is not chosen yet. */
export interface Principal extends Pick<Caller, 'credential' | 'role' | 'scopes' | 'userId' | 'userBound'> {
  readonly reach: Reach
  /** Whom the rate limit counts; empty when only the address tells callers apart. */
  readonly limitKey: string
}

export type Authenticate = (claim: Claim) => Promise<Principal>

/** The user of a development edge that names none. */
const developmentUserId = 'system'
const apiKeyPattern = /^goclaw_[0-9a-f]{32}$/

const limitKeyOf = (userId: string, bearerHash: string): string =>
  userId === '' ? `credential:${bearerHash}` : `user:${userId}`

const byApiKey = (key: ApiKey, claim: Claim): Principal => {
  const userId = key.ownerId || claim.userId
  return {
    credential: 'api-key',
    role: roleOfScopes(key.scopes),
    scopes: key.scopes,
    userId,
    userBound: key.ownerId !== '',
    reach: key.tenantId === '' ? { kind: 'all' } : { kind: 'own', tenantId: key.tenantId },
    limitKey: limitKeyOf(userId, claim.bearerHash),
  }
}

const byGatewayToken = (role: Role, claim: Claim): Principal => ({
  credential: 'gateway-token',
  role,
  scopes: [],
  userId: claim.userId,
  userBound: false,
  reach: { kind: role === 'owner' ? 'all' : 'membership' },
  limitKey: limitKeyOf(claim.userId, claim.bearerHash),
})

/** Role, user and tenant are the issuer's word; no header changes them. */
const byToken = ({ tenantId, userId, role }: TokenUser): Principal => ({
  credential: 'oidc',
  role,
  scopes: [],
  userId,
  userBound: true,
  reach: { kind: 'own', tenantId },
  limitKey: `user:${userId}`,
})

const byPairing = (claim: Claim): Principal => ({
  credential: 'paired-device',
  role: 'operator',
  scopes: [],
  userId: claim.userId,
  userBound: false,
  reach: { kind: 'membership' },
  limitKey: claim.userId === '' ? `paired:${hashOf(claim.senderId)}` : `user:${claim.userId}`,
})

const inDevelopment = (role: Role, claim: Claim): Principal => ({
  credential: 'dev',
  role,
  scopes: [],
  userId: claim.userId || developmentUserId,
  userBound: false,
  reach: { kind: 'master' },
  limitKey: claim.userId === '' ? '' : `user:${claim.userId}`,
})

/** In what a WebSocket differs from a request. */
export interface Door {
  /** The role of a caller whom a development edge asks nothing. */
  developmentRole: (isOwnerId: boolean) => Role
}

/** Whoever reaches a development edge by HTTP may do everything. */
export const httpDoor: Door = { developmentRole: () => 'owner' }
/** A WebSocket's user has to call itself an owner for that, as the contract has it. */
export const wsDoor: Door = { developmentRole: (isOwnerId) => (isOwnerId ? 'owner' : 'operator') }

/**
 * Authenticates claims, first match wins: gateway token, API key, OIDC token, paired browser, development mode. A
 * credential that is wrong counts for nothing and is never weakened; only a development edge lets everyone in. Only
 * texts of a key's or a token's form are looked up.
 * @throws UNAUTHORIZED; UNAVAILABLE when a key or an issuer cannot be looked up
 */
export const authenticator = (
  config: Pick<GatewayConfig, 'token' | 'ownerIds'>,
  lookups: Lookups,
  { developmentRole }: Door = httpDoor,
): Authenticate => {
  const isGatewayToken = secretMatcher(config.token)
  const verifyToken = tokenVerifier(lookups)
  const owners = derived(config.ownerIds, (ids) => new Set(ids))

  return async (claim) => {
    if (isGatewayToken(claim.bearerHash)) return byGatewayToken(owners().has(claim.userId) ? 'owner' : 'admin', claim)

    const key = apiKeyPattern.test(claim.bearer) ? await lookups.apiKey(claim.bearerHash) : undefined
    // Looked up while it was good, it may have expired since.
    if (key !== undefined && (key.expiresAtMs === 0 || key.expiresAtMs > Date.now())) return byApiKey(key, claim)

    const token = looksLikeToken(claim.bearer) ? await verifyToken(claim) : undefined
    if (token !== undefined && 'userId' in token) return byToken(token)

    if (claim.senderId !== '' && (await isPaired(claim, lookups))) return byPairing(claim)
    if (isDevelopment(config)) return inDevelopment(developmentRole(owners().has(claim.userId)), claim)
    const cause = token === undefined ? undefined : new Error(token.refused)
    throw new MeshError('UNAUTHORIZED', 'error.unauthorized', {}, { cause })
  }
}
