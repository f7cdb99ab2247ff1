/** The short form of test/faults/program-runs.test.ts. */
import { programRuns } from '../../../test/faults/scenarios/program-runs.ts'

it('programs that stand in for a provider leave no process and no zombie, however they end', async () => {
  expect(await programRuns(24)).toEqual({ children: [], odd: [] })
})
