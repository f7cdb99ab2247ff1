/** The fault suite: kills, cuts and delays of real dependencies. One file at a time, it owns the machine. */
import { project, run, withServers } from './jest.config.mjs'

/** @type {import('jest').Config} */
const faultsConfig = {
  ...project,
  ...withServers,
  ...run,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  maxWorkers: 1,
}

export default faultsConfig
