/** Large files on their way up and down through every process, in pieces: none is ever held whole. */
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { startMesh, type Mesh } from '../../support/mesh-processes.ts'
import { growthOf, inMiB } from './growth.ts'

/** The most that an upload may hold, its form around it. */
const fileBytes = 50 * 1024 * 1024 - 4_096
const pieceBytes = 1024 * 1024
/** Of files so small that nothing of what they leave behind is to be seen. */
const warmBytes = 65_536
const warmRounds = 20
const rounds = 5
const clients = 200

interface Sent {
  status: number
  bytes: number
  hash: string
  body: string
}

const hashOf = (pieces: Iterable<Uint8Array>): string => {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** One request over a connection of its own, its answer hashed as it comes. */
const ask = (
  mesh: Mesh,
  method: string,
  path: string,
  { headers = {}, body = [] }: { headers?: Record<string, string | number>; body?: readonly Uint8Array[] } = {},
): Promise<Sent> =>
  new Promise((resolve, reject) => {
    const api = mesh.api()
    const asking = request(
      api.url + path,
      { method, agent: false, headers: { ...api.headers, ...headers } },
      (answer) => {
        const hash = createHash('sha256')
        let bytes = 0
        let text = ''
        answer.on('data', (piece: Buffer) => {
          bytes += piece.length
          hash.update(piece)
          if (bytes < 10_000) text += piece.toString()
        })
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode!, bytes, hash: hash.digest('hex'), body: text }))
      },
    )
    asking.on('error', reject)
    const write = (at: number): void => {
      if (at === body.length) asking.end()
      else if (asking.write(body[at])) setImmediate(write, at + 1)
      else asking.once('drain', () => write(at + 1))
    }
    write(0)
  })

const upload = (mesh: Mesh, pieces: readonly Uint8Array[]): Promise<Sent> => {
  const boundary = 'media-load'
  const head = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.mp4"\r\ncontent-type: video/mp4\r\n\r\n`,
  )
  const body = [head, ...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]
  const length = body.reduce((sum, { length: bytes }) => sum + bytes, 0)
  return ask(mesh, 'POST', '/v1/media/upload', {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': length },
    body,
  })
}

export interface MediaLoad {
  /** By how much each process grew at most: 50 MB up and down, one after the other. */
  oneAtATime: ReadonlyMap<string, number>
  /** While 200 fetched parts of it at once, and 200 all of it. */
  ranges: ReadonlyMap<string, number>
  atOnce: ReadonlyMap<string, number>
  /** Answers that did not hold what they should. */
  wrong: number
  seconds: number
}

export const mediaLoad = async (report: (figures: object) => void): Promise<MediaLoad> => {
  const mesh = await startMesh({ together: true })
  try {
    const whole = randomBytes(fileBytes)
    const pieces = Array.from({ length: Math.ceil(fileBytes / pieceBytes) }, (_, at) =>
      whole.subarray(at * pieceBytes, (at + 1) * pieceBytes),
    )
    const expected = hashOf(pieces)
    let wrong = 0
    const upAndDown = async (sent: readonly Uint8Array[], hashed: string): Promise<string> => {
      const uploaded = await upload(mesh, sent)
      if (uploaded.status !== 200) throw new Error(`the upload was answered ${uploaded.status} ${uploaded.body}`)
      const { path } = JSON.parse(uploaded.body) as { path: string }
      const address = `/v1/media/${/([^/]+?)(?:\.\w+)?$/.exec(path)![1]}`
      const { status, hash } = await ask(mesh, 'GET', address)
      if (status !== 200 || hash !== hashed) wrong++
      return address
    }
    const fetchPart = async (address: string, at: number): Promise<void> => {
      const from = Math.floor((at * (fileBytes - pieceBytes)) / clients)
      const to = from + pieceBytes - 1
      const { status, hash } = await ask(mesh, 'GET', address, { headers: { range: `bytes=${from}-${to}` } })
      if (status !== 206 || hash !== hashOf([whole.subarray(from, to + 1)])) wrong++
    }
    const fetchAll = async (address: string): Promise<void> => {
      const { status, hash } = await ask(mesh, 'GET', address)
      if (status !== 200 || hash !== expected) wrong++
    }
    const together = (work: (at: number) => Promise<void>) =>
      Promise.all(Array.from({ length: clients }, (_, at) => work(at)))

    // What code needs once it has run is not what a file costs; what large files leave behind is.
    const small = [whole.subarray(0, warmBytes)]
    for (let round = 0; round < warmRounds; round++) await upAndDown(small, hashOf(small))
    let address = ''
    const { growth: oneAtATime } = await growthOf(mesh, async () => {
      for (let round = 0; round < rounds; round++) address = await upAndDown(pieces, expected)
    })
    report({ oneAtATime: inMiB(oneAtATime) })
    const { growth: ranges } = await growthOf(mesh, () => together((at) => fetchPart(address, at)))
    report({ ranges: inMiB(ranges) })
    const begun = performance.now()
    const { growth: atOnce } = await growthOf(mesh, () => together(() => fetchAll(address)))
    const seconds = Math.round((performance.now() - begun) / 1_000)
    report({ atOnce: inMiB(atOnce), wrong, seconds })
    return { oneAtATime, ranges, atOnce, wrong, seconds }
  } catch (thrown) {
    for (const name of mesh.names) report({ name, log: mesh.logs(name).slice(-3_000) })
    throw thrown
  } finally {
    await mesh.stop()
  }
}
