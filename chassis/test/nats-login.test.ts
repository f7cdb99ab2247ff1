import { natsLogin } from '../src/bus/nats-login.ts'

it.each([
  [['nats:4222'], { servers: ['nats://nats:4222'] }],
  [['nats://a:4222', ' tls://b'], { servers: ['nats://a:4222', 'tls://b'] }],
  [
    ['nats://mesh:p%40ss@a:4222', 'nats://b:4222'],
    { servers: ['nats://a:4222', 'nats://b:4222'], user: 'mesh', pass: 'p@ss' },
  ],
  [['nats://secret@a:4222'], { servers: ['nats://a:4222'], token: 'secret' }],
])('%j has servers without credentials, and one login', (addresses, login) => {
  expect(natsLogin(addresses)).toEqual(login)
})

it('an address that is none is refused', () => {
  expect(() => natsLogin(['nats://a:port'])).toThrow('Invalid URL')
})
