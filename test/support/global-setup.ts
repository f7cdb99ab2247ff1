/** Runs once before all test files. jest wants a default export here. */
import { startDependencies } from './dependencies.ts'
import { keepForTeardown } from './running-dependencies.ts'

export default async function setUp(): Promise<void> {
  keepForTeardown(await startDependencies())
}
