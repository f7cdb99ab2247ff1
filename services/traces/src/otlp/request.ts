/** An ExportTraceServiceRequest from its bytes, whichever encoding they are in. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { jsonExcess } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { z } from 'zod'
import { decodeRequest } from './protobuf.ts'

/** Bytes of a request once it is unpacked. */
const unpackedBytes = 16_777_216
const spansAtOnce = 10_000
const limits = { depth: 32, values: 1_000_000 }

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

const otlpRequest = z.object({
  resourceSpans: z
    .array(
      z.object({
        resource: z.object({ attributes }).optional(),
        scopeSpans: z
          .array(
            z.object({
              scope: z.object({ name: z.string().optional() }).optional(),
              spans: z.array(otlpSpan).prefault([]),
            }),
          )
          .prefault([]),
      }),
    )
    .prefault([]),
})
export type OtlpRequest = z.output<typeof otlpRequest>

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

/** How requests are encoded, by content type. */
const encodings = {
  'application/x-protobuf': (bytes: Buffer) => decodeRequest(bytes, limits),
  'application/json': parseJson,
} as const
export type Encoding = keyof typeof encodings

/** @throws INVALID_REQUEST for a content type that is none of them */
export const encodingOf = (contentType = ''): Encoding => {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (Object.hasOwn(encodings, type)) return type as Encoding
  throw invalid('content-type', Object.keys(encodings).join(', '))
}

/** @throws INVALID_REQUEST */
export const readRequest = async (bytes: Buffer, encoding: Encoding, contentEncoding = ''): Promise<OtlpRequest> => {
  const plain = await unpacked(bytes, contentEncoding.trim().toLowerCase())
  let request: OtlpRequest
  try {
    request = otlpRequest.parse(encodings[encoding](plain))
  } catch (cause) {
    throw unreadable('body', cause)
  }
  const spans = request.resourceSpans
    .flatMap((each) => each.scopeSpans)
    .reduce((sum, each) => sum + each.spans.length, 0)
  if (spans > spansAtOnce)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'resourceSpans',
      reason: 'too many values',
      limit: spansAtOnce,
    })
  return request
}
