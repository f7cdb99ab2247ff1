import { sigtermTests } from './scenarios/sigterm-suite.ts'

sigtermTests({ rounds: 10, loadMs: 4_000 })
