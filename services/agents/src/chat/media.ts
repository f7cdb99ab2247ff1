/** What a WebSocket message brings along beside its text. */
import { MeshError, shownImageTypes, type ws, type WsParamsOf } from '@clawmesh/contracts'
import { cutText, type Call, type RpcFunctions } from '@clawmesh/chassis'
import type { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { kindOfMedia, type MediaRef } from '../runs/media.ts'
import { loadMedia } from './load-media.ts'

type Media = NonNullable<WsParamsOf<(typeof ws.chat.methods)['chat.send']>['media']>

const refused = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'media', reason })

/** Reads and keeps files that were uploaded, or have an address that the caller may read. */
export type Uploads = Pick<RpcFunctions<typeof WorkspacesServiceService>, 'readMedia' | 'keepMedia'>

interface Source {
  call: Call
  uploads: Uploads
  /** The session that the files are kept with, which the caller may use, and its agent. */
  sessionKey: string
  agentId: string
  /** Private hosts that an image may be fetched from. */
  allow: readonly string[]
}

/** One medium of a message. */
interface Medium {
  tag: string
  /** Of what the model is shown itself: inline, or where it is. */
  imageUrl?: string
  /** Of what is kept with the session. */
  ref?: MediaRef
}

const imageTag = '<media:image>'
const longestName = 200

const fileTag = (kind: MediaRef['kind'], name: string): string =>
  kind === 'document'
    ? `<media:document name="${cutText(name, longestName).replace(/["<>\p{Cc}]/gu, '_')}">`
    : `<media:${kind}>`

/**
 * A file by its path, kept with the session: the model is shown an image, and told that there is something else.
 * @throws INVALID_REQUEST for a path where nothing was uploaded, and for an image that is too large to be shown
 */
const fileMedium = async (
  path: string,
  name: string,
  { call, uploads, sessionKey, agentId }: Source,
): Promise<Medium> => {
  const { found, id, mimeType } = await uploads.keepMedia(call, { agentId, sessionKey, path })
  if (!found) throw refused('a path that was not uploaded')
  const ref: MediaRef = { id, mimeType, kind: kindOfMedia(mimeType), path: `/v1/media/${id}` }
  if (!shownImageTypes.has(mimeType)) return { tag: fileTag(ref.kind, name), ref }
  const shown = await uploads.readMedia(call, { path: ref.path })
  if (!shown.found) throw refused('no image of an allowed size there')
  return { tag: imageTag, ref, imageUrl: `data:${mimeType};base64,${Buffer.from(shown.data).toString('base64')}` }
}

/** @throws INVALID_REQUEST */
const mediumOf = async (medium: Media[number], source: Source): Promise<Medium> => {
  if (typeof medium === 'string' || 'path' in medium) {
    const path = typeof medium === 'string' ? medium : medium.path
    if (/^(data:image\/|https?:\/\/)/i.test(path.slice(0, 20))) return { tag: imageTag, imageUrl: path }
    const name = typeof medium === 'string' ? undefined : medium.filename
    return fileMedium(path, name ?? path.split('/').at(-1)!, source)
  }
  const { url, type = 'image' } = medium
  if (!/^image(\/|$)/i.test(type)) throw refused('only images are taken')
  return { tag: imageTag, imageUrl: url }
}

interface WithMedia {
  message: string
  parts: ContentPart[]
  attached?: readonly MediaRef[]
}

/**
 * The text of a message with a tag for each medium before it, its texts and images in their order, and the files that are
 * kept with its session. Of a message without images there are no parts.
 * @throws INVALID_REQUEST, and what `loadMedia` throws
 */
export const withMedia = async (message: string, media: Media, source: Source): Promise<WithMedia> => {
  if (media.length === 0) return { message, parts: [] }
  const loaded: Medium[] = []
  // One after the other: what comes later is the newer attachment.
  for (const medium of media) loaded.push(await mediumOf(medium, source))
  const images = await loadMedia(
    loaded.flatMap(({ imageUrl }) => (imageUrl === undefined ? [] : [{ imageUrl }])),
    source.call.signal,
    source.allow,
  )
  const tags = loaded.map(({ tag }) => tag).join('\n')
  const text = message === '' ? tags : `${tags}\n\n${message}`
  const attached = loaded.flatMap(({ ref }) => ref ?? [])
  return {
    message: text,
    parts: images.length === 0 ? [] : [...images, { part: { $case: 'text', value: text } }],
    ...(attached.length === 0 ? {} : { attached }),
  }
}
