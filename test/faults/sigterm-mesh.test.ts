import { sigtermMeshTests } from './scenarios/sigterm-suite.ts'

sigtermMeshTests({ rounds: 10, loadMs: 4_000 })
