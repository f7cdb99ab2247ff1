/** With the leases that Clawmesh has by default. */
import { chatFaultTests } from './scenarios/chat-ws-suite.ts'

chatFaultTests({ rounds: 3, env: {}, toldWithinMs: 20_000 })
