import { caseCounts } from './scenarios/case-counts.ts'
import { configProperties } from './scenarios/config-inputs.ts'

test.each(Object.entries(configProperties))(
  `%s: ${caseCounts.full} cases`,
  (_, holds) => holds(caseCounts.full),
  30 * 60_000,
)
