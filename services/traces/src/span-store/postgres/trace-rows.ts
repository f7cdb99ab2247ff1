/** Reads the rows of traces and spans; the intake writes them. */
import type { TenantPrisma } from '../../prisma.ts'
import type { Span as SpanRow, Trace as TraceRow } from '../../db/client/client.ts'
import type { Span, Trace } from '../../traces/types.ts'
import type { ScopedDb } from '@clawmesh/chassis'
import type { BodiesStore } from '../bodies.ts'
import type { FoundTrace, TenantSpans, TracePlace } from '../port.ts'
import { createTraceSearch } from './search.ts'

/** How far the clocks of two replicas may be apart. */
const skewMs = 60_000
/** Spans of a trace that are read together, and at all. */
const spansAtOnce = 20
const mostSpans = 10_000
/** What is said and noted in the spans of one answer, characters: more comes without. */
const saidInSpans = 8_388_608
const said = { inputPreview: true, outputPreview: true, modelParams: true, metadata: true } as const
const nothingSaid = { inputPreview: null, outputPreview: null, modelParams: null, metadata: null }

const saidIn = ({ inputPreview, outputPreview, modelParams, metadata }: Pick<SpanRow, keyof typeof said>): number =>
  (inputPreview?.length ?? 0) + (outputPreview?.length ?? 0) + JSON.stringify([modelParams, metadata]).length

const toTrace = ({ totalCost, ...row }: TraceRow): Trace => ({
  ...row,
  totalCost: Number(totalCost),
  status: row.status as Trace['status'],
  metadata: row.metadata as Trace['metadata'],
})

const toSpan = ({ totalCost, ...row }: SpanRow): Span => ({
  ...row,
  totalCost: totalCost === null ? null : Number(totalCost),
  spanType: row.spanType as Span['spanType'],
  status: row.status as Span['status'],
  modelParams: row.modelParams as Span['modelParams'],
  metadata: row.metadata as Span['metadata'],
})

/** Gives spans the long texts that are kept apart, of one trace. What cannot be had is left as it is in the row. */
const createWholeSpans = (bodies: Pick<BodiesStore, 'get'> | undefined) => {
  const known = new Map<string, Awaited<ReturnType<BodiesStore['get']>>>()
  let isAway = bodies === undefined
  const learn = async (key: string): Promise<void> => {
    try {
      if (!isAway && !known.has(key)) known.set(key, await bodies!.get(key))
    } catch {
      isAway = true
    }
  }
  return async (spans: readonly SpanRow[]): Promise<SpanRow[]> => {
    const keys = new Set(spans.flatMap(({ bodiesKey }) => (bodiesKey === null ? [] : [bodiesKey])))
    for (const key of keys) await learn(key)
    return spans.map((span) => {
      const { input, output } = known.get(span.bodiesKey ?? '')?.[span.id] ?? {}
      return { ...span, inputPreview: input ?? span.inputPreview, outputPreview: output ?? span.outputPreview }
    })
  }
}

const newestFirst = [{ createdAt: 'desc' as const }, { id: 'desc' as const }]
const behind = ({ createdAt, id }: TracePlace) => ({
  createdAt: { lte: createdAt },
  OR: [{ createdAt: { lt: createdAt } }, { id: { lt: id } }],
})

export const createTraceRows = (
  tenantId: string,
  prisma: TenantPrisma,
  sql: ScopedDb,
  bodies: Pick<BodiesStore, 'get'> | undefined,
): Pick<TenantSpans, 'list' | 'trace' | 'startedBy'> => {
  const search = createTraceSearch(tenantId, sql)
  const searched: TenantSpans['list'] = async (filter) => {
    const { found: ids, ...page } = await search(filter)
    const rows = await prisma.trace.findMany({ where: { tenantId, id: { in: ids } }, orderBy: newestFirst })
    return { ...page, traces: rows.map(toTrace) }
  }
  const found = (row: TraceRow): FoundTrace => ({
    trace: toTrace(row),
    spans: async () => {
      const asked = {
        where: { tenantId, traceId: row.id, createdAt: row.createdAt },
        // Of spans that began together the one that the others are under comes first.
        orderBy: [
          { startTime: 'asc' as const },
          { parentSpanId: { sort: 'asc' as const, nulls: 'first' as const } },
          { id: 'asc' as const },
        ],
      }
      const whole = createWholeSpans(bodies)
      const spans: Span[] = []
      for (let left = saidInSpans; left > 0;) {
        const some = await whole(await prisma.span.findMany({ ...asked, skip: spans.length, take: spansAtOnce }))
        spans.push(...some.map(toSpan))
        if (some.length < spansAtOnce) return spans
        left -= some.reduce((sum, span) => sum + saidIn(span), 0)
      }
      const rest = await prisma.span.findMany({ ...asked, skip: spans.length, take: mostSpans, omit: said })
      return [...spans, ...rest.map((span) => toSpan({ ...span, ...nothingSaid }))]
    },
  })
  return {
    list: async (filter) => {
      if (filter.words.length > 0) return searched(filter)
      const { from, to, limit, offset, tag, words: _, after, ...exact } = filter
      const tags = tag === undefined ? {} : { tags: { has: tag } }
      const where = { ...exact, ...tags, tenantId, createdAt: { gte: from, lt: to } }
      const total = await prisma.trace.count({ where })
      if (offset >= total) return { traces: [], total, last: undefined }
      const rows = await prisma.trace.findMany({
        where: after === undefined ? where : { AND: [where, behind(after)] },
        orderBy: newestFirst,
        take: limit,
        skip: offset,
      })
      return { traces: rows.map(toTrace), total, last: rows.length < limit ? undefined : rows.at(-1) }
    },

    trace: async (id) => {
      const row = await prisma.trace.findFirst({ where: { tenantId, id } })
      return row === null ? undefined : found(row)
    },

    startedBy: async ({ id, createdAt }, limit) => {
      const rows = await prisma.trace.findMany({
        // What a trace started came no earlier, which leaves most partitions alone; clocks may differ a little.
        where: { tenantId, parentTraceId: id, createdAt: { gte: new Date(new Date(createdAt).getTime() - skewMs) } },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take: limit,
      })
      return rows.map(found)
    },
  }
}
