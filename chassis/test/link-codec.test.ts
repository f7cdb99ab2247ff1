/** The short form of test/faults/link-codec.test.ts. */
import { caseCounts } from '../../test/faults/scenarios/case-counts.ts'
import { linkCodecTests } from '../../test/faults/scenarios/link-codec.ts'

linkCodecTests({ cases: caseCounts.short })
