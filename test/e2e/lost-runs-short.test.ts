/** The short form of test/faults/lost-runs.test.ts: shorter leases, one kill each. */
import { lostRunTests } from '../faults/scenarios/lost-runs-suite.ts'

lostRunTests({
  rounds: 1,
  env: { CLAWMESH_RUN_LEASE_MS: '6000', CLAWMESH_RUN_HEARTBEAT_MS: '1500' },
  moments: ['after a tool call', 'in the middle of a stream'],
})
