/** jest 30 running the TypeScript sources as ES modules; run it through `npm test`, which sets the flags Node needs. */
import { fileURLToPath } from 'node:url'
import { findSuites } from './test/support/suites.mjs'

const root = fileURLToPath(new URL('.', import.meta.url))

/** What every test file runs with. @type {import('jest').Config} */
export const project = {
  rootDir: root,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: true,
      },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/.cache/', '<rootDir>/.clawmesh/', '/dist/'],
  testEnvironment: '<rootDir>/test/support/jest-environment.mjs',
}

/** Starts PostgreSQL, NATS and Redis for a run. */
export const withServers = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
}

/** @type {import('jest').Config} */
export const run = {
  // One more than the cores it is made for: most test files wait for processes and servers half of their time.
  maxWorkers: 3,
  // For hangs: beyond `hangLimitMs` of test/support/limits.ts, which says what it waits for. jest hears it here, never from a project.
  testTimeout: 300_000,
  // jest gives back little of what a test file leaves behind: beyond this much JavaScript heap a worker is replaced.
  workerIdleMemoryLimit: '1GB',
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
  reporters: ['default', '<rootDir>/test/support/summary-reporter.mjs'],
}

/** @type {import('jest').Config} */
const config = {
  rootDir: root,
  ...run,
  projects: Object.entries(findSuites(root)).map(([displayName, testMatch]) => ({
    ...project,
    ...(displayName === 'unit' ? {} : withServers),
    displayName,
    testMatch,
  })),
}

export default config
