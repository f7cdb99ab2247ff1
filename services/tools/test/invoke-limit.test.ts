/** How many tools a session may call, and what an operator leaves in answers. */
import { z } from 'zod'
import { createCallLimit } from '../src/invoke/call-limit.ts'
import { invokeTool, type InvokeDeps } from '../src/invoke/run-tool.ts'
import { tenantRules } from '../src/invoke/tenant-rules.ts'
import { says, type Tool } from '../src/tool/tool.ts'
import { contextWith } from './context.ts'

const minuteMs = 60_000

it('lets a session call so many tools in any hour, and no other pays for it', () => {
  let now = 0
  const limit = createCallLimit(() => now)
  const take = (tenantId: string, sessionKey: string) => limit(tenantId, sessionKey, 2)
  expect([take('t', 's'), take('t', 's'), take('t', 's')]).toEqual([true, true, false])
  expect([take('t', 'other'), take('other', 's')]).toEqual([true, true])
  now = 59 * minuteMs
  expect(take('t', 's')).toBe(false)
  now = 61 * minuteMs
  expect([take('t', 's'), take('t', 's'), take('t', 's')]).toEqual([true, true, false])
})

it('counts sliding, not by the clock', () => {
  let now = 0
  const limit = createCallLimit(() => now)
  const take = (tenantId: string, sessionKey: string) => limit(tenantId, sessionKey, 2)
  take('t', 's')
  now = 40 * minuteMs
  take('t', 's')
  now = 70 * minuteMs
  expect([take('t', 's'), take('t', 's')]).toEqual([true, false])
})

it('does not count without a limit, nor calls of no session', () => {
  const take = createCallLimit()
  expect([take('t', 's', 0), take('t', 's', 0), take('t', '', 1), take('t', '', 1)]).toEqual([true, true, true, true])
  expect([take('t', 's', 1), take('t', 's', 1)]).toEqual([true, false])
})

const runs: unknown[] = []
const echo: Tool = {
  name: 'echo',
  description: '',
  parameters: z.object({ text: z.string() }),
  run: async ({ text }) => {
    runs.push(text)
    return says(String(text))
  },
}
const call = (deps: Partial<InvokeDeps>, text?: string) =>
  invokeTool({ tools: [echo], policy: {}, ...deps }, { tool: 'echo', args: { text }, context: contextWith() })

it('runs nothing beyond the limit, before arguments are looked at', async () => {
  const { output, isError } = await call({ takeCall: () => false })
  expect({ output, isError }).toEqual({
    output: 'rate limit reached: this session has called as many tools within an hour as it may',
    isError: true,
  })
  expect(runs).toEqual([])
})

it('leaves what only looks like a credential where the operator says so, and never what is one', async () => {
  const text = 'api_key=abcdefgh12 and stored-value'
  const secrets = ['stored-value']
  expect((await call({ scrub: { secrets } }, text)).output).toBe('api_key=[REDACTED] and [REDACTED]')
  expect((await call({ scrub: { secrets, onlyKnown: true } }, text)).output).toBe('api_key=abcdefgh12 and [REDACTED]')
})

it.each(['', 'codeing', '-1', '1.5', '1e3', '01', ' 7', '100001', 'yes'])(
  'a system config of %j counts as not set',
  (value) => {
    const installation = { policy: { profile: 'coding', deny: ['exec'] }, callsPerHour: 150, scrubs: true }
    const own = {
      'tools.profile': value,
      'tools.rate_limit_per_hour': value,
      'tools.scrub_credentials': value,
    }
    expect(tenantRules(own, installation)).toEqual(installation)
  },
)
