/**
 * Bytes that pass through the process in large pieces. V8 sees of a buffer no more than the object that refers to it, and
 * lets 32 to 64 MiB of buffers gather before it looks for those that nobody holds any more: so much would a process grow
 * with every large file, whatever its size. Collecting the young objects more often takes no more time in all, as each
 * finds less to do.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** On its way a piece is copied into frames and messages two or three times: around 10 MiB of garbage. */
const collectAfterBytes = 4_194_304
/** Smaller ones are parts of buffers that Node shares, or few. */
const largeBytes = 8_192

let collect: NodeJS.GCFunction | undefined
let passed = 0

const collector = (): NodeJS.GCFunction => {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as NodeJS.GCFunction
  // Code that was compiled and kept under other flags would be compiled again.
  setFlagsFromString('--no-expose-gc')
  return found
}

/** Takes note of a piece of a body that is on its way through the process. */
export const notePassing = ({ length }: Uint8Array): void => {
  if (length < largeBytes) return
  passed += length
  if (passed < collectAfterBytes) return
  passed = 0
  collect ??= collector()
  void collect({ type: 'minor' })
}

/** The same pieces, taken note of on their way. */
export const passing = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    notePassing(piece)
    yield piece
  }
}
