/** The short form of test/faults/edge-inputs.test.ts. */
import { caseCounts } from '../faults/scenarios/case-counts.ts'
import { edgeProperties } from '../faults/scenarios/edge-inputs.ts'

test.each(Object.entries(edgeProperties))('%s', (_, holds) => holds(caseCounts.short))
