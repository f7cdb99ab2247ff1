/** Identity: tenants, their members, API keys, OIDC issuers and system configs; tells the edge who is calling. */
import { http, ws } from '@clawmesh/contracts'
import { IdempotencyServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { implementHttp, implementRpc, implementWs, outboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import type { IdentityConfig } from './config.ts'
import { apiKeyUseCases } from './domain/api-keys.ts'
import { keyFetcher } from './domain/fetch-keys.ts'
import { keyPruning } from './domain/idempotency.ts'
import { issuerKeys } from './domain/issuer-keys.ts'
import { memberUseCases } from './domain/members.ts'
import { oidcIssuerUseCases } from './domain/oidc-issuers.ts'
import { pairingUseCases } from './domain/pairings.ts'
import { systemConfigUseCases } from './domain/system-configs.ts'
import { tenantUseCases } from './domain/tenants.ts'
import { apiKeyHandlers } from './http/api-keys.ts'
import { editionHandlers } from './http/edition.ts'
import { memberHandlers } from './http/members.ts'
import { oidcIssuerHandlers } from './http/oidc-issuers.ts'
import { systemConfigHandlers } from './http/system-configs.ts'
import { tenantHandlers } from './http/tenants.ts'
import { idempotencyRpc } from './rpc/idempotency.ts'
import { identityRpc } from './rpc/identity.ts'
import { identityStore } from './store/store.ts'
import { pairingMethods } from './ws/pairings.ts'

export const identityService = (mesh: Mesh, config: IdentityConfig): Service => {
  const database = mesh.database('identity')
  const outbox = outboxPart(database, mesh)
  const store = identityStore({ database, bus: mesh.bus, secrets: mesh.secrets, published: outbox.poke })
  const apiKeys = apiKeyUseCases(store)
  const tenants = tenantUseCases(store)
  const members = memberUseCases(store)
  const pairings = pairingUseCases(store)
  const configs = systemConfigUseCases(store)
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
  const keys = issuerKeys(store, keyFetcher(rules), times, mesh.log.child({ service: 'identity' }))
  const oidcIssuers = oidcIssuerUseCases({ store, keys, rules })

  return {
    name: 'identity',
    http: implementHttp(
      http.identity,
      {
        ...apiKeyHandlers(apiKeys),
        ...tenantHandlers(tenants),
        ...memberHandlers(members),
        ...oidcIssuerHandlers(oidcIssuers),
        ...systemConfigHandlers(configs),
        ...editionHandlers(config),
      },
      mesh.httpParts('identity'),
    ),
    ws: implementWs(ws.identity, pairingMethods(pairings), mesh.config),
    rpc: [
      implementRpc(IdentityServiceService, identityRpc({ apiKeys, tenants, members, pairings, oidcIssuers, configs })),
      implementRpc(IdempotencyServiceService, idempotencyRpc(store.idempotencyKeys)),
    ],
    parts: [
      { name: 'identity database', ready: database.ping },
      outbox,
      { name: 'keys of OIDC issuers', stop: keys.stop },
      keyPruning(store.pruneIdempotencyKeys, mesh.log.child({ service: 'identity' })),
    ],
  }
}
