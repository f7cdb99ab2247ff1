/** OIDC issuers: identity providers whose tokens open a tenant. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { IdentityConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createKeyFetcher } from './fetch-keys.ts'
import { createOidcIssuerHttp } from './http.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { createIssuerKeyRows, createOidcIssuerRows, findIssuerByAudience } from './rows.ts'
import { createOidcIssuerRpc } from './rpc.ts'
import { createOidcIssuerUseCases, type OidcIssuerParts } from './use-cases.ts'

export const createOidcIssuers = (
  mesh: Pick<Mesh, 'config' | 'log'>,
  config: IdentityConfig,
  db: ServiceDb<PrismaClient>,
  lookups: Pick<OidcIssuerParts, 'findTenant' | 'roleOf'>,
) => {
  const rules = {
    allow: mesh.config.fetchAllow.split(',').filter(Boolean),
    allowHttp: config.oidcAllowHttp,
    timeoutMs: config.oidcFetchTimeoutMs,
  }
  const times = {
    maxAgeMs: config.oidcKeysMaxAgeMs,
    pauseMs: config.oidcFetchPauseMs,
    // The fetch and the writing of what it gave.
    claimMs: config.oidcFetchTimeoutMs + 5_000,
  }
  const log = mesh.log.child({ service: 'identity' })
  const keys = createIssuerKeys(createIssuerKeyRows(db), createKeyFetcher(rules), times, log)
  const issuers = createOidcIssuerUseCases({
    ...lookups,
    rowsOf: createOidcIssuerRows(db),
    findByAudience: findIssuerByAudience(db),
    keys,
    rules,
  })
  return {
    http: createOidcIssuerHttp(issuers),
    rpc: createOidcIssuerRpc(issuers),
    parts: [{ name: 'keys of OIDC issuers', stop: keys.stop }],
  } satisfies Feature & Record<string, unknown>
}
