/** The rows of mcp_oauth_clients, mcp_oauth_flows and mcp_oauth_accounts. Sealed on the way in, opened on the way out. */
import { event, lockName, newId, sha256Hex, type SecretBox, type SecretColumn, type ServiceDb } from '@clawmesh/chassis'
import type { OAuthClientInformationMixed } from '@modelcontextprotocol/client'
import type { McpOauthAccount, McpOauthFlow, PrismaClient } from '../../db/client/client.ts'
import type { InputJsonObject } from '../../db/client/internal/prismaNamespace.ts'
import { serverNotFound } from '../servers/use-cases.ts'
import type { Account, Discovery, OauthRows, SignIn, Tokens } from './types.ts'

export const oauthClientSecrets: SecretColumn = { table: 'mcp_oauth_clients', column: 'secrets' }
export const oauthFlowSecrets: SecretColumn = { table: 'mcp_oauth_flows', column: 'secrets' }
export const oauthAccountSecrets: SecretColumn = { table: 'mcp_oauth_accounts', column: 'secrets' }

type FlowSecrets = Pick<SignIn, 'state' | 'verifier' | 'url' | 'client'>
type AccountSecrets = Pick<Account, 'accessToken' | 'refreshToken' | 'client'>

const json = (discovery: Discovery) => discovery as unknown as InputJsonObject
const discoveryIn = (stored: unknown) => stored as Discovery

export const createOauthRows =
  (db: ServiceDb<PrismaClient>, box: SecretBox) =>
  (tenantId: string): OauthRows => {
    const { prisma, change, sql } = db.forTenant(tenantId)
    const evict = [{ kind: 'mcp', tenantId }] as const
    const gone = (serverId: string) => ({ missing: { kind: 'MCP server', id: serverId } })
    const seal = (column: SecretColumn, rowId: string, value: object) =>
      box.seal(JSON.stringify(value), { column, tenantId, rowId })
    const opened = <T>(column: SecretColumn, rowId: string, sealed: string): T =>
      JSON.parse(box.open(sealed, { column, tenantId, rowId })) as T

    const toSignIn = ({ id, serverId, userId, scope, discovery, secrets, expiresAt }: McpOauthFlow): SignIn => ({
      ...{ id, serverId, userId, scope, expiresAt, discovery: discoveryIn(discovery) },
      ...opened<FlowSecrets>(oauthFlowSecrets, id, secrets),
    })
    const toAccount = (row: McpOauthAccount): Account => {
      const { id, serverId, userId, scope, discovery, secrets, expiresAt, version } = row
      return {
        ...{ id, tenantId, serverId, userId, scope, version, discovery: discoveryIn(discovery) },
        expiresAt: expiresAt ?? undefined,
        ...opened<AccountSecrets>(oauthAccountSecrets, id, secrets),
      }
    }
    const tokenColumns = (
      id: string,
      { scope, expiresAt, accessToken, refreshToken, client }: Tokens & AccountSecrets,
    ) => ({
      scope,
      expiresAt: expiresAt ?? null,
      refreshClaimedUntil: null,
      secrets: seal(oauthAccountSecrets, id, { accessToken, refreshToken, client } satisfies AccountSecrets),
    })
    const isOpen = () => ({ expiresAt: { gt: new Date() } })
    /** Holds a server at its address until the transaction ends: what a sign-in brought is for that address. @throws NOT_FOUND */
    const holdAt = async (
      tx: Pick<PrismaClient, '$queryRaw'>,
      serverId: string,
      { serverUrl }: Discovery,
    ): Promise<void> => {
      const found: unknown[] = await tx.$queryRaw`
        SELECT 1 FROM tools.mcp_servers
        WHERE id = ${serverId}::uuid AND tenant_id = ${tenantId}::uuid AND url = ${serverUrl} FOR SHARE`
      if (found.length === 0) throw serverNotFound(serverId)
    }

    return {
      account: async (serverId, userId) => {
        const row = await prisma.mcpOauthAccount.findFirst({ where: { tenantId, serverId, userId } })
        return row === null ? undefined : toAccount(row)
      },

      saveAccount: ({ serverId, userId, discovery, ...rest }) =>
        change(async (tx) => {
          // A new row each time: connections of the one before are not used any more.
          await holdAt(tx, serverId, discovery)
          await lockName(tx, 'mcp account', serverId, userId)
          await tx.mcpOauthAccount.deleteMany({ where: { tenantId, serverId, userId } })
          const id = newId()
          await tx.mcpOauthAccount.create({
            data: { id, tenantId, serverId, userId, discovery: json(discovery), ...tokenColumns(id, rest) },
          })
          return { result: undefined, events: [event('mcpSignedIn', { id: serverId, userId })], evict }
        }, gone(serverId)),

      claim: async (id, version, forMs) => {
        const { rowCount } = await sql.query(
          `UPDATE tools.mcp_oauth_accounts SET refresh_claimed_until = now() + $4::float8 * interval '1 millisecond'
           WHERE id = $1 AND tenant_id = $2 AND version = $3
             AND (refresh_claimed_until IS NULL OR refresh_claimed_until < now())`,
          [id, tenantId, version, forMs],
        )
        return rowCount === 1
      },

      release: async (id, version) =>
        void (await prisma.mcpOauthAccount.updateMany({
          where: { id, tenantId, version },
          data: { refreshClaimedUntil: null },
        })),

      renew: (account, tokens) =>
        change(async (tx) => {
          const { id, version, client } = account
          const { count } = await tx.mcpOauthAccount.updateMany({
            where: { id, tenantId, version },
            data: { version: { increment: 1 }, ...tokenColumns(id, { ...tokens, client }) },
          })
          // Connections stay: they ask for the token at each request.
          return { result: count === 1 }
        }),

      forget: ({ id, version, serverId, userId }) =>
        change(async (tx) => {
          const { count } = await tx.mcpOauthAccount.deleteMany({ where: { id, tenantId, version } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('mcpSignedOut', { id: serverId, userId })], evict }
        }),

      client: async (serverId, issuer, redirectUri) => {
        const row = await prisma.mcpOauthClient.findFirst({ where: { tenantId, serverId, issuer, redirectUri } })
        return row === null ? undefined : opened<OAuthClientInformationMixed>(oauthClientSecrets, row.id, row.secrets)
      },

      saveClient: (serverId, issuer, redirectUri, client) =>
        change(async (tx) => {
          // Each sign-in brings the client that it began with; the last one is known from now on.
          await lockName(tx, 'mcp client', serverId, issuer)
          await tx.mcpOauthClient.deleteMany({ where: { tenantId, serverId, issuer } })
          const id = newId()
          const secrets = seal(oauthClientSecrets, id, client)
          await tx.mcpOauthClient.create({ data: { id, tenantId, serverId, issuer, redirectUri, secrets } })
          return { result: undefined }
        }, gone(serverId)),

      forgetClient: async (serverId, issuer) =>
        change(async (tx) => {
          await tx.mcpOauthClient.deleteMany({ where: { tenantId, serverId, issuer } })
          return { result: undefined }
        }),

      begin: (wanted) =>
        change(async (tx) => {
          const { id, serverId, userId, state, scope, discovery, verifier, url, client, expiresAt } = wanted
          await holdAt(tx, serverId, discovery)
          // Two at once would each take the other's place.
          await lockName(tx, 'mcp sign-in', serverId, userId)
          const open = await tx.mcpOauthFlow.findFirst({ where: { tenantId, serverId, userId, scope, ...isOpen() } })
          if (open !== null) return { result: toSignIn(open) }
          const isOver = { expiresAt: { lte: new Date() } }
          await tx.mcpOauthFlow.deleteMany({ where: { tenantId, OR: [{ serverId, userId }, isOver] } })
          const secrets = seal(oauthFlowSecrets, id, { state, verifier, url, client } satisfies FlowSecrets)
          await tx.mcpOauthFlow.create({
            data: {
              ...{ id, tenantId, serverId, userId, scope, expiresAt, secrets },
              stateHash: sha256Hex(state),
              discovery: json(discovery),
            },
          })
          return { result: wanted, events: [event('mcpSignInWanted', { id, serverId, userId })] }
        }, gone(wanted.serverId)),

      open: async (serverId, userId) => {
        const row = await prisma.mcpOauthFlow.findFirst({ where: { tenantId, serverId, userId, ...isOpen() } })
        return row === null ? undefined : toSignIn(row)
      },

      find: async (id) => {
        const row = await prisma.mcpOauthFlow.findFirst({ where: { id, tenantId, ...isOpen() } })
        return row === null ? undefined : toSignIn(row)
      },

      take: (state) =>
        change(async (tx) => {
          const row = await tx.mcpOauthFlow.findFirst({
            where: { tenantId, stateHash: sha256Hex(state), ...isOpen() },
          })
          if (row === null) return { result: undefined }
          const { count } = await tx.mcpOauthFlow.deleteMany({ where: { id: row.id, tenantId } })
          return { result: count === 0 ? undefined : toSignIn(row) }
        }),

      markServer: (serverId) =>
        change(async (tx) => {
          const { count } = await tx.mcpServer.updateMany({
            where: { id: serverId, tenantId, wantsSignIn: false },
            data: { wantsSignIn: true },
          })
          return count === 0 ? { result: undefined } : { result: undefined, evict }
        }),
    }
  }
