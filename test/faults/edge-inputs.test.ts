import { caseCounts } from './scenarios/case-counts.ts'
import { edgeProperties } from './scenarios/edge-inputs.ts'

test.each(Object.entries(edgeProperties))(
  `%s: ${caseCounts.full} cases`,
  (_, holds) => holds(caseCounts.full),
  30 * 60_000,
)
