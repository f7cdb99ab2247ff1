/** With the leases that Clawmesh has by default. */
import { lostRunTests } from './scenarios/lost-runs-suite.ts'

lostRunTests({
  rounds: 3,
  env: {},
  failedWithinMs: 30_000,
  moments: ['while the model is silent', 'after a tool call', 'in the middle of a stream'],
})
