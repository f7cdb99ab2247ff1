/** Signing users in at MCP servers, each for himself, and the tokens that their calls carry (docs/adr/0050). */
import { randomBytes } from 'node:crypto'
import { MeshError } from '@clawmesh/contracts'
import { cutText, newId, type Logger } from '@clawmesh/chassis'
import type { OAuthClientInformationMixed } from '@modelcontextprotocol/client'
import type { TargetAuth } from '../client/target.ts'
import type { McpSecrets } from '../secrets.ts'
import type { McpServer } from '../servers/types.ts'
import { OauthFault, type Authorization } from './authorization.ts'
import { oauthSettings } from './settings.ts'
import type { OauthTokens } from './tokens.ts'
import {
  SignInNeeded,
  type Account,
  type Challenge,
  type Discovery,
  type OauthRows,
  type SignIn,
  type Tokens,
} from './types.ts'

const openForMs = 600_000

interface Parts {
  rowsOf: (tenantId: string) => OauthRows
  authorization: Authorization
  tokens: OauthTokens
  log: Logger
}

/** A server, and what of its secrets a sign-in needs. */
export type OauthServer = Pick<McpServer, 'id' | 'url' | 'settings'>

/** How a sign-in ended, for the page that the browser shows. */
export type Outcome = { isSignedIn: true } | { isSignedIn: false; reason: string }

/** The state names the tenant, whose sign-ins alone are looked at. */
const newState = (tenantId: string): string =>
  Buffer.concat([Buffer.from(tenantId.replaceAll('-', ''), 'hex'), randomBytes(24)]).toString('base64url')

const tenantOf = (state: string): string | undefined => {
  const bytes = Buffer.from(state, 'base64url')
  if (bytes.length !== 40 || bytes.toString('base64url') !== state) return undefined
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export const createOauth = ({ rowsOf, authorization, tokens, log }: Parts) => {
  /** As what we are known at an authorization server. @throws OauthFault */
  const clientFor = async (
    tenantId: string,
    server: OauthServer,
    discovery: Discovery,
    scope: string,
    secret: string,
  ): Promise<OAuthClientInformationMixed> => {
    const { clientId } = oauthSettings(server.settings)
    if (clientId !== undefined) return { client_id: clientId, ...(secret === '' ? {} : { client_secret: secret }) }
    const rows = rowsOf(tenantId)
    const { issuer } = discovery.metadata
    const known = await rows.client(server.id, issuer, authorization.redirectUri)
    const until = Number(known?.['client_secret_expires_at'] ?? 0)
    if (known !== undefined && (until === 0 || until * 1_000 > Date.now())) return known
    const client = await authorization.client(discovery, scope)
    await rows.saveClient(server.id, issuer, authorization.redirectUri, client)
    return client
  }

  /** The sign-in that is open for a user, or a new one. @throws OauthFault, NOT_FOUND */
  const begin = async (
    tenantId: string,
    userId: string,
    server: OauthServer,
    secrets: Pick<McpSecrets, 'oauthClientSecret'>,
    challenge: Challenge = {},
  ): Promise<SignIn> => {
    if (userId === '') throw new OauthFault('a sign-in is for a user, and the call names none')
    const { scope: ofSettings } = oauthSettings(server.settings)
    const rows = rowsOf(tenantId)
    const open = await rows.open(server.id, userId)
    if (open !== undefined && (challenge.scope === undefined || challenge.scope === open.scope)) return open
    const { discovery, scope: said } = await authorization.discover(server.url, challenge)
    const scope = challenge.scope ?? ofSettings ?? said
    const client = await clientFor(tenantId, server, discovery, scope, secrets.oauthClientSecret)
    const state = newState(tenantId)
    const { url, verifier } = await authorization.start(discovery, client, { state, scope })
    const expiresAt = new Date(Date.now() + openForMs)
    return rows.begin({
      ...{ id: newId(), serverId: server.id, userId, scope, discovery, client },
      ...{ state, verifier, url, expiresAt },
    })
  }

  const stored = (tenantId: string, serverId: string, userId: string) => rowsOf(tenantId).account(serverId, userId)

  /** Carries the token of a user's account, renewed when it has to be. */
  const accountAuth = (tenantId: string, { id: serverId, url }: OauthServer, userId: string): TargetAuth => {
    let known: Account | undefined
    const need = (account: Account | undefined, challenge: Challenge = {}): Account => {
      if (account?.discovery.serverUrl !== url) throw new SignInNeeded(challenge)
      return account
    }
    return {
      token: async () => {
        known = need(await tokens.current(known ?? need(await stored(tenantId, serverId, userId))))
        return known.accessToken
      },
      refused: async (challenge, token) => {
        // Another call may have renewed it meanwhile.
        if (known !== undefined && token !== undefined && known.accessToken !== token) return
        known = need(known && (await tokens.replaced(known)), challenge)
      },
    }
  }

  /** Carries tokens that a user's own one is exchanged for; they are kept no longer than the connection. */
  const exchangedAuth = (
    tenantId: string,
    server: OauthServer,
    subjectToken: string,
    secrets: Pick<McpSecrets, 'oauthClientSecret'>,
  ): TargetAuth => {
    let known: Promise<Tokens> | undefined
    let underWay = false
    const exchange = async (challenge: Challenge): Promise<Tokens> => {
      const { discovery, scope: said } = await authorization.discover(server.url, challenge)
      if (!authorization.exchanges(discovery)) throw new OauthFault('the authorization server exchanges no tokens')
      const scope = challenge.scope ?? oauthSettings(server.settings).scope ?? said
      const client = await clientFor(tenantId, server, discovery, scope, secrets.oauthClientSecret)
      return authorization.tokensForSubject(discovery, client, { subjectToken, scope })
    }
    const renewed = (challenge: Challenge): Promise<Tokens> => {
      if (known !== undefined && underWay) return known
      underWay = true
      const begun = exchange(challenge).finally(() => (underWay = false))
      known = begun
      begun.catch(() => {
        if (known === begun) known = undefined
      })
      return begun
    }
    return {
      token: async () => {
        const { accessToken, expiresAt } = await (known ?? renewed({}))
        if (expiresAt !== undefined && expiresAt.getTime() < Date.now() + 10_000) return (await renewed({})).accessToken
        return accessToken
      },
      refused: async (challenge, token) => {
        const now = await known?.catch(() => undefined)
        if (now !== undefined && token !== undefined && now.accessToken !== token) return
        await renewed(challenge)
      },
    }
  }

  /** Takes what a browser came back with. @throws OauthFault */
  const finish = async (tenantId: string, flow: SignIn, brought: { code?: string; iss?: string; error?: string }) => {
    const { discovery, serverId, userId, scope, client } = flow
    authorization.checkIssuer(discovery, brought.iss)
    if (brought.error !== undefined) throw new OauthFault(brought.error)
    if (brought.code === undefined) throw new OauthFault('the address has no code')
    try {
      const received = await authorization.tokensForCode(flow, brought.code, brought.iss)
      await rowsOf(tenantId).saveAccount({
        serverId,
        userId,
        discovery,
        client,
        ...received,
        scope: received.scope || scope,
      })
    } catch (thrown) {
      // It may have forgotten us: the next sign-in registers anew.
      if (thrown instanceof OauthFault && thrown.isUnknownClient)
        await rowsOf(tenantId).forgetClient(serverId, discovery.metadata.issuer)
      throw thrown
    }
  }

  return {
    begin,
    accountAuth,
    exchangedAuth,

    /** The scope that a user has, widened by what a server wants. */
    widened: async (
      tenantId: string,
      serverId: string,
      userId: string,
      wanted: string | undefined,
    ): Promise<string> => {
      const account = await stored(tenantId, serverId, userId)
      return [...new Set(`${account?.scope ?? ''} ${wanted ?? ''}`.split(' ').filter(Boolean))].join(' ')
    },

    /** A server has refused who brings no token. */
    markServer: (tenantId: string, serverId: string) => rowsOf(tenantId).markServer(serverId),

    /** Ends the sign-in of a state, well or not. Nothing is told of why that is not in our words or the server's own. */
    complete: async ({
      state = '',
      ...brought
    }: {
      state?: string | undefined
      code?: string | undefined
      iss?: string | undefined
      error?: string | undefined
    }): Promise<Outcome> => {
      const tenantId = tenantOf(state)
      const flow = tenantId === undefined ? undefined : await rowsOf(tenantId).take(state)
      if (tenantId === undefined || flow === undefined)
        return {
          isSignedIn: false,
          reason: 'This sign-in is over, or there never was one. Ask the agent for a new address.',
        }
      try {
        await finish(tenantId, flow, {
          ...(brought.code === undefined ? {} : { code: brought.code }),
          ...(brought.iss === undefined ? {} : { iss: brought.iss }),
          ...(brought.error === undefined ? {} : { error: cutText(brought.error, 200) }),
        })
        return { isSignedIn: true }
      } catch (thrown) {
        log.info({ err: thrown, tenantId, serverId: flow.serverId }, 'a sign-in at an MCP server has failed')
        if (thrown instanceof OauthFault || thrown instanceof MeshError)
          return { isSignedIn: false, reason: thrown.message }
        throw thrown
      }
    },

    /** How it stands with a user. */
    status: async (tenantId: string, serverId: string, userId: string) => {
      const rows = rowsOf(tenantId)
      const [account, open] = await Promise.all([rows.account(serverId, userId), rows.open(serverId, userId)])
      return { account, open }
    },

    /** Forgets the tokens of a user, and tells the authorization server. Fine where there are none. */
    signOut: async (tenantId: string, serverId: string, userId: string): Promise<void> => {
      const rows = rowsOf(tenantId)
      // Whoever renews it meanwhile has a newer version: that one goes, too.
      for (let account = await rows.account(serverId, userId); account !== undefined;) {
        const isForgotten = await rows.forget(account)
        if (isForgotten)
          await authorization
            .revoke(account)
            .catch((err: unknown) => log.info({ err, serverId, tenantId }, 'tokens could not be revoked'))
        account = isForgotten ? undefined : await rows.account(serverId, userId)
      }
    },

    /** A sign-in that is open, by its id. */
    find: (tenantId: string, id: string) => rowsOf(tenantId).find(id),
  }
}

export type Oauth = ReturnType<typeof createOauth>
