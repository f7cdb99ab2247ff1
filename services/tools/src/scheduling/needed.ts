import { toolError } from '../tool/tool-error.ts'

/** What an action cannot do without. @throws TOOL_ERROR that names it */
export const needed = <T>(value: T | undefined, action: string, name: string): T => {
  if (value === undefined) throw toolError(`${action} needs ${name}`)
  return value
}
