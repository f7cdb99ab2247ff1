/** Files of messages are found by what is noted of them: how many folders there are makes no difference. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createMediaPlaces, type MediaPlace, type MediaRows } from '../src/storage/media-places.ts'
import { createLocalStore } from '../src/store/local-store.ts'
import { sandbox, type Sandbox } from './temporary.ts'

let folder: Sandbox
beforeEach(async () => {
  folder = await sandbox()
})
afterEach(() => folder.remove())

const tenant = { tenantId: 'tenant-1', tenantSlug: 'acme' }
const session = { agentId: 'agent-1', sessionKey: 'agent:a:ws:direct:1' }

const inMemory = (): MediaRows & { kept: Map<string, MediaPlace> } => {
  const kept = new Map<string, MediaPlace>()
  const isOf = (owner: object) => (place: MediaPlace) =>
    Object.entries(owner).every(([name, value]) => place[name as keyof MediaPlace] === value)
  return {
    kept,
    find: async (id) => kept.get(id),
    put: async (place) => void kept.set(place.id, place),
    add: async (places) => {
      for (const place of places) if (!kept.has(place.id)) kept.set(place.id, place)
    },
    of: async (owner) => [...kept.values()].filter(isOf(owner)),
    remove: async (owner) => {
      for (const { id } of [...kept.values()].filter(isOf(owner))) kept.delete(id)
    },
  }
}

const set = () => {
  const store = createLocalStore()
  const rows = inMemory()
  let listed = 0
  let now = 1
  const places = createMediaPlaces({
    store: {
      ...store,
      list: (...of) => {
        listed++
        return store.list(...of)
      },
    },
    workspaceDir: folder.workspace.base,
    rowsOf: () => rows,
    now: () => now,
  })
  const at = (...names: string[]) => join(folder.workspace.base, 'tenants', 'acme', ...names)
  const put = async (...names: string[]): Promise<string> => {
    await mkdir(dirname(at(...names)), { recursive: true })
    await writeFile(at(...names), 'x')
    return at(...names)
  }
  return { places, rows, at, put, listed: () => listed, later: (ms: number) => (now += ms) }
}

test('an id leads to its file, uploaded or kept, without a look into any folder', async () => {
  const { places, at, put, listed } = set()
  const kept = places.folderOf(session)
  const upload = await put('.uploads', 'a1.png')
  await places.noteUpload(tenant, 'a1.png')
  expect(await places.find(tenant, 'a1')).toEqual(['.uploads', 'a1.png'])
  // It is noted with its session before it moves there.
  await places.noteKept(tenant, 'a1.png', kept)
  expect(await places.find(tenant, 'a1.png')).toEqual(['.uploads', 'a1.png'])
  await mkdir(at('.media', kept), { recursive: true })
  await rename(upload, at('.media', kept, 'a1.png'))
  expect(await places.find(tenant, 'a1')).toEqual(['.media', kept, 'a1.png'])
  expect(listed()).toBe(0)
})

test('files of earlier releases are noted once, and what is not there is not looked for again', async () => {
  const { places, put, listed } = set()
  await put('.media', 'b00000000000-c00000000000', 'b1.ogg')
  await put('.uploads', 'b2.ogg')
  expect(await places.find(tenant, 'b1')).toEqual(['.media', 'b00000000000-c00000000000', 'b1.ogg'])
  expect(await places.find(tenant, 'b2')).toEqual(['.uploads', 'b2.ogg'])
  const once = listed()
  for (const id of ['b3', 'b1.png', 'b']) expect(await places.find(tenant, id)).toBeUndefined()
  expect(listed()).toBe(once)
})

test('files of earlier releases are found by all who ask at the same time', async () => {
  const { places, put } = set()
  await put('.media', 'b00000000000-c00000000000', 'e1.ogg')
  await put('.uploads', 'e2.ogg')
  const found = await Promise.all(['e1', 'e2', 'e1'].map((id) => places.find(tenant, id)))
  expect(found.map((names) => names?.at(-1))).toEqual(['e1.ogg', 'e2.ogg', 'e1.ogg'])
})

test('what a replica of an earlier release stores meanwhile is found after a while', async () => {
  const { places, put, later } = set()
  expect(await places.find(tenant, 'f1')).toBeUndefined()
  await put('.uploads', 'f1.ogg')
  expect(await places.find(tenant, 'f1')).toBeUndefined()
  later(600_001)
  expect(await places.find(tenant, 'f1')).toEqual(['.uploads', 'f1.ogg'])
})

test('a session and an agent lead to their folders, those of earlier releases too, and no others', async () => {
  const { places, rows, put } = set()
  const other = { agentId: 'agent-2', sessionKey: session.sessionKey }
  const elsewhere = { agentId: session.agentId, sessionKey: 'agent:a:ws:direct:2' }
  await put('.media', places.folderOf(session), 'c1.png')
  for (const [index, one] of [session, other, elsewhere].entries())
    await places.noteKept(tenant, `d${index}.png`, places.folderOf(one))
  expect((await places.foldersOf(tenant, { sessionKey: session.sessionKey })).toSorted()).toEqual(
    [places.folderOf(session), places.folderOf(other)].toSorted(),
  )
  expect((await places.foldersOf(tenant, { agentId: session.agentId })).toSorted()).toEqual(
    [places.folderOf(session), places.folderOf(elsewhere)].toSorted(),
  )
  await places.forget(tenant, { sessionKey: session.sessionKey })
  expect([...rows.kept.keys()]).toEqual(['d2'])
})
