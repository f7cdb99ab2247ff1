/** Rotating the key of secrets at rest: services read and write while `clawmesh secrets rotate` runs beside them. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  loadConfigs,
  newId,
  rotateSecrets,
  createSecretBox,
  type Database,
  type SecretBox,
  type SecretColumn,
  type SecretPlace,
} from '@clawmesh/chassis'
import { channelsService } from '@clawmesh/channels'
import { secretColumns as channelSecrets } from '@clawmesh/channels/secrets'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { IdempotencyServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import { identityConfig, identityService } from '@clawmesh/identity'
import { secretColumns as identitySecrets } from '@clawmesh/identity/secrets'
import { providersConfig, providersService } from '@clawmesh/providers'
import { secretColumns as providerSecrets } from '@clawmesh/providers/secrets'
import { fakeOpenAiAuth, type FakeOpenAiAuth } from '../fakes/openai-auth.ts'
import { startAll, type AllInOne } from '../support/mesh-all.ts'
import { runClawmesh } from '../support/mesh-process.ts'
import { migrateServices } from '../support/migrated-database.ts'
import { startServices, testCaller, type ServiceHarness } from '../support/service-harness.ts'

const hexKey = (byte: number): string => Buffer.alloc(32, byte).toString('hex')
const boxOf = (...bytes: [number, ...number[]]): SecretBox => {
  const [current, ...others] = bytes.map((byte) => Buffer.alloc(32, byte))
  return createSecretBox(current!, others)
}
const oldKey = 1
const newKey = 2
const lostKey = 3
const providerKeys = providerSecrets[0]!
const instanceCredentials = channelSecrets[0]!

let services: ServiceHarness
let auth: FakeOpenAiAuth
let dataDir: string
let databaseUrl: string

beforeAll(async () => {
  auth = await fakeOpenAiAuth()
  const configs = loadConfigs(
    { providers: providersConfig, identity: identityConfig },
    {
      CLAWMESH_CHATGPT_AUTHORIZE_URL: auth.authorizeUrl,
      CLAWMESH_CHATGPT_TOKEN_URL: auth.tokenUrl,
      CLAWMESH_CHATGPT_LISTENER: 'off',
    },
  )
  dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-rotation-'))
  services = await startServices({
    services: {
      identity: (mesh) => identityService(mesh, configs.identity),
      providers: (mesh) => providersService(mesh, configs.providers),
      channels: channelsService,
    },
    secrets: boxOf(newKey, oldKey),
  })
  databaseUrl = String(services.mesh.database('providers').pool.options.connectionString)
  // The command goes over all services that keep secrets.
  await migrateServices(databaseUrl, ['tools'])
})
afterAll(async () => {
  await services.stop()
  await auth.close()
  await rm(dataDir, { recursive: true, force: true })
})

const database = (service: 'providers' | 'channels'): Database => services.mesh.database(service)
const admin = (): Caller => testCaller({ role: 'admin' })
const command = (args: string[], keys: readonly number[] = [newKey, oldKey]) => {
  const [current, ...others] = keys.map(hexKey)
  return runClawmesh(['secrets', ...args], {
    DATABASE_URL: databaseUrl,
    CLAWMESH_DATA_DIR: dataDir,
    CLAWMESH_ENCRYPTION_KEY: current!,
    CLAWMESH_ENCRYPTION_OTHER_KEYS: others.join(','),
  })
}

/** Stores a provider as some earlier process did, and gives its id. */
const storeProvider = async (tenantId: string, name: string, sealed: (place: SecretPlace) => string) => {
  const id = newId()
  const apiKey = sealed({ column: providerKeys, tenantId, rowId: id })
  await database('providers').pool.query(
    `INSERT INTO providers.llm_providers (id, tenant_id, name, provider_type, api_key) VALUES ($1, $2, $3, 'openai_compat', $4)`,
    [id, tenantId, name, apiKey],
  )
  return id
}
const storeInstance = async (tenantId: string, name: string, credentials: object, box: SecretBox) => {
  const id = newId()
  const sealed = box.seal(JSON.stringify(credentials), { column: instanceCredentials, tenantId, rowId: id })
  await database('channels').pool.query(
    `INSERT INTO channels.channel_instances (id, tenant_id, name, channel_type, agent_id, credentials, credential_keys)
     VALUES ($1, $2, $3, 'slack', $4, $5, $6)`,
    [id, tenantId, name, newId(), sealed, Object.keys(credentials)],
  )
  return id
}
const storedValue = async (service: 'providers' | 'channels', { table, column }: SecretColumn, id: string) => {
  const { rows } = await database(service).pool.query<{ value: string }>(
    `SELECT ${column} AS value FROM ${service}.${table} WHERE id = $1`,
    [id],
  )
  return rows[0]!.value
}
const clean = async () => {
  await database('providers').pool.query('DELETE FROM providers.llm_providers')
  await database('channels').pool.query('DELETE FROM channels.channel_instances')
}
afterEach(clean)

test('while secrets are rotated no read fails and no write is lost', async () => {
  const caller = admin()
  const { tenantId } = caller
  const old = boxOf(oldKey)
  const expected = new Map<string, string>()
  for (let at = 0; at < 250; at++) {
    const id = await storeProvider(tenantId, `p${at}`, (place) => old.seal(`sk-${at}`, place))
    expected.set(id, `sk-${at}`)
  }
  const instances = new Map<string, Record<string, string>>()
  for (let at = 0; at < 60; at++) {
    const credentials = { token: `t${at}` }
    instances.set(await storeInstance(tenantId, `c${at}`, credentials, old), credentials)
  }

  let rotating = true
  let reads = 0
  let writes = 0
  const ids = [...expected.keys()]
  const read = async () => {
    for (; rotating; reads++) {
      const path = `/v1/providers/${ids[(reads * 41) % ids.length]}`
      // A provider whose key cannot be opened is shown as switched off and without a key.
      const { body } = await services.request(caller, 'GET', path)
      expect(body).toMatchObject({ enabled: true, api_key: '***' })
    }
  }
  const instanceIds = [...instances.keys()]
  const write = async () => {
    for (; rotating; writes++) {
      const id = ids[(writes * 37) % ids.length]!
      const apiKey = `sk-written-${writes}`
      const path = `/v1/providers/${id}`
      expect((await services.request(caller, 'PUT', path, { api_key: apiKey })).status).toBe(200)
      expected.set(id, apiKey)
      const instance = instanceIds[(writes * 17) % instanceIds.length]!
      const more = { [`w${writes}`]: 'x' }
      // Merged into what is stored, which therefore has to be read first.
      const answer = await services.request(caller, 'PUT', `/v1/channels/instances/${instance}`, { credentials: more })
      expect(answer.status).toBe(200)
      instances.set(instance, { ...instances.get(instance), ...more })
    }
  }
  const going = [read(), write()]
  const { code, stdout } = await command(['rotate']).finally(() => (rotating = false))
  await Promise.all(going)
  expect({ code, reads: reads > 5, writes: writes > 5 }).toEqual({ code: 0, reads: true, writes: true })
  expect(stdout).toMatch(/^providers\.llm_providers: \d+ sealed anew, 0 cannot be opened$/m)

  const current = boxOf(newKey)
  for (const [id, key] of expected) {
    const sealed = await storedValue('providers', providerKeys, id)
    expect(current.open(sealed, { column: providerKeys, tenantId, rowId: id })).toBe(key)
  }
  for (const [id, credentials] of instances) {
    const sealed = await storedValue('channels', instanceCredentials, id)
    const opened = current.open(sealed, { column: instanceCredentials, tenantId, rowId: id })
    expect(JSON.parse(opened)).toEqual(credentials)
  }
  const again = await command(['rotate'])
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('providers.llm_providers: 0 sealed anew') })
})

test('a value that a user writes between being read and being replaced stays', async () => {
  const { tenantId } = admin()
  const id = await storeProvider(tenantId, 'raced', (place) => boxOf(oldKey).seal('sk-old', place))
  const place = { column: providerKeys, tenantId, rowId: id }
  const { system, schema } = database('providers')
  let written = 0
  const raced = {
    schema,
    system: {
      query: async (text: string, values: unknown[]) => {
        // A process that still seals with the old key, twice in a row.
        if (text.startsWith('UPDATE') && written < 2)
          await system.query('UPDATE providers.llm_providers SET api_key = $1 WHERE id = $2', [
            boxOf(oldKey).seal(`sk-user-${++written}`, place),
            id,
          ])
        return system.query(text, values)
      },
    },
  } as unknown as Database
  const box = boxOf(newKey, oldKey)
  expect(await rotateSecrets(raced, providerKeys, box, { dryRun: false })).toEqual({
    rotated: 1,
    contended: 0,
    unreadable: [],
  })
  expect(boxOf(newKey).open(await storedValue('providers', providerKeys, id), place)).toBe('sk-user-2')
})

test('a value under a key that nobody gave is named, kept and counted as a failure, and the others are rotated', async () => {
  const { tenantId } = admin()
  const lost = await storeProvider(tenantId, 'lost', (place) => boxOf(lostKey).seal('sk-lost', place))
  const damaged = await storeProvider(tenantId, 'damaged', () => 'no sealed value')
  const good = await storeProvider(tenantId, 'good', (place) => boxOf(oldKey).seal('sk-good', place))
  const before = await storedValue('providers', providerKeys, lost)

  const { code, stdout } = await command(['rotate'])
  expect(code).toBe(1)
  const lostId = boxOf(lostKey).keyId
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining([
      'providers.llm_providers: 1 sealed anew, 2 cannot be opened',
      `  mesh2:${lostId}: row ${lost} of tenant ${tenantId}`,
      `  unknown: row ${damaged} of tenant ${tenantId}`,
    ]),
  )
  expect(await storedValue('providers', providerKeys, lost)).toBe(before)
  expect(await storedValue('providers', providerKeys, damaged)).toBe('no sealed value')
  const place = { column: providerKeys, tenantId, rowId: good }
  expect(boxOf(newKey).open(await storedValue('providers', providerKeys, good), place)).toBe('sk-good')

  const reported = await command(['status'])
  expect(reported.code).toBe(1)
  expect(reported.stdout).toContain(`providers.llm_providers  mesh2:${lostId}  1  KEY IS MISSING`)

  await database('providers').pool.query('DELETE FROM providers.llm_providers WHERE id = $1', [damaged])
  expect((await command(['rotate'], [newKey, oldKey, lostKey])).code).toBe(0)
  const found = { column: providerKeys, tenantId, rowId: lost }
  expect(boxOf(newKey).open(await storedValue('providers', providerKeys, lost), found)).toBe('sk-lost')
})

test('values of every earlier format come under the current key, empty ones stay, and a dry run only counts', async () => {
  const { tenantId } = admin()
  const goclaw = Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('hex')
  const theirs = 'aes-gcm:AAECAwQFBgcICQoLNGn7b6CWtqhxSQ1hm7NKAZ2nqYf3I0w='
  const imported = await storeProvider(tenantId, 'imported', () => theirs)
  const none = await storeProvider(tenantId, 'none', () => '')
  const env = {
    DATABASE_URL: databaseUrl,
    CLAWMESH_DATA_DIR: dataDir,
    CLAWMESH_ENCRYPTION_KEY: hexKey(newKey),
    CLAWMESH_ENCRYPTION_OTHER_KEYS: goclaw,
  }
  const dry = await runClawmesh(['secrets', 'rotate', '--dry-run'], env)
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('1 to be sealed anew, 0 cannot') })
  expect(await storedValue('providers', providerKeys, imported)).toBe(theirs)
  const keyId = createSecretBox(Buffer.from(goclaw, 'hex')).keyId
  expect((await runClawmesh(['secrets', 'status'], env)).stdout).toContain(`key ${keyId}: needed until`)

  expect((await runClawmesh(['secrets', 'rotate'], env)).code).toBe(0)
  const place = { column: providerKeys, tenantId, rowId: imported }
  expect(boxOf(newKey).open(await storedValue('providers', providerKeys, imported), place)).toBe('sk-test')
  expect(await storedValue('providers', providerKeys, none)).toBe('')
  const { code, stdout } = await runClawmesh(['secrets', 'status'], env)
  expect(code).toBe(0)
  expect(stdout).toContain(`key ${keyId}: opens no stored secret, may go`)
  expect(stdout).toContain(`mesh2:${boxOf(newKey).keyId}  1  current`)
})

test('every column that holds sealed values is declared', async () => {
  const caller = admin()
  const input = { name: 'declared', provider_type: 'openai_compat', api_key: 'sk-declared' }
  expect((await services.request(caller, 'POST', '/v1/providers', input)).status).toBe(201)
  await storeInstance(caller.tenantId, 'declared', { token: 'x' }, boxOf(newKey))
  const hook = { url: 'https://example.org/hook', events: ['*'], enabled: false }
  const { body: webhook } = await services.request<{ id: string }>(caller, 'POST', '/v1/webhooks', hook)
  const rotated = await services.request(caller, 'POST', `/v1/webhooks/${webhook.id}/rotate-secret`, {})
  expect(rotated.status).toBe(200)
  const begin = (name: string) =>
    services.request<{ auth_url: string }>(caller, 'POST', `/v1/auth/chatgpt/${name}/start`)
  const back = { redirect_url: auth.signIn((await begin('signed-in')).body.auth_url, { accountId: 'acc-1' }) }
  expect((await services.request(caller, 'POST', '/v1/auth/chatgpt/signed-in/callback', back)).status).toBe(200)
  expect((await begin('signing-in')).status).toBe(200)
  const identity = services.rpc(IdempotencyServiceService)
  const call = services.call(testCaller({ tenantId: masterTenantId }))
  const claimId = newId()
  await identity.claimKey(call, { scopeHash: '0'.repeat(64), claimId, leaseMs: 60_000 })
  const answer = { bodyHash: '', status: 201, headers: {}, body: Buffer.from('secret'), whole: true }
  await identity.completeClaim(call, { claimId, answer })
  const { pool } = database('providers')
  const { rows } = await pool.query<{ table_schema: string; table_name: string; column_name: string }>(
    `SELECT table_schema, table_name, column_name FROM information_schema.columns
     WHERE table_schema IN ('identity', 'providers', 'channels') AND data_type IN ('text', 'character varying', 'jsonb', 'bytea')`,
  )
  const holding: string[] = []
  for (const { table_schema, table_name, column_name } of rows) {
    const found = await pool.query(
      `SELECT 1 FROM ${table_schema}.${table_name} WHERE "${column_name}"::text LIKE '%mesh2:%' LIMIT 1`,
    )
    if (found.rowCount === 1) holding.push(`${table_schema}.${table_name}.${column_name}`)
  }
  const declared = [
    ...identitySecrets.map(({ table, column }) => `identity.${table}.${column}`),
    ...providerSecrets.map(({ table, column }) => `providers.${table}.${column}`),
    ...channelSecrets.map(({ table, column }) => `channels.${table}.${column}`),
  ]
  expect(holding.toSorted()).toEqual(declared.toSorted())
})

test('of two who create a provider of one name at once, neither leaves a key that cannot be opened', async () => {
  const caller = admin()
  const input = (key: string) => ({ name: 'twice', provider_type: 'openai_compat', api_key: key })
  for (let round = 0; round < 10; round++) {
    const keys = ['sk-a', 'sk-b', 'sk-c']
    await Promise.all(keys.map((key) => services.request(caller, 'POST', '/v1/providers', input(key))))
    const { rows } = await database('providers').pool.query<{ id: string; api_key: string }>(
      'SELECT id, api_key FROM providers.llm_providers WHERE tenant_id = $1',
      [caller.tenantId],
    )
    expect(rows).toHaveLength(1)
    const place = { column: providerKeys, tenantId: caller.tenantId, rowId: rows[0]!.id }
    expect(keys).toContain(boxOf(newKey).open(rows[0]!.api_key, place))
    await clean()
  }
})

test('the embedded mode makes a new key, rotates, and starts without the old one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clawmesh-rotation-all-'))
  const env = { CLAWMESH_DATA_DIR: folder }
  const file = join(folder, 'encryption.key')
  let running: AllInOne | undefined
  try {
    const first = (running = await startAll({ dataDir: folder }))
    await first
      .api()
      .need('POST', '/v1/providers', { name: 'kept', provider_type: 'openai_compat', api_key: 'sk-kept' })
    await first.stop()
    const old = (await readFile(file, 'utf8')).trim()

    expect(await runClawmesh(['secrets', 'new-key'], env)).toMatchObject({ code: 0 })
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    expect(lines).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), old])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await runClawmesh(['secrets', 'rotate'], env)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('providers.llm_providers: 1 sealed anew, 0 cannot be opened'),
    })

    await writeFile(file, lines[0]!)
    const second = (running = await startAll({ dataDir: folder }))
    const answer = await second.api().need('GET', '/v1/providers')
    expect(answer['providers']).toEqual([expect.objectContaining({ name: 'kept', enabled: true, api_key: '***' })])
  } finally {
    await running?.stop()
    await rm(folder, { recursive: true, force: true })
  }
})

test.each([
  ['a configured key', { CLAWMESH_ENCRYPTION_KEY: hexKey(1) }, /CLAWMESH_ENCRYPTION_KEY is set/],
  ['an unusable key', { CLAWMESH_ENCRYPTION_OTHER_KEYS: 'guessable' }, /an encryption key is 64 hex digits/],
])('new-key with %s is refused without a stack trace', async (_what, env, text) => {
  const { code, stderr } = await runClawmesh(['secrets', 'new-key'], { CLAWMESH_DATA_DIR: dataDir, ...env })
  expect(code).toBe(1)
  expect(stderr).toMatch(text)
  expect(stderr).not.toMatch(/\n\s+at /)
})

test('secrets of a database that was never migrated are told of without a stack trace', async () => {
  const url = databaseUrl.replace(/\/[^/]+$/, '/postgres')
  const env = { DATABASE_URL: url, CLAWMESH_DATA_DIR: dataDir, CLAWMESH_ENCRYPTION_KEY: hexKey(1) }
  const { code, stderr } = await runClawmesh(['secrets', 'status'], env)
  expect({ code, says: stderr.includes('run clawmesh migrate'), trace: /\n\s+at /.test(stderr) }).toEqual({
    code: 1,
    says: true,
    trace: false,
  })
})
