/** The short form of test/faults/sigterm-all.test.ts. */
import { sigtermAllTests } from '../faults/scenarios/sigterm-suite.ts'

sigtermAllTests({ rounds: 1, loadMs: 1_000 })
