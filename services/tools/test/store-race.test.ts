/** Storage while somebody in the same workspace flips a folder into a link outside, as fast as a thread can. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createLocalStore } from '../src/store/local-store.ts'
import { sandbox, type Sandbox } from './temporary.ts'

const flipper = `
const { renameSync, symlinkSync, unlinkSync, existsSync } = require('node:fs')
const { workerData: { name, target, stop } } = require('node:worker_threads')
const quietly = (work) => { try { work() } catch {} }
for (let flips = 1; Atomics.load(stop, 0) === 0; flips++) {
  quietly(() => renameSync(name, name + '.aside'))
  quietly(() => symlinkSync(target, name))
  quietly(() => unlinkSync(name))
  if (existsSync(name + '.aside')) quietly(() => renameSync(name + '.aside', name))
  Atomics.store(stop, 1, flips)
}
`

let box: Sandbox
beforeEach(async () => {
  box = await sandbox()
})
afterEach(() => box.remove())

test('nothing outside is read, listed, written, moved or removed', async () => {
  const { workspace, outside } = box
  const store = createLocalStore()
  const way = join(workspace.path, 'way')
  const fill = (folder: string, content: string) => {
    mkdirSync(join(folder, 'folder'), { recursive: true })
    for (const name of ['file', 'folder/file']) writeFileSync(join(folder, name), content)
  }
  fill(outside, 'SECRET')
  fill(way, 'INSIDE')
  const seen = (folder: string) => readdirSync(folder, { recursive: true }).toSorted()
  const before = seen(outside)
  const stop = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(flipper, { eval: true, workerData: { name: way, target: outside, stop } })
  const ended = new Promise((done) => worker.once('exit', done))
  const leaked: string[] = []
  let done = 0
  const attempt = (work: Promise<unknown>) =>
    work.then(
      () => done++,
      () => undefined,
    )
  const bytes = async function* () {
    yield Buffer.from('INSIDE')
  }
  try {
    for (let round = 0; round < 150; round++) {
      const name = `new-${round}`
      await attempt(
        store.open(workspace, ['way', 'folder', 'file'], async ({ read, size }) => {
          for await (const piece of read(0, size - 1)) leaked.push(...(piece.includes('SECRET') ? ['read'] : []))
        }),
      )
      await attempt(store.put(workspace, ['way', name], bytes(), { maxBytes: 100 }))
      await attempt(store.move(workspace, ['way', name], ['way', 'folder', name]))
      await attempt(store.remove(workspace, ['way', 'folder', name]))
      await attempt(store.remove(workspace, ['way', 'folder']))
      await attempt(store.put(workspace, ['way', 'folder', 'file'], bytes(), { maxBytes: 100 }))
    }
  } finally {
    Atomics.store(stop, 0, 1)
    await ended
  }
  expect(leaked).toEqual([])
  expect(seen(outside)).toEqual(before)
  for (const name of ['file', 'folder/file']) expect(readFileSync(join(outside, name), 'utf8')).toBe('SECRET')
  expect(Atomics.load(stop, 1)).toBeGreaterThan(20)
  expect(done).toBeGreaterThan(20)
})

test('a tree that is nested too deep is refused, not gone through', async () => {
  const { workspace } = box
  const deep = Array.from({ length: 205 }, () => 'd')
  mkdirSync(join(workspace.path, ...deep), { recursive: true })
  await expect(createLocalStore().remove(workspace, ['d'])).rejects.toThrow(/nested deeper/)
})
