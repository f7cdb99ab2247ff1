/** The last log records of a process, shaped for people who watch from outside: bounded, and without secrets. */
import { cutText } from '../text/cut.ts'
import { redactSecrets } from '../text/redact.ts'

export const tailLevels = ['debug', 'info', 'warn', 'error'] as const
export type TailLevel = (typeof tailLevels)[number]

export interface TailedRecord {
  /** Unix milliseconds. */
  timestamp: number
  level: TailLevel
  message: string
  source?: string
  attrs?: Record<string, string>
  /** Whose the record is, where it says so. */
  tenantId?: string
  agentId?: string
}

export interface LogTail {
  /** Takes a line that the logger writes. */
  write: (line: string) => void
  /** The last records of a level or above, oldest first. */
  recent: (level: TailLevel, limit: number) => TailedRecord[]
  /** Calls back with every record from now on. Gives the function that ends it. */
  follow: (handler: (record: TailedRecord) => void) => () => void
}

const maxRecords = 500
const maxLine = 16_384
const maxMessage = 2_000
const maxAttrs = 32
const maxAttr = 500

/** Names of fields whose values nobody is shown. */
const secretName = /key|token|secret|password|dsn|credential|authorization|cookie/i
const masked = '***'

/** Fields that say what part of the program speaks; the first that is there. */
const sourceFields = ['component', 'source', 'module', 'service', 'part', 'name'] as const
const ownFields: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname', ...sourceFields])

const levelOf = (level: unknown): TailLevel => {
  const number = Number(level)
  return number >= 50 ? 'error' : number >= 40 ? 'warn' : number >= 30 ? 'info' : 'debug'
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const shownValue = (name: string, value: unknown): string => {
  if (secretName.test(name)) return masked
  const text =
    typeof value === 'string'
      ? value
      : (JSON.stringify(value, (inner, each: unknown) => (secretName.test(inner) ? masked : each)) ?? '')
  return redactSecrets(cutText(text, maxAttr))
}

/** A line as a record; what is no JSON is its message. */
export const recordOf = (line: string): TailedRecord => {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(line) as Record<string, unknown>
  } catch {
    return { timestamp: Date.now(), level: 'info', message: redactSecrets(cutText(line.trimEnd(), maxMessage)) }
  }
  const attrs = Object.entries(fields)
    .filter(([name]) => !ownFields.has(name))
    .slice(0, maxAttrs)
    .map(([name, value]) => [cutText(name, 100), shownValue(name, value)])
  const source = sourceFields.map((field) => textOf(fields[field])).find((text) => text !== undefined)
  const tenantId = textOf(fields['tenantId']) ?? textOf(fields['tenant'])
  const agentId = textOf(fields['agentId']) ?? textOf(fields['agent'])
  return {
    timestamp: Date.parse(String(fields['time'])) || Date.now(),
    level: levelOf(fields['level']),
    message: redactSecrets(cutText(textOf(fields['msg']) ?? '', maxMessage)),
    ...(source === undefined ? {} : { source }),
    ...(attrs.length === 0 ? {} : { attrs: Object.fromEntries(attrs) as Record<string, string> }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(agentId === undefined ? {} : { agentId }),
  }
}

/** Whether a record is as severe as a level, or more. */
export const isAtLeast = (level: TailLevel, least: TailLevel): boolean =>
  tailLevels.indexOf(level) >= tailLevels.indexOf(least)

/** Lines are kept as they are and read only for those who ask, since mostly nobody does. */
export const createLogTail = (): LogTail => {
  /** As they were written; shaped at once where that is shorter. */
  const kept: (string | TailedRecord)[] = []
  const followers = new Set<(record: TailedRecord) => void>()
  return {
    write: (line) => {
      const record = line.length > maxLine || followers.size > 0 ? recordOf(line) : undefined
      kept.push(record ?? line)
      if (kept.length > maxRecords) kept.shift()
      if (record !== undefined) for (const follower of followers) follower(record)
    },
    recent: (level, limit) =>
      kept
        .map((each) => (typeof each === 'string' ? recordOf(each) : each))
        .filter((record) => isAtLeast(record.level, level))
        .slice(-limit),
    follow: (handler) => {
      followers.add(handler)
      return () => void followers.delete(handler)
    },
  }
}
