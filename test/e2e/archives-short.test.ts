/** The short form of test/faults/archives.test.ts. */
import { archiveTests } from '../faults/scenarios/archives-suite.ts'

archiveTests({ documents: 3, chunks: 2, sessions: 4, files: 3, fileBytes: 400_000 })
