import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { addressRanges, createClientIpFinder } from '../src/edge/client-ip.ts'

const proxies = ['10.0.0.0/8', 'fd00::/8']

const ipOf = (peer: string, headers: Record<string, string>, trusted: string[] = proxies) =>
  createClientIpFinder(trusted)({ socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage)

it.each<[string, string, Record<string, string>, string, string[]?]>([
  ['no proxy is trusted', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '5.6.7.8' }, '10.0.0.1', []],
  ['the peer is no trusted proxy', '9.9.9.9', { 'x-forwarded-for': '1.2.3.4' }, '9.9.9.9'],
  ['one proxy', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4' }, '1.2.3.4'],
  ['the client wrote entries itself', '10.0.0.1', { 'x-forwarded-for': '8.8.8.8, 1.2.3.4' }, '1.2.3.4'],
  ['two proxies', '10.0.0.1', { 'x-forwarded-for': '8.8.8.8, 1.2.3.4, 10.0.0.2' }, '1.2.3.4'],
  ['IPv6', 'fd00::1', { 'x-forwarded-for': '2001:db8::7' }, '2001:db8::7'],
  ['a mapped peer', '::ffff:10.0.0.1', { 'x-forwarded-for': '::ffff:1.2.3.4' }, '1.2.3.4'],
  ['only X-Real-IP', '10.0.0.1', { 'x-real-ip': '5.6.7.8' }, '5.6.7.8'],
  ['both', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '5.6.7.8' }, '1.2.3.4'],
  ['nonsense', '10.0.0.1', { 'x-forwarded-for': 'unknown', 'x-real-ip': '<script>' }, '10.0.0.1'],
  ['nothing', '10.0.0.1', {}, '10.0.0.1'],
])('%s', (_, peer, headers, expected, trusted = proxies) => {
  expect(ipOf(peer, headers, trusted)).toBe(expected)
})

it('always gives an address, whatever the headers say', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (forwarded, real) => {
      expect(ipOf('10.0.0.1', { 'x-forwarded-for': forwarded, 'x-real-ip': real })).toMatch(/^[0-9a-f.:]+$/i)
    }),
  )
})

it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'proxy.local', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1'])(
  'refuses %s as a range, naming it',
  (range) => {
    expect(() => addressRanges([range])).toThrow(`not an address or CIDR range: ${range}`)
  },
)
