/** The parts of routing by themselves: cooldowns, turns of keys, and the seam between two models' texts. */
import fc from 'fast-check'
import { createLogger } from '@clawmesh/chassis'
import { createLocalBus } from '../../../chassis/src/bus/local-bus.ts'
import { keysOf } from '../src/providers/connection.ts'
import { readChain } from '../src/routing/chain.ts'
import { createCooldowns, type Place } from '../src/routing/cooldowns.ts'
import { createRotation } from '../src/routing/rotation.ts'
import { createSeam } from '../src/routing/seam.ts'

const place: Place = { providerId: 'p1', key: 'sk-one', model: 'm' }

describe('cooldowns', () => {
  const bus = createLocalBus(createLogger({ level: 'silent', name: 'test' }))
  let time = 0
  const now = () => time
  let cooldowns: ReturnType<typeof createCooldowns>
  beforeEach(() => {
    time = 1_000_000
    cooldowns = createCooldowns(bus, now)
  })
  afterAll(() => bus.close())

  const leftMs = () => cooldowns.why(place)!.untilMs - time

  it('last longer with every further failure, and never above half a minute for what passes by itself', () => {
    const lasted: number[] = []
    for (let round = 0; round < 5; round++) {
      cooldowns.failed(place, 'failed', 'HTTP 503')
      lasted.push(leftMs())
      time += leftMs()
      expect(cooldowns.readiness(place)).toBe('due')
      cooldowns.probe(place)
    }
    expect(lasted).toEqual([5_000, 10_000, 20_000, 30_000, 30_000])
  })

  it('last up to an hour for what people must mend', () => {
    for (let round = 0; round < 12; round++) {
      cooldowns.failed(place, 'credentials', 'bad key')
      time = cooldowns.why(place)!.untilMs
    }
    cooldowns.failed(place, 'credentials', 'bad key')
    expect(leftMs()).toBe(3_600_000)
  })

  it('last as long as upstream asks', () => {
    cooldowns.failed(place, 'rate_limit', 'slow down', 90_000)
    expect(leftMs()).toBe(90_000)
  })

  it('counts failures of one moment once', () => {
    for (let call = 0; call < 50; call++) cooldowns.failed(place, 'failed', 'HTTP 503')
    expect([cooldowns.why(place)!.failures, leftMs()]).toEqual([1, 5_000])
  })

  it('lets one call try, and all others leave it alone until it is known', () => {
    cooldowns.failed(place, 'failed', 'HTTP 503')
    time += 5_000
    cooldowns.probe(place)
    expect(cooldowns.readiness(place)).toBe('cooling')
    cooldowns.served(place)
    expect(cooldowns.readiness(place)).toBe('ready')
  })

  it('keeps keys and models apart, and cools down for no refusal', () => {
    cooldowns.failed(place, 'rate_limit', '')
    expect(cooldowns.readiness({ ...place, key: 'sk-two' })).toBe('ready')
    expect(cooldowns.readiness({ ...place, model: 'other' })).toBe('ready')
    cooldowns.failed({ ...place, model: 'other' }, 'rejected', 'too long')
    expect(cooldowns.readiness({ ...place, model: 'other' })).toBe('ready')
  })

  it('forgets nothing of a provider because another one fails for thousands of names', () => {
    cooldowns.failed(place, 'failed', 'HTTP 503')
    for (let name = 0; name < 10_500; name++)
      cooldowns.failed({ providerId: 'p2', key: 'sk', model: `m${name}` }, 'missing', 'no such model')
    expect(cooldowns.readiness(place)).toBe('cooling')
    expect(cooldowns.of('p2')).toHaveLength(200)
    expect(cooldowns.readiness({ providerId: 'p2', key: 'sk', model: 'm10499' })).toBe('cooling')
  })

  it('is shared by replicas whose clocks differ', () => {
    const other = createCooldowns(bus, () => time + 7_000_000)
    const hangUp = other.listen()
    cooldowns.failed(place, 'failed', 'HTTP 503')
    expect(other.readiness(place)).toBe('cooling')
    cooldowns.served(place)
    expect(other.readiness(place)).toBe('ready')
    hangUp()
  })

  it('tells nobody a key', () => {
    const heard: unknown[] = []
    const hangUp = bus.subscribe('mesh.>', (message) => heard.push(message))
    cooldowns.failed(place, 'failed', 'HTTP 503')
    hangUp()
    expect(heard).toHaveLength(1)
    expect(JSON.stringify(heard)).not.toContain('sk-one')
  })
})

describe('turns of keys', () => {
  it('go round over conversations, fair within one', () => {
    const rotation = createRotation()
    const counts = [0, 0, 0]
    for (let call = 0; call < 100; call++) counts[rotation('p', 3, `conversation ${call}`)]!++
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  })

  it('stay within a conversation', () => {
    const rotation = createRotation()
    const first = rotation('p', 3, 'a')
    rotation('p', 3, 'b')
    expect(rotation('p', 3, 'a')).toBe(first)
    expect(rotation('p', 2, 'a')).toBeLessThan(2)
  })

  it('are over the keys of a text, however it separates them', () => {
    expect(keysOf(' sk-a, sk-b\nsk-c ')).toEqual(['sk-a', 'sk-b', 'sk-c'])
    expect(keysOf('')).toEqual([])
  })
})

describe('the seam of a continued answer', () => {
  const joined = (before: string, pieces: string[]): string => {
    const seam = createSeam(before)
    return before + pieces.map((piece) => seam.push(piece)).join('') + seam.end()
  }
  const before = 'The tides follow the moon, because its pull is'

  it('takes up where the text broke off', () => {
    expect(joined(before, [' strongest', ' on the near side.'])).toBe(`${before} strongest on the near side.`)
  })

  it('passes over an answer that is begun anew', () => {
    const whole = `${before} strongest on the near side.`
    expect(joined(before, whole.split(/(?<= )/))).toBe(whole)
  })

  it('passes over the last words, said again', () => {
    expect(joined(before, ['because its ', 'pull is strongest.'])).toBe(`${before} strongest.`)
  })

  it('never doubles a text that is begun anew, however either is cut', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), fc.string(), fc.integer({ min: 1, max: 7 }), (start, rest, size) => {
        const whole = start + rest
        const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
        return joined(start, pieces) === whole
      }),
    )
  })

  it('loses nothing of a continuation that repeats nothing', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-m ]{0,60}$/),
        fc.array(fc.stringMatching(/^[n-z]{1,9}$/)),
        (start, pieces) => joined(start, pieces) === start + pieces.join(''),
      ),
    )
  })
})

describe('the chain of a tenant', () => {
  it('is JSON of providers and models, or nothing', () => {
    expect(readChain('[{"provider":"b","model":"m"},{"provider":"c"}]')).toEqual([
      { provider: 'b', model: 'm' },
      { provider: 'c', model: '' },
    ])
    expect(readChain(undefined)).toEqual([])
    expect(() => readChain('{"provider":"b"}')).toThrow()
  })
})
