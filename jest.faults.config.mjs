/** The fault suite: kills, cuts and delays of real dependencies. One file at a time, it owns the machine. */
import config from './jest.config.mjs'

/** @type {import('jest').Config} */
const faultsConfig = {
  ...config,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
}

export default faultsConfig
