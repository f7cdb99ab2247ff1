/** Runs once after all test files. jest wants a default export here. */
import { stopKept } from './running-dependencies.ts'

export default async function tearDown(): Promise<void> {
  await stopKept()
}
