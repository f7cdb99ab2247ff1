/** The rows of ChatGPT accounts: their tokens in llm_providers, and their sign-ins. Sealed on the way in, opened on the way out. */
import {
  event,
  lockName,
  newId,
  type Actor,
  type SecretBox,
  type SecretColumn,
  type ServiceDb,
} from '@clawmesh/chassis'
import type { LlmProvider, OauthFlow, PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import { providerType } from '../providers/provider-types.ts'
import { lockProviders, providerKeys } from '../providers/rows.ts'
import { accountType, type Account, type AccountRows, type FlowRows, type SignIn } from './types.ts'

export const refreshTokens: SecretColumn = { table: 'llm_providers', column: 'refresh_token' }
export const signInVerifiers: SecretColumn = { table: 'oauth_flows', column: 'verifier' }

export const createAccountRows =
  (db: ServiceDb<PrismaClient>, secrets: SecretBox) =>
  (tenantId: string): AccountRows => {
    const { prisma, change, sql } = db.forTenant(tenantId)
    const evict = [{ kind: 'providers', tenantId }] as const
    const place = (column: SecretColumn, rowId: string) => ({ column, tenantId, rowId })
    const seal = (column: SecretColumn, rowId: string, token: string) =>
      token === '' ? '' : secrets.seal(token, place(column, rowId))
    /** Undefined where it cannot be opened. */
    const open = (column: SecretColumn, rowId: string, stored: string): string | undefined => {
      if (stored === '') return ''
      try {
        return secrets.open(stored, place(column, rowId))
      } catch {
        return undefined
      }
    }
    const toAccount = (row: LlmProvider): Account => {
      const { id, name, providerType, apiBase, enabled, keyVersion } = row
      const accessToken = open(providerKeys, id, row.apiKey)
      return {
        ...{ id, tenantId, name, providerType, apiBase, enabled, keyVersion },
        settings: row.settings as Record<string, unknown>,
        accessToken: accessToken ?? '',
        refreshToken: open(refreshTokens, id, row.refreshToken) ?? '',
        isUnreadable: accessToken === undefined,
      }
    }
    const found = (row: LlmProvider | null): Account | undefined => (row === null ? undefined : toAccount(row))

    return {
      named: async (name) => found(await prisma.llmProvider.findFirst({ where: { name, tenantId } })),
      find: async (id) => found(await prisma.llmProvider.findFirst({ where: { id, tenantId } })),

      save: ({ name, displayName, apiBase, tokens }, actor: Actor) =>
        change(async (tx) => {
          await lockProviders(tx, tenantId)
          const stored = await tx.llmProvider.findFirst({ where: { name, tenantId } })
          if (stored !== null && stored.providerType !== accountType) return { result: undefined }
          const id = stored?.id ?? newId()
          const values = {
            enabled: true,
            apiKey: seal(providerKeys, id, tokens.accessToken),
            refreshToken: seal(refreshTokens, id, tokens.refreshToken),
            refreshClaimedUntil: null,
            settings: { ...(stored?.settings as InputJsonObject | undefined), ...tokens.settings },
            ...(displayName === '' ? {} : { displayName }),
            ...(apiBase === '' ? {} : { apiBase }),
          }
          const kind = stored === null ? 'providerCreated' : 'providerUpdated'
          if (stored === null)
            await tx.llmProvider.create({
              data: {
                id,
                tenantId,
                name,
                providerType: accountType,
                apiBase: providerType(accountType)!.base,
                ...values,
              },
            })
          else
            await tx.llmProvider.update({
              where: { id, tenantId },
              data: { ...values, keyVersion: { increment: 1 } },
            })
          return { result: id, events: [event(kind, { id, ...actor })], evict }
        }),

      claim: async (id, version, forMs) => {
        const { rowCount } = await sql.query(
          `UPDATE providers.llm_providers SET refresh_claimed_until = now() + $3 * interval '1 millisecond'
           WHERE id = $1 AND key_version = $2 AND refresh_token <> ''
             AND (refresh_claimed_until IS NULL OR refresh_claimed_until < now())`,
          [id, version, forMs],
        )
        return rowCount === 1
      },

      release: async (id, version) =>
        void (await prisma.llmProvider.updateMany({
          where: { id, tenantId, keyVersion: version },
          data: { refreshClaimedUntil: null },
        })),

      renew: (id, version, { accessToken, refreshToken, settings }) =>
        change(async (tx) => {
          await lockProviders(tx, tenantId)
          const stored = await tx.llmProvider.findFirst({ where: { id, tenantId, keyVersion: version } })
          if (stored === null) return { result: false }
          await tx.llmProvider.update({
            where: { id, tenantId },
            data: {
              apiKey: seal(providerKeys, id, accessToken),
              ...(refreshToken === '' ? {} : { refreshToken: seal(refreshTokens, id, refreshToken) }),
              keyVersion: { increment: 1 },
              refreshClaimedUntil: null,
              settings: { ...(stored.settings as InputJsonObject), ...settings },
            },
          })
          return { result: true, evict }
        }),

      signOut: (id, version) =>
        change(async (tx) => {
          const { count } = await tx.llmProvider.updateMany({
            where: { id, tenantId, keyVersion: version },
            data: { apiKey: '', refreshToken: '', refreshClaimedUntil: null, keyVersion: { increment: 1 } },
          })
          return count === 0 ? { result: undefined } : { result: undefined, evict }
        }),

      learn: (id, settings) =>
        change(async (tx) => {
          await lockProviders(tx, tenantId)
          const stored = await tx.llmProvider.findFirst({ where: { id, tenantId } })
          if (stored === null) return { result: undefined }
          const data = { settings: { ...(stored.settings as InputJsonObject), ...settings } }
          await tx.llmProvider.update({ where: { id, tenantId }, data })
          return { result: undefined, evict }
        }),

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.llmProvider.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: undefined }
          const events = [
            event('providerDeleted', { id, ...actor }),
            event('chatgptLoggedOut', { id: 'openai', ...actor }),
          ]
          return { result: undefined, events, evict }
        }),
    }
  }

export const createFlowRows =
  (db: ServiceDb<PrismaClient>, secrets: SecretBox) =>
  (tenantId: string): FlowRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const place = (rowId: string) => ({ column: signInVerifiers, tenantId, rowId })
    const toSignIn = ({ tenantId: _tenant, ...row }: OauthFlow): SignIn => ({
      ...row,
      verifier: secrets.open(row.verifier, place(row.id)),
    })

    return {
      begin: (wanted, actor) =>
        change(async (tx) => {
          await lockName(tx, 'sign-ins', tenantId)
          await tx.oauthFlow.deleteMany({ where: { tenantId, expiresAt: { lte: new Date() } } })
          const open = await tx.oauthFlow.findFirst({ where: { tenantId } })
          if (open !== null) {
            const isOwn = open.userId === wanted.userId && open.alias === wanted.alias
            return { result: isOwn ? toSignIn(open) : undefined }
          }
          const id = newId()
          const verifier = secrets.seal(wanted.verifier, place(id))
          await tx.oauthFlow.create({ data: { ...wanted, id, tenantId, verifier } })
          return { result: { ...wanted, id }, events: [event('chatgptLoginStarted', { id: 'openai', ...actor })] }
        }),

      open: async (userId, alias) => {
        const row = await prisma.oauthFlow.findFirst({
          where: { tenantId, userId, alias, expiresAt: { gt: new Date() } },
        })
        return row === null ? undefined : toSignIn(row)
      },

      end: async (id) => (await prisma.oauthFlow.deleteMany({ where: { id, tenantId } })).count === 1,
    }
  }
