import { jsonExcess, maxJsonValues, parseJson } from '@clawmesh/chassis'
import { MeshError, toMeshError, wsRequest, wsRequestId, type WsRequest, type WsRequestId } from '@clawmesh/contracts'

/** A readable request, or why it is none and under which id to say so; an unreadable id is empty. */
type Incoming =
  | { readonly request: WsRequest }
  | { readonly request?: undefined; readonly id: WsRequestId; readonly error: MeshError }

const faulty = (reason: string, id: WsRequestId = ''): Incoming => ({
  id,
  error: new MeshError('INVALID_REQUEST', 'error.invalid_frame', { reason }),
})

const readableId = (value: unknown): WsRequestId => {
  const { type, id } = (value ?? {}) as Record<string, unknown>
  const read = wsRequestId.safeParse(id)
  return type === 'req' && read.success ? read.data : ''
}

/** What is refused for more than this is not read for its id either: keys take long. */
const limits = { depth: Infinity, values: Infinity, keys: maxJsonValues }

/** The id of a request that is JSON, but none that we take; who sent it waits for an answer under its id. */
const idIn = (bytes: Uint8Array): WsRequestId => {
  const text = Buffer.from(bytes).toString()
  try {
    return jsonExcess(text, limits) === undefined ? readableId(JSON.parse(text)) : ''
  } catch {
    return ''
  }
}

/** Reads a frame, text or binary alike; whatever the bytes are, it never throws. */
export const readFrame = (bytes: Uint8Array): Incoming => {
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch (thrown) {
    return { id: idIn(bytes), error: toMeshError(thrown) }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return faulty('not an object')
  const { type, id } = value as Record<string, unknown>
  if (type !== 'req') return faulty('type must be req')
  if (!wsRequestId.safeParse(id).success) return faulty('id must be a text or an integer')
  const request = wsRequest.safeParse(value)
  if (request.success) return { request: request.data }
  return faulty(request.error.issues[0]!.path.join('.'), readableId(value))
}
