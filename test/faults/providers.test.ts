/** Sixteen faults of a provider, by the clock of real life: `npm run faults -- providers` prints the table. */
import { providerFaultTests } from './scenarios/provider-faults-suite.ts'

const wires = ['openai', 'anthropic'] as const

providerFaultTests({
  limits: { silenceMs: 10_000, wholeMs: 20_000, downMs: 60_000 },
  modes: wires.flatMap((wire) => [true, false].map((stream) => ({ wire, stream }))),
  prints: true,
})
