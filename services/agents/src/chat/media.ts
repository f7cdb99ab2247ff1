/** What a WebSocket message brings along beside its text. */
import { MeshError, type ws, type WsParamsOf } from '@clawmesh/contracts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { loadMedia } from './load-media.ts'

type Media = NonNullable<WsParamsOf<(typeof ws.chat.methods)['chat.send']>['media']>

const refused = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'media', reason })

/** Reads files that were uploaded, or have an address that the caller may read. */
export type Uploads = Pick<RpcFunctions<typeof WorkspacesServiceService>, 'readMedia'>

interface Source {
  call: Call
  uploads: Uploads
  /** Private hosts that an image may be fetched from. */
  allow: readonly string[]
}

/** An uploaded image, inline. @throws INVALID_REQUEST for a path where nothing was uploaded, and for what is no image */
const uploadedImage = async (path: string, { call, uploads }: Source): Promise<string> => {
  const { found, mimeType, data } = await uploads.readMedia(call, { path })
  if (!found) throw refused('a path that was not uploaded')
  if (!mimeType.startsWith('image/')) throw refused('only images are taken')
  return `data:${mimeType};base64,${Buffer.from(data).toString('base64')}`
}

/** @throws INVALID_REQUEST */
const urlOf = async (medium: Media[number], source: Source): Promise<string> => {
  if (typeof medium === 'string' || 'path' in medium) {
    const path = typeof medium === 'string' ? medium : medium.path
    if (/^(data:image\/|https?:\/\/)/i.test(path.slice(0, 20))) return path
    return uploadedImage(path, source)
  }
  const { url, type = 'image' } = medium
  if (!/^image(\/|$)/i.test(type)) throw refused('only images are taken')
  return url
}

/**
 * The text of a message with a tag for each medium before it, and its texts and images in their order; none of those for a
 * message without media.
 * @throws INVALID_REQUEST, and what `loadMedia` throws
 */
export const withMedia = async (
  message: string,
  media: Media,
  source: Source,
): Promise<{ message: string; parts: ContentPart[] }> => {
  if (media.length === 0) return { message, parts: [] }
  const { call, allow } = source
  const urls = await Promise.all(media.map((medium) => urlOf(medium, source)))
  const images = await loadMedia(
    urls.map((imageUrl) => ({ imageUrl })),
    call.signal,
    allow,
  )
  const tags = images.map(() => '<media:image>').join('\n')
  const text = message === '' ? tags : `${tags}\n\n${message}`
  return {
    message: text,
    parts: [...images, { part: { $case: 'text', value: text } }],
  }
}
