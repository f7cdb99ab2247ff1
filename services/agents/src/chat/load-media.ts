/** The images and files of a chat message: inline, or fetched from where the message says. A short request may name many large ones. */
import { isUtf8 } from 'node:buffer'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { fileKindOf, MeshError, toMeshError, type FileKind } from '@clawmesh/contracts'
import { createSemaphore, cutText } from '@clawmesh/chassis'
import type { ForeignMedia } from './foreign-request.ts'

export const mediaLimits = {
  /** Images and files of one message. */
  count: 16,
  eachBytes: 10_485_760,
  /** Of all together; with what base64 adds they still fit into one call of the providers service. */
  sumBytes: 20_971_520,
  urlChars: 8_192,
}
const fetchedAtATime = 3
const fetchTimeoutMs = 15_000
const nameChars = 200
/** A PDF may begin with a little of something else. */
const pdfHeadBytes = 1_024

interface Content {
  mimeType: string
  data: Buffer
}

/** Where media are, and what is wrong with those that are refused. */
interface Kind {
  field: 'image_url' | 'file'
  takes: (content: Content) => boolean
  notInline: string
  notThere: string
}

const fileTypes: Readonly<Record<string, string>> = {
  'audio/wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/mpeg': 'audio/mpeg',
  'audio/mp3': 'audio/mpeg',
  'application/pdf': 'application/pdf',
  'application/json': 'application/json',
}
/** What a file is sent on as; undefined for what no model is shown. */
const fileType = (mimeType: string): string | undefined =>
  mimeType.startsWith('text/') ? mimeType : Object.hasOwn(fileTypes, mimeType) ? fileTypes[mimeType] : undefined

const looksLike: Readonly<Record<FileKind, (data: Buffer) => boolean>> = {
  audio: () => true,
  other_audio: () => false,
  video: () => false,
  pdf: (data) => data.subarray(0, pdfHeadBytes).includes('%PDF-'),
  text: (data) => isUtf8(data),
}

const isWhatItSays = ({ mimeType, data }: Content): boolean => {
  const type = fileType(mimeType)
  if (type === undefined || data.length === 0) return false
  return looksLike[fileKindOf(type)](data)
}

const kinds: Readonly<Record<'image' | 'file', Kind>> = {
  image: {
    field: 'image_url',
    takes: ({ mimeType }) => mimeType.startsWith('image/'),
    notInline: 'not a base64 image',
    notThere: 'no image of an allowed size there',
  },
  file: {
    field: 'file',
    takes: isWhatItSays,
    notInline: 'not base64 of WAV, MP3, PDF or UTF-8 text',
    notThere: 'no WAV, MP3, PDF or UTF-8 text of an allowed size there',
  },
}

const invalid = (field: string, reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason })

const inlineHead = /^data:([a-z]{1,20}\/[a-z0-9.+-]{1,100})(?:;charset=[a-z0-9-]{1,20})?;base64,/i
/** What is not allowed is looked for: a pattern that repeats over megabytes may use up V8's stack for patterns. */
const outsideBase64 = /[^A-Za-z0-9+/=\s]/

const loadInline = (url: string, { field, takes, notInline }: Kind): Content => {
  const [head, mimeType] = inlineHead.exec(url.slice(0, 200)) ?? []
  const encoded = head === undefined ? '' : url.slice(head.length)
  if (mimeType === undefined || encoded === '' || outsideBase64.test(encoded)) throw invalid(field, notInline)
  const content = { mimeType: mimeType.toLowerCase(), data: Buffer.from(encoded, 'base64') }
  if (!takes(content)) throw invalid(field, notInline)
  return content
}

const fetchThere = async (
  url: string,
  { field, takes, notThere }: Kind,
  signal: AbortSignal,
  allow: readonly string[],
): Promise<Content> => {
  // Loaded when first needed: most processes never fetch any, and the client takes memory.
  const { guardedFetch } = await import('@clawmesh/chassis/fetch')
  const { status, headers, body, truncated } = await guardedFetch(url, {
    signal,
    timeoutMs: fetchTimeoutMs,
    maxBytes: mediaLimits.eachBytes,
    allow: [...allow],
  })
  const mimeType = String(headers['content-type'] ?? '').split(';')[0]!
  const content = { mimeType: mimeType.trim().toLowerCase(), data: Buffer.from(body) }
  if (status !== 200 || truncated || !takes(content)) throw invalid(field, notThere)
  return content
}

const partOf = (media: ForeignMedia, { mimeType, data }: Content): ContentPart =>
  'imageUrl' in media
    ? { part: { $case: 'image', value: { mimeType, data } } }
    : {
        part: {
          $case: 'file',
          value: { mimeType: fileType(mimeType)!, data, name: cutText(media.file.name, nameChars) },
        },
      }

/**
 * Images and files, in their order; a few are fetched at a time, and none any more once one has failed.
 * @throws INVALID_REQUEST when there are too many, one is not what it has to be, or they are too large, each or together;
 *   what `guardedFetch` throws
 */
export const loadMedia = async (
  media: readonly ForeignMedia[],
  signal: AbortSignal,
  allow: readonly string[],
): Promise<ContentPart[]> => {
  const kindOf = (one: ForeignMedia) => ('imageUrl' in one ? kinds.image : kinds.file)
  if (media.length > mediaLimits.count)
    throw invalid(kindOf(media[0]!).field, `at most ${mediaLimits.count} images and files in a message`)
  const inTurn = createSemaphore(fetchedAtATime)
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  let leftBytes = mediaLimits.sumBytes
  const load = async (one: ForeignMedia): Promise<ContentPart> => {
    failed.signal.throwIfAborted()
    const kind = kindOf(one)
    const url = 'imageUrl' in one ? one.imageUrl : one.file.url
    if (leftBytes <= 0)
      throw invalid(kind.field, `at most ${mediaLimits.sumBytes} bytes of images and files in a message`)
    const isInline = /^data:/i.test(url.slice(0, 5))
    if (!isInline && url.length > mediaLimits.urlChars) throw invalid(kind.field, 'the URL is too long')
    const content = isInline ? loadInline(url, kind) : await fetchThere(url, kind, either, allow)
    leftBytes -= content.data.length
    if (content.data.length > mediaLimits.eachBytes || leftBytes < 0)
      throw invalid(
        kind.field,
        `at most ${mediaLimits.eachBytes} bytes in an image or file and ${mediaLimits.sumBytes} in those of a message`,
      )
    return partOf(one, content)
  }
  let first: Error | undefined
  const loaded = await Promise.all(
    media.map((one) =>
      inTurn(() => load(one)).catch((thrown: unknown) => {
        first ??= toMeshError(thrown)
        failed.abort(first)
        return undefined
      }),
    ),
  )
  if (first !== undefined) throw first
  return loaded.filter((part) => part !== undefined)
}
