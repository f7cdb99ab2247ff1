/** An edge without a token that others could reach: refused, or said loudly. */
import { Writable } from 'node:stream'
import { createLogger } from '@clawmesh/chassis'
import { renderBanner } from '../../cli/src/commands/banner.ts'
import { bareMesh } from '../../gateway/test/support/bare-mesh.ts'
import { startGateway } from '../../gateway/test/support/gateway.ts'

const open = { GOCLAW_GATEWAY_TOKEN: '', GOCLAW_HOST: '0.0.0.0' }

test('does not start, and says what to do', async () => {
  const mesh = bareMesh()
  await expect(startGateway(mesh, open)).rejects.toThrow(/GOCLAW_GATEWAY_TOKEN.*GOCLAW_ALLOW_INSECURE_NO_AUTH=true/)
  await mesh.close()
})

test('starts when it is told so twice, and warns', async () => {
  const mesh = bareMesh()
  let logged = ''
  const stream = new Writable({
    write: (line, _, done) => {
      logged += String(line)
      done()
    },
  })
  const log = createLogger({ level: 'warn', name: 'test', stream })
  const gateway = await startGateway({ ...mesh, log }, { ...open, GOCLAW_ALLOW_INSECURE_NO_AUTH: 'true' })
  expect(logged).toContain('whoever reaches this address owns the system')
  await gateway.stop()
  await mesh.close()
})

test.each([
  ['a token', { token: 'x', host: '0.0.0.0' }, 'Requests need GOCLAW_GATEWAY_TOKEN or an API key'],
  ['no token and no host', { token: '', host: '' }, 'only this machine can connect'],
  ['no token and this machine', { token: '', host: '127.0.0.1' }, 'only this machine can connect'],
  [
    'no token and a host',
    { token: '', host: '10.1.2.3' },
    '10.1.2.3 can be reached by others: EVERYBODY WHO CONNECTS OWNS',
  ],
])('the banner tells the truth: %s', (_, config, expected) => {
  const banner = renderBanner({ config, port: 1, readyMs: 1 })
  const truths = ['Requests need', 'only this machine can connect', 'EVERYBODY'].filter((truth) =>
    banner.includes(truth),
  )
  expect(banner).toContain(expected)
  expect(truths).toHaveLength(1)
})
