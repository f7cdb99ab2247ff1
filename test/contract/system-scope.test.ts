/** Work over all tenants is said by name: who may do it is listed here (docs/adr/0008). */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const services = fileURLToPath(new URL('../../services', import.meta.url))

const openers = [
  // begins and ends runs of many tenants in one statement, renews leases, finds lost runs
  'agents/src/store/runs.ts',
  // sweeps expired idempotency keys
  'identity/src/store/idempotency-keys.ts',
  // tenants, keys by hash, system keys, keys for other tenants, OIDC issuers
  'identity/src/store/store.ts',
  // finds tenants with chunks to embed
  'memory/src/store/chunks.ts',
  // forgets old vectors
  'memory/src/store/vector-cache.ts',
  // asks for the server's version
  'memory/src/store/vector-index.ts',
  // machines are no tenant's
  'packages/src/store/store.ts',
  // the catalogue of built-in tools is everybody's
  'tools/src/store/store.ts',
  // batches of events of all tenants
  'traces/src/store/activity.ts',
  'traces/src/store/intake.ts',
  'traces/src/store/partitions.ts',
]

test('the system scope is used by those that work over all tenants, and nobody else', () => {
  const found = globSync('*/src/**/*.ts', { cwd: services, exclude: ['*/src/store/client/**'] }).filter((file) =>
    /\bsystemClientOptions\b|\bsystem\b[^'"`\n]*\}: Database|\bdatabase\.system\b/.test(
      readFileSync(`${services}/${file}`, 'utf8'),
    ),
  )
  expect(found.sort()).toEqual(openers)
})
