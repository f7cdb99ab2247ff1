/** Archives as clients send them, good and bad, and how they are taken apart. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { randomUUID } from 'node:crypto'

export interface TarEntry {
  name: string
  content?: string | Buffer
  /** A letter of POSIX ustar: `0` a file, `2` a symbolic link. */
  type?: string
  linkname?: string
  /** What the header says, where that is not what follows. */
  size?: number
}

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`

const headerOf = ({ name, type = '0', linkname = '' }: TarEntry, size: number): Buffer => {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write(octal(0o600, 8), 100)
  header.write(octal(0, 8), 108)
  header.write(octal(0, 8), 116)
  header.write(octal(size, 12), 124)
  header.write(octal(0, 12), 136)
  header.write(' '.repeat(8), 148)
  header.write(type, 156)
  header.write(linkname, 157, 100)
  header.write('ustar\x0000', 257)
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  )
  return header
}

/** A tar of entries, by hand, as no library makes broken ones. */
export const tarOf = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([
    ...entries.flatMap((entry) => {
      const content = Buffer.from(entry.content ?? '')
      const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
      return [headerOf(entry, entry.size ?? content.length), content, padding]
    }),
    Buffer.alloc(1024),
  ])

export const tarGzOf = (entries: readonly TarEntry[]): Buffer => gzipSync(tarOf(entries))

/** The entries of a tar.gz by name, as texts. */
export const entriesOf = (archive: Buffer): Map<string, string> => {
  const tar = gunzipSync(archive)
  const entries = new Map<string, string>()
  /** What an extended header (POSIX pax) says of the entry behind it. */
  let path: string | undefined
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(tar.toString('utf8', at + 124, at + 136), 8)
    const content = tar.toString('utf8', at + 512, at + 512 + size)
    if (tar.toString('utf8', at + 156, at + 157) === 'x') path = /\d+ path=(.*)\n/.exec(content)?.[1]
    else {
      entries.set(path ?? name, content)
      path = undefined
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
  return entries
}

/** A form with an archive in it, as bytes, and its header. */
export const formOf = (archive: Buffer, fields: Readonly<Record<string, string>> = {}) => {
  const boundary = `form-${randomUUID()}`
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`
  const body = Buffer.concat([
    ...Object.entries(fields).map(([name, value]) => Buffer.from(`${part(`name="${name}"`)}\r\n${value}\r\n`)),
    Buffer.from(`${part('name="file"; filename="agent.tar.gz"')}content-type: application/gzip\r\n\r\n`),
    archive,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}
