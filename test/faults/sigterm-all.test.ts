import { sigtermAllTests } from './scenarios/sigterm-suite.ts'

sigtermAllTests({ rounds: 10, loadMs: 4_000 })
