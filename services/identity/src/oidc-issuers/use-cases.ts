import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner, unknownTenant } from '../caller.ts'
import { checkIssuerUrl, type FetchRules } from './fetch-keys.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { NewOidcIssuer, NewOidcIssuerRow, OidcIssuer, OidcIssuerChanges, OidcSettings } from './types.ts'

interface OidcIssuerUpdate {
  /** What to change of the row; it sees nobody else's half-done change, and what it throws changes nothing. */
  change: (old: OidcIssuer) => Partial<OidcSettings>
  /** All of them; undefined keeps those there are. */
  audiences: readonly string[] | undefined
  /** Whether an audience may be added to an issuer that other tenants use too. */
  mayShare: boolean
  actor: Actor
}

/** The OIDC issuers of one tenant. */
export interface OidcIssuerRows {
  /** In the order in which they came. */
  list: () => Promise<OidcIssuer[]>
  find: (id: string) => Promise<OidcIssuer | undefined>
  /** @throws ALREADY_EXISTS, FORBIDDEN */
  insert: (issuer: NewOidcIssuerRow, mayShare: boolean, actor: Actor) => Promise<OidcIssuer>
  /** Undefined when there is no such issuer. @throws ALREADY_EXISTS, FORBIDDEN, what `change` throws */
  update: (id: string, update: OidcIssuerUpdate) => Promise<OidcIssuer | undefined>
  /** False when there is no such issuer. */
  remove: (id: string, actor: Actor) => Promise<boolean>
}

export interface OidcIssuerParts {
  rowsOf: (tenantId: string) => OidcIssuerRows
  /** The enabled issuer that vouches for an audience, of whatever tenant. */
  findByAudience: (issuer: string, audience: string) => Promise<OidcIssuer | undefined>
  findTenant: (id: string) => Promise<object | undefined>
  roleOf: (tenantId: string, userId: string) => Promise<string | undefined>
  keys: IssuerKeys
  rules: FetchRules
}

const unknownIssuer = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'OIDC issuer', id })

/** Somebody must be let in by it. @throws INVALID_REQUEST */
const requireSomeRole = ({ roleClaim, defaultRole }: Pick<OidcIssuer, 'roleClaim' | 'defaultRole'>): void => {
  if (roleClaim === null && defaultRole === null)
    throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'role_claim or default_role' })
}

/** The OIDC issuers whose tokens open a tenant. They are named by its own admins and by system owners. */
export const createOidcIssuerUseCases = (parts: OidcIssuerParts) => {
  const { rowsOf, keys, rules } = parts

  /**
   * A tenant that is not the caller's is not found. A user of the gateway token, whose role says nothing about the
   * tenant, must be one of its owners or admins.
   * @throws NOT_FOUND, FORBIDDEN
   */
  const requireAdmin = async (caller: Caller, tenantId: string): Promise<void> => {
    if (isSystemOwner(caller)) {
      if ((await parts.findTenant(tenantId)) === undefined) throw unknownTenant(tenantId)
      return
    }
    if (caller.tenantId !== tenantId) throw unknownTenant(tenantId)
    if (caller.credential !== 'gateway-token') return
    const role = await parts.roleOf(tenantId, caller.userId)
    if (role !== 'owner' && role !== 'admin')
      throw new MeshError('FORBIDDEN', 'error.permission_denied', { what: 'oidc-issuers', role: 'tenant admin' })
  }

  const checkUrls = ({ issuer, jwksUri }: { issuer?: string; jwksUri?: string | null | undefined }): void => {
    for (const url of [issuer, jwksUri]) if (typeof url === 'string') checkIssuerUrl(url, rules)
  }

  const require = async (tenantId: string, id: string): Promise<OidcIssuer> => {
    const found = await rowsOf(tenantId).find(id)
    if (found === undefined) throw unknownIssuer(id)
    return found
  }

  return {
    list: async (caller: Caller, tenantId: string): Promise<OidcIssuer[]> => {
      await requireAdmin(caller, tenantId)
      return rowsOf(tenantId).list()
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
      requireSomeRole(input)
      checkUrls(input)
      const created = await rowsOf(tenantId).insert(
        { id: newId(), ...input },
        isSystemOwner(call.caller),
        actorOf(call),
      )
      if (created.enabled) keys.prepare(created)
      return created
    },

    /** Changes what is given. @throws as creating does; INVALID_REQUEST when nothing is given */
    update: async (call: Call, tenantId: string, id: string, input: OidcIssuerChanges): Promise<OidcIssuer> => {
      await requireAdmin(call.caller, tenantId)
      const { audiences, ...settings } = input
      const changesNothing = Object.keys(input).length === 0
      checkUrls(settings)
      const updated = await rowsOf(tenantId).update(id, {
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
      if (!(await rowsOf(tenantId).remove(id, actorOf(call)))) throw unknownIssuer(id)
    },

    /** The enabled issuer that vouches for an audience, with its keys. @throws UNAVAILABLE while it has none */
    resolve: async (issuer: string, audience: string, lacksKey: boolean): Promise<OidcIssuer | undefined> => {
      const found = await parts.findByAudience(issuer, audience)
      return found === undefined ? undefined : keys.supply(found, lacksKey)
    },
  }
}

export type OidcIssuerUseCases = ReturnType<typeof createOidcIssuerUseCases>
