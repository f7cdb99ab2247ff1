import { linkFlowTests } from './scenarios/link-flow.ts'

linkFlowTests({ interleavings: 100_000 })
