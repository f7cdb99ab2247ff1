/** The data folder, and the secrets that embedded mode makes for itself in it. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Absolute path of the data folder, created when missing. */
export const openDataDir = (configured: string): string => {
  const dir = resolve(configured === '' ? join(homedir(), '.clawmesh') : configured)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}

/** A secret of 32 random bytes in hex, made at the first start and kept, readable by its owner only. */
export const keptSecret = (dataDir: string, name: string): string => {
  const path = join(dataDir, `${name}.key`)
  try {
    // `wx` fails when it exists, so that two first starts at once agree on one.
    writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8').trim()
}
