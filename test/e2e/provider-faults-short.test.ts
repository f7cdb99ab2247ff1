/** The short form of test/faults/providers.test.ts: each fault once a protocol, with a provider that is down only briefly. */
import { providerFaultTests } from '../faults/scenarios/provider-faults-suite.ts'
import { rule } from '../support/rule.ts'

const streamed = { wire: 'openai', stream: true } as const

const wentWell = providerFaultTests({
  // Silence is told from slowness by waiting: long enough for a busy machine.
  limits: { silenceMs: 5_000, wholeMs: 7_500, downMs: 0 },
  modes: [streamed, { wire: 'anthropic', stream: false }],
})

rule('createChatCompletion.asksFallbacks', () => wentWell('accounting of the fallback', streamed))
rule('createChatCompletion.continuesBrokenAnswers', () => wentWell('cut at token 40 of 60', streamed))
rule('createChatCompletion.keepsToTheModel', () => wentWell('503 for good', streamed))
