import ipaddr from 'ipaddr.js'
import { isForbiddenAddress, parseAllowList } from '../src/fetch/index.ts'

/** A repeatable stream of 32-bit numbers (mulberry32). */
const numbers = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return (mixed ^ (mixed >>> 14)) >>> 0
}

const next = numbers(20_260_101)
const randomV4 = (): ipaddr.IPv4 => new ipaddr.IPv4([24, 16, 8, 0].map((shift) => (next() >>> shift) & 255))
const randomV6 = (): ipaddr.IPv6 => {
  // Half of them below the prefixes where the special ranges begin, so that those are really met.
  const heads = [0, 0x64, 0x100, 0x2001, 0x2002, 0x2620, 0x3fff, 0x5f00, 0xfc00, 0xfe80, 0xfec0, 0xff02]
  const parts = Array.from({ length: 8 }, () => (next() % 3 === 0 ? 0 : next() & 0xffff))
  if (next() % 2 === 0) parts[0] = heads[next() % heads.length]!
  return new ipaddr.IPv6(parts)
}

test('every IPv4 address that ipaddr.js does not call unicast is forbidden, and few that it does', () => {
  for (let round = 0; round < 50_000; round++) {
    const address = randomV4()
    const unicast = address.range() === 'unicast'
    if (unicast === isForbiddenAddress(address.toString())) {
      // Ours and not theirs: Azure's host agent.
      expect([address.toString(), unicast]).toEqual(['168.63.129.16', true])
    }
  }
})

test('every IPv6 address that ipaddr.js does not call unicast is forbidden; of its unicast ones only 2000::/3 passes', () => {
  const global = ipaddr.parseCIDR('2000::/3')
  const assignments = ipaddr.parseCIDR('2001::/23')
  const wrong: string[] = []
  for (let round = 0; round < 50_000; round++) {
    const address = randomV6()
    const expected = address.range() !== 'unicast' || !address.match(global) || address.match(assignments)
    if (isForbiddenAddress(address.toString()) !== expected) wrong.push(address.toString())
  }
  expect(wrong).toEqual([])
})

test('an IPv4 address is forbidden in every way IPv6 has to carry it', () => {
  const passed: string[] = []
  for (let round = 0; round < 5_000; round++) {
    const bytes = randomV4().toByteArray()
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const [high, low] = [hex.slice(0, 4), hex.slice(4)]
    const forms = ['::', '::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::', '2001::'].map(
      (head) => `${head}${high}:${low}`,
    )
    for (const form of [...forms, `2002:${high}:${low}::`, `::ffff:${bytes.join('.')}`]) {
      if (!isForbiddenAddress(form)) passed.push(form)
    }
  }
  expect(passed).toEqual([])
})

test('spelling does not matter', () => {
  for (let round = 0; round < 5_000; round++) {
    const address = randomV6()
    const verdicts = [address.toString(), address.toNormalizedString(), address.toNormalizedString().toUpperCase()]
    expect(new Set(verdicts.map((spelling) => isForbiddenAddress(spelling))).size).toBe(1)
  }
})

test('what is no address is forbidden', () => {
  for (const text of [
    '',
    'example.com',
    '1.2.3',
    '1.2.3.4.5',
    '08.8.8.8',
    '0x8.8.8.8',
    '8.8.8.8%eth0',
    '2606::1%lo',
    '[2606::1]',
  ]) {
    expect([text, isForbiddenAddress(text)]).toEqual([text, true])
  }
})

test('an exception lifts its own range and nothing beside it', () => {
  const allow = parseAllowList(['10.1.0.0/16', 'fd00:1::/32', '::1'])
  const verdicts = ['10.1.255.1', '10.2.0.1', 'fd00:1::5', 'fd00:2::5', '::1', '127.0.0.1', '::ffff:10.1.0.1'].map(
    (address) => isForbiddenAddress(address, allow),
  )
  expect(verdicts).toEqual([false, true, false, true, false, true, true])
})
