/** What single settings do to a process that starts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chassisConfig, loadConfigs, pendingMigrations } from '@clawmesh/chassis'
import { collectorOf, logLevelOf } from '../../cli/src/configuration.ts'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { linkSecret, startReplica } from '../support/link-replicas.ts'
import { startProcess } from '../support/all-in-one.ts'
import { createDatabase } from '../support/database.ts'
import { dependencyUrl } from '../support/dependencies.ts'
import { runClawmesh } from '../support/mesh-process.ts'

const chassis = (env: Record<string, string>) => loadConfigs({ chassis: chassisConfig }, env).chassis

test.each([
  [{}, ''],
  [{ GOCLAW_TELEMETRY_ENDPOINT: 'http://c:4318' }, 'http://c:4318'],
  [{ GOCLAW_TELEMETRY_ENDPOINT: 'c:4318' }, 'https://c:4318'],
  [{ GOCLAW_TELEMETRY_ENDPOINT: 'c:4318', GOCLAW_TELEMETRY_INSECURE: 'true' }, 'http://c:4318'],
  [{ GOCLAW_TELEMETRY_ENDPOINT: 'http://c:4318', GOCLAW_TELEMETRY_ENABLED: 'false' }, ''],
  [{ GOCLAW_TELEMETRY_ENABLED: 'true' }, ''],
])('with %j spans go to "%s"', (env, collector) => {
  expect(collectorOf(chassis(env as Record<string, string>))).toBe(collector)
})

test.each([
  [{}, 'info'],
  [{ GOCLAW_LOG_LEVEL: 'warn' }, 'warn'],
  [{ GOCLAW_LOG_LEVEL: 'warn', GOCLAW_DEBUG: '1' }, 'debug'],
  [{ GOCLAW_LOG_LEVEL: 'trace', GOCLAW_DEBUG: '1' }, 'trace'],
])('with %j what is at least %s is logged', (env, level) => {
  expect(logLevelOf(chassis(env as Record<string, string>))).toBe(level)
})

test('GOCLAW_AUTO_UPGRADE brings the schemas of the services of a process up to date when it starts, and no others', async () => {
  const [database, dataDir] = await Promise.all([
    createDatabase('upgrade'),
    mkdtemp(join(tmpdir(), 'clawmesh-upgrade-')),
  ])
  const env = {
    DATABASE_URL: database.url,
    NATS_URL: dependencyUrl('nats'),
    CLAWMESH_DATA_DIR: dataDir,
    CLAWMESH_MESH_SECRET: 'm'.repeat(32),
    CLAWMESH_ENCRYPTION_KEY: '0'.repeat(64),
    CLAWMESH_HTTP_PORT: '0',
    CLAWMESH_GRPC_PORT: '0',
    CLAWMESH_LAME_DUCK_MS: '0',
  }
  const pending = (service: 'packages' | 'identity') =>
    pendingMigrations({ url: database.url, schema: service, folder: migrationFolder(service) })

  const process = await startProcess(['packages'], { ...env, GOCLAW_AUTO_UPGRADE: 'true' }, false)
  await process.stop()
  expect(await pending('packages')).toEqual([])
  expect(await pending('identity')).not.toEqual([])
  await database.drop()
  await rm(dataDir, { recursive: true })
})

test('doctor names the file, and takes what is set and does nothing for worth a look and not for wrong', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-doctor-'))
  const env = { CLAWMESH_DATA_DIR: dataDir, GOCLAW_CONFIG: '/nowhere/c.json', GOCLAW_MODE: 'x', CLAWMESH_TPYO: '1' }
  const { code, stdout } = await runClawmesh(['doctor'], env)
  expect(code).toBe(0)
  expect(stdout).toContain('ok    configuration: valid, no file (/nowhere/c.json does not exist)\n')
  expect(stdout).toContain('note  unknown to Clawmesh: CLAWMESH_TPYO\n')
  expect(stdout).toContain('note  not used (yet): GOCLAW_MODE\n')
  await rm(dataDir, { recursive: true })
})

test('doctor opens a link to each replica of services that run apart, and names those that it cannot reach', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-doctor-'))
  const replica = await startReplica()
  const env = {
    CLAWMESH_DATA_DIR: dataDir,
    CLAWMESH_MESH_SECRET: linkSecret,
    CLAWMESH_AGENTS_GRPC_URL: `ipv4:${replica.address}`,
  }
  const well = await runClawmesh(['doctor'], env)
  expect(well.stdout).toMatch(new RegExp(`^ok    links to agents: ${replica.address} open \\(\\d+ ms\\)$`, 'm'))
  expect(well.code).toBe(0)
  const foreign = await runClawmesh(['doctor'], {
    ...env,
    CLAWMESH_MESH_SECRET: 'another secret of 32 characters or more',
  })
  expect(foreign.code).toBe(1)
  await replica.stop()
  const away = await runClawmesh(['doctor'], env)
  expect(away.stdout).toMatch(/^WRONG links to agents: .* no link .*\n +remedy: start agents/m)
  expect(away.code).toBe(1)
  await rm(dataDir, { recursive: true })
})
