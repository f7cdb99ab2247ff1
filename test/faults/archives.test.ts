/** An agent with 5,000 chunks, 1,000 sessions and 200 MB of files on its way into another installation. */
import { archiveTests } from './scenarios/archives-suite.ts'

archiveTests({ documents: 500, chunks: 10, sessions: 1_000, files: 40, fileBytes: 5_000_000 }, console.log, 900_000)
