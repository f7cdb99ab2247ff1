/** The short form of test/faults/sigterm-mesh.test.ts. */
import { sigtermMeshTests } from '../faults/scenarios/sigterm-suite.ts'

sigtermMeshTests({ rounds: 1, loadMs: 1_000 })
