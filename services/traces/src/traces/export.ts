/** A trace and all that it started as one gzip file, written as it is read: it may be far larger than memory. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { toContract } from '@clawmesh/chassis'
import { attachment } from '@clawmesh/chassis/archives'
import { http } from '@clawmesh/contracts'
import { toSpan, toTrace } from './shown.ts'
import type { ExportedTrace } from './use-cases.ts'

const detail = http.traces.operations.getTrace.response[200]

/** JSON of an entry but for the brace that closes it. */
async function* openEntry({ trace, spans, children }: ExportedTrace): AsyncIterable<string> {
  yield JSON.stringify(toContract(detail, { trace: toTrace(trace), spans: spans.map(toSpan) })).slice(0, -1)
  let isFirst = true
  for await (const child of children) {
    yield isFirst ? ',"sub_traces":[' : ','
    isFirst = false
    yield* openEntry(child)
    yield '}'
  }
  if (!isFirst) yield ']'
}

async function* document(root: ExportedTrace, exportedAt: Date): AsyncIterable<string> {
  yield* openEntry(root)
  yield `,"exported_at":${JSON.stringify(exportedAt.toISOString())}}`
}

async function* gzipped(texts: AsyncIterable<string>): AsyncIterable<Buffer> {
  const gzip = createGzip()
  // What the texts throw, whoever reads gets.
  pipeline(Readable.from(texts), gzip).catch(() => undefined)
  for await (const piece of gzip) yield piece as Buffer
}

/** The file as an answer. */
export const exportOf = (root: ExportedTrace, now: Date) => {
  const day = now.toISOString().slice(0, 10).replaceAll('-', '')
  const name = `trace-${root.trace.id.slice(0, 8)}-${day}.json.gz`
  return attachment({ fileName: name, bytes: gzipped(document(root, now)) })
}
