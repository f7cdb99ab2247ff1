/** Programs that stand in for a provider flood, hang, die and ignore SIGTERM two hundred times: nothing is left of them. */
import { programRuns } from './scenarios/program-runs.ts'

test('two hundred runs leave no process and no zombie', async () => {
  expect(await programRuns(200)).toEqual({ children: [], odd: [] })
}, 300_000)
