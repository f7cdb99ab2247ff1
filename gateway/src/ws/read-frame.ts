import { parseJson } from '@clawmesh/chassis'
import { MeshError, toMeshError, wsRequest, wsRequestId, type WsRequest, type WsRequestId } from '@clawmesh/contracts'

/** A readable request, or why it is none and under which id to say so; an unreadable id is empty. */
export type Incoming =
  | { readonly request: WsRequest }
  | { readonly request?: undefined; readonly id: WsRequestId; readonly error: MeshError }

const faulty = (reason: string, id: WsRequestId = ''): Incoming => ({
  id,
  error: new MeshError('INVALID_REQUEST', 'error.invalid_frame', { reason }),
})

/** Reads a frame, text or binary alike; whatever the bytes are, it never throws. */
export const readFrame = (bytes: Uint8Array): Incoming => {
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch (thrown) {
    return { id: '', error: toMeshError(thrown) }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return faulty('not an object')
  const { type, id } = value as Record<string, unknown>
  if (type !== 'req') return faulty('type must be req')
  const readableId = wsRequestId.safeParse(id)
  if (!readableId.success) return faulty('id must be a text or an integer')
  const request = wsRequest.safeParse(value)
  if (request.success) return { request: request.data }
  return faulty(request.error.issues[0]!.path.join('.'), readableId.data)
}
