import { z } from 'zod'
import {
  chassisConfig,
  ConfigError,
  defineConfig,
  flag,
  integer,
  list,
  loadConfigs,
  resolveSetting,
  settingsOf,
  text,
  type Layers,
} from '../src/index.ts'

const modules = {
  one: defineConfig('one', {
    port: { env: ['ONE_PORT', 'OLD_PORT'], schema: integer(8080, 1, 65_535), about: 'a port' },
    name: { env: ['ONE_NAME'], schema: text('default name'), about: 'a name' },
    on: { env: ['ONE_ON'], schema: flag(false), about: 'a switch' },
  }),
  two: defineConfig('two', {
    hosts: { env: ['TWO_HOSTS'], schema: list, about: 'hosts' },
    secret: {
      env: ['TWO_SECRET'],
      schema: z.string().min(32, 'at least 32 characters'),
      about: 'a secret',
      secret: true,
    },
  }),
}
const secret = 's'.repeat(32)

it('takes defaults for what is not set, and an empty variable for one that is not set', () => {
  const defaults = { port: 8080, name: 'default name', on: false }
  expect(loadConfigs(modules, { TWO_SECRET: secret })).toEqual({ one: defaults, two: { hosts: [], secret } })
  expect(loadConfigs(modules, { TWO_SECRET: secret, ONE_PORT: '', ONE_NAME: '', ONE_ON: '' }).one).toEqual(defaults)
})

it('reads numbers, switches and lists, and prefers the first of several names', () => {
  const env = { TWO_SECRET: secret, OLD_PORT: '1', ONE_PORT: '2', ONE_ON: 'yes', TWO_HOSTS: ' a, b ,,c,' }
  const { one, two } = loadConfigs(modules, env)
  expect([one.port, one.on, two.hosts]).toEqual([2, true, ['a', 'b', 'c']])
  expect(loadConfigs(modules, { TWO_SECRET: secret, OLD_PORT: '1', ONE_PORT: '' }).one.port).toBe(1)
})

it('names every faulty variable at once, as it was set, and repeats no value', () => {
  const env = { OLD_PORT: '70000', ONE_ON: 'perhaps', TWO_SECRET: 'too-short-secret' }
  try {
    loadConfigs(modules, env)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError)
    const { faults, message } = thrown as ConfigError
    expect(faults.map(({ where }) => where)).toEqual(['OLD_PORT', 'ONE_ON', 'TWO_SECRET'])
    expect(faults[2]!.reason).toBe('at least 32 characters')
    expect(message.split('\n')).toHaveLength(4)
    expect(message).not.toContain('too-short-secret')
    return
  }
  throw new Error('it was taken')
})

it.each(['1.5', '-1', 'abc', '1e9', '0x10000', ' ', 'NaN', 'Infinity', '99999999999999999999'])(
  'refuses %p as a port',
  (port) => {
    expect(() => loadConfigs(modules, { TWO_SECRET: secret, ONE_PORT: port })).toThrow('ONE_PORT')
  },
)

it('says where a value comes from', () => {
  const port = settingsOf(modules).find(({ name }) => name === 'port')!
  const file = { path: '/c.json', values: { one: { port: 3 } } }
  const from = (env: Record<string, string>, below: Partial<Layers> = {}) => {
    const { value, source, faults } = resolveSetting(port, { env, ...below })
    return [value, source, faults.length]
  }
  expect(from({})).toEqual([8080, { layer: 'default' }, 0])
  expect(from({}, { defaults: { ONE_PORT: '2' } })).toEqual([2, { layer: 'default' }, 0])
  expect(from({}, { file, defaults: { ONE_PORT: '2' } })).toEqual([
    3,
    { layer: 'file', path: '/c.json', name: 'one.port' },
    0,
  ])
  expect(from({ OLD_PORT: '1' }, { file })).toEqual([1, { layer: 'env', name: 'OLD_PORT' }, 0])
  expect(from({ ONE_PORT: 'x' }, { file })).toEqual([undefined, { layer: 'env', name: 'ONE_PORT' }, 1])
})

it("has a default for everything of the chassis, and no setting's variable twice", () => {
  const { chassis } = loadConfigs({ chassis: chassisConfig }, {})
  expect(chassis.identityHttpUrl).toBe('http://identity:8080')
  expect(chassis.identityGrpcUrl).toBe('dns:///identity:9090')
  const variables = Object.values(chassisConfig.settings).flatMap(({ env }) => [...env])
  expect(new Set(variables).size).toBe(variables.length)
})
