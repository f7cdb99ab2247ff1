/**
 * `node pglite-process.ts <PgliteOptions as JSON>`: serves an embedded database until SIGTERM, or until whoever started
 * it is gone. Prints its URL when ready; what kept it from starting goes to stderr.
 */
import { startPglite, type PgliteOptions } from '../../cli/src/embedded/pglite.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as PgliteOptions & { twice?: boolean }

const leave = (error: unknown): never => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

const server = await startPglite({ ...options, onFailure: leave }).catch(leave)
// A second server in the same process.
if (options.twice) await startPglite(options).then(() => leave('the second one started'), leave)

// A server may be stopped by more than one.
const stop = () => Promise.all([server.stop(), server.stop()])
process.once('SIGTERM', () => void stop().then(() => process.exit(0), leave))
// Our end of the pipe closes with the process that holds the other, however that one ends.
process.stdin.resume().once('close', () => process.exit(1))
process.stdout.write(`ready ${server.url}\n`)
