import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createPageThreads, type PageThreads, type PageThreadsOptions } from '../src/web/page-threads.ts'
import type { PageSource, RenderedPage } from '../src/web/render.ts'

let directory: string
let program: URL
let threads: PageThreads

/** Does what the page says; the others wait for a file to be there. */
const scripted = `
import { existsSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
parentPort.on('message', ({ text }) => {
  if (text === 'exit') process.exit(1)
  if (text === 'throw') throw new Error('of its page')
  if (text === 'fill') for (const all = []; ; ) all.push(new Array(1_000_000).fill(text))
  if (text === 'loop') for (;;);
  const wait = () => (text.startsWith('/') && !existsSync(text) ? setTimeout(wait, 2) : parentPort.postMessage({ title: '', text }))
  wait()
})`

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'page-threads-'))
  writeFileSync(join(directory, 'program.mjs'), scripted)
  program = pathToFileURL(join(directory, 'program.mjs'))
})
afterEach(() => threads.close())
afterAll(() => rmSync(directory, { recursive: true }))

const start = (options: PageThreadsOptions = {}) => {
  threads = createPageThreads({ program, heapMib: 32, ...options })
}
const page = (text: string): PageSource => ({ as: 'plain', text, url: '' })
const render = (tenant: string, text: string, signal?: AbortSignal): Promise<string> =>
  threads.render(tenant, page(text), signal).then(({ text }: RenderedPage) => text)
const gate = (name: string) => join(directory, name)
const open = (name: string) => writeFileSync(gate(name), '')

test.each([
  ['exit', /could not be rendered/],
  ['throw', /too heavy/],
  ['fill', /too heavy/],
  ['loop', /takes too long/],
])('a page that makes its thread %s fails alone; the next gets a new thread', async (text, reason) => {
  start({ timeoutMs: text === 'loop' ? 500 : 60_000 })
  const bad = render('a', text)
  const others = ['1', '2', '3'].map((other) => render('b', other))
  await expect(bad).rejects.toThrow(reason)
  expect(await Promise.all(others)).toEqual(['1', '2', '3'])
  expect(await render('a', 'again')).toBe('again')
})

test('a tenant with many pages leaves a thread to the others', async () => {
  start()
  const heavy = Array.from({ length: 40 }, () => render('heavy', gate('heavy')))
  expect(await render('light', 'x')).toBe('x')
  expect(await render('other', 'y')).toBe('y')
  open('heavy')
  expect(new Set(await Promise.all(heavy)).size).toBe(1)
})

test('tenants take turns', async () => {
  start({ threads: 1 })
  const order: string[] = []
  const ask = (tenant: string, text: string) => render(tenant, text).then(() => void order.push(tenant))
  const all = [ask('first', gate('turns')), ...['a', 'a', 'a', 'b', 'c'].map((tenant) => ask(tenant, 'x'))]
  open('turns')
  await Promise.all(all)
  expect(order).toEqual(['first', 'a', 'b', 'c', 'a', 'a'])
})

test('so many pages wait and no more, of one tenant and of all, by number and by size', async () => {
  start({ threads: 1, perTenant: { pages: 2, chars: 5_000 }, all: { pages: 4, chars: 9_000 } })
  const running = render('a', gate('full'))
  const waiting = [render('a', '1'), render('a', '2')]
  await expect(render('a', '3')).rejects.toThrow(/too many pages/)
  await expect(render('b', 'x'.repeat(6_000))).rejects.toThrow(/too many pages/)
  waiting.push(render('b', '4'), render('c', '5'))
  await expect(render('d', '6')).rejects.toThrow(/too many pages/)
  open('full')
  await running
  expect(await Promise.all(waiting)).toEqual(['1', '2', '4', '5'])
  expect(await render('d', '6')).toBe('6')
})

test('whoever leaves the queue makes room', async () => {
  start({ threads: 1, perTenant: { pages: 1, chars: 5_000 } })
  const running = render('a', gate('leave'))
  const leaving = new AbortController()
  const left = render('a', '1', leaving.signal)
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  const next = render('a', '2')
  open('leave')
  expect([await running, await next]).toEqual([gate('leave'), '2'])
})

test('closing fails what waits', async () => {
  start({ threads: 1 })
  const all = Promise.allSettled([render('a', gate('never')), render('a', '1')])
  await threads.close()
  expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(render('a', '2')).rejects.toThrow(/stopping/)
})
