import { ConfigError, loadConfigs } from '@clawmesh/chassis'
import { gatewayConfig } from '../src/index.ts'
import { isOpenToAll, listenHost, refuseOpenToAll } from '../src/config.ts'

const load = (env: Record<string, string>) => loadConfigs({ gateway: gatewayConfig }, env).gateway
/** The values that hold now, live ones too. */
const valuesOf = (env: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(load(env)).map(([name, value]) => [name, typeof value === 'function' ? value() : value]),
  )

it('has safe defaults', () => {
  expect(valuesOf({})).toMatchObject({
    port: 18_790,
    token: '',
    ownerIds: ['system'],
    allowedOrigins: [],
    rateLimitRpm: 20,
    rateLimitBurst: 5,
    replicas: 1,
    trustedProxies: [],
    unknownTenantFallback: false,
  })
})

it.each([
  ['no token, no host', {}, '127.0.0.1'],
  ['a token', { GOCLAW_GATEWAY_TOKEN: 'x' }, '0.0.0.0'],
  ['a host set by hand', { GOCLAW_HOST: '0.0.0.0' }, '0.0.0.0'],
  ['both', { GOCLAW_HOST: '10.1.2.3', GOCLAW_GATEWAY_TOKEN: 'x' }, '10.1.2.3'],
])('listens where it is safe: %s', (_, env, host) => {
  expect(listenHost(load(env as Record<string, string>))).toBe(host)
})

it.each([
  ['0.0.0.0', true],
  ['::', true],
  ['10.1.2.3', true],
  ['gateway.internal', true],
  ['127.0.0.1.example.com', true],
  ['127.1.2.3', false],
  ['::1', false],
  ['localhost', false],
  ['', false],
])('without a token %j has to be wanted twice: %s', (host, isOpen) => {
  const config = load({ GOCLAW_HOST: host })
  expect(isOpenToAll(config)).toBe(isOpen)
  const start = () => refuseOpenToAll(config)
  if (isOpen) expect(start).toThrow(/GOCLAW_HOST: .*GOCLAW_GATEWAY_TOKEN.*GOCLAW_ALLOW_INSECURE_NO_AUTH=true/)
  else expect(start).not.toThrow()
  expect(() => refuseOpenToAll(load({ GOCLAW_HOST: host, GOCLAW_ALLOW_INSECURE_NO_AUTH: 'true' }))).not.toThrow()
  expect(() => refuseOpenToAll(load({ GOCLAW_HOST: host, GOCLAW_GATEWAY_TOKEN: 'x' }))).not.toThrow()
})

it('takes the names of GoClaw and its own', () => {
  expect(valuesOf({ CLAWMESH_PORT: '1', CLAWMESH_GATEWAY_TOKEN: 'a', GOCLAW_OWNER_IDS: 'x, y' })).toMatchObject({
    port: 1,
    token: 'a',
    ownerIds: ['x', 'y'],
  })
  expect(load({ GOCLAW_PORT: '2', CLAWMESH_PORT: '1' }).port).toBe(2)
  expect(load({ CLAWMESH_RATE_LIMIT_RPM: '-1' }).rateLimitRpm()).toBe(-1)
})

it.each([
  ['GOCLAW_PORT', '70000'],
  ['CLAWMESH_RATE_LIMIT_BURST', '0'],
  ['CLAWMESH_GATEWAY_REPLICAS', '0'],
  ['CLAWMESH_TRUSTED_PROXIES', '10.0.0.0/8, proxy.local'],
])('names a faulty %s', (variable, value) => {
  expect(() => load({ [variable]: value })).toThrow(ConfigError)
  expect(() => load({ [variable]: value })).toThrow(variable)
})
