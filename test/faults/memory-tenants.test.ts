import { startMemory } from '../../services/memory/test/support.ts'
import { memoryTenants } from './scenarios/memory-tenants.ts'

const questions = 25_000

// Together 100,000; each part by itself where a machine has to be shared.
test.each([1, 2, 3, 4])(
  `of ${questions} random searches and walks of two tenants not one shows a row of the other (part %i)`,
  async (part) => {
    const harness = await startMemory()
    const outcome = await memoryTenants(harness, questions, part).finally(() => harness.stop())
    console.info(outcome)
    expect(outcome).toMatchObject({ asked: questions, foreign: 0 })
    expect(outcome.rows).toBeGreaterThan(questions)
  },
  20 * 60_000,
)
