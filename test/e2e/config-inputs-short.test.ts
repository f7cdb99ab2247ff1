/** The short form of test/faults/config-inputs.test.ts. */
import { caseCounts } from '../faults/scenarios/case-counts.ts'
import { configProperties } from '../faults/scenarios/config-inputs.ts'

test.each(Object.entries(configProperties))('%s', (_, holds) => holds(caseCounts.short))
