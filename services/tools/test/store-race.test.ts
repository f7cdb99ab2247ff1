/** Storage while somebody in the same workspace flips a folder into a link outside, as fast as a thread can. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { masterTenantId } from '@clawmesh/contracts'
import { createQuota } from '../src/storage/quota.ts'
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

test('what several remove at once makes room once', async () => {
  const store = createLocalStore()
  const tenant = { tenantId: masterTenantId, tenantSlug: 'master' }
  const root = { base: box.workspace.base, path: box.workspace.base }
  for (const name of ['folder/gone', 'stays'])
    await store.put(root, name.split('/'), [Buffer.alloc(40)], { maxBytes: 40 })
  const quota = createQuota(store, root.base, 100)
  await quota.take(tenant, 20)
  const all = Promise.withResolvers<void>()
  let removing = 0
  const remove = (names: string[]) =>
    quota.freeing(tenant, names, async () => {
      if (++removing === 3) all.resolve()
      await all.promise
      return store.remove(root, names)
    })
  await Promise.all([remove(['folder', 'gone']), remove(['folder']), remove(['folder', 'gone'])])
  // 60 are kept: what stays, and what was taken.
  await quota.take(tenant, 40)
  await expect(quota.take(tenant, 1)).rejects.toMatchObject({ code: 'QUOTA_EXHAUSTED' })
})
