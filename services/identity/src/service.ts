/** Identity: tenants, their members, API keys, OIDC issuers and system configs; tells the edge who is calling. */
import { ConfigServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/config.ts'
import { IdempotencyServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import { createApiKeys } from './api-keys/feature.ts'
import type { IdentityConfig } from './config.ts'
import { PrismaClient } from './db/client/client.ts'
import { createEdition } from './edition/feature.ts'
import { createIdempotency } from './idempotency/feature.ts'
import { createInstallationConfig } from './installation-config/feature.ts'
import { createMembers } from './members/feature.ts'
import { createOidcIssuers } from './oidc-issuers/feature.ts'
import { createPairings } from './pairings/feature.ts'
import { createSystemConfigs } from './system-configs/feature.ts'
import { createTenants } from './tenants/feature.ts'

export const identityService = (mesh: Mesh, config: IdentityConfig): Service => {
  const db = openServiceDb(mesh, 'identity', PrismaClient)
  const tenants = createTenants(db)
  const members = createMembers(db)
  const lookups = { findTenant: tenants.find, roleOf: members.roleOf }
  const apiKeys = createApiKeys(db, tenants.find)
  const oidcIssuers = createOidcIssuers(mesh, config, db, lookups)
  const pairings = createPairings(db)
  const systemConfigs = createSystemConfigs(db)
  const idempotency = createIdempotency(mesh, db)

  return composeService(mesh, {
    name: 'identity',
    features: [
      apiKeys,
      tenants,
      members,
      oidcIssuers,
      pairings,
      systemConfigs,
      createEdition(config.edition),
      idempotency,
    ],
    rpc: [
      implementRpc(IdentityServiceService, {
        ...apiKeys.rpc,
        ...tenants.rpc,
        ...members.rpc,
        ...oidcIssuers.rpc,
        ...pairings.rpc,
        ...systemConfigs.rpc,
      }),
      implementRpc(IdempotencyServiceService, idempotency.rpc),
      implementRpc(ConfigServiceService, createInstallationConfig(db).rpc),
    ],
    parts: db.parts,
  })
}
