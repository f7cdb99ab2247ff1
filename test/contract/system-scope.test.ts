/** Work over all tenants is said by name: who may do it is listed here (docs/adr/0008). */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const services = fileURLToPath(new URL('../../services', import.meta.url))

const openers = [
  // due jobs and heartbeats of every tenant are claimed by whichever replica has a place
  'agents/src/cron/claim-rows.ts',
  // begins and ends runs of many tenants in one statement, renews leases, finds lost runs
  'agents/src/runs/rows.ts',
  // summonings of every tenant that a process left behind are taken up when one starts
  'agents/src/summoning/rows.ts',
  // instances of every tenant are run by whichever replica leases them
  'channels/src/runner/rows.ts',
  // finds the webhooks that want events of a batch, and deliveries of every tenant that nobody carries
  'channels/src/webhooks/system-rows.ts',
  // keys by hash, system keys, keys for other tenants
  'identity/src/api-keys/rows.ts',
  // deletes expired idempotency keys
  'identity/src/idempotency/rows.ts',
  // one row for the installation
  'identity/src/installation-config/rows.ts',
  // an audience is one tenant's in the whole installation
  'identity/src/oidc-issuers/rows.ts',
  // tenants are known to the system only
  'identity/src/tenants/rows.ts',
  // gives terms to what an older release wrote
  'memory/src/chunks/terms.ts',
  // forgets old vectors
  'memory/src/embeddings/rows.ts',
  // finds tenants with something to embed
  'memory/src/embeddings/waiting-rows.ts',
  // counts what agents of all tenants hold
  'memory/src/held/rows.ts',
  // asks for the server's version
  'memory/src/search/index-rows.ts',
  // machines are no tenant's
  'packages/src/runtimes/rows.ts',
  // the catalogue of built-in tools is everybody's
  'tools/src/builtin-tools/rows.ts',
  // denies commands of every tenant that their process no longer waits for
  'tools/src/exec/approvals/rows.ts',
  // ends what MCP servers ask users of every tenant, where their process no longer waits
  'tools/src/mcp/elicitation/rows.ts',
  // batches of events of all tenants
  'traces/src/activity/rows.ts',
  'traces/src/partitions/rows.ts',
  'traces/src/span-store/postgres/append-rows.ts',
  // finds reservations of every tenant whose process died
  'traces/src/usage-caps/ledger-rows.ts',
]

test('the system scope is used by those that work over all tenants, and nobody else', () => {
  const found = globSync('*/src/**/*.ts', { cwd: services, exclude: ['*/src/db/client/**'] }).filter((file) =>
    /\bsystemClientOptions\b|\bsystem\b[^'"`\n]*\}: Database|\b(?:database|db)\.system\b/.test(
      readFileSync(`${services}/${file}`, 'utf8'),
    ),
  )
  expect(found.sort()).toEqual(openers)
})
