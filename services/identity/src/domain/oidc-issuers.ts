import { MeshError, roleIncludes, type BodyOf, type Caller, type http } from '@clawmesh/contracts'
import { actorOf, newId, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import { checkIssuerUrl, type FetchRules } from './fetch-keys.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { OidcIssuer } from './types.ts'

export type NewOidcIssuer = BodyOf<typeof http.identity.operations.createOidcIssuer>
export type OidcIssuerChanges = BodyOf<typeof http.identity.operations.updateOidcIssuer>

const isSystemOwner = (caller: Caller) => roleIncludes(caller.role, 'owner')
const unknownTenant = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id })
const unknownIssuer = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'OIDC issuer', id })

/** Somebody must be let in by it. @throws INVALID_REQUEST */
const requireSomeRole = ({ roleClaim, defaultRole }: Pick<OidcIssuer, 'roleClaim' | 'defaultRole'>): void => {
  if (roleClaim === null && defaultRole === null)
    throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'role_claim or default_role' })
}

/** Absent members stay absent. */
const toSettings = ({
  jwks_uri: jwksUri,
  algorithms,
  user_claim: userClaim,
  role_claim: roleClaim,
  role_mapping: roleMapping,
  default_role: defaultRole,
  clock_skew_seconds: clockSkewSeconds,
  enabled,
}: OidcIssuerChanges) => {
  const given = { jwksUri, algorithms, userClaim, roleClaim, roleMapping, defaultRole, clockSkewSeconds, enabled }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof typeof given]?: Exclude<(typeof given)[K], undefined>
  }
}

interface Parts {
  store: IdentityStore
  keys: IssuerKeys
  rules: FetchRules
}

/** The OIDC issuers whose tokens open a tenant. They are named by its own admins and by system owners. */
export const createOidcIssuerUseCases = ({ store, keys, rules }: Parts) => {
  /**
   * A tenant that is not the caller's is not found. A user of the gateway token, whose role says nothing about the
   * tenant, must be one of its owners or admins.
   * @throws NOT_FOUND, FORBIDDEN
   */
  const requireAdmin = async (caller: Caller, tenantId: string): Promise<void> => {
    if (isSystemOwner(caller)) {
      if ((await store.tenants.find(tenantId)) === undefined) throw unknownTenant(tenantId)
      return
    }
    if (caller.tenantId !== tenantId) throw unknownTenant(tenantId)
    if (caller.credential !== 'gateway-token') return
    const role = await store.members(tenantId).roleOf(caller.userId)
    if (role !== 'owner' && role !== 'admin')
      throw new MeshError('FORBIDDEN', 'error.permission_denied', { what: 'oidc-issuers', role: 'tenant admin' })
  }

  const checkUrls = ({ issuer, jwksUri }: { issuer?: string; jwksUri?: string | null | undefined }): void => {
    for (const url of [issuer, jwksUri]) if (typeof url === 'string') checkIssuerUrl(url, rules)
  }

  const require = async (tenantId: string, id: string): Promise<OidcIssuer> => {
    const found = await store.oidcIssuers(tenantId).find(id)
    if (found === undefined) throw unknownIssuer(id)
    return found
  }

  return {
    list: async (caller: Caller, tenantId: string): Promise<OidcIssuer[]> => {
      await requireAdmin(caller, tenantId)
      return store.oidcIssuers(tenantId).list()
    },

    get: async (caller: Caller, tenantId: string, id: string): Promise<OidcIssuer> => {
      await requireAdmin(caller, tenantId)
      return require(tenantId, id)
    },

    /**
     * Connects an issuer. When it is enabled its keys are fetched right after.
     * @throws NOT_FOUND, INVALID_REQUEST; ALREADY_EXISTS when an audience of the issuer is taken; FORBIDDEN when other
     *   tenants use the issuer and the caller does not own the system
     */
    create: async (call: Call, tenantId: string, input: NewOidcIssuer): Promise<OidcIssuer> => {
      await requireAdmin(call.caller, tenantId)
      const { issuer, audiences } = input
      // The contract gives each setting of a new issuer a default, so none is absent.
      const settings = toSettings(input) as Required<ReturnType<typeof toSettings>>
      requireSomeRole(settings)
      checkUrls({ issuer, jwksUri: settings.jwksUri })
      const created = await store
        .oidcIssuers(tenantId)
        .insert({ id: newId(), issuer, audiences, ...settings }, isSystemOwner(call.caller), actorOf(call))
      if (created.enabled) keys.prepare(created)
      return created
    },

    /** Changes what is given. @throws as creating does; INVALID_REQUEST when nothing is given */
    update: async (call: Call, tenantId: string, id: string, input: OidcIssuerChanges): Promise<OidcIssuer> => {
      await requireAdmin(call.caller, tenantId)
      const settings = toSettings(input)
      const { audiences } = input
      const changesNothing = audiences === undefined && Object.keys(settings).length === 0
      checkUrls(settings)
      const updated = await store.oidcIssuers(tenantId).update(id, {
        change: (old) => {
          if (changesNothing) throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
          requireSomeRole({ ...old, ...settings })
          return settings
        },
        audiences,
        mayShare: isSystemOwner(call.caller),
        actor: actorOf(call),
      })
      if (updated === undefined) throw unknownIssuer(id)
      if (updated.enabled) keys.prepare(updated)
      return updated
    },

    remove: async (call: Call, tenantId: string, id: string): Promise<void> => {
      await requireAdmin(call.caller, tenantId)
      if (!(await store.oidcIssuers(tenantId).remove(id, actorOf(call)))) throw unknownIssuer(id)
    },

    /** The enabled issuer that vouches for an audience, with its keys. @throws UNAVAILABLE while it has none */
    resolve: async (issuer: string, audience: string, lacksKey: boolean): Promise<OidcIssuer | undefined> => {
      const found = await store.oidc.resolve(issuer, audience)
      return found === undefined ? undefined : keys.supply(found, lacksKey)
    },
  }
}

export type OidcIssuerUseCases = ReturnType<typeof createOidcIssuerUseCases>
