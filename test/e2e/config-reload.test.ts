/** A running mesh whose configuration file changes under it. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAll, type AllInOne } from '../support/mesh-all.ts'
import { eventually } from '../support/eventually.ts'
import { runClawmesh } from '../support/mesh-process.ts'

const token = 'the token of the environment'
const origin = 'https://console.example'
const secret = 'the secret of a file'

let dir: string
let path: string
let mesh: AllInOne
let users = 0

const configOf = (burst: number, more = ''): string =>
  `// of the operator\n{ gateway: { rate_limit_rpm: 60, rate_limit_burst: ${burst}, ${more} }, chassis: { log_level: 'info' } }`

/** Starts a run that is refused for its body, after the limit has counted it. */
const startRun = async (user = `user-${users++}`) => {
  const answer = await fetch(`${mesh.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'x-goclaw-user-id': user, origin },
    body: '{}',
  })
  await answer.body?.cancel()
  return answer
}
const burst = async () => Number((await startRun()).headers.get('ratelimit-limit'))
const burstBecomes = (expected: number) =>
  eventually(`a burst of ${expected}`, async () => (await burst()) === expected)
const logged = (text: string) => eventually(text, async () => mesh.output().includes(text))
const countOf = (text: string) => mesh.output().split(text).length - 1
const logs = JSON.stringify

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'clawmesh-config-'))
  path = join(dir, 'config.json')
  await writeFile(path, configOf(3))
  mesh = await startAll({ env: { GOCLAW_CONFIG: path, GOCLAW_GATEWAY_TOKEN: token, CLAWMESH_OWNER_IDS: 'env-owner' } })
})
afterAll(async () => {
  await mesh?.stop()
  await rm(dir, { recursive: true, force: true })
})

test('it starts with what the file says', async () => {
  // At once, so that no token comes back meanwhile.
  const answers = await Promise.all(Array.from({ length: 4 }, () => startRun('a')))
  expect(answers.map(({ status }) => status).sort()).toEqual([400, 400, 400, 429])
  const [first] = answers
  expect(first!.headers.get('ratelimit-limit')).toBe('3')
  expect(first!.headers.get('access-control-allow-origin')).toBeNull()
})

test('a file that is written over is followed, and no request fails meanwhile', async () => {
  let open = true
  const statuses: number[] = []
  const reader = (async () => {
    while (open) statuses.push((await fetch(`${mesh.url}/health`)).status)
  })()
  await writeFile(path, configOf(4, `allowed_origins: ['${origin}']`))
  await burstBecomes(4)
  open = false
  await reader
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect((await startRun()).headers.get('access-control-allow-origin')).toBe(origin)
  await logged('gateway.allowed_origins')
})

test('a file that an editor puts in its place is followed', async () => {
  await writeFile(`${path}.new`, configOf(5))
  await rename(`${path}.new`, path)
  await burstBecomes(5)
  expect((await startRun()).headers.get('access-control-allow-origin')).toBeNull()
})

test('a wrong file is refused as a whole with its faults, and the values go on', async () => {
  await writeFile(path, configOf(6, `port: 'x', token: ['${secret}']`))
  await logged('the configuration is refused')
  for (const key of ['gateway.port', 'gateway.token']) expect(mesh.output()).toContain(`${path}: ${key}`)
  expect(await burst()).toBe(5)

  await writeFile(path, '{ gateway: {')
  await logged('not valid JSON5 at line 1')
  expect(await burst()).toBe(5)
  expect(mesh.output()).not.toContain(secret)
})

test('a change of what is not live is told to need a restart; what is live beside it changes', async () => {
  await writeFile(
    path,
    configOf(
      7,
      `unknown_tenant_fallback: true, port: 1, token: '${secret}', owner_ids: ['file-owner'], rate_limit_brust: 1`,
    ),
  )
  await burstBecomes(7)
  await logged(logs({ settings: ['gateway.unknown_tenant_fallback'] }).slice(1, -1))
  await logged('gateway.rate_limit_brust')
  expect(mesh.output()).not.toContain(secret)
})

test('a slip of the pen is told once, though it changes nothing', async () => {
  const slip = 'gateway.rate_limit_pmr'
  await writeFile(path, configOf(7, `rate_limit_pmr: 1`))
  await logged(slip)
  await writeFile(path, configOf(6, `rate_limit_pmr: 2`))
  await burstBecomes(6)
  expect(countOf(slip)).toBe(1)
})

test('the level of the log is live', async () => {
  const before = countOf('configuration was read again')
  await writeFile(path, configOf(8).replace('info', 'error'))
  await burstBecomes(8)
  expect(countOf('configuration was read again')).toBe(before)
  await writeFile(path, configOf(8))
  await eventually('a word about it', async () => countOf('configuration was read again') === before + 1)
})

test('a file that is gone changes nothing until it is there again', async () => {
  await rm(path)
  await logged('the configuration file is gone')
  expect(await burst()).toBe(8)
  await writeFile(path, configOf(9))
  await burstBecomes(9)
})

test('a link that is swapped above it, as Kubernetes does with a ConfigMap, is followed', async () => {
  const put = async (version: string, content: string) => {
    await mkdir(join(dir, version))
    await writeFile(join(dir, version, 'config.json'), content)
    await symlink(version, join(dir, '..data_tmp'))
    await rename(join(dir, '..data_tmp'), join(dir, '..data'))
  }
  await put('..1', configOf(10))
  await symlink('..data/config.json', `${path}.link`)
  await rename(`${path}.link`, path)
  await burstBecomes(10)
  await put('..2', configOf(11))
  await burstBecomes(11)
})

test('SIGHUP reads it again, and says so though nothing has changed', async () => {
  // The looks at the file that its last change has caused are over.
  await sleep(1_000)
  const before = countOf('configuration was read again')
  process.kill(mesh.pid, 'SIGHUP')
  await eventually('a word about it', async () => countOf('configuration was read again') > before)
  expect(await burst()).toBe(11)
})

test('a rate that a tenant has set for itself goes before the file, at once and for that tenant alone', async () => {
  const api = mesh.api('env-owner')
  const { id } = await api.need<{ id: string }>('POST', '/v1/tenants', { name: 'Slow', slug: 'slow' })
  const runIn = async (tenant: string, user: string) => {
    const headers = { ...api.headers, 'x-goclaw-user-id': 'env-owner', 'x-goclaw-tenant-id': tenant }
    const answer = await fetch(`${mesh.url}/v1/chat/completions`, { method: 'POST', headers, body: user })
    await answer.body?.cancel()
    return answer.headers
  }
  const set = async (value: string) =>
    fetch(`${mesh.url}/v1/system-configs/gateway.rate_limit_rpm`, {
      method: value === '' ? 'DELETE' : 'PUT',
      headers: { ...api.headers, 'x-goclaw-tenant-id': id, 'content-type': 'application/json' },
      ...(value === '' ? {} : { body: JSON.stringify({ value }) }),
    })
  expect(Number((await runIn(id, '{}')).get('ratelimit-reset'))).toBe(1)
  expect((await set('1')).status).toBe(200)
  // One token is owed, and what was refused costs nothing: a minute for each that is owed.
  await eventually('a minute', async () => Number((await runIn(id, '{}')).get('ratelimit-reset')) >= 60)
  expect(Number((await runIn('master', '{}')).get('ratelimit-reset'))).toBe(1)
  await set('0')
  await eventually('no limit', async () => (await runIn(id, '{}')).get('ratelimit-limit') === null)
  await set('nonsense')
  await eventually("the installation's limit", async () => (await runIn(id, '{}')).get('ratelimit-limit') === '11')
})

test('config print tells each value with its source, secrets masked', async () => {
  await rm(path)
  await writeFile(path, configOf(3, `token: '${secret}', rate_limit_brust: 3, quota: {}`))
  const env = { GOCLAW_CONFIG: path, GOCLAW_RATE_LIMIT_RPM: '7', REDIS_URL: 'redis://:pass@r:1', GOCLAW_TSNET_DIR: '1' }
  const { stdout, code } = await runClawmesh(['config', 'print', '--target', 'gateway'], env)
  expect(code).toBe(0)
  for (const line of [
    'GOCLAW_RATE_LIMIT_RPM=7  (env GOCLAW_RATE_LIMIT_RPM)',
    `CLAWMESH_RATE_LIMIT_BURST=3  (file ${path}: gateway.rate_limit_burst)`,
    `GOCLAW_GATEWAY_TOKEN="***"  (file ${path}: gateway.token)`,
    'REDIS_URL="redis://***@r:1"  (env REDIS_URL)',
    'CLAWMESH_HTTP_PORT=8080  (default)',
  ])
    expect(stdout.split('\n')).toContain(line)
  expect(stdout).not.toMatch(/CLAWMESH_RUN_LEASE_MS|the secret of a file|pass@/)

  const all = JSON.parse((await runClawmesh(['config', 'print', '--target', 'all', '--json'], env)).stdout) as object[]
  expect(all).toContainEqual({
    module: 'gateway',
    variable: 'CLAWMESH_RATE_LIMIT_BURST',
    fileKey: 'gateway.rate_limit_burst',
    value: 3,
    source: { layer: 'file', path, name: 'gateway.rate_limit_burst' },
    live: true,
    faults: [],
  })
  expect(all).toContainEqual(expect.objectContaining({ variable: 'CLAWMESH_HTTP_PORT', value: 0 }))

  const verified = await runClawmesh(['config', 'verify'], env)
  expect(verified.stdout.trim().split('\n')).toEqual([
    'configuration is valid',
    `unknown: ${path}: gateway.rate_limit_brust`,
    'not used (yet): GOCLAW_TSNET_DIR',
    `not used (yet): ${path}: gateway.quota`,
  ])
})
