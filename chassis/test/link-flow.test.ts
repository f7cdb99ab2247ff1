/** The short form of test/faults/link-flow.test.ts. */
import { linkFlowTests } from '../../test/faults/scenarios/link-flow.ts'

linkFlowTests({ interleavings: 1_000 })
