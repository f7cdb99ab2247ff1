/** What is set and does nothing: slips of the pen, and what GoClaw reads and Clawmesh does not. */
import { isObject, type ConfigFile, type JsonObject } from './file.ts'
import { unusedFileKeys, unusedVariables } from './goclaw.ts'
import type { Layers, SettingEntry } from './load.ts'

export interface Notices {
  /** Nobody knows these. */
  unknown: string[]
  /** GoClaw knows these. */
  unused: string[]
}

interface Known {
  parts: readonly string[]
  used: boolean
}

const shown = (name: string): string => (/^[\w-]{1,100}$/.test(name) ? name : JSON.stringify(name.slice(0, 100)))

const matches = (name: string, value: unknown, [part, ...rest]: readonly string[]): boolean =>
  (part === name || part === '*') && (rest[0] !== '**' || (typeof value === 'object' && value !== null))

const isLast = ({ parts }: Known): boolean => parts.length === 1 || parts[1] === '**'

/** Goes as deep as something known does, however deep the file is. */
const walk = (values: JsonObject, known: readonly Known[], above: string, notices: Notices): void => {
  for (const [name, value] of Object.entries(values)) {
    const path = above + shown(name)
    const fitting = known.filter(({ parts }) => matches(name, value, parts))
    const last = fitting.filter(isLast)
    if (last.some(({ used }) => used) || (value === null && fitting.length > 0)) continue
    if (last.length > 0) notices.unused.push(path)
    else if (fitting.length > 0 && isObject(value)) walk(value, fitting.map(beneath), `${path}.`, notices)
    else notices.unknown.push(path)
  }
}
const beneath = ({ parts, used }: Known): Known => ({ parts: parts.slice(1), used })

const fileNotices = (entries: readonly SettingEntry[], file: ConfigFile): Notices => {
  const known: Known[] = [
    ...entries.flatMap(({ fileKeys }) => fileKeys.map((key) => ({ parts: key.split('.'), used: true }))),
    ...unusedFileKeys.map((key) => ({ parts: key.split('.'), used: false })),
  ]
  const notices: Notices = { unknown: [], unused: [] }
  walk(file.values, known, `${file.path}: `, notices)
  return notices
}

const isOurs = (name: string): boolean => /^(CLAWMESH|GOCLAW)_/.test(name)
/** Kubernetes puts the addresses of a namespace's services into each pod. */
const isServiceLink = (name: string): boolean =>
  /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)\w*)?)$/.test(name)

const variableNotices = (entries: readonly SettingEntry[], env: NodeJS.ProcessEnv): Notices => {
  const used = new Set(entries.flatMap(({ setting }) => setting.env))
  const idle = Object.keys(env).filter((name) => isOurs(name) && !used.has(name))
  return {
    unknown: idle.filter((name) => !unusedVariables.has(name) && !isServiceLink(name)),
    unused: idle.filter((name) => unusedVariables.has(name)),
  }
}

/** What the layers hold that none of the settings reads; `entries` are those of all modules. */
export const noticesOf = (entries: readonly SettingEntry[], { env, file }: Layers): Notices => {
  const found = [variableNotices(entries, env), ...(file === undefined ? [] : [fileNotices(entries, file)])]
  return {
    unknown: found.flatMap(({ unknown }) => unknown),
    unused: found.flatMap(({ unused }) => unused),
  }
}
