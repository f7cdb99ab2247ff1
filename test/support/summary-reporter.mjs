/** Ends a jest run with the plain line `N passed, N failed` on stdout, after everything else jest has to say. */
import { writeSync } from 'node:fs'

/** @implements {Pick<import('@jest/reporters').Reporter, 'onRunComplete'>} */
export default class SummaryReporter {
  /**
   * @param {Set<unknown>} _contexts
   * @param {import('@jest/test-result').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    // A file that does not even load has no failed test in jest's count, yet it failed.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    const skipped = results.numPendingTests + results.numTodoTests
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`
    // At exit: the teardown and jest's own last words come after this hook.
    process.once('exit', () => {
      if (failed > 0 && !process.exitCode) process.exitCode = 1
      writeSync(1, line)
    })
  }
}
