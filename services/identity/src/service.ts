/** Identity: tenants, their members, API keys and system configs; tells the edge who is calling. */
import { http, ws } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { implementHttp, implementRpc, implementWs, outboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import { apiKeyUseCases } from './domain/api-keys.ts'
import { memberUseCases } from './domain/members.ts'
import { pairingUseCases } from './domain/pairings.ts'
import { systemConfigUseCases } from './domain/system-configs.ts'
import { tenantUseCases } from './domain/tenants.ts'
import { apiKeyHandlers } from './http/api-keys.ts'
import { editionHandlers } from './http/edition.ts'
import { memberHandlers } from './http/members.ts'
import { systemConfigHandlers } from './http/system-configs.ts'
import { tenantHandlers } from './http/tenants.ts'
import { identityRpc } from './rpc/identity.ts'
import { identityStore } from './store/store.ts'
import { pairingMethods } from './ws/pairings.ts'

export const identityService = (mesh: Mesh): Service => {
  const database = mesh.database('identity')
  const outbox = outboxPart(database, mesh)
  const store = identityStore({ database, bus: mesh.bus, published: outbox.poke })
  const apiKeys = apiKeyUseCases(store)
  const tenants = tenantUseCases(store)
  const members = memberUseCases(store)
  const pairings = pairingUseCases(store)
  const configs = systemConfigUseCases(store)

  return {
    name: 'identity',
    http: implementHttp(
      http.identity,
      {
        ...apiKeyHandlers(apiKeys),
        ...tenantHandlers(tenants),
        ...memberHandlers(members),
        ...systemConfigHandlers(configs),
        ...editionHandlers(),
      },
      mesh.httpParts('identity'),
    ),
    rpc: [implementRpc(IdentityServiceService, identityRpc({ apiKeys, tenants, members, pairings, configs }))],
    ws: implementWs(ws.identity, pairingMethods(pairings), mesh.config),
    parts: [{ name: 'identity database', ready: database.ping }, outbox],
  }
}
