/** What each npm script runs, as a table. A step is the argument list of one `node` call; they run in order. */
import { jest } from './jest.mjs'

const cli = 'cli/src/main.ts'
const prettier = 'node_modules/prettier/bin/prettier.cjs'
const tsc = 'node_modules/typescript-native/bin/tsc'
const buf = 'node_modules/@bufbuild/buf/bin/buf'

/**
 * @typedef {{ command: string[] }} Step
 * @typedef {object} Task
 * @property {(args: string[]) => Step[]} steps
 * @property {false} [needsPrismaClients] leave them alone, the task does not run our code
 * @property {true} [regeneratesPrismaClients] make them all anew
 * @property {(args: string[]) => boolean} [runsForGood] the last step is to be started again when it crashes
 */

/** @type {Record<string, Task>} */
const tasks = {
  start: { steps: (args) => [{ command: [cli, 'start', '--target', 'all', ...args] }], runsForGood: () => true },
  clawmesh: { steps: (args) => [{ command: [cli, ...args] }], runsForGood: ([command]) => command === 'start' },
  release: { steps: (args) => [{ command: ['scripts/release.mjs', ...args] }] },
  openapi: { steps: (args) => [{ command: [cli, 'openapi', ...args] }] },
  test: { steps: (args) => [{ command: [...jest, ...args] }] },
  faults: { steps: (args) => [{ command: [...jest, '--config', 'jest.faults.config.mjs', ...args] }] },
  images: { steps: (args) => [{ command: ['deploy/images/build.mjs', ...args] }] },
  cluster: { steps: (args) => [{ command: ['deploy/cluster/main.mjs', ...args] }] },
  bench: { steps: (args) => [{ command: ['test/bench/main.ts', ...args] }] },
  lint: { steps: (args) => [{ command: ['scripts/lint.mjs', ...args] }] },
  check: { steps: (args) => [{ command: ['scripts/check.mjs', ...args] }] },
  dev: {
    steps: (args) => [{ command: ['--watch', '--watch-preserve-output', cli, 'start', '--target', 'all', ...args] }],
  },
  format: { steps: () => [{ command: [prettier, '--write', '.'] }], needsPrismaClients: false },
  typecheck: {
    steps: (args) => [
      { command: [tsc, '--noEmit', '--incremental', '--tsBuildInfoFile', '.cache/typecheck.tsbuildinfo', ...args] },
    ],
  },
  generate: {
    steps: () => [
      { command: [buf, 'generate'] },
      { command: [buf, 'build', '-o', 'contracts/src/gen/descriptors.binpb'] },
      { command: [cli, 'config', 'docs', 'docs/configuration.md'] },
      { command: ['scripts/chart.mjs'] },
    ],
    regeneratesPrismaClients: true,
  },
}

export const taskNames = Object.keys(tasks)

/**
 * @param {string} name
 * @returns {Task | undefined}
 */
export function findTask(name) {
  return Object.hasOwn(tasks, name) ? tasks[name] : undefined
}
