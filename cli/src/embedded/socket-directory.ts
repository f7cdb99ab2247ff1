/** Where the Unix socket of an embedded PostgreSQL lies: beside the data, unless that path is too long for the kernel. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The name clients of port 5432 look for in the directory that they are given as host. */
export const socketName = '.s.PGSQL.5432'

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const socketPathLimitBytes = 103

/**
 * A directory that only this user may enter, short enough for a socket path.
 *
 * @param dataDir absolute path of the data, undefined for a database in memory
 * @returns the directory, and whether it is a temporary one that goes away with the server
 */
export function chooseSocketDirectory(dataDir: string | undefined): { directory: string; temporary: boolean } {
  if (dataDir === undefined) return { directory: mkdtempSync(join(tmpdir(), 'clawmesh-')), temporary: true }
  if (Buffer.byteLength(join(dataDir, socketName)) <= socketPathLimitBytes) {
    return { directory: dataDir, temporary: false }
  }
  // Named after the data directory, so that the next start finds and clears what a killed one left.
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const directory = join(tmpdir(), `clawmesh-${hash}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const found = lstatSync(directory)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Error(`${directory} belongs to somebody else or is open to others; remove it`)
  }
  return { directory, temporary: true }
}
