/** Identity as the harness of services builds it: with its configuration, defaults unless an environment says more. */
import { loadConfigs, type Mesh, type Service } from '@clawmesh/chassis'
import { identityConfig, identityService } from '../../services/identity/src/index.ts'

export const testIdentity =
  (env: Record<string, string> = {}) =>
  (mesh: Mesh): Service =>
    identityService(mesh, loadConfigs({ identity: identityConfig }, env).identity)
