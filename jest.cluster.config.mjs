/** The suite on a real Kubernetes, which `npm run cluster` starts and runs it on. One file at a time: they share a release. */
import { project, run } from './jest.config.mjs'

/** @type {import('jest').Config} */
const clusterConfig = {
  ...project,
  ...run,
  testMatch: ['<rootDir>/test/cluster/**/*.test.ts'],
  maxWorkers: 1,
  // Pods start, leave and are waited for.
  testTimeout: 900_000,
}

export default clusterConfig
