/** In which shape errors are answered on a path. */
import type { ErrorStyle } from '../errors.ts'
import { allRoutes } from './index.ts'
import type { HttpOperation } from './operation.ts'

const styleOfDialect = { openai: 'openai', clawgo: 'text' } as const

/** The shape of the errors of an operation. */
export const errorStyleOfOperation = ({ dialect }: Pick<HttpOperation, 'dialect'>): ErrorStyle =>
  dialect === undefined ? 'mesh' : styleOfDialect[dialect]

const openAiPaths = [
  ...new Set(
    allRoutes.filter(({ definition }) => definition.dialect === 'openai').map(({ path }) => path.split('/{', 1)[0]!),
  ),
]
const clawgoPath = '/api'

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/**
 * The shape of errors on the path of an address: on and below the routes of OpenAI's dialect it is theirs, below `/api`
 * clawgo's, whether the path is read, known and takes the method or not.
 */
export const errorStyleOf = (url = ''): ErrorStyle => {
  const path = decoded(url.split('?', 1)[0]!)
  const isAt = (known: string) => path === known || path.startsWith(`${known}/`)
  return isAt(clawgoPath) ? 'text' : openAiPaths.some(isAt) ? 'openai' : 'mesh'
}
