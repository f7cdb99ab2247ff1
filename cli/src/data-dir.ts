/** The data folder, and the secrets that embedded mode makes for itself in it. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Absolute path of the data folder, created when missing. */
export const openDataDir = (configured: string): string => {
  const dir = resolve(configured === '' ? join(homedir(), '.clawmesh') : configured)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}

const fresh = (): string => randomBytes(32).toString('hex')
const secretFile = (dataDir: string, name: string): string => join(dataDir, `${name}.key`)

/** The lines of a secret's file, the current secret first; made at the first start, readable by its owner only. */
export const keptSecrets = (dataDir: string, name: string): [string, ...string[]] => {
  const path = secretFile(dataDir, name)
  try {
    // `wx` fails when it exists, so that two first starts at once agree on one.
    writeFileSync(path, fresh(), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const [current = '', ...older] = readFileSync(path, 'utf8').split(/\s+/).filter(Boolean)
  return [current, ...older]
}

/** A secret of 32 random bytes in hex. */
export const keptSecret = (dataDir: string, name: string): string => keptSecrets(dataDir, name)[0]

/** Puts a new secret before those that are kept. The file is replaced as a whole: a crash leaves the old or the new one. */
export const renewKeptSecret = (dataDir: string, name: string): void => {
  const path = secretFile(dataDir, name)
  const lines = [fresh(), ...keptSecrets(dataDir, name)]
  writeFileSync(`${path}.new`, `${lines.join('\n')}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}
