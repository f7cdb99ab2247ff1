import { linkFaultTests } from './scenarios/link.ts'

linkFaultTests({ rounds: 5, streams: 200, calls: 1_000, streamMegabytes: 100, readerBytesPerSecond: 1_000 })
