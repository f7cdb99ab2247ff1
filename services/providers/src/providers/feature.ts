/** Stored providers, and which of them serves a call. */
import {
  storedSystemConfigsOf,
  systemConfigsOf,
  type Feature,
  type Logger,
  type Mesh,
  type ServiceDb,
} from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { AddressPolicy } from './address.ts'
import { createProviderHttp } from './http.ts'
import { createProviderRows } from './rows.ts'
import { createProviderSelection } from './selection.ts'
import type { Provider } from './types.ts'
import { createProviderUseCases } from './use-cases.ts'

const cachedTenants = 10_000

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  log: Logger
  policy: AddressPolicy
}

export const createProviders = ({ mesh, db, log, policy }: Parts) => {
  const rowsOf = createProviderRows(db, { secrets: mesh.secrets, log })
  const providers = createProviderUseCases(rowsOf, policy)
  const selection = createProviderSelection({
    rowsOf,
    systemConfigs: systemConfigsOf(mesh),
    storedConfigs: storedSystemConfigsOf(mesh),
    cache: mesh.cache<Provider[]>('providers', cachedTenants),
    embedded: mesh.embedded,
  })
  return { http: createProviderHttp(providers), providers, selection } satisfies Feature & Record<string, unknown>
}
