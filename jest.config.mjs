/** jest 30 running the TypeScript sources as ES modules; run it through `npm test`, which sets the flags Node needs. */
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('.', import.meta.url))

/** @type {import('jest').Config} */
const config = {
  rootDir: root,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testMatch: ['**/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/faults/'],
  modulePathIgnorePatterns: ['<rootDir>/.cache/', '<rootDir>/.clawmesh/', '/dist/'],
  testEnvironment: '<rootDir>/test/support/jest-environment.mjs',
  maxWorkers: 2,
  // jest gives back little of what a test file leaves behind: beyond this much JavaScript heap a worker is replaced.
  workerIdleMemoryLimit: '1GB',
  // For hangs: beyond `hangLimitMs` of test/support/limits.ts, which says what it waits for.
  testTimeout: 150_000,
  reporters: ['default', '<rootDir>/test/support/summary-reporter.mjs'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
}

export default config
