/** Decides what vouches for a request: the gateway token, an API key, an OIDC token, or that nothing has to. */
import { derived } from '@clawmesh/chassis'
import { MeshError, type Caller, type Role } from '@clawmesh/contracts'
import { isDevelopment, type GatewayConfig } from '../config.ts'
import { hashOf, type PresentedCredentials } from './credentials.ts'
import type { ApiKey, KeyLimits, Lookups, Pairing } from './lookups.ts'
import { findPairing } from './paired.ts'
import { roleOfScopes } from './role-of-scopes.ts'
import { createSecretMatcher } from './secret-matcher.ts'
import type { TenantScope } from './tenant-scope.ts'
import { looksLikeToken, createTokenVerifier, type TokenUser } from './token-verifier.ts'

/** An authenticated requester whose tenant is not chosen yet. */
interface Principal extends Pick<
  Caller,
  'credential' | 'role' | 'scopes' | 'userId' | 'userBound' | 'fallbackUserId' | 'keyId' | 'keyLimits' | 'keyTags'
> {
  readonly tenantScope: TenantScope
  /** Whom the rate limit counts; empty when only the address tells callers apart. */
  readonly limitKey: string
  /** The key that was presented, with limits of its own. */
  readonly apiKey?: KeyLimits
  /** What remains to be done once its tenant is chosen. @throws FORBIDDEN, UNAVAILABLE */
  readonly onTenantChosen?: (tenantId: string) => Promise<void>
}

export type Authenticate = (credentials: PresentedCredentials) => Promise<Principal>

/** The user of an OpenAI request that comes with the gateway token and names none. */
const gatewayUserId = 'gateway'
/** The user of a development edge that names none. */
const developmentUserId = 'system'
const apiKeyPattern = /^goclaw_[0-9a-f]{32}$/

const fallbackUser = ({ userId }: PresentedCredentials, fallbackUserId: string) =>
  userId === '' ? { fallbackUserId } : {}

const limitKeyOf = (userId: string, bearerHash: string): string =>
  userId === '' ? `credential:${bearerHash}` : `user:${userId}`

/** What a key is limited to, as it can give no more to others; most have no limits. */
const keyLimitsOf = ({ rateLimitRpm, maxConcurrentRuns }: ApiKey): Pick<Caller, 'keyLimits'> =>
  rateLimitRpm + maxConcurrentRuns === 0 ? {} : { keyLimits: { rateLimitRpm, maxConcurrentRuns } }

const keyTagsOf = ({ tagsJson }: ApiKey): Pick<Caller, 'keyTags'> =>
  tagsJson === undefined ? {} : { keyTags: JSON.parse(tagsJson) as Record<string, string> }

const byApiKey = (key: ApiKey, credentials: PresentedCredentials): Principal => {
  const userId = key.ownerId || credentials.userId
  return {
    credential: 'api-key',
    role: roleOfScopes(key.scopes),
    scopes: key.scopes,
    userId,
    userBound: key.ownerId !== '',
    ...(key.ownerId === '' ? fallbackUser(credentials, key.keyId) : {}),
    tenantScope: key.tenantId === '' ? { kind: 'all' } : { kind: 'own', tenantId: key.tenantId },
    limitKey: limitKeyOf(userId, credentials.bearerHash),
    keyId: key.keyId,
    ...keyLimitsOf(key),
    ...keyTagsOf(key),
    apiKey: key,
  }
}

const byGatewayToken = (role: Role, credentials: PresentedCredentials): Principal => ({
  credential: 'gateway-token',
  role,
  scopes: [],
  userId: credentials.userId,
  userBound: false,
  ...fallbackUser(credentials, gatewayUserId),
  tenantScope: { kind: role === 'owner' ? 'all' : 'membership' },
  limitKey: limitKeyOf(credentials.userId, credentials.bearerHash),
})

/** Role, user and tenant are the issuer's word; no header changes them. */
const byToken = ({ tenantId, userId, role }: TokenUser): Principal => ({
  credential: 'oidc',
  role,
  scopes: [],
  userId,
  userBound: true,
  tenantScope: { kind: 'own', tenantId },
  limitKey: `user:${userId}`,
})

const boundToAnother = (user: string) => new MeshError('FORBIDDEN', 'error.bound_to_user', { user })

/** A browser speaks for the first user whom it names, and for nobody else after. @throws FORBIDDEN */
const byPairing = (pairing: Pairing, credentials: PresentedCredentials, lookups: Lookups): Principal => {
  const { senderId, userId: named } = credentials
  if (pairing.userId !== '' && named !== '' && named !== pairing.userId) throw boundToAnother(pairing.userId)
  const bind = async (tenantId: string): Promise<void> => {
    const bound = await lookups.bindPairing(tenantId, senderId, named)
    if (bound === '') throw new MeshError('UNAUTHORIZED', 'error.unauthorized')
    if (bound !== named) throw boundToAnother(bound)
  }
  const userId = pairing.userId || named
  return {
    credential: 'paired-device',
    role: 'operator',
    scopes: [],
    userId,
    userBound: true,
    tenantScope: { kind: 'membership' },
    limitKey: userId === '' ? `paired:${hashOf(senderId)}` : `user:${userId}`,
    ...(pairing.userId === '' && named !== '' ? { onTenantChosen: bind } : {}),
  }
}

const inDevelopment = (role: Role, credentials: PresentedCredentials): Principal => ({
  credential: 'dev',
  role,
  scopes: [],
  userId: credentials.userId || developmentUserId,
  userBound: false,
  ...fallbackUser(credentials, developmentUserId),
  tenantScope: { kind: 'master' },
  limitKey: credentials.userId === '' ? '' : `user:${credentials.userId}`,
})

/** In what a WebSocket differs from a request. */
export interface AuthTransport {
  /** The role of a caller whom a development edge asks nothing. */
  developmentRole: (isOwnerId: boolean) => Role
  /**
   * Whether only owners are told that a tenant is unknown: to others it is one that they have no access to. Then no
   * setting makes the master tenant of it either.
   */
  hidesTenants: boolean
}

/** Whoever reaches a development edge by HTTP may do everything. */
export const httpTransport: AuthTransport = { developmentRole: () => 'owner', hidesTenants: false }
/** A WebSocket's user has to call itself an owner for that, as the contract has it. */
export const wsTransport: AuthTransport = {
  developmentRole: (isOwnerId) => (isOwnerId ? 'owner' : 'operator'),
  hidesTenants: true,
}

/**
 * Authenticates presented credentials, first match wins: gateway token, API key, OIDC token, paired browser, development mode. A
 * credential that is wrong counts for nothing and is never weakened; only a development edge lets everyone in. Only
 * texts of a key's or a token's form are looked up.
 * @throws UNAUTHORIZED; FORBIDDEN for a browser that is bound to another user; UNAVAILABLE when a key or an issuer
 *   cannot be looked up
 */
export const createAuthenticator = (
  config: Pick<GatewayConfig, 'token' | 'ownerIds'>,
  lookups: Lookups,
  { developmentRole }: AuthTransport = httpTransport,
): Authenticate => {
  const isGatewayToken = createSecretMatcher(config.token)
  const verifyToken = createTokenVerifier(lookups)
  const owners = derived(config.ownerIds, (ids) => new Set(ids))

  return async (credentials) => {
    if (isGatewayToken(credentials.bearerHash))
      return byGatewayToken(owners().has(credentials.userId) ? 'owner' : 'admin', credentials)

    const key = apiKeyPattern.test(credentials.bearer) ? await lookups.apiKey(credentials.bearerHash) : undefined
    // Looked up while it was good, it may have expired since.
    if (key !== undefined && (key.expiresAtMs === 0 || key.expiresAtMs > Date.now())) return byApiKey(key, credentials)

    const token = looksLikeToken(credentials.bearer) ? await verifyToken(credentials) : undefined
    if (token !== undefined && 'userId' in token) return byToken(token)

    const pairing = await findPairing(credentials, lookups)
    if (pairing !== undefined) return byPairing(pairing, credentials, lookups)
    if (isDevelopment(config)) return inDevelopment(developmentRole(owners().has(credentials.userId)), credentials)
    const cause = token === undefined ? undefined : new Error(token.refused)
    throw new MeshError('UNAUTHORIZED', 'error.unauthorized', {}, { cause })
  }
}
