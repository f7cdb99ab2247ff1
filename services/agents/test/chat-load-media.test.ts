import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { keptConnections } from '../../../test/support/limits.ts'
import type { ForeignMedia } from '../src/chat/foreign-request.ts'
import { mediaLimits, loadMedia } from '../src/chat/load-media.ts'

let server: Server
let base: string
let atOnce = 0
let mostAtOnce = 0
let asked = 0

// As in a process that has run for long: V8 no longer optimises patterns once their code has grown large.
setFlagsFromString('--no-regexp-optimization')
afterAll(() => setFlagsFromString('--regexp-optimization'))

beforeAll(async () => {
  server = createServer(keptConnections, (request, response) => {
    asked++
    mostAtOnce = Math.max(mostAtOnce, ++atOnce)
    const size = Number(new URL(request.url!, 'http://x').searchParams.get('size'))
    setTimeout(() => {
      atOnce--
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(size, size))
    }, 20)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await closeGuardedFetch()
  server.close()
})
beforeEach(() => {
  asked = 0
  mostAtOnce = 0
})

const loadAll = (media: readonly ForeignMedia[]) => loadMedia(media, new AbortController().signal, ['127.0.0.1'])
const load = (urls: readonly string[]) => loadAll(urls.map((imageUrl) => ({ imageUrl })))
const mib = 1_048_576

it('keeps their order and fetches three at a time', async () => {
  const urls = Array.from({ length: mediaLimits.count }, (_, size) => `${base}/?size=${size + 1}`)
  expect((await load(urls)).map(({ part }) => part?.$case === 'image' && part.value.data.length)).toEqual(
    urls.map((_, index) => index + 1),
  )
  expect(mostAtOnce).toBeLessThanOrEqual(3)
})

it.each([
  ['400 images', Array<string>(400).fill('http://images.example/a.png'), 'at most 16 images and files', 0],
  ['one over 10 MiB', ['SERVER/?size=10485761'], 'of an allowed size', 1],
  ['three of 9 MiB', Array<string>(3).fill(`SERVER/?size=${9 * mib}`), 'in those of a message', 3],
  ['inline ones of 24 MiB', Array<string>(3).fill(inline(8 * mib)), 'in those of a message', 0],
  ['what is no image', ['data:text/html,x'], 'not a base64 image', 0],
  ['what only begins like one', [`data:image/${'a'.repeat(40_000)}`], 'not a base64 image', 0],
  ['a URL of 40,000 dots', [`http://${'.'.repeat(40_000)}a/`], 'too long', 0],
])('refuses %s', async (_what, urls, reason, requests) => {
  await expect(load(urls.map((url) => url.replace('SERVER', base)))).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    params: { reason: expect.stringContaining(reason) },
  })
  expect(asked).toBe(requests)
})

it('fetches no more once one has failed', async () => {
  const urls = ['data:text/html,x', ...Array<string>(15).fill(`${base}/?size=1`)]
  await expect(load(urls)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  expect(asked).toBeLessThanOrEqual(2)
})

describe('files', () => {
  const url = (mimeType: string, data: string | Buffer) =>
    `data:${mimeType};base64,${Buffer.from(data).toString('base64')}`
  const file = (address: string, name = 'a') => ({ file: { url: address, name } })

  it('are audio, PDFs and texts, each known by one name', async () => {
    const loaded = await loadAll([
      file(url('audio/x-wav', 'RIFF')),
      file(url('audio/mp3', 'ID3')),
      file(url('application/pdf', '\n%PDF-1.7'), 'n'.repeat(300)),
      file(url('text/csv;charset=utf-8', 'tên,1')),
      { imageUrl: inline(1) },
    ])
    expect(loaded.map(({ part }) => part?.$case !== 'text' && part?.value.mimeType)).toEqual([
      'audio/wav',
      'audio/mpeg',
      'application/pdf',
      'text/csv',
      'image/png',
    ])
    expect(loaded[2]).toMatchObject({ part: { value: { name: expect.stringMatching(/^n{200}$/) } } })
  })

  it.each([
    ['a kind that no model is shown', url('application/zip', 'PK'), 'not base64 of WAV'],
    ['a PDF that is none', url('application/pdf', 'MZ'), 'not base64 of WAV'],
    ['a text of other bytes', url('text/plain', Buffer.from([0xff, 0xfe])), 'not base64 of WAV'],
    ['what is not inline and no URL', 'JVBERi0=', ''],
    ['an image at a URL', 'SERVER/?size=1', 'no WAV, MP3, PDF'],
  ])('are refused where it is %s', async (_what, address, reason) => {
    await expect(loadAll([file(address.replace('SERVER', base))])).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      params: { reason: expect.stringContaining(reason) },
    })
  })

  it('count with images towards the bounds of a message', async () => {
    const text = file(url('text/plain', 'x'.repeat(9 * mib)))
    await expect(loadAll([text, text, { imageUrl: inline(3 * mib) }])).rejects.toMatchObject({
      params: { field: 'image_url', reason: expect.stringContaining('in those of a message') },
    })
  })
})

function inline(bytes: number): string {
  return `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`
}
