/** In which shape errors are answered on a path. */
import type { ErrorStyle } from '../errors.ts'
import { allRoutes } from './index.ts'
import type { HttpOperation } from './operation.ts'

const styleOfDialect = { openai: 'openai', anthropic: 'anthropic', clawgo: 'text' } as const

/** The shape of the errors of an operation. */
export const errorStyleOfOperation = ({ dialect }: Pick<HttpOperation, 'dialect'>): ErrorStyle =>
  dialect === undefined ? 'mesh' : styleOfDialect[dialect]

const clawgoPath = '/api'
/** Paths on and below which errors have another's shape. */
const stylesByPath = new Map<string, ErrorStyle>([
  [clawgoPath, 'text'],
  ...allRoutes.flatMap(({ path, definition }): [string, ErrorStyle][] =>
    definition.dialect === undefined || definition.dialect === 'clawgo'
      ? []
      : [[path.split('/{', 1)[0]!, errorStyleOfOperation(definition)]],
  ),
])

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/**
 * The shape of errors on the path of an address: on and below the routes of OpenAI's and Anthropic's dialects it is theirs,
 * below `/api` clawgo's, whether the path is read, known and takes the method or not.
 */
export const errorStyleOf = (url = ''): ErrorStyle => {
  const path = decoded(url.split('?', 1)[0]!)
  for (const [known, style] of stylesByPath) if (path === known || path.startsWith(`${known}/`)) return style
  return 'mesh'
}
