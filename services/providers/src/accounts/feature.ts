/** ChatGPT accounts: signing in and out, their tokens, and what is left of their usage. */
import type { Feature, Logger, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { ProvidersConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { AddressPolicy } from '../providers/address.ts'
import type { ProviderConnection } from '../providers/connection.ts'
import { createAuthorizationServer } from './authorization-server.ts'
import { createAccountHttp } from './http.ts'
import { createCallbackListener } from './listener.ts'
import { createAccountRows, createFlowRows } from './rows.ts'
import { createTokens } from './tokens.ts'
import { createUsageReader, type AccountUsage } from './usage.ts'
import { createAccountUseCases } from './use-cases.ts'

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  log: Logger
  policy: AddressPolicy
  config: ProvidersConfig
}

export const createAccounts = ({ mesh, db, log, policy, config }: Parts) => {
  const rowsOf = createAccountRows(db, mesh.secrets)
  const server = createAuthorizationServer(config, policy.allow)
  const tokens = createTokens({ rowsOf, server, log })
  const readUsage = createUsageReader({ rowsOf, tokens, allow: policy.allow })
  const listens = config.chatgptListener === 'auto' ? mesh.embedded : config.chatgptListener === 'on'
  const listener = listens ? createCallbackListener(config.chatgptRedirectUri, log) : undefined
  const accounts = createAccountUseCases({
    ...{ rowsOf, server, tokens, readUsage, policy, listener, log },
    flowsOf: createFlowRows(db, mesh.secrets),
  })
  return {
    http: createAccountHttp(accounts),
    parts: [{ name: 'sign-ins of accounts', stop: async () => listener?.close() }],
    tokens,
    /** What is left of the account behind a connection. */
    usageOf: async ({ id, account }: ProviderConnection): Promise<AccountUsage> => {
      const stored = account === undefined ? undefined : await rowsOf(account.tenantId).find(id ?? '')
      return stored === undefined ? { success: false, errorCode: 'reauth_required' } : readUsage(stored)
    },
  } satisfies Feature & Record<string, unknown>
}
