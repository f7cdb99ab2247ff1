/** Signing ChatGPT accounts in and out (contract notes providers-mcp.md 7). */
import { actorOf, type Call, type Logger } from '@clawmesh/chassis'
import { masterTenantId, MeshError, type Caller } from '@clawmesh/contracts'
import { checkAddress, type AddressPolicy } from '../providers/address.ts'
import { safeReason } from '../chat/protocols/failure.ts'
import { TokenRefusal, type AuthorizationServer } from './authorization-server.ts'
import type { CallbackListener } from './listener.ts'
import { endOf, type AccountTokens } from './tokens.ts'
import { accountType, type Account, type AccountRows, type FlowRows, type SignIn } from './types.ts'
import type { AccountUsage, ReadUsage } from './usage.ts'

const openForMs = 360_000

interface Parts {
  rowsOf: (tenantId: string) => AccountRows
  flowsOf: (tenantId: string) => FlowRows
  server: AuthorizationServer
  tokens: AccountTokens
  readUsage: ReadUsage
  policy: AddressPolicy
  /** Absent where nobody's browser is on this machine. */
  listener: CallbackListener | undefined
  log: Logger
}

const ofAnotherType = ({ name, providerType }: Account): MeshError =>
  new MeshError('ALREADY_EXISTS', 'error.provider_of_another_type', { provider: name, type: providerType })

const notSignedIn = (reason: string): MeshError => new MeshError('INVALID_REQUEST', 'error.sign_in_failed', { reason })

/** @throws INVALID_REQUEST where the answer has no code, or is not the one to this sign-in */
const codeIn = (brought: URLSearchParams, { state }: SignIn): string => {
  const error = brought.get('error')
  if (error !== null) throw notSignedIn(`OAuth error: ${safeReason(brought.get('error_description') || error, [])}`)
  const code = brought.get('code') ?? ''
  if (code === '') throw notSignedIn('the address has no code')
  if (brought.get('state') !== state) throw notSignedIn('the address answers another sign-in')
  return code
}

const hasToken = ({ accessToken, refreshToken, settings }: Account): boolean =>
  accessToken !== '' && (refreshToken !== '' || endOf(settings, accessToken) > Date.now())

export const createAccountUseCases = (parts: Parts) => {
  const { rowsOf, flowsOf, server, tokens, readUsage, policy, listener, log } = parts

  /** @throws ALREADY_EXISTS for a provider of another type */
  const find = async (tenantId: string, alias: string): Promise<Account | undefined> => {
    const account = await rowsOf(tenantId).named(alias)
    if (account !== undefined && account.providerType !== accountType) throw ofAnotherType(account)
    return account
  }

  /** Exchanges the code and stores the account. @throws INVALID_REQUEST, ALREADY_EXISTS */
  const finish = async (call: Call, flow: SignIn, brought: URLSearchParams): Promise<string> => {
    const { tenantId } = call.caller
    const code = codeIn(brought, flow)
    const { alias: name, displayName, apiBase } = flow
    await find(tenantId, name)
    const received = await server.tokensForCode(code, flow.verifier).catch((thrown: unknown) => {
      throw thrown instanceof TokenRefusal ? notSignedIn(thrown.message) : thrown
    })
    const id = await rowsOf(tenantId).save({ name, displayName, apiBase, tokens: received }, actorOf(call))
    if (id === undefined) throw ofAnotherType({ ...(await rowsOf(tenantId).named(name))! })
    await flowsOf(tenantId).end(flow.id)
    return id
  }

  /** What a browser brings to this machine ends the sign-in, well or not. */
  const listenFor = async (call: Call, flow: SignIn): Promise<void> => {
    await listener?.expect(flow.state, flow.expiresAt.getTime() - Date.now(), async (brought) => {
      try {
        await finish(call, flow, brought)
        return true
      } catch (err) {
        log.warn({ err, tenantId: call.caller.tenantId, account: flow.alias }, 'a sign-in has failed')
        await flowsOf(call.caller.tenantId).end(flow.id)
        return false
      }
    })
  }

  return {
    status: async ({ tenantId }: Caller, alias: string) => {
      const stored = await find(tenantId, alias)
      if (stored === undefined) return { authenticated: false }
      if (stored.isUnreadable) return { authenticated: false, error: 'token invalid or expired' }
      const { accessToken } = await tokens.current(stored)
      return accessToken === '' ? { authenticated: false } : { authenticated: true, providerName: alias }
    },

    /** @throws NOT_FOUND, ALREADY_EXISTS */
    usage: async ({ tenantId }: Caller, alias: string): Promise<AccountUsage> => {
      const account = (await find(tenantId, alias)) ?? (await find(masterTenantId, alias))
      if (account === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'provider', id: alias })
      return readUsage(account)
    },

    /** The address to open; undefined where the account is signed in. @throws INVALID_REQUEST, ALREADY_EXISTS, INTERNAL */
    start: async (
      call: Call,
      alias: string,
      { displayName = '', apiBase = '' }: { displayName?: string | undefined; apiBase?: string | undefined },
    ): Promise<string | undefined> => {
      const { tenantId, userId } = call.caller
      checkAddress(accountType, apiBase.trim(), policy)
      const account = await find(tenantId, alias)
      if (account !== undefined && hasToken(account)) return undefined
      const flow = await flowsOf(tenantId).begin(
        {
          ...{ userId, alias, displayName, apiBase: apiBase.trim() },
          state: server.newState(),
          verifier: server.newVerifier(),
          expiresAt: new Date(Date.now() + openForMs),
        },
        actorOf(call),
      )
      if (flow === undefined) throw new MeshError('ALREADY_EXISTS', 'error.sign_in_under_way')
      try {
        await listenFor({ ...call, signal: new AbortController().signal }, flow)
      } catch (cause) {
        await flowsOf(tenantId).end(flow.id)
        throw new MeshError('INTERNAL', 'error.internal', {}, { cause })
      }
      return server.addressFor(flow.state, flow.verifier)
    },

    /** Takes the address that a browser was sent back to. @throws INVALID_REQUEST, ALREADY_EXISTS */
    complete: async (call: Call, alias: string, address: string): Promise<string> => {
      const { tenantId, userId } = call.caller
      const flow = await flowsOf(tenantId).open(userId, alias)
      if (flow === undefined) throw new MeshError('INVALID_REQUEST', 'error.no_sign_in')
      if (!URL.canParse(address)) throw notSignedIn('the address has no code')
      const id = await finish(call, flow, new URL(address).searchParams)
      listener?.forget(flow.state)
      return id
    },

    /** @throws ALREADY_EXISTS */
    logout: async (call: Call, alias: string): Promise<void> => {
      const { tenantId } = call.caller
      const account = await find(tenantId, alias)
      if (account !== undefined) await rowsOf(tenantId).remove(account.id, actorOf(call))
    },
  }
}

export type AccountUseCases = ReturnType<typeof createAccountUseCases>
