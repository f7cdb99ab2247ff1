/**
 * Long texts of spans, apart from their rows: one object for those that a report of a trace brings, by the day of the trace, so
 * that days are dropped here as there.
 */
import { createHash } from 'node:crypto'
import { createSemaphore } from '@clawmesh/chassis'
import type { Bucket } from '@clawmesh/chassis/bucket'
import type { TraceReport, TraceSpan } from '../intake/types.ts'
import { dayOf } from '../partitions/calendar.ts'

/** Bytes of a text that stays in its row. */
const inRowBytes = 8_192
/** Characters of a longer one that stay, to be shown where the rest is away. */
const keptCharacters = 1_000
/**
 * Files of tenants share the bucket: those of one stand below `tenants/<slug>/`, and no slug begins with a dot. What else is at the
 * top belongs to the master tenant.
 */
const root = 'tenants/.spans/'
/** Objects that are on their way at a time. */
const putsAtOnce = 8

export interface Bodies {
  input?: string | undefined
  output?: string | undefined
}

/** The texts of one object, by the id of the span. */
type Bundle = Record<string, Bodies>

export interface BodiesStore {
  /** Puts long texts away; the spans name where. While that is impossible they stay with their spans. */
  put: (reports: readonly TraceReport[]) => Promise<TraceReport[]>
  /** The texts of an object; empty where it is gone. @throws UNAVAILABLE */
  get: (key: string) => Promise<Bundle>
  /** Removes objects. One that cannot be is gone with its day. */
  remove: (keys: readonly string[]) => Promise<void>
  /** Removes the days that are over. @param isOver of a day such as `2026-11-20` */
  dropDays: (isOver: (day: string) => boolean) => Promise<void>
}

const isLong = (text: string | undefined): text is string => text !== undefined && Buffer.byteLength(text) > inRowBytes

const longOf = (text: string | undefined): string | undefined => (isLong(text) ? text : undefined)
const shortened = (text: string | undefined): string | undefined =>
  isLong(text) ? text.slice(0, keptCharacters).toWellFormed() : text

const bundleOf = (spans: readonly TraceSpan[]): Bundle =>
  Object.fromEntries(
    spans.flatMap(({ id, input_preview, output_preview }) => {
      const bodies = { input: longOf(input_preview), output: longOf(output_preview) }
      return bodies.input === undefined && bodies.output === undefined ? [] : [[id, bodies]]
    }),
  )

export const createBodiesStore = (bucket: Bucket, warn: (err: unknown) => void): BodiesStore => {
  const removeUnder = async (prefix: string): Promise<void> => {
    const keys: string[] = []
    for await (const { key } of bucket.under(prefix)) keys.push(key)
    for (const key of keys) await bucket.remove(key)
  }

  const inTurn = createSemaphore(putsAtOnce)
  const putOne = async (report: TraceReport): Promise<TraceReport> => {
    const bundle = bundleOf(report.spans)
    if (Object.keys(bundle).length === 0) return report
    const bytes = Buffer.from(JSON.stringify(bundle))
    // The same texts are the same object, however often they come.
    const name = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
    const { tenantId, trace } = report
    const key = `${root}${dayOf(trace.created_at)}/${tenantId}/${trace.id}/${name}`
    await bucket.write(key, bytes)
    const lighter = (span: TraceSpan): TraceSpan => ({
      ...span,
      input_preview: shortened(span.input_preview),
      output_preview: shortened(span.output_preview),
      bodies_key: key,
    })
    return { ...report, spans: report.spans.map((span) => (bundle[span.id] === undefined ? span : lighter(span))) }
  }

  return {
    put: (reports) => {
      // One that waits in vain is enough.
      let isAway = false
      const put = async (report: TraceReport): Promise<TraceReport> => {
        if (isAway) return report
        try {
          return await putOne(report)
        } catch (err) {
          isAway = true
          warn(err)
          return report
        }
      }
      return Promise.all(reports.map((report) => inTurn(() => put(report))))
    },

    get: async (key) => {
      const object = await bucket.find(key)
      if (object === undefined) return {}
      const pieces: Buffer[] = []
      for await (const piece of bucket.read(key, object.version, 0, object.size - 1)) pieces.push(piece)
      return JSON.parse(Buffer.concat(pieces).toString()) as Bundle
    },

    remove: async (keys) => {
      for (const key of keys) await bucket.remove(key).catch(warn)
    },

    dropDays: async (isOver) => {
      for await (const entry of bucket.level(root)) {
        if (!('prefix' in entry)) continue
        const day = entry.prefix.slice(root.length, -1)
        if (/^\d{4}-\d\d-\d\d$/.test(day) && isOver(day)) await removeUnder(entry.prefix)
      }
    },
  }
}
