/** An ExportTraceServiceRequest from its bytes, whichever encoding they are in. */
import { promisify } from 'node:util'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gunzip } from 'node:zlib'
import { jsonExcess } from '@clawmesh/chassis'
import { MeshError, type http } from '@clawmesh/contracts'
import { z } from 'zod'
import { partsOf, type Parts } from './parts.ts'
import * as protobuf from './protobuf.ts'

/** Bytes of a request once it is unpacked. */
const unpackedBytes = 16_777_216
/** As many may be the resources and scopes that hold them. */
const spansAtOnce = 10_000
/** Of a whole request: 100 values for each span, attributes with their names counting as four. */
const limits = { depth: 32, values: 100 * spansAtOnce }
/** Of a resource or a span, in a request that is three messages deep above it; what was said may be structured. */
const partLimits = { depth: limits.depth - 3, values: 20_000 }
/** Values that are checked before everybody else has a turn. */
const valuesInTurn = 5_000

/** A 64-bit number, which JSON has as a text. */
const long = z.union([z.string().regex(/^-?\d{1,20}$/), z.number()])

/** The value of an attribute, one of its members set. */
export interface AnyValue {
  stringValue?: string | undefined
  boolValue?: boolean | undefined
  intValue?: string | number | undefined
  doubleValue?: string | number | undefined
  bytesValue?: string | undefined
  arrayValue?: { values?: AnyValue[] | undefined } | undefined
  kvlistValue?: { values?: KeyValue[] | undefined } | undefined
}
export interface KeyValue {
  key: string
  value?: AnyValue | undefined
}

const anyValue: z.ZodType<AnyValue> = z.lazy(() =>
  z.object({
    stringValue: z.string().optional(),
    boolValue: z.boolean().optional(),
    intValue: long.optional(),
    doubleValue: z.union([z.number(), z.string()]).optional(),
    bytesValue: z.string().optional(),
    arrayValue: z.object({ values: z.array(anyValue).optional() }).optional(),
    kvlistValue: z.object({ values: keyValues.optional() }).optional(),
  }),
)
const keyValues: z.ZodType<KeyValue[]> = z.lazy(() =>
  z.array(z.object({ key: z.string().default(''), value: anyValue.optional() })),
)
const attributes = keyValues.prefault([])

const otlpSpan = z.object({
  // What is no id is told of span by span.
  traceId: z.string().default(''),
  spanId: z.string().default(''),
  parentSpanId: z.string().default(''),
  name: z.string().default(''),
  startTimeUnixNano: long.default('0'),
  endTimeUnixNano: long.default('0'),
  attributes,
  status: z.object({ code: z.union([z.number(), z.string()]).optional(), message: z.string().optional() }).optional(),
})
export type OtlpSpan = z.output<typeof otlpSpan>

const resource = z.object({ attributes }).default({ attributes: [] })

/** What spans came of, and they. */
export interface Described {
  resource: readonly KeyValue[]
  spans: readonly OtlpSpan[]
}
export type OtlpRequest = readonly Described[]

const invalid = (field: string, reason: string, cause?: unknown) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason }, { cause })
const unreadable = (field: string, cause: unknown) => invalid(field, 'cannot be parsed', cause)

const inflate = promisify(gunzip)

/** @throws INVALID_REQUEST */
const unpacked = async (bytes: Buffer, contentEncoding: string): Promise<Buffer> => {
  if (contentEncoding === '' || contentEncoding === 'identity') return bytes
  if (contentEncoding !== 'gzip') throw invalid('content-encoding', 'gzip')
  try {
    return await inflate(bytes, { maxOutputLength: unpackedBytes })
  } catch (cause) {
    throw unreadable('body', cause)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const parseJson = (bytes: Buffer): unknown => {
  const text = utf8.decode(bytes)
  const excess = jsonExcess(text, limits)
  if (excess !== undefined) throw new RangeError(`more ${excess} than ${limits[excess]}`)
  return text === '' ? {} : JSON.parse(text)
}

interface Encoded {
  /** The request; its resources and spans as `part` takes them. */
  whole: (bytes: Buffer) => unknown
  resource: (part: unknown) => unknown
  span: (part: unknown) => unknown
}
const same = (part: unknown): unknown => part
const message = (fields: Parameters<typeof protobuf.decode>[0]) => (part: unknown) =>
  part instanceof Uint8Array ? protobuf.decode(fields, part, partLimits) : part

/** How requests are encoded, by content type. */
const encodings = {
  'application/x-protobuf': {
    // Each span in a resource and a scope of its own, which have fields that are skipped too.
    whole: (bytes) => protobuf.decode(protobuf.request, bytes, { depth: limits.depth, values: 20 * spansAtOnce }),
    resource: message(protobuf.resource),
    span: message(protobuf.span),
  },
  'application/json': { whole: parseJson, resource: same, span: same },
} as const satisfies Record<(typeof http.otlp.operations.exportOtlpTraces.rawBody)[number], Encoded>
export type Encoding = keyof typeof encodings

/** @throws INVALID_REQUEST for a content type that is none of them */
export const encodingOf = (contentType = ''): Encoding => {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (Object.hasOwn(encodings, type)) return type as Encoding
  throw invalid('content-type', Object.keys(encodings).join(', '))
}

/** Values that a value is made of, itself counted, keys not; a few more than `most` at the most. */
const valuesIn = (value: unknown, most: number): number => {
  if (typeof value !== 'object' || value === null) return 1
  let count = 1
  for (const inner of Object.values(value)) {
    count += valuesIn(inner, most - count)
    if (count > most) break
  }
  return count
}

const tooMany = (limit: number) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', {
    field: 'resourceSpans',
    reason: 'too many values',
    limit,
  })

/** The first thing that is wrong: with the whole of a large part there may be thousands. */
const firstFault = ({ issues: [issue] }: z.ZodError): Error =>
  new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)

/** Checks part by part, so that everybody else is served between them and nothing is checked behind the first fault. */
const createChecker = () => {
  let left = limits.values
  let beforePause = valuesInTurn
  return async <T>(schema: z.ZodType<T>, part: unknown): Promise<T> => {
    const values = valuesIn(part, partLimits.values)
    if (values > partLimits.values) throw tooMany(partLimits.values)
    if ((left -= values) < 0) throw tooMany(limits.values)
    if ((beforePause -= values) < 0) {
      beforePause = valuesInTurn
      await nextTurn()
    }
    const checked = schema.safeParse(part)
    if (!checked.success) throw firstFault(checked.error)
    return checked.data
  }
}

const checked = async (parts: Parts, read: Encoded): Promise<OtlpRequest> => {
  const check = createChecker()
  const described: Described[] = []
  for (const { resource: part, spans: unread } of parts) {
    const { attributes: description } = await check(resource, read.resource(part))
    const spans: OtlpSpan[] = []
    for (const span of unread) spans.push(await check(otlpSpan, read.span(span)))
    described.push({ resource: description, spans })
  }
  return described
}

/** @throws INVALID_REQUEST */
export const readRequest = async (bytes: Buffer, encoding: Encoding, contentEncoding = ''): Promise<OtlpRequest> => {
  const plain = await unpacked(bytes, contentEncoding.trim().toLowerCase())
  try {
    const read: Encoded = encodings[encoding]
    const parts = partsOf(read.whole(plain), spansAtOnce)
    if (parts === undefined) throw tooMany(spansAtOnce)
    return await checked(parts, read)
  } catch (cause) {
    throw cause instanceof MeshError ? cause : unreadable('body', cause)
  }
}
