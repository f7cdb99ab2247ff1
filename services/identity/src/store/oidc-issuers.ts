import { isDeepStrictEqual } from 'node:util'
import { cacheTags, MeshError } from '@clawmesh/contracts'
import { evict, isUniqueViolation, outboxRow, type Actor } from '@clawmesh/chassis'
import type { NewOidcIssuerRow, OidcIssuer, OidcSettings, PublicKey } from '../domain/types.ts'
import type { OidcAudience, OidcIssuer as OidcIssuerRow, Prisma, PrismaClient } from './client/client.ts'
import type { StoreParts } from './store.ts'

type Row = OidcIssuerRow & { audiences: OidcAudience[] }

const withAudiences = { audiences: { orderBy: { audience: 'asc' } } } as const
const noKeys = { keys: [], keysFetchedAt: null, keysError: null, keysFailures: 0 }

const toOidcIssuer = (row: Row): OidcIssuer => ({
  ...row,
  audiences: row.audiences.map(({ audience }) => audience),
  algorithms: row.algorithms as OidcIssuer['algorithms'],
  roleMapping: row.roleMapping as OidcIssuer['roleMapping'],
  defaultRole: row.defaultRole as OidcIssuer['defaultRole'],
  keys: row.keys as unknown as PublicKey[],
})

const taken = (cause: unknown) =>
  new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'OIDC issuer', id: 'audience' }, { cause })

/** Evicts what a gateway knows of an issuer, or that it is unknown. */
const createIssuerEviction =
  ({ bus }: StoreParts) =>
  (issuer: string, audiences: readonly string[]): void => {
    for (const audience of new Set(audiences)) evict(bus, cacheTags.oidcIssuer(issuer, audience))
  }

export interface OidcIssuerUpdate {
  /** What to change of the row; it sees nobody else's half-done change, and what it throws changes nothing. */
  change: (old: OidcIssuer) => Partial<OidcSettings>
  /** All of them; undefined keeps those there are. */
  audiences: readonly string[] | undefined
  /** Whether an audience may be added to an issuer that other tenants use too. */
  mayShare: boolean
  actor: Actor
}

/** The OIDC issuers of a tenant. Under the system, as an audience is one tenant's in the whole installation. */
export const createOidcIssuersStore = (system: PrismaClient, parts: StoreParts) => {
  const evictIssuer = createIssuerEviction(parts)

  /**
   * Gives audiences of an issuer to a row. Those of one issuer are given out one after the other, so that two tenants
   * cannot both find that nobody else uses it.
   * @throws FORBIDDEN when other tenants use it and it may not be shared
   */
  const giveAudiences = async (
    tx: Prisma.TransactionClient,
    { id, tenantId, issuer }: { id: string; tenantId: string; issuer: string },
    added: readonly string[],
    mayShare: boolean,
  ): Promise<void> => {
    if (added.length === 0) return
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`oidc ${issuer}`}, 0))`
    if (!mayShare) {
      const own = await tx.oidcIssuer.findMany({ where: { tenantId, issuer }, select: { id: true } })
      const foreign = { issuer, issuerId: { notIn: own.map((row) => row.id) } }
      if ((await tx.oidcAudience.count({ where: foreign })) > 0)
        throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'share an OIDC issuer' })
    }
    await tx.oidcAudience.createMany({ data: added.map((audience) => ({ issuer, audience, issuerId: id })) })
  }

  return (tenantId: string) => ({
    list: async (): Promise<OidcIssuer[]> => {
      const rows = await system.oidcIssuer.findMany({
        where: { tenantId },
        include: withAudiences,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      })
      return rows.map(toOidcIssuer)
    },

    find: async (id: string): Promise<OidcIssuer | undefined> => {
      const row = await system.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })
      return row === null ? undefined : toOidcIssuer(row)
    },

    /** @throws ALREADY_EXISTS, FORBIDDEN */
    insert: async ({ audiences, ...row }: NewOidcIssuerRow, mayShare: boolean, actor: Actor): Promise<OidcIssuer> => {
      const { id, issuer } = row
      const unique = [...new Set(audiences)]
      try {
        const created = await system.$transaction(async (tx) => {
          await tx.oidcIssuer.create({ data: { ...row, tenantId } })
          await giveAudiences(tx, { id, tenantId, issuer }, unique, mayShare)
          await tx.outbox.create({ data: outboxRow('oidcIssuerCreated', tenantId, { id, ...actor }) })
          return tx.oidcIssuer.findUniqueOrThrow({ where: { id }, include: withAudiences })
        })
        parts.published()
        evictIssuer(issuer, unique)
        return toOidcIssuer(created)
      } catch (thrown) {
        throw isUniqueViolation(thrown) ? taken(thrown) : thrown
      }
    },

    /** Undefined when there is no such issuer. @throws ALREADY_EXISTS, FORBIDDEN, what `change` throws */
    update: async (
      id: string,
      { change, audiences, mayShare, actor }: OidcIssuerUpdate,
    ): Promise<OidcIssuer | undefined> => {
      try {
        const changed = await system.$transaction(async (tx) => {
          await tx.$queryRaw`SELECT id FROM identity.oidc_issuers WHERE id = ${id}::uuid FOR UPDATE`
          const row = await tx.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })
          if (row === null) return undefined
          const old = toOidcIssuer(row)
          const settings = change(old)
          const wanted = new Set(audiences ?? old.audiences)
          await tx.oidcAudience.deleteMany({ where: { issuerId: id, audience: { notIn: [...wanted] } } })
          const added = [...wanted].filter((audience) => !old.audiences.includes(audience))
          await giveAudiences(tx, { id, tenantId, issuer: old.issuer }, added, mayShare)
          const moved = settings.jwksUri !== undefined && settings.jwksUri !== old.jwksUri
          const now = new Date()
          const updated = await tx.oidcIssuer.update({
            where: { id },
            data: { ...settings, ...(moved ? { ...noKeys, keysNextAt: now } : {}), updatedAt: now },
            include: withAudiences,
          })
          await tx.outbox.create({ data: outboxRow('oidcIssuerUpdated', tenantId, { id, ...actor }) })
          return { old, updated: toOidcIssuer(updated) }
        })
        if (changed === undefined) return undefined
        parts.published()
        evictIssuer(changed.old.issuer, [...changed.old.audiences, ...changed.updated.audiences])
        return changed.updated
      } catch (thrown) {
        throw isUniqueViolation(thrown) ? taken(thrown) : thrown
      }
    },

    /** False when there is no such issuer. */
    remove: async (id: string, actor: Actor): Promise<boolean> => {
      const removed = await system.$transaction(async (tx) => {
        const row = await tx.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })
        if (row === null) return undefined
        const { count } = await tx.oidcIssuer.deleteMany({ where: { id, tenantId } })
        if (count === 0) return undefined
        await tx.outbox.create({ data: outboxRow('oidcIssuerDeleted', tenantId, { id, ...actor }) })
        return toOidcIssuer(row)
      })
      if (removed === undefined) return false
      parts.published()
      evictIssuer(removed.issuer, removed.audiences)
      return true
    },
  })
}

/** What the edge asks about issuers, whose tenant it does not know yet, and the care for their keys. */
export const createOidcLookups = (system: PrismaClient, parts: StoreParts) => {
  const evictIssuer = createIssuerEviction(parts)

  return {
    /** The enabled issuer that vouches for an audience. */
    resolve: async (issuer: string, audience: string): Promise<OidcIssuer | undefined> => {
      const found = await system.oidcAudience.findUnique({
        where: { issuer_audience: { issuer, audience } },
        include: { row: { include: withAudiences } },
      })
      return found?.row.enabled === true ? toOidcIssuer(found.row) : undefined
    },

    find: async (id: string): Promise<OidcIssuer | undefined> => {
      const row = await system.oidcIssuer.findUnique({ where: { id }, include: withAudiences })
      return row === null ? undefined : toOidcIssuer(row)
    },

    /** Claims the next fetch of an issuer's keys until a time; false when it is somebody else's or too early. */
    claimKeys: async (id: string, now: Date, until: Date): Promise<boolean> => {
      const { count } = await system.oidcIssuer.updateMany({
        where: { id, keysNextAt: { lte: now } },
        data: { keysNextAt: until },
      })
      return count > 0
    },

    /** Stores fetched keys, unless their address was changed meanwhile. Gateways are told when they are others. */
    keysFetched: async (fetched: OidcIssuer, keys: readonly PublicKey[], nextAt: Date): Promise<void> => {
      const { count } = await system.oidcIssuer.updateMany({
        where: { id: fetched.id, jwksUri: fetched.jwksUri },
        data: {
          keys: keys as unknown as Prisma.InputJsonValue,
          keysFetchedAt: new Date(),
          keysError: null,
          keysFailures: 0,
          keysNextAt: nextAt,
        },
      })
      if (count > 0 && !isDeepStrictEqual(keys, fetched.keys)) evictIssuer(fetched.issuer, fetched.audiences)
    },

    /** Notes why keys could not be fetched; those there are go on being used. */
    keysFailed: async (fetched: OidcIssuer, error: string, nextAt: Date): Promise<void> => {
      await system.oidcIssuer.updateMany({
        where: { id: fetched.id, jwksUri: fetched.jwksUri },
        data: { keysError: error.slice(0, 500), keysFailures: { increment: 1 }, keysNextAt: nextAt },
      })
    },
  }
}
