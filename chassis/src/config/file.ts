/** The configuration file: JSON5, an object of objects. */
import { readFileSync } from 'node:fs'
import JSON5 from 'json5'
import { ConfigError } from './fault.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface ConfigFile {
  /** As shown to the operator. */
  path: string
  values: JsonObject
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What kind of JSON value something is, in words. */
export const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

const syntaxFault = (thrown: unknown): string => {
  const { lineNumber, columnNumber } = thrown as { lineNumber?: number; columnNumber?: number }
  const place = lineNumber === undefined ? '' : ` at line ${lineNumber}, column ${columnNumber}`
  return `not valid JSON5${place}`
}

/** @throws ConfigError naming the file, and the place of a syntax error */
export const parseConfigFile = (path: string, text: string): ConfigFile => {
  let values: unknown
  try {
    values = JSON5.parse(text)
  } catch (thrown) {
    // What is wrong there is not repeated: it may be in the middle of a secret.
    throw new ConfigError([{ where: path, reason: syntaxFault(thrown) }])
  }
  if (!isObject(values)) throw new ConfigError([{ where: path, reason: `expected object, received ${kindOf(values)}` }])
  return { path, values }
}

/** The file at a path, undefined when there is none. @throws ConfigError when it cannot be read */
export const readConfigFile = (path: string): ConfigFile | undefined => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    const { code = 'unreadable' } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new ConfigError([{ where: path, reason: `cannot be read: ${code}` }])
  }
  return parseConfigFile(path, text)
}

const step = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

/** What stands at a key; nothing, `null` and the empty text count as not set. */
export const valueAt = (values: JsonObject, key: string): unknown => {
  const value = key.split('.').reduce<unknown>(step, values)
  return value === null || value === '' ? undefined : value
}
