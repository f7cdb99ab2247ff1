/** Identity: tenants, their members, API keys, OIDC issuers and system configs; tells the edge who is calling. */
import { http, ws } from '@clawmesh/contracts'
import { IdempotencyServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { implementHttp, implementRpc, implementWs, createOutboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import type { IdentityConfig } from './config.ts'
import { createApiKeyUseCases } from './domain/api-keys.ts'
import { createKeyFetcher } from './domain/fetch-keys.ts'
import { createKeyPruningPart } from './domain/idempotency.ts'
import { createIssuerKeys } from './domain/issuer-keys.ts'
import { createMemberUseCases } from './domain/members.ts'
import { createOidcIssuerUseCases } from './domain/oidc-issuers.ts'
import { createPairingUseCases } from './domain/pairings.ts'
import { createSystemConfigUseCases } from './domain/system-configs.ts'
import { createTenantUseCases } from './domain/tenants.ts'
import { createApiKeyHandlers } from './http/api-keys.ts'
import { createEditionHandlers } from './http/edition.ts'
import { createMemberHandlers } from './http/members.ts'
import { createOidcIssuerHandlers } from './http/oidc-issuers.ts'
import { createSystemConfigHandlers } from './http/system-configs.ts'
import { createTenantHandlers } from './http/tenants.ts'
import { createIdempotencyRpc } from './rpc/idempotency.ts'
import { createIdentityRpc } from './rpc/identity.ts'
import { createIdentityStore } from './store/store.ts'
import { createPairingMethods } from './ws/pairings.ts'

export const identityService = (mesh: Mesh, config: IdentityConfig): Service => {
  const database = mesh.database('identity')
  const outbox = createOutboxPart(database, mesh)
  const store = createIdentityStore({ database, bus: mesh.bus, secrets: mesh.secrets, published: outbox.wakeRelay })
  const apiKeys = createApiKeyUseCases(store)
  const tenants = createTenantUseCases(store)
  const members = createMemberUseCases(store)
  const pairings = createPairingUseCases(store)
  const configs = createSystemConfigUseCases(store)
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
  const keys = createIssuerKeys(store, createKeyFetcher(rules), times, mesh.log.child({ service: 'identity' }))
  const oidcIssuers = createOidcIssuerUseCases({ store, keys, rules })

  return {
    name: 'identity',
    http: implementHttp(
      http.identity,
      {
        ...createApiKeyHandlers(apiKeys),
        ...createTenantHandlers(tenants),
        ...createMemberHandlers(members),
        ...createOidcIssuerHandlers(oidcIssuers),
        ...createSystemConfigHandlers(configs),
        ...createEditionHandlers(config),
      },
      mesh.httpParts('identity'),
    ),
    ws: implementWs(ws.identity, createPairingMethods(pairings), mesh.config),
    rpc: [
      implementRpc(
        IdentityServiceService,
        createIdentityRpc({ apiKeys, tenants, members, pairings, oidcIssuers, configs }),
      ),
      implementRpc(IdempotencyServiceService, createIdempotencyRpc(store.idempotencyKeys)),
    ],
    parts: [
      { name: 'identity database', ready: database.ping },
      outbox,
      { name: 'keys of OIDC issuers', stop: keys.stop },
      createKeyPruningPart(store.pruneIdempotencyKeys, mesh.log.child({ service: 'identity' })),
    ],
  }
}
