/** OIDC issuers under the system, as an audience is one tenant's in the whole installation. */
import { isDeepStrictEqual } from 'node:util'
import { cacheTags, MeshError, type CacheTag } from '@clawmesh/contracts'
import { cutText, event, lockName, type PrismaTx, type ServiceDb } from '@clawmesh/chassis'
import type { OidcAudience, OidcIssuer as OidcIssuerRow, PrismaClient } from '../db/client/client.ts'
import type { InputJsonValue } from '../db/client/internal/prismaNamespace.ts'
import type { IssuerKeyRows } from './issuer-keys.ts'
import type { OidcIssuer, PublicKey } from './types.ts'
import type { OidcIssuerParts, OidcIssuerRows } from './use-cases.ts'

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

const orUndefined = (row: Row | null): OidcIssuer | undefined => (row === null ? undefined : toOidcIssuer(row))

/** What gateways know of an issuer, or that it is unknown. */
const tagsOf = (issuer: string, audiences: readonly string[]): CacheTag[] =>
  [...new Set(audiences)].map((audience) => cacheTags.oidcIssuer(issuer, audience))

/**
 * Gives audiences of an issuer to a row. Those of one issuer are given out one after the other, so that two tenants
 * cannot both find that nobody else uses it.
 * @throws FORBIDDEN when other tenants use it and it may not be shared, ALREADY_EXISTS naming an audience that is taken
 */
const giveAudiences = async (
  tx: PrismaTx<PrismaClient>,
  { id, tenantId, issuer }: { id: string; tenantId: string; issuer: string },
  added: readonly string[],
  mayShare: boolean,
): Promise<void> => {
  if (added.length === 0) return
  await lockName(tx, 'oidc', issuer)
  if (!mayShare) {
    const own = await tx.oidcIssuer.findMany({ where: { tenantId, issuer }, select: { id: true } })
    const foreign = { issuer, issuerId: { notIn: own.map((row) => row.id) } }
    if ((await tx.oidcAudience.count({ where: foreign })) > 0)
      throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'share an OIDC issuer' })
  }
  const taken = await tx.oidcAudience.findFirst({ where: { issuer, audience: { in: [...added] } } })
  if (taken !== null)
    throw new MeshError('ALREADY_EXISTS', 'error.already_exists', {
      kind: 'audience',
      id: `${issuer} ${taken.audience}`,
    })
  await tx.oidcAudience.createMany({ data: added.map((audience) => ({ issuer, audience, issuerId: id })) })
}

/** The OIDC issuers of a tenant. */
export const createOidcIssuerRows = (db: ServiceDb<PrismaClient>) => {
  const { prisma, change } = db.system

  return (tenantId: string): OidcIssuerRows => ({
    list: async () => {
      const rows = await prisma.oidcIssuer.findMany({
        where: { tenantId },
        include: withAudiences,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      })
      return rows.map(toOidcIssuer)
    },

    find: async (id) =>
      orUndefined(await prisma.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })),

    insert: ({ audiences, ...row }, mayShare, actor) =>
      change(async (tx) => {
        const { id, issuer } = row
        const unique = [...new Set(audiences)]
        await tx.oidcIssuer.create({ data: { ...row, tenantId } })
        await giveAudiences(tx, { id, tenantId, issuer }, unique, mayShare)
        return {
          result: toOidcIssuer(await tx.oidcIssuer.findUniqueOrThrow({ where: { id }, include: withAudiences })),
          events: [event('oidcIssuerCreated', { id, ...actor }, tenantId)],
          evict: tagsOf(issuer, unique),
        }
      }),

    update: (id, { change: settingsFor, audiences, mayShare, actor }) =>
      change(async (tx) => {
        await tx.$queryRaw`SELECT id FROM identity.oidc_issuers WHERE id = ${id}::uuid FOR UPDATE`
        const row = await tx.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })
        if (row === null) return { result: undefined }
        const old = toOidcIssuer(row)
        const settings = settingsFor(old)
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
        return {
          result: toOidcIssuer(updated),
          events: [event('oidcIssuerUpdated', { id, ...actor }, tenantId)],
          evict: tagsOf(old.issuer, [...old.audiences, ...wanted]),
        }
      }),

    remove: (id, actor) =>
      change(async (tx) => {
        const row = await tx.oidcIssuer.findFirst({ where: { id, tenantId }, include: withAudiences })
        if (row === null) return { result: false }
        const { count } = await tx.oidcIssuer.deleteMany({ where: { id, tenantId } })
        if (count === 0) return { result: false }
        const { issuer, audiences } = toOidcIssuer(row)
        return {
          result: true,
          events: [event('oidcIssuerDeleted', { id, ...actor }, tenantId)],
          evict: tagsOf(issuer, audiences),
        }
      }),
  })
}

/** What the edge asks about issuers, whose tenant it does not know yet. */
export const findIssuerByAudience =
  (db: ServiceDb<PrismaClient>): OidcIssuerParts['findByAudience'] =>
  async (issuer, audience) => {
    const found = await db.system.prisma.oidcAudience.findUnique({
      where: { issuer_audience: { issuer, audience } },
      include: { row: { include: withAudiences } },
    })
    return found?.row.enabled === true ? toOidcIssuer(found.row) : undefined
  }

export const createIssuerKeyRows = (db: ServiceDb<PrismaClient>): IssuerKeyRows => {
  const { prisma, change } = db.system

  return {
    find: async (id) => orUndefined(await prisma.oidcIssuer.findUnique({ where: { id }, include: withAudiences })),

    claimKeys: async (id, now, until) => {
      const { count } = await prisma.oidcIssuer.updateMany({
        where: { id, keysNextAt: { lte: now } },
        data: { keysNextAt: until },
      })
      return count > 0
    },

    keysFetched: (fetched, keys, keysNextAt) =>
      change(async (tx) => {
        const { id, jwksUri, issuer, audiences } = fetched
        const { count } = await tx.oidcIssuer.updateMany({
          where: { id, jwksUri },
          data: { ...noKeys, keys: keys as unknown as InputJsonValue, keysFetchedAt: new Date(), keysNextAt },
        })
        const areOthers = count > 0 && !isDeepStrictEqual(keys, fetched.keys)
        return { result: undefined, evict: areOthers ? tagsOf(issuer, audiences) : [] }
      }),

    keysFailed: async ({ id, jwksUri }, error, keysNextAt) => {
      await prisma.oidcIssuer.updateMany({
        where: { id, jwksUri },
        data: { keysError: cutText(error, 500), keysFailures: { increment: 1 }, keysNextAt },
      })
    },
  }
}
