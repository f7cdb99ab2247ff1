/** A mesh without a database, for an edge whose services are elsewhere or stood in for. */
import { patientEnv } from '../../../test/support/limits.ts'
import {
  chassisConfig,
  createLogger,
  createMesh,
  createIdentityTokens,
  loadConfigs,
  createLocalBus,
  createSecretBox,
  type MeshHost,
} from '@clawmesh/chassis'

export const meshSecret = 'the mesh secret of the tests, long enough'

/** What stands in for services are mostly plain HTTP servers. */
const plainServices = { CLAWMESH_CHECK_RESPONSES: 'true', CLAWMESH_EDGE_TRANSPORT: 'http' }

export const bareMesh = (env: Record<string, string> = {}): MeshHost => {
  const log = createLogger({ level: process.env['CLAWMESH_TEST_LOG'] ?? 'silent', name: 'test' })
  return createMesh({
    config: loadConfigs({ chassis: chassisConfig }, { ...plainServices, ...patientEnv, ...env }).chassis,
    log,
    bus: createLocalBus(log),
    tokens: createIdentityTokens(meshSecret),
    secrets: createSecretBox(Buffer.alloc(32, 7)),
    embedded: true,
    dataDir: '',
    databaseUrl: () => '',
    isEmbeddedDatabase: () => false,
  })
}
