/** Objects of a bucket that speaks S3: what of its protocol a store needs. The client is loaded when one is first asked for. */
import { Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import type { S3Client } from '@bradenmacdonald/s3-lite-client'
import { MeshError } from '@clawmesh/contracts'
import { spelled, unspelled } from './keys.ts'
import { eachWithin, within } from './within.ts'

export interface BucketSettings {
  name: string
  /** URL of the server. */
  endpoint: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  /** Whether the bucket stands in the path of an address, not in its host name. */
  pathStyle: boolean
  /** What every key begins with; empty or ending in a slash. */
  prefix: string
  /** How long the server may take to answer, with a part stored or a page listed, and between two pieces of an answer. */
  answerMs?: number
}

export interface StoredObject {
  size: number
  modifiedAt: Date
  /** Another one for other content. */
  version: string
}

export interface ListedObject extends StoredObject {
  key: string
}

/** What must hold for bytes to be stored: that nothing is there, or still this version. */
export type Condition = 'absent' | { version: string } | undefined

/** Keys are without the prefix of the bucket. A server that cannot be asked is UNAVAILABLE. */
export interface Bucket {
  find: (key: string) => Promise<StoredObject | undefined>
  /** The bytes from `start` to `end`, both included, of this version alone. @throws UNAVAILABLE when it has gone */
  read: (key: string, version: string, start: number, end: number) => AsyncIterable<Buffer>
  /** False where the condition does not hold. */
  write: (key: string, bytes: Buffer, condition?: Condition) => Promise<boolean>
  /** Stores what comes in parts, all but the last of `partBytes` at least; nothing where it fails. */
  writeParts: (key: string, parts: AsyncIterable<Buffer>) => Promise<void>
  copy: (from: string, to: string) => Promise<void>
  remove: (key: string) => Promise<void>
  /** What begins with a prefix, at most so many. */
  under: (prefix: string, limit?: number) => AsyncIterable<ListedObject>
  /** What begins with a prefix up to its next slash: objects, and prefixes of several. */
  level: (prefix: string) => AsyncIterable<ListedObject | { prefix: string }>
}

/** So that a part comes through at a megabit a second. */
const defaultAnswerMs = 60_000
/** The least that S3 takes as a part. */
export const partBytes = 5 * 1024 * 1024

const statusOf = (thrown: unknown): number =>
  typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? Number(thrown.statusCode) : 0

const payloadOf = (bytes: Buffer) => new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)

const unavailable = (cause?: unknown) =>
  new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'object storage' }, { cause })

const tag = (etag: string): string => etag.replace(/^W\//, '').replaceAll('"', '')

export const openBucket = (settings: BucketSettings): Bucket => {
  const { name, endpoint, region, accessKeyId, secretAccessKey, sessionToken, pathStyle, prefix } = settings
  const { answerMs = defaultAnswerMs } = settings
  let client: Promise<S3Client> | undefined
  const connect = (): Promise<S3Client> =>
    (client ??= import('@bradenmacdonald/s3-lite-client').then(
      (library) =>
        new library.S3Client({
          endPoint: endpoint,
          region,
          bucket: name,
          pathStyle,
          ...(accessKeyId === '' ? {} : { accessKey: accessKeyId, secretKey: secretAccessKey }),
          ...(sessionToken === '' ? {} : { sessionToken }),
        }),
    ))
  const keyOf = (key: string): string => `${prefix}${spelled(key)}`
  const nameOf = (key: string): string => unspelled(key.slice(prefix.length))

  /** @param statuses what of the server's answers means `otherwise` */
  const ask = async <T, F>(
    use: (client: S3Client) => Promise<T>,
    statuses: readonly number[],
    otherwise: F,
  ): Promise<T | F> => {
    try {
      return await within(answerMs, connect().then(use))
    } catch (thrown) {
      if (statuses.includes(statusOf(thrown))) return otherwise
      if (thrown instanceof MeshError) throw thrown
      throw unavailable(thrown)
    }
  }
  const always = <T>(use: (client: S3Client) => Promise<T>): Promise<T> => ask(use, [], undefined as never)
  /** The whole text of an answer. */
  const said = (request: Parameters<S3Client['makeRequest']>[0]): Promise<string> =>
    always(async (s3) => (await s3.makeRequest({ ...request, returnBody: true })).text())

  const objectOf = ({ key, size, lastModified, etag }: ListedFields): ListedObject => ({
    key: nameOf(key),
    size,
    modifiedAt: lastModified,
    version: tag(etag),
  })

  return {
    find: (key) =>
      ask(
        async (s3) => {
          const { size, lastModified, etag } = await s3.statObject(keyOf(key))
          return { size, modifiedAt: lastModified, version: tag(etag) }
        },
        [404],
        undefined,
      ),

    read: async function* (key, version, start, end) {
      const response = await always((s3) =>
        s3.makeRequest({
          method: 'GET',
          objectName: keyOf(key),
          headers: new Headers({ range: `bytes=${start}-${end}`, 'if-match': `"${version}"` }),
          statusCode: 206,
          returnBody: true,
        }),
      )
      let left = end - start + 1
      const body = Readable.fromWeb(response.body as WebStream)
      // One that is left behind has nobody else to hear of its end.
      body.on('error', () => undefined)
      try {
        for await (const piece of eachWithin(answerMs, body)) {
          left -= (piece as Uint8Array).length
          yield Buffer.from(piece as Uint8Array)
        }
      } catch (cause) {
        throw unavailable(cause)
      } finally {
        body.destroy()
      }
      if (left !== 0) throw unavailable()
    },

    write: (key, bytes, condition) =>
      ask(
        async (s3) => {
          const headers = new Headers()
          if (condition === 'absent') headers.set('if-none-match', '*')
          else if (condition !== undefined) headers.set('if-match', `"${condition.version}"`)
          await s3.makeRequest({
            method: 'PUT',
            objectName: keyOf(key),
            headers,
            payload: payloadOf(bytes),
          })
          return true
        },
        // A version that was removed meanwhile is not found.
        condition === undefined ? [] : [404, 409, 412],
        false,
      ),

    writeParts: async (key, parts) => {
      const objectName = keyOf(key)
      const begun = await said({ method: 'POST', objectName, query: { uploads: '' } })
      const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(begun)?.[1]
      if (uploadId === undefined) throw unavailable()
      const tags: string[] = []
      try {
        for await (const part of parts) {
          const query = { partNumber: String(tags.length + 1), uploadId }
          const stored = await always((s3) =>
            s3.makeRequest({ method: 'PUT', objectName, query, payload: payloadOf(part) }),
          )
          tags.push(stored.headers.get('etag') ?? '')
        }
        const list = tags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
        const payload = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`
        const ended = await said({ method: 'POST', objectName, query: { uploadId }, payload })
        // What fails once it has begun to answer says so in the answer.
        if (ended.includes('<Error>')) throw unavailable()
      } catch (thrown) {
        await ask(
          (s3) => s3.makeRequest({ method: 'DELETE', objectName, query: { uploadId }, statusCode: 204 }),
          [],
          0,
        ).catch(() => undefined)
        throw thrown
      }
    },

    copy: async (from, to) => {
      const source = [name, ...keyOf(from).split('/')].map(encodeURIComponent).join('/')
      const headers = new Headers({ 'x-amz-copy-source': source })
      const answer = await said({ method: 'PUT', objectName: keyOf(to), headers })
      if (answer.includes('<Error>')) throw unavailable()
    },

    remove: (key) => always((s3) => s3.deleteObject(keyOf(key))),

    under: async function* (start, limit) {
      const listed = await always(async (s3) =>
        s3.listObjects({ prefix: keyOf(start), ...(limit === undefined ? {} : { maxResults: limit }) }),
      )
      try {
        for await (const object of eachWithin(answerMs, listed)) yield objectOf(object)
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    level: async function* (start) {
      const listed = await always(async (s3) => s3.listObjectsGrouped({ prefix: keyOf(start), delimiter: '/' }))
      try {
        for await (const entry of eachWithin(answerMs, listed))
          yield entry.type === 'Object' ? objectOf(entry) : { prefix: nameOf(entry.prefix) }
      } catch (cause) {
        throw unavailable(cause)
      }
    },
  }
}

interface ListedFields {
  key: string
  size: number
  lastModified: Date
  etag: string
}
