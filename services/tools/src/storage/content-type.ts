/** What a file is: by its name, else by what it begins with. */
import { isUtf8 } from 'node:buffer'
import { extname } from 'node:path'
import { fileTypeFromBuffer } from 'file-type'
import { lookup } from 'mime-types'
import type { StoredFile } from '../workspace/types.ts'

const anything = 'application/octet-stream'
/** Where the contract names a type, or the registry has one for something else. */
const ours: Readonly<Record<string, string>> = {
  '.opus': 'audio/ogg',
  '.ogg': 'audio/ogg',
  '.webp': 'image/webp',
  '.flac': 'audio/flac',
  '.mkv': 'video/x-matroska',
  '.m4a': 'audio/mp4',
  '.mp4': 'video/mp4',
  '.wav': 'audio/wav',
  '.ts': 'text/plain',
  '.tsx': 'text/plain',
  '.py': 'text/plain',
}
const headBytes = 4_100

/** By the extension of a name; undefined for one that says nothing. */
export const typeOfName = (name: string): string | undefined => {
  const extension = extname(name).toLowerCase()
  return ours[extension] ?? (lookup(extension) || undefined)
}

export const mediaTypeOf = (name: string): string => typeOfName(name) ?? anything

/** Text that was cut amid a character is text all the same. */
const isText = (head: Buffer): boolean =>
  !head.includes(0) && [0, 1, 2, 3].some((cut) => isUtf8(head.subarray(0, Math.max(0, head.length - cut))))

const typeOfHead = async (head: Buffer): Promise<string> =>
  (await fileTypeFromBuffer(head))?.mime ?? (head.length > 0 && isText(head) ? 'text/plain' : anything)

const isTextual = (type: string): boolean => /^text\/|^application\/(?:json|javascript|xml)$/.test(type)

/** What runs in a browser, or may lead it elsewhere. */
const active =
  /^(?:text\/(?:html|xml|xsl)|application\/(?:xml|.*\+xml)|image\/svg\+xml|.*\+xml|multipart\/.*|message\/.*)$/

export const isActive = (type: string): boolean => active.test(type)

const headOf = async ({ size, read }: StoredFile): Promise<Buffer> => {
  const pieces: Buffer[] = []
  if (size > 0) for await (const piece of read(0, Math.min(size, headBytes) - 1)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What archives and texts may be that are known by their names alone. */
const named: Readonly<Record<string, RegExp>> = {
  'application/zip': /^application\/vnd\.(?:openxmlformats-officedocument|oasis\.opendocument)\./,
  'text/plain': /^text\/|^application\/(?:json|xml)$/,
}

/** What a file is by what it holds, without parameters; its name decides only among archives and among texts. */
export const heldTypeOf = async (name: string, file: StoredFile): Promise<string> => {
  const held = (await typeOfHead(await headOf(file))).split(';', 1)[0]!
  const byName = typeOfName(name)
  return byName !== undefined && named[held]?.test(byName) ? byName : held
}

/** How files of messages are called that hold one of these, whatever their name was. */
const extensions: Readonly<Record<string, string>> = {
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/gif': '.gif',
  'image/webp': '.webp',
  'video/mp4': '.mp4',
  'audio/ogg': '.ogg',
  'audio/mpeg': '.mp3',
  'audio/wav': '.wav',
  'application/pdf': '.pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': '.docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': '.xlsx',
}

/** The extension of a file of a type, with its dot: that of its name where the type has none of its own. */
export const extensionOf = (mimeType: string, name: string): string =>
  extensions[mimeType] ?? extname(name).toLowerCase().slice(0, 17)

/** The `Content-Type` of a file. A name that stands for any bytes says nothing. */
export const contentTypeOf = async (name: string, file: StoredFile): Promise<string> => {
  const named = typeOfName(name)
  if (named !== undefined && named !== anything) return isTextual(named) ? `${named}; charset=utf-8` : named
  const type = await typeOfHead(await headOf(file))
  return isTextual(type) ? `${type}; charset=utf-8` : type
}
