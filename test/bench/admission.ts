/**
 * What it costs to know who asks: authentication, limit and authorisation of a request with everything in the caches,
 * as the edge's pipeline does them, on one core. Prints microseconds of CPU a request.
 */
import { createHash } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { authorise, createCache, createLogger, loadConfigs, createLocalBus, type Mesh } from '@clawmesh/chassis'
import { masterTenantId, routesOf, type CacheKind } from '@clawmesh/contracts'
import { createAdmitter } from '../../gateway/src/admission/admit.ts'
import { readCredentials } from '../../gateway/src/admission/credentials.ts'
import { createIdentityLookups } from '../../gateway/src/admission/lookups.ts'
import { gatewayConfig } from '../../gateway/src/config.ts'
import { createStartCounter, showStanding } from '../../gateway/src/limit/limit.ts'
import { createRateLimiter } from '../../gateway/src/limit/limiter.ts'
import { createRateLookup } from '../../gateway/src/limit/rate.ts'
import { benchKey } from './keys.ts'

const keys = 10_000
const rounds = 5

const log = createLogger({ level: 'silent', name: 'bench' })
const bus = createLocalBus(log)
const known = new Set(Array.from({ length: keys }, (_, n) => createHash('sha256').update(benchKey(n)).digest('hex')))
const tenant = { found: true, id: masterTenantId, slug: 'master', name: 'Master', status: 'active' }
const identity = {
  resolveApiKey: async (_call: unknown, { keyHash }: { keyHash: string }) => ({
    found: known.has(keyHash),
    tenantId: masterTenantId,
    scopes: ['operator.write'],
    ownerId: '',
    expiresAtMs: 0,
    rateLimitRpm: 0,
    maxConcurrentRuns: 0,
  }),
  resolveTenant: async () => tenant,
  listSystemConfigs: async () => ({ values: {} }),
}
const mesh = {
  client: () => identity,
  cache: (kinds: CacheKind | [CacheKind], max: number) =>
    createCache({ kinds: typeof kinds === 'string' ? [kinds] : kinds, max, ttlMs: 600_000, bus }),
} as unknown as Pick<Mesh, 'client' | 'cache'>

const { gateway: config } = loadConfigs(
  { gateway: gatewayConfig },
  { GOCLAW_GATEWAY_TOKEN: 'a token', CLAWMESH_RATE_LIMIT_RPM: '60000000', CLAWMESH_RATE_LIMIT_BURST: '1000000' },
)
const lookups = createIdentityLookups(mesh)
const admit = createAdmitter(config, lookups)
const count = createStartCounter(
  createRateLimiter(config.replicas, '', log).take,
  createRateLookup(config, lookups, log),
  config,
)
const route = routesOf('agents').find(({ definition }) => definition.startsRun === true)!

const request = new IncomingMessage(new Socket())
const headers = Array.from({ length: keys }, (_, n) => ({
  authorization: `Bearer ${benchKey(n)}`,
  'x-goclaw-user-id': `user-${n}`,
  'accept-language': 'en-US,en;q=0.9',
}))

const round = async (): Promise<number> => {
  const before = process.cpuUsage()
  for (const one of headers) {
    const admission = await admit(readCredentials(one))
    authorise(admission.caller, route)
    showStanding(new ServerResponse(request), (await count('run', admission, '127.0.0.1'))!)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / keys
}

await round()
await round()
const times: number[] = []
for (let i = 0; i < rounds; i++) times.push(await round())
console.log(times.sort((a, b) => a - b)[Math.floor(rounds / 2)]!.toFixed(1))
