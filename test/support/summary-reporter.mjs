/**
 * Ends a jest run with plain lines on stdout, after everything else jest has to say: one for each failed test file with
 * its reason, and at last `N passed, N failed`.
 */
import { writeSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** Of a reason, which may be a whole diff. */
const shownChars = 300

/** @param {string} text */
const firstLine = (text) => {
  const [line = ''] = stripVTControlCharacters(text).trim().split('\n')
  return line.length > shownChars ? `${line.slice(0, shownChars)}…` : line
}

/**
 * Why a test file failed: that it did not run to its end, else the tests that failed.
 *
 * @param {import('@jest/test-result').TestResult} result
 * @returns {string[]} none when it passed
 */
const reasons = ({ testExecError, testResults, failureMessage }) => {
  if (testExecError) return [firstLine(testExecError.message || failureMessage || 'it did not run')]
  return testResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages[0] ?? '')}`)
}

/** @implements {Pick<import('@jest/reporters').Reporter, 'onRunComplete'>} */
export default class SummaryReporter {
  /** @param {import('@jest/types').Config.GlobalConfig} globalConfig */
  constructor({ rootDir }) {
    this.rootDir = rootDir
  }

  /**
   * @param {Set<unknown>} _contexts
   * @param {import('@jest/test-result').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    // A file that does not even load, or whose worker died, has no failed test in jest's count, yet it failed.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    const skipped = results.numPendingTests + results.numTodoTests
    const failures = results.testResults.flatMap((result) =>
      reasons(result).map((reason) => `FAILED ${relative(this.rootDir, result.testFilePath)}: ${reason}\n`),
    )
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`
    // At exit: the teardown and jest's own last words come after this hook.
    process.once('exit', () => {
      if (failed > 0 && !process.exitCode) process.exitCode = 1
      writeSync(1, `${failures.join('')}${line}`)
    })
  }
}
