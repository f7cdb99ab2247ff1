/** The activity log as one file, written as it is read: it may be far larger than memory. */
import { toContract } from '@clawmesh/chassis'
import { attachment } from '@clawmesh/chassis/archives'
import { http } from '@clawmesh/contracts'
import type { ActivityLog } from './use-cases.ts'

type Format = 'csv' | 'json'
type Portions = AsyncIterable<readonly ActivityLog[]>

const records = http.activity.operations.exportActivity.response[200]
const columns = [
  ...['created_at', 'action', 'actor_type', 'actor_id', 'entity_type', 'entity_id', 'ip_address', 'details', 'id'],
]

const contentTypes: Readonly<Record<Format, string>> = { csv: 'text/csv; charset=utf-8', json: 'application/json' }

/** What a spreadsheet would run, or take for something else than a text. */
const formula = /^[=+\-@\t\r]/

const cell = (value: unknown): string => {
  const text = value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  const safe = formula.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
const line = (values: readonly unknown[]): string => `${values.map(cell).join(',')}\r\n`

const rowsOf = (portion: readonly ActivityLog[]) =>
  toContract(
    records,
    portion.map((log) => ({ ...log, createdAt: new Date(log.createdAt) })),
  ) as Record<string, unknown>[]

const writers: Readonly<Record<Format, (portions: Portions) => AsyncIterable<string>>> = {
  csv: async function* (portions) {
    yield line(columns)
    for await (const portion of portions)
      yield rowsOf(portion)
        .map((row) => line(columns.map((name) => row[name])))
        .join('')
  },
  json: async function* (portions) {
    let before = '['
    for await (const portion of portions) {
      yield before + JSON.stringify(rowsOf(portion)).slice(1, -1)
      before = ','
    }
    yield before === '[' ? '[]' : ']'
  },
}

async function* encoded(texts: AsyncIterable<string>): AsyncIterable<Buffer> {
  for await (const text of texts) yield Buffer.from(text)
}

/** The file as an answer. */
export const exportOf = (portions: Portions, format: Format, now: Date) =>
  attachment({
    fileName: `activity-${now.toISOString().slice(0, 10)}.${format}`,
    contentType: contentTypes[format],
    bytes: encoded(writers[format](portions)),
  })
