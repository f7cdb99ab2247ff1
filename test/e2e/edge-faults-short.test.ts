/** The short form of test/faults/edge-faults.test.ts. */
import { edgeFaultTests } from '../faults/scenarios/edge-faults.ts'

edgeFaultTests({ redisMs: 3_000, natsMs: 4_000, postgresMs: 4_000, identityMs: 4_000, gatewayMs: 3_000 })
