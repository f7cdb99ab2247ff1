/** The short form of test/faults/sigterm.test.ts. */
import { sigtermTests } from '../faults/scenarios/sigterm-suite.ts'

sigtermTests({ rounds: 1, loadMs: 1_500 })
