import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { standardPath } from './environment.ts'

/**
 * The absolute path of a program.
 * @throws a system error, ENOENT, when there is none of that name
 */
export const findProgram = async (name: string, searchPath = process.env['PATH'] ?? standardPath): Promise<string> => {
  if (isAbsolute(name)) return name
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, name)
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  throw Object.assign(new Error(`there is no program ${name}`), { code: 'ENOENT' })
}
