/**
 * A fake of S3 that keeps objects in memory: path-style addresses, signatures (Version 4) checked, conditions on writes,
 * ranges, listings in pages, uploads in parts. Source: Amazon S3 API reference.
 */
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keptConnections } from '../support/limits.ts'

interface StoredObject {
  bytes: Buffer
  etag: string
  modifiedAt: Date
}

export interface FakeS3 {
  url: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  objects: Map<string, StoredObject>
  /** Requests that were answered, as `METHOD key`. */
  requests: string[]
  /** Uploads in parts that nobody has ended. */
  uploads: Map<string, Map<number, Buffer>>
  /** Answers so many of the next requests with this status. */
  fail: (status: number, times?: number) => void
  /** Breaks the connection in the middle of the next range that is read. */
  cut: () => void
  /** Runs before the next write of a key. */
  beforeWrite: (key: string, work: () => void) => void
  stop: () => Promise<void>
}

class S3Fault extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

const hex = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
const xml = (text: string): string =>
  text
    .replace(/[<>&"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/[\r\n\t]/g, (mark) => `&#${mark.charCodeAt(0)};`)

const checkSignature = (request: IncomingMessage, url: URL, body: Buffer, key: string, secret: string): void => {
  const { authorization = '' } = request.headers
  const [, id, scope, names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(authorization) ?? []
  if (id === undefined || scope === undefined) throw new S3Fault(403, 'AccessDenied')
  if (id !== key) throw new S3Fault(403, 'InvalidAccessKeyId')
  if (request.headers['x-amz-content-sha256'] !== hex(body)) throw new S3Fault(400, 'XAmzContentSHA256Mismatch')
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const path = url.pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
  const canonical = [request.method, path, query, headers.join(''), names, hex(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, hex(canonical)].join('\n')
  const [date = '', region = '', service = '', end = ''] = scope.split('/')
  const signing = [region, service, end].reduce(hmac, hmac(`AWS4${secret}`, date))
  if (hmac(signing, text).toString('hex') !== signature) throw new S3Fault(403, 'SignatureDoesNotMatch')
}

const objectOf = (bytes: Buffer): StoredObject => ({
  bytes,
  etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
  modifiedAt: new Date(),
})

export const fakeS3 = async (): Promise<FakeS3> => {
  const [bucket, accessKeyId, secretAccessKey] = ['files', 'AKIDTEST', 'secret-of-the-test']
  const objects: FakeS3['objects'] = new Map()
  const uploads: FakeS3['uploads'] = new Map()
  const requests: string[] = []
  let failing = { status: 0, times: 0 }
  let isCut = false
  const hooks = new Map<string, () => void>()

  const write = (key: string, bytes: Buffer, { headers }: IncomingMessage): StoredObject => {
    hooks.get(key)?.()
    hooks.delete(key)
    const old = objects.get(key)
    if (headers['if-none-match'] === '*' && old !== undefined) throw new S3Fault(412, 'PreconditionFailed')
    if (headers['if-match'] !== undefined && old === undefined) throw new S3Fault(404, 'NoSuchKey')
    if (headers['if-match'] !== undefined && old?.etag !== headers['if-match'])
      throw new S3Fault(412, 'PreconditionFailed')
    const object = objectOf(bytes)
    objects.set(key, object)
    return object
  }

  const existing = (key: string): StoredObject => {
    const object = objects.get(key)
    if (object === undefined) throw new S3Fault(404, 'NoSuchKey')
    return object
  }

  const list = (query: URLSearchParams): string => {
    const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? '']
    const most = Math.min(1_000, Number(query.get('max-keys') ?? 1_000))
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString()
    const contents: string[] = []
    const prefixes = new Set<string>()
    let last = ''
    let isTruncated = false
    for (const key of [...objects.keys()].filter((name) => name.startsWith(prefix)).sort()) {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      const entry = cut < 0 ? key : key.slice(0, cut + delimiter.length)
      if (entry <= after || prefixes.has(entry)) continue
      if (contents.length + prefixes.size === most) {
        isTruncated = true
        break
      }
      last = entry
      const { bytes, etag, modifiedAt } = objects.get(key)!
      if (cut >= 0) prefixes.add(entry)
      else
        contents.push(
          `<Contents><Key>${xml(key)}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><ETag>${xml(etag)}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
        )
    }
    const common = [...prefixes].map((entry) => `<CommonPrefixes><Prefix>${xml(entry)}</Prefix></CommonPrefixes>`)
    const next = isTruncated
      ? `<NextContinuationToken>${Buffer.from(last).toString('base64')}</NextContinuationToken>`
      : ''
    return `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${xml(prefix)}</Prefix><KeyCount>${contents.length + prefixes.size}</KeyCount><MaxKeys>${most}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}${common.join('')}</ListBucketResult>`
  }

  const upload = (id: string): Map<number, Buffer> => {
    const parts = uploads.get(id)
    if (parts === undefined) throw new S3Fault(404, 'NoSuchUpload')
    return parts
  }

  const answer = (request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void => {
    const { method = '' } = request
    const [, name, ...rest] = url.pathname.split('/')
    if (name !== bucket) throw new S3Fault(404, 'NoSuchBucket')
    const key = rest.map(decodeURIComponent).join('/')
    const query = url.searchParams
    const id = query.get('uploadId')
    const send = (status: number, headers: Record<string, string> = {}, content: Buffer | string = '') =>
      response.writeHead(status, headers).end(content)
    const sendXml = (content: string) =>
      send(200, { 'content-type': 'application/xml' }, `<?xml version="1.0" encoding="UTF-8"?>\n${content}`)

    if (key === '' && method === 'GET') return void sendXml(list(query))
    if (method === 'HEAD' || method === 'GET') {
      const { bytes, etag, modifiedAt } = existing(key)
      if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag)
        throw new S3Fault(412, 'PreconditionFailed')
      const head = { etag, 'last-modified': modifiedAt.toUTCString(), 'accept-ranges': 'bytes' }
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      if (from === undefined || to === undefined)
        return void send(200, { ...head, 'content-length': String(bytes.length) }, method === 'HEAD' ? '' : bytes)
      const part = bytes.subarray(Number(from), Number(to) + 1)
      const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`
      if (isCut) {
        isCut = false
        response.writeHead(206, { ...head, 'content-range': range, 'content-length': String(part.length) })
        response.write(part.subarray(0, Math.ceil(part.length / 2)), () => response.destroy())
        return
      }
      return void send(206, { ...head, 'content-range': range, 'content-length': String(part.length) }, part)
    }
    if (method === 'POST' && query.has('uploads')) {
      const uploadId = randomUUID()
      uploads.set(uploadId, new Map())
      return void sendXml(
        `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${xml(key)}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    if (method === 'PUT' && id !== null) {
      upload(id).set(Number(query.get('partNumber')), body)
      return void send(200, { etag: objectOf(body).etag })
    }
    if (method === 'POST' && id !== null) {
      const parts = [...upload(id)].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)
      if (parts.slice(0, -1).some(({ length }) => length < 5_242_880)) throw new S3Fault(400, 'EntityTooSmall')
      const { etag } = write(key, Buffer.concat(parts), request)
      uploads.delete(id)
      return void sendXml(
        `<CompleteMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${xml(key)}</Key><ETag>${xml(etag)}</ETag></CompleteMultipartUploadResult>`,
      )
    }
    if (method === 'DELETE') {
      if (id === null) objects.delete(key)
      else uploads.delete(id)
      return void send(204)
    }
    const source = request.headers['x-amz-copy-source']
    if (typeof source === 'string') {
      const from = decodeURIComponent(source)
        .replace(/^\//, '')
        .slice(bucket.length + 1)
      const { etag, modifiedAt } = write(key, existing(from).bytes, request)
      return void sendXml(
        `<CopyObjectResult><LastModified>${modifiedAt.toISOString()}</LastModified><ETag>${xml(etag)}</ETag></CopyObjectResult>`,
      )
    }
    return void send(200, { etag: write(key, body, request).etag })
  }

  const server = createServer(keptConnections, (request, response) => {
    const serve = async () => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      const body = Buffer.concat(pieces)
      const url = new URL(request.url ?? '/', 'http://s3')
      requests.push(`${request.method ?? ''} ${decodeURIComponent(url.pathname).slice(bucket.length + 2)}`)
      try {
        if (failing.times > 0) {
          failing.times--
          throw new S3Fault(failing.status, 'SlowDown')
        }
        checkSignature(request, url, body, accessKeyId, secretAccessKey)
        answer(request, url, body, response)
      } catch (thrown) {
        if (!(thrown instanceof S3Fault)) throw thrown
        const fault = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${thrown.code}</Code><Message>refused</Message></Error>`
        response
          .writeHead(thrown.status, { 'content-type': 'application/xml' })
          .end(request.method === 'HEAD' ? '' : fault)
      }
    }
    serve().catch((thrown: unknown) => response.destroy(thrown as Error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    accessKeyId,
    secretAccessKey,
    objects,
    requests,
    uploads,
    fail: (status, times = 1) => {
      failing = { status, times }
    },
    cut: () => {
      isCut = true
    },
    beforeWrite: (key, work) => hooks.set(key, work),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
