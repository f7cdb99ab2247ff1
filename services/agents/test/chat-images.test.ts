import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { imageLimits, loadImages } from '../src/chat/images.ts'

let server: Server
let base: string
let atOnce = 0
let mostAtOnce = 0
let asked = 0

// As in a process that has run for long: V8 no longer optimises patterns once their code has grown large.
setFlagsFromString('--no-regexp-optimization')
afterAll(() => setFlagsFromString('--regexp-optimization'))

beforeAll(async () => {
  server = createServer((request, response) => {
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

const load = (urls: readonly string[]) => loadImages(urls, new AbortController().signal, ['127.0.0.1'])
const mib = 1_048_576

it('keeps their order and fetches three at a time', async () => {
  const urls = Array.from({ length: imageLimits.count }, (_, size) => `${base}/?size=${size + 1}`)
  expect((await load(urls)).map(({ data }) => data.length)).toEqual(urls.map((_, index) => index + 1))
  expect(mostAtOnce).toBeLessThanOrEqual(3)
})

it.each([
  ['400 images', Array<string>(400).fill('http://images.example/a.png'), 'at most 16 images', 0],
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

function inline(bytes: number): string {
  return `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`
}
