/** What a WebSocket message brings along beside its text. */
import { MeshError, type ws, type WsParamsOf } from '@clawmesh/contracts'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { loadImages } from './images.ts'

type Media = NonNullable<WsParamsOf<(typeof ws.chat.methods)['chat.send']>['media']>

const refused = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'media', reason })

/** @throws INVALID_REQUEST for a path, as nothing has been uploaded to one, and for what is no image */
const urlOf = (medium: Media[number]): string => {
  if (typeof medium === 'string' || 'path' in medium) {
    const path = typeof medium === 'string' ? medium : medium.path
    if (/^(data:image\/|https?:\/\/)/i.test(path.slice(0, 20))) return path
    throw refused('a path that was not uploaded')
  }
  const { url, type = 'image' } = medium
  if (!/^image(\/|$)/i.test(type)) throw refused('only images are taken')
  return url
}

/**
 * The text of a message with a tag for each medium before it, and its texts and images in their order; none of those for a
 * message without media.
 * @throws INVALID_REQUEST, and what `loadImages` throws
 */
export const withMedia = async (
  message: string,
  media: Media,
  signal: AbortSignal,
  allow: readonly string[],
): Promise<{ message: string; parts: ContentPart[] }> => {
  if (media.length === 0) return { message, parts: [] }
  const images = await loadImages(media.map(urlOf), signal, allow)
  const tags = images.map(() => '<media:image>').join('\n')
  const text = message === '' ? tags : `${tags}\n\n${message}`
  return {
    message: text,
    parts: [
      ...images.map((value): ContentPart => ({ part: { $case: 'image', value } })),
      { part: { $case: 'text', value: text } },
    ],
  }
}
