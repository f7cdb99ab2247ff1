/** In which shape errors are answered on a path. */
import type { ErrorStyle } from '../errors.ts'
import { allRoutes } from './index.ts'

const openAiPaths = [
  ...new Set(
    allRoutes.filter(({ definition }) => definition.dialect === 'openai').map(({ path }) => path.split('/{', 1)[0]!),
  ),
]

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/**
 * The shape of errors on the path of an address: on and below the routes of OpenAI's dialect it is theirs, whether the
 * path is read, known and takes the method or not.
 */
export const errorStyleOf = (url = ''): ErrorStyle => {
  const path = decoded(url.split('?', 1)[0]!)
  return openAiPaths.some((known) => path === known || path.startsWith(`${known}/`)) ? 'openai' : 'mesh'
}
