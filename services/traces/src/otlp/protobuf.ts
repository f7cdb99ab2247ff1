/**
 * OTLP's protobuf encoding, as data: messages are tables of fields, read into what the JSON encoding says of the same
 * request, so that one schema (`request.ts`) judges both. Unknown fields are skipped, as newer versions may send them.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

type Scalar = 'bytes' | 'string' | 'hex' | 'base64' | 'bool' | 'int' | 'enum' | 'nanoseconds' | 'double'
interface Field {
  name: string
  is: Scalar | Message
  repeated?: true
}
/** Fields by their number. */
type Message = Readonly<Record<number, Field>>

const anyValue: Message = {
  1: { name: 'stringValue', is: 'string' },
  2: { name: 'boolValue', is: 'bool' },
  3: { name: 'intValue', is: 'int' },
  4: { name: 'doubleValue', is: 'double' },
  // Values hold values.
  get 5() {
    return anyValues
  },
  get 6() {
    return keyValues
  },
  7: { name: 'bytesValue', is: 'base64' },
}
const keyValue: Message = { 1: { name: 'key', is: 'string' }, 2: { name: 'value', is: anyValue } }
const anyValues: Field = { name: 'arrayValue', is: { 1: { name: 'values', is: anyValue, repeated: true } } }
const keyValues: Field = { name: 'kvlistValue', is: { 1: { name: 'values', is: keyValue, repeated: true } } }
const attributes: Field = { name: 'attributes', is: keyValue, repeated: true }
const scope: Message = { 1: { name: 'name', is: 'string' } }
const status: Message = { 2: { name: 'message', is: 'string' }, 3: { name: 'code', is: 'enum' } }

export const resource: Message = { 1: attributes }
export const span: Message = {
  1: { name: 'traceId', is: 'hex' },
  2: { name: 'spanId', is: 'hex' },
  4: { name: 'parentSpanId', is: 'hex' },
  5: { name: 'name', is: 'string' },
  6: { name: 'kind', is: 'enum' },
  7: { name: 'startTimeUnixNano', is: 'nanoseconds' },
  8: { name: 'endTimeUnixNano', is: 'nanoseconds' },
  9: attributes,
  15: { name: 'status', is: status },
}
const scopeSpans: Message = {
  1: { name: 'scope', is: scope },
  2: { name: 'spans', is: 'bytes', repeated: true },
}
const resourceSpans: Message = {
  1: { name: 'resource', is: 'bytes' },
  2: { name: 'scopeSpans', is: scopeSpans, repeated: true },
}
/** An ExportTraceServiceRequest whose resources and spans are bytes yet: there may be more than anybody wants to read. */
export const request: Message = { 1: { name: 'resourceSpans', is: resourceSpans, repeated: true } }

const scalars: Readonly<Record<Scalar, readonly [WireType, (reader: BinaryReader) => unknown]>> = {
  bytes: [WireType.LengthDelimited, (reader) => reader.bytes()],
  string: [WireType.LengthDelimited, (reader) => reader.string()],
  hex: [WireType.LengthDelimited, (reader) => Buffer.from(reader.bytes()).toString('hex')],
  base64: [WireType.LengthDelimited, (reader) => Buffer.from(reader.bytes()).toString('base64')],
  bool: [WireType.Varint, (reader) => reader.bool()],
  int: [WireType.Varint, (reader) => String(reader.int64())],
  enum: [WireType.Varint, (reader) => reader.int32()],
  nanoseconds: [WireType.Bit64, (reader) => String(reader.fixed64())],
  double: [WireType.Bit64, (reader) => reader.double()],
}

type Json = Record<string, unknown>

/** What a message may be made of. */
export interface ReadingLimits {
  /** Messages in messages. */
  depth: number
  /** Fields of all messages together. */
  values: number
}

/** A message as the JSON encoding has it. @throws Error, RangeError for bytes that are none, or too much */
export const decode = (message: Message, bytes: Uint8Array, { depth, values }: ReadingLimits): Json => {
  let left = values

  const read = (from: Uint8Array, fields: Message, deep: number): Json => {
    if (deep > depth) throw new RangeError('nested too deep')
    const reader = new BinaryReader(from)
    const json: Json = {}
    while (reader.pos < reader.len) {
      if (--left < 0) throw new RangeError('too many values')
      const [number, wireType] = reader.tag()
      const field = fields[number]
      const [wanted, readScalar] =
        typeof field?.is === 'string' ? scalars[field.is] : ([WireType.LengthDelimited, undefined] as const)
      if (field === undefined || wireType !== wanted) {
        reader.skip(wireType, number)
        continue
      }
      const value = readScalar === undefined ? read(reader.bytes(), field.is as Message, deep + 1) : readScalar(reader)
      if (field.repeated === true) ((json[field.name] ??= []) as unknown[]).push(value)
      else json[field.name] = value
    }
    return json
  }

  return read(bytes, message, 1)
}

/** An ExportTraceServiceResponse; nothing but success is no bytes at all. */
export const encodeResponse = (rejected: { spans: number; message: string } | undefined): Buffer => {
  const writer = new BinaryWriter()
  if (rejected !== undefined)
    writer
      .tag(1, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.Varint)
      .int64(rejected.spans)
      .tag(2, WireType.LengthDelimited)
      .string(rejected.message)
      .join()
  return Buffer.from(writer.finish())
}
