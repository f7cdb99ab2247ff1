/** The short form of test/faults/link.test.ts. */
import { linkFaultTests } from '../../test/faults/scenarios/link.ts'

linkFaultTests({ rounds: 1, streams: 20, calls: 50, streamMegabytes: 10, readerBytesPerSecond: 100_000 })
