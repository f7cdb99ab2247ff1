import { edgeFaultTests } from './scenarios/edge-faults.ts'

edgeFaultTests({
  redisMs: 30_000,
  natsMs: 60_000,
  postgresMs: 30_000,
  identityMs: 30_000,
  gatewayMs: 15_000,
  recoveryLimitMs: 5_000,
})
