/** Which events a webhook is about, what signs them, and when they are tried again. */
import { eventType } from '@clawmesh/contracts'
import fc from 'fast-check'
import { matchesPattern, matchesSomeEvent } from '../src/webhooks/patterns.ts'
import { longestAskedMs, pauseAfter, pausesMs } from '../src/webhooks/retries.ts'
import { newSecret, signedHeaders } from '../src/webhooks/signing.ts'

describe('a pattern', () => {
  const ended = eventType('runEnded')

  it.each(['*', 'clawmesh.*', 'clawmesh.agents.*', 'clawmesh.*.ended', '*.run.*', 'clawmesh.agents.run.ended', '**'])(
    'is about the type: %s',
    (pattern) => expect(matchesPattern(pattern, ended)).toBe(true),
  )

  it.each([
    '',
    'clawmesh',
    'clawmesh.agents',
    'clawmesh.agents.run.ended.*',
    'clawmesh.tools.*',
    '*.endedx',
    'agents.*',
  ])('is not about the type: %s', (pattern) => expect(matchesPattern(pattern, ended)).toBe(false))

  it('takes no letter for two parts', () => {
    expect(matchesPattern('aba*aba', 'ababa')).toBe(false)
    expect(matchesPattern('aba*aba', 'abaaba')).toBe(true)
  })

  it('means what a regular expression means', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
    fc.assert(
      fc.property(text, text, (pattern, type) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
        expect(matchesPattern(pattern, type)).toBe(expression.test(type))
      }),
    )
  })

  it('is of use when some event has such a type', () => {
    expect(['*', 'clawmesh.agents.*', ended].every(matchesSomeEvent)).toBe(true)
    expect(['clawmesh.agent.*', 'clawmesh.agents.run', 'clawmesh.'].some(matchesSomeEvent)).toBe(false)
  })
})

describe('a signature', () => {
  it("is the one of the specification's example", () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      at: new Date(1_614_265_330_000),
      body: '{"test": 2432232314}',
    }
    expect(signedHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], message)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it('is made with secrets of 32 random bytes', () => {
    const secret = newSecret()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(newSecret()).not.toBe(secret)
  })
})

describe('the pause after a failed attempt', () => {
  const middle = { random: () => 0.5 }

  it('grows, eleven times over about three days, and then there is none', () => {
    const pauses = pausesMs.map((_, at) => pauseAfter(at + 1, 0, middle)!)
    expect(pauses).toEqual(pauses.toSorted((one, other) => one - other))
    const days = pauses.reduce((sum, pause) => sum + pause, 0) / 86_400_000
    expect([pauses.length, Math.floor(days)]).toEqual([11, 3])
    expect(pauseAfter(12, 60_000, middle)).toBeUndefined()
  })

  it('is spread by a tenth', () => {
    expect(pauseAfter(1, 0, { random: () => 0 })).toBe(4_500)
    expect(pauseAfter(1, 0, { random: () => 1 })).toBe(5_500)
  })

  it('is as long as the receiver asks, up to a day, and never shorter than it would be', () => {
    expect(pauseAfter(1, 60_000, middle)).toBe(60_000)
    expect(pauseAfter(1, 1e12, middle)).toBe(longestAskedMs)
    expect(pauseAfter(3, 1_000, middle)).toBe(120_000)
  })
})
