/** The configuration file as a layer, and what is live of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import {
  ConfigError,
  defineConfig,
  derived,
  flag,
  folder,
  integer,
  list,
  loadConfigs,
  noticesOf,
  openConfigs,
  parseConfigFile,
  readConfigFile,
  settingsOf,
  text,
} from '../src/index.ts'

const path = '/etc/clawmesh/config.json'
const fileOf = (source: string) => parseConfigFile(path, source)

const modules = {
  gateway: defineConfig('gateway', {
    rateLimitRpm: { env: ['RPM'], schema: integer(20, -10), about: '', live: true },
    port: { env: ['PORT'], schema: integer(1, 0, 65_535), about: '' },
    token: { env: ['TOKEN'], schema: text(''), about: '', secret: true },
    ownerIds: { env: ['OWNERS'], schema: list, about: '', live: true },
    debug: { env: ['DEBUG'], schema: flag(false), about: '' },
    level: { env: ['LEVEL'], schema: z.enum(['low', 'high']).default('low'), about: '' },
    version: { env: ['VERSION'], schema: text('1'), file: false, about: '' },
  }),
  tools: defineConfig('tools', {
    dir: { env: ['DIR'], file: 'data_dir', schema: folder(''), about: '' },
    rules: {
      env: ['RULES'],
      file: ['tools.allow', 'tools.deny'],
      schema: z
        .strictObject({ allow: z.array(z.string()).optional(), deny: z.array(z.string()).optional() })
        .prefault({}),
      about: '',
    },
    prices: {
      env: ['PRICES'],
      file: 'telemetry.prices',
      schema: z.record(z.string(), z.strictObject({ in: z.number() })).default({}),
      about: '',
    },
    servers: {
      env: ['SERVERS'],
      file: 'tools.servers',
      schema: z.record(z.string().regex(/^[a-z]+$/), z.strictObject({ url: z.string() })).default({}),
      about: '',
      secret: true,
    },
  }),
}

const load = (source: string, env: Record<string, string> = {}) => {
  const { gateway, tools } = loadConfigs(modules, env, { file: fileOf(source) })
  return { ...gateway, ...tools, rateLimitRpm: gateway.rateLimitRpm(), ownerIds: gateway.ownerIds() }
}

const faultsOf = (source: string, env: Record<string, string> = {}): Record<string, string> => {
  try {
    load(source, env)
  } catch (thrown) {
    if (thrown instanceof ConfigError)
      return Object.fromEntries(thrown.faults.map(({ where, reason }) => [where, reason]))
    throw thrown
  }
  throw new Error('it was taken')
}

const whole = `// as JSON5 has it
{
  data_dir: '~/mesh',
  gateway: { rate_limit_rpm: 60, port: 0x2000, token: 'sesame', owner_ids: [' ann', '', 'ben'], debug: true, level: 'high', },
  tools: { deny: ['exec'] },
  telemetry: { prices: { 'a/b.c': { in: 2.5 } } },
}`

it('is read as JSON5, keys of the file for the settings they are declared for', () => {
  expect(load(whole)).toEqual({
    rateLimitRpm: 60,
    port: 8_192,
    token: 'sesame',
    servers: {},
    ownerIds: ['ann', 'ben'],
    debug: true,
    level: 'high',
    version: '1',
    dir: join(homedir(), 'mesh'),
    rules: { deny: ['exec'] },
    prices: { 'a/b.c': { in: 2.5 } },
  })
})

it('goes before defaults and after the environment, whose text means the same', () => {
  const env = {
    RPM: '5',
    PORT: '7',
    TOKEN: 'env',
    OWNERS: 'zoe',
    DEBUG: 'off',
    LEVEL: 'low',
    DIR: '/d',
    RULES: '{"allow":[]}',
    PRICES: '{}',
  }
  expect(load(whole, env)).toMatchObject({
    rateLimitRpm: 5,
    port: 7,
    token: 'env',
    ownerIds: ['zoe'],
    debug: false,
    level: 'low',
    dir: '/d',
    rules: { allow: [] },
    prices: {},
  })
  expect(load('{}')).toMatchObject({ rateLimitRpm: 20, port: 1, ownerIds: [], rules: {}, prices: {} })
})

it('does not set what it has as null or as an empty text', () => {
  expect(load(`{gateway: {port: null, level: '', token: ''}, tools: null, telemetry: {prices: null}}`)).toEqual(
    load('{}'),
  )
})

it('names every fault at once, by file and key, with what is expected, and repeats no value', () => {
  const source = `{
    gateway: { rate_limit_rpm: 'many', port: 70000, token: 12345678, owner_ids: 'ann', debug: 'true', level: 'top secret' },
    tools: { deny: 'exec', allow: [1] },
    telemetry: { prices: { m: { in: '1', out: 2 } } },
  }`
  const faults = faultsOf(source, { PORT: 'x' })
  expect(Object.keys(faults).map((where) => where.replace(`${path}: `, ''))).toEqual([
    'gateway.rate_limit_rpm',
    'PORT',
    'gateway.port',
    'gateway.token',
    'gateway.owner_ids',
    'gateway.debug',
    'gateway.level',
    'tools.allow.0',
    'tools.deny',
    'telemetry.prices.m.in',
    'telemetry.prices.m',
  ])
  expect(faults[`${path}: gateway.rate_limit_rpm`]).toBe('Invalid input: expected number, received string')
  expect(faults[`${path}: gateway.port`]).toContain('65535')
  expect(faults[`${path}: gateway.level`]).toBe('Invalid option: expected one of "low"|"high"')
  expect(JSON.stringify(faults)).not.toMatch(/12345678|top secret|many/)
})

it.each([
  ['{gateway: 5}', 'gateway', 'expected object, received number'],
  ['{telemetry: []}', 'telemetry', 'expected object, received array'],
  // The names in it may be a secret in the wrong place.
  ['{tools: {servers: {sesame: {url: "x", s3same: 1}}}}', 'tools.servers', 'a field that there is not'],
  ['{tools: {servers: {s3same: {url: "x"}}}}', 'tools.servers', 'Invalid key in record'],
  [`{gateway: {token: '***'}}`, 'gateway.token', 'a masked secret instead of the secret'],
])('%s is a fault of %s', (source, key, reason) => {
  expect(faultsOf(source)).toEqual({ [`${path}: ${key}`]: reason })
})

it.each([
  ['{gateway: {', 'not valid JSON5 at line 1, column 12'],
  ['{\n  a: sesame}', 'not valid JSON5 at line 2, column 6'],
  ['', 'not valid JSON5 at line 1, column 1'],
  ['[1]', 'expected object, received array'],
  ['null', 'expected object, received null'],
  ['{a: Infinity', 'not valid JSON5 at line 1, column 13'],
])('refuses %j as a file', (source, reason) => {
  expect(faultsOf(source)).toEqual({ [path]: reason })
})

it('is not there when its path leads nowhere, and refused when it cannot be read', () => {
  const dir = mkdtempSync(join(tmpdir(), 'clawmesh-config-'))
  expect(readConfigFile(join(dir, 'config.json'))).toBeUndefined()
  expect(() => readConfigFile(dir)).toThrow(`${dir}: cannot be read: EISDIR`)
  writeFileSync(join(dir, 'config.json'), '{gateway: {port: 9}}')
  expect(readConfigFile(join(dir, 'config.json'))?.values).toEqual({ gateway: { port: 9 } })
  rmSync(dir, { recursive: true })
})

it('tells slips of the pen from what GoClaw knows and nothing here reads', () => {
  const source = `{
    gatway: {}, __proto__: 1, 'a b': 1, data_dir: '', tools: { denny: [] },
    gateway: { rate_limit_rpn: 1, rate_limit_rpm: 1, version: '2', quota: { default: {} }, block_reply: null },
    providers: { openai: { api_key: 'k' }, timeout: 3 }, channels: { telegram: { enabled: true }, teams: {} },
    telemetry: { prices: { any: { in: 1 } } }, bindings: [{}],
  }`
  const env = { RPM: '1', CLAWMESH_TPYO: '1', GOCLAW_LANE_MAIN: '1', CLAWMESH_AGENTS_SERVICE_HOST: 'x', HOME: '/' }
  const { unknown, unused } = noticesOf(settingsOf(modules), { env, file: fileOf(source) })
  const plain = (names: string[]) => names.map((name) => name.replace(`${path}: `, '')).sort()
  expect(plain(unknown)).toEqual([
    '"a b"',
    'CLAWMESH_TPYO',
    '__proto__',
    'channels.teams',
    'gateway.rate_limit_rpn',
    'gateway.version',
    'gatway',
    'providers.timeout',
    'tools.denny',
  ])
  expect(plain(unused)).toEqual([
    'GOCLAW_LANE_MAIN',
    'bindings',
    'channels.telegram',
    'gateway.quota',
    'providers.openai',
  ])
})

describe('read again', () => {
  const start = () =>
    openConfigs(modules, { env: { OWNERS: 'env' }, file: fileOf('{gateway: {rate_limit_rpm: 1, port: 1}}') })

  it('changes live settings where they are used, and tells which need a restart', () => {
    const { configs, reload } = start()
    const { rateLimitRpm } = configs.gateway
    const next = fileOf(`{gateway: {rate_limit_rpm: 2, port: 2, owner_ids: ['covered by the environment']}}`)
    const { changed, needRestart } = reload({ env: { OWNERS: 'env' }, file: next })
    expect([rateLimitRpm(), configs.gateway.port, configs.gateway.ownerIds()]).toEqual([2, 1, ['env']])
    expect(changed.map(({ name }) => name)).toEqual(['rateLimitRpm', 'port'])
    expect(needRestart.map(({ name }) => name)).toEqual(['port'])
  })

  it('changes nothing when anything is wrong', () => {
    const { configs, reload } = start()
    expect(() => reload({ env: {}, file: fileOf('{gateway: {rate_limit_rpm: 2, port: -1}}') })).toThrow(ConfigError)
    expect([configs.gateway.rateLimitRpm(), configs.gateway.ownerIds()]).toEqual([1, ['env']])
  })

  it('keeps what has not changed as the very same value, so that what is derived from it is kept, too', () => {
    const { configs, reload } = start()
    let computed = 0
    const owners = derived(configs.gateway.ownerIds, (ids) => {
      computed++
      return new Set(ids)
    })
    owners()
    reload({ env: { OWNERS: 'env' } })
    expect([owners().has('env'), computed]).toEqual([true, 1])
    reload({ env: { OWNERS: 'other' } })
    expect([owners().has('other'), owners().has('env'), computed]).toEqual([true, false, 2])
  })
})
