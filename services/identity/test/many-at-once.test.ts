/** More requests at once than the database has connections for, on a database that takes its time. */
import { masterTenantId } from '@clawmesh/contracts'
import { testIdentity } from '../../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'

const keys = 64
const connections = 2
/** A key takes its connection for longer than this: the last one waits for over three seconds. */
const insertTakesS = 0.1

let harness: ServiceHarness
const owner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })

beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    env: { CLAWMESH_DB_POOL_SIZE: String(connections) },
  })
  await harness.mesh.database('identity').pool.query(`
    CREATE FUNCTION identity.take_time() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(${insertTakesS}); RETURN NEW; END $$;
    CREATE TRIGGER take_time BEFORE INSERT ON identity.api_keys FOR EACH ROW EXECUTE FUNCTION identity.take_time()`)
})
afterAll(() => harness.stop())

it(`${keys} keys created at once are all created: they wait for a connection instead of being refused`, async () => {
  const answers = await Promise.all(
    Array.from({ length: keys }, (_, at) =>
      harness.request(owner, 'POST', '/v1/api-keys', { name: `key ${at}`, scopes: ['operator.read'] }),
    ),
  )
  const refused = answers.filter(({ status }) => status !== 201)
  expect(refused.map(({ status, body }) => ({ status, body }))).toEqual([])
  expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(keys)
})
