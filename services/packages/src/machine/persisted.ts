/** The file with the names of the system packages that users installed, so that a new container has them again. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** The folder that keeps what was installed at run time. @param configured empty for its usual place */
export const runtimeFolder = (configured: string, dataDir: string): string => configured || join(dataDir, '.runtime')

export const persistFileName = 'apk-packages'
export const persistFileLimitBytes = 64 * 1024
/** What clients may name; never an option, as it does not begin with a hyphen. */
const namePattern = /^[a-zA-Z0-9@][a-zA-Z0-9._+\-/@]{0,199}$/

/** The first of the file, as far as the limit goes; empty when there is none. */
const readStart = async (path: string): Promise<string> => {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(persistFileLimitBytes), 0, persistFileLimitBytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return ''
  }
}

/** The names in a persist file: one a line, in order, each once. */
export const namesIn = (persisted: string): string[] => [
  ...new Set(
    persisted
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => namePattern.test(line)),
  ),
]

/** The names that the file holds; none when there is no file. */
export const readPersisted = async (path: string): Promise<string[]> => namesIn(await readStart(path))
