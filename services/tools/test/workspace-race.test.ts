import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { appendFile, changeFile, listFolder, removeFile, withFile, writeFile } from '../src/workspace/index.ts'
import { contentOf, sandbox, type Sandbox } from './temporary.ts'

/** How long each race is run. */
const raceMs = 1500

/** Flips names of the workspace between what they are and a way outside, as fast as a thread can. */
const flipper = `
const { renameSync, symlinkSync, unlinkSync, linkSync, existsSync } = require('node:fs')
const { workerData: { moves, stop } } = require('node:worker_threads')
const quietly = (work) => { try { work() } catch {} }
let flips = 0
while (Atomics.load(stop, 0) === 0) {
  for (const { name, target, kind } of moves) {
    quietly(() => renameSync(name, name + '.aside'))
    quietly(() => (kind === 'hard' ? linkSync : symlinkSync)(target, name))
    quietly(() => unlinkSync(name))
    if (existsSync(name + '.aside')) quietly(() => renameSync(name + '.aside', name))
  }
  Atomics.store(stop, 1, ++flips)
}
`

let box: Sandbox
beforeEach(async () => {
  box = await sandbox()
  mkdirSync(join(box.outside, 'folder'))
  writeFileSync(join(box.outside, 'folder', 'file'), 'SECRET')
  writeFileSync(join(box.outside, 'file'), 'SECRET')
})
afterEach(() => box.remove())

const whileFlipping = async (
  moves: { name: string; target: string; kind: 'soft' | 'hard' }[],
  work: () => Promise<void>,
) => {
  const stop = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(flipper, { eval: true, workerData: { moves, stop } })
  const ended = new Promise((done) => worker.once('exit', done))
  try {
    while (Atomics.load(stop, 1) === 0) await new Promise((done) => setTimeout(done, 5))
    await work()
  } finally {
    Atomics.store(stop, 0, 1)
    await ended
  }
  return Atomics.load(stop, 1)
}

const outsideNow = () => [
  readdirSync(box.outside, { recursive: true }).sort(),
  readFileSync(join(box.outside, 'file'), 'utf8'),
  readFileSync(join(box.outside, 'folder', 'file'), 'utf8'),
]

/** On a busy machine the race goes on until it has really been one. */
const patienceMs = 40_000

/** Tries everything on `path` until each outcome has come `least` times; counts what came through, and what leaked. */
const tryAll = async (path: string, least = 0) => {
  const count = { read: 0, written: 0, refused: 0 }
  const leaked: string[] = []
  const startedAt = Date.now()
  const goesOn = () => {
    const ms = Date.now() - startedAt
    return ms < raceMs || (ms < patienceMs && Math.min(count.read, count.written, count.refused) < least)
  }
  const attempt = async (kind: 'read' | 'written', work: () => Promise<unknown>) => {
    await work().then(
      () => count[kind]++,
      () => count.refused++,
    )
  }
  for (let round = 0; goesOn(); round++) {
    await attempt('read', async () => {
      const content = await withFile(box.workspace, path, contentOf)
      if (content.includes('SECRET')) leaked.push(content)
    })
    await attempt('written', () => writeFile(box.workspace, path, 'INSIDE'))
    await attempt('written', () => appendFile(box.workspace, path, 'INSIDE'))
    await attempt('written', () =>
      changeFile(box.workspace, path, (old) => (old?.includes('SECRET') ? 'LEAK' : 'INSIDE')),
    )
    if (round % 10 === 0) await attempt('written', () => removeFile(box.workspace, `${path}.none`))
    await attempt('read', async () => {
      const { entries } = await listFolder(box.workspace, 'way')
      if (entries.some(({ name }) => name === 'folder')) leaked.push('folder')
    })
  }
  expect(leaked).toEqual([])
  return count
}

test('a folder flipped into a link outside: not one byte is read or written there', async () => {
  const way = join(box.workspace.path, 'way')
  mkdirSync(way)
  writeFileSync(join(way, 'file'), 'INSIDE')
  const before = outsideNow()
  let count = { read: 0, written: 0, refused: 0 }
  const flips = await whileFlipping([{ name: way, target: box.outside, kind: 'soft' }], async () => {
    count = await tryAll('way/file', 21)
  })
  expect(outsideNow()).toEqual(before)
  expect(flips).toBeGreaterThan(100)
  expect(Math.min(count.read, count.written, count.refused)).toBeGreaterThan(20)
})

test('a folder in the middle of the path, flipped', async () => {
  const way = join(box.workspace.path, 'way')
  mkdirSync(join(way, 'folder'), { recursive: true })
  writeFileSync(join(way, 'folder', 'file'), 'INSIDE')
  const before = outsideNow()
  const moves = [
    { name: way, target: box.outside, kind: 'soft' as const },
    { name: join(way, 'folder'), target: join(box.outside, 'folder'), kind: 'soft' as const },
  ]
  await whileFlipping(moves, async () => {
    for (const until = Date.now() + raceMs; Date.now() < until;) {
      const path = 'way/folder/file'
      await withFile(box.workspace, path, contentOf).then(
        (content) => expect(content).not.toContain('SECRET'),
        () => {},
      )
      await writeFile(box.workspace, path, 'INSIDE').catch(() => {})
      await writeFile(box.workspace, 'way/folder/new/deep', 'INSIDE').catch(() => {})
    }
  })
  expect(outsideNow()).toEqual(before)
})

test('a file flipped into a symbolic or a hard link to one outside', async () => {
  const way = join(box.workspace.path, 'way')
  mkdirSync(way)
  const before = outsideNow()
  for (const kind of ['soft', 'hard'] as const) {
    const name = join(way, 'file')
    if (!existsSync(name)) writeFileSync(name, 'INSIDE')
    await whileFlipping([{ name, target: join(box.outside, 'file'), kind }], async () => {
      const count = await tryAll('way/file', 11)
      expect(count.read + count.written).toBeGreaterThan(20)
    })
    expect(outsideNow()).toEqual(before)
  }
})

test('the workspace itself flipped into a link outside', async () => {
  const before = outsideNow()
  await whileFlipping([{ name: box.workspace.path, target: box.outside, kind: 'soft' }], async () => {
    await tryAll('file')
  })
  expect(outsideNow()).toEqual(before)
})
