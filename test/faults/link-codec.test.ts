import { caseCounts } from './scenarios/case-counts.ts'
import { linkCodecTests } from './scenarios/link-codec.ts'

linkCodecTests({ cases: caseCounts.full })
