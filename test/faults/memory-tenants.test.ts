import { startMemory } from '../../services/memory/test/support.ts'
import { memoryTenants } from './scenarios/memory-tenants.ts'

const questions = 100_000

test(
  `of ${questions} random searches and walks of two tenants not one shows a row of the other`,
  async () => {
    const harness = await startMemory()
    const outcome = await memoryTenants(harness, questions).finally(() => harness.stop())
    console.info(outcome)
    expect(outcome).toMatchObject({ asked: questions, foreign: 0 })
    expect(outcome.rows).toBeGreaterThan(questions)
  },
  60 * 60_000,
)
