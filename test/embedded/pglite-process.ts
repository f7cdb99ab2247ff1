/** `node pglite-process.ts <directory>`: serves an embedded database until it is killed; prints its URL when ready. */
import { startPglite } from '../../cli/src/embedded/pglite.ts'

const server = await startPglite({ dataDir: process.argv[2] })
process.stdout.write(`ready ${server.url}\n`)
