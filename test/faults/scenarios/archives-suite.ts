/** An agent on its way from one installation into another: the same there, and no process grows with it. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { masterTenantId } from '@clawmesh/contracts'
import { readArchive } from '../../../services/agents/src/archives/read.ts'
import { formOf } from '../../support/archives.ts'
import type { Api } from '../../support/mesh-api.ts'
import { meshStartLimitMs, startMesh, type Mesh } from '../../support/mesh-processes.ts'
import { growthOf, inMiB } from './growth.ts'

interface AgentSize {
  documents: number
  /** Of each document. */
  chunks: number
  sessions: number
  files: number
  fileBytes: number
}

/** How much the memory of a process may grow by an export or an import. */
const mostGrowthBytes = 100 * 1024 * 1024
const atOnce = 8
const sections = 'config,context_files,memory,knowledge_graph,sessions,cron,grants,user_profiles,workspace'

const inTurns = async (count: number, work: (at: number) => Promise<unknown>): Promise<void> => {
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await work(next++)
    }),
  )
}

const paragraph = (seed: number): string =>
  Array.from({ length: 120 }, (_, at) => `word${(seed * 7_919 + at * 104_729) % 65_521}`).join(' ')

const makeAgent = async (mesh: Mesh, api: Api, { documents, chunks, sessions, files, fileBytes }: AgentSize) => {
  await api.need('POST', '/v1/agents', { agent_key: 'traveller', display_name: 'Traveller' })
  await api.need('POST', '/v1/agents/traveller/shares', { user_id: 'bob', role: 'user' })
  await api.need('PUT', '/v1/agents/traveller/instances/bob/files/USER.md', { content: 'Bob likes tea.' })
  await inTurns(documents, (at) => {
    const content = Array.from({ length: chunks }, (_, part) => paragraph(at * chunks + part)).join('\n\n')
    return api.need('PUT', `/v1/agents/traveller/memory/documents/note-${at}.md`, { content })
  })
  for (const external_id of ['ann', 'bob'])
    await api.need('POST', '/v1/agents/traveller/kg/entities', {
      external_id,
      name: external_id,
      entity_type: 'person',
    })
  await inTurns(sessions, (at) =>
    api.need('POST', '/v1/agents/traveller/wake', { message: `turn ${at}`, session_key: `agent:traveller:s${at}` }),
  )
  for (let at = 0; at < files; at++) {
    const path = join(mesh.dataDir, 'workspace', 'traveller', 'alice', `folder-${at % 7}`, `file-${at}.bin`)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, randomBytes(fileBytes))
  }
}

/** What a process loads when it first does such work is not what an archive costs it. */
const warmUp = async (edges: readonly Api[]): Promise<void> => {
  for (const edge of edges) {
    const { id } = await edge.need<{ id: string }>('POST', '/v1/agents', { agent_key: 'warm' })
    const { body } = await importInto(edge, await fetchBytes(edge, `/v1/agents/${id}/export?sections=${sections}`))
    for (const made of [id, String(body['agent_id'])]) await edge.need('DELETE', `/v1/agents/${made}`)
  }
}

const fetchBytes = async ({ url, headers }: Api, path: string): Promise<Buffer> => {
  const answer = await fetch(url + path, { headers })
  expect([path, answer.status]).toEqual([path, 200])
  return Buffer.from(await answer.arrayBuffer())
}

const importInto = async ({ url, headers }: Api, archive: Buffer) => {
  const form = formOf(archive)
  const answer = await fetch(`${url}/v1/agents/import`, {
    method: 'POST',
    headers: { ...headers, ...form.headers },
    body: new Uint8Array(form.body),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const sorted = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, of]) => [key, sorted(of)]),
      )

/** A hash of everything in an archive, but for its manifest, in no order. */
const contentsOf = async (archive: Buffer): Promise<string[]> => {
  const hashes: string[] = []
  const pieces = async function* () {
    for (let at = 0; at < archive.length; at += 65_536) yield archive.subarray(at, at + 65_536)
  }
  for await (const item of readArchive(pieces(), masterTenantId)) {
    if (item.kind === 'manifest') continue
    const hash = createHash('sha256').update(item.kind)
    if (item.kind === 'file') {
      hash.update(item.value.path)
      for await (const piece of item.value.content) hash.update(piece)
    } else hash.update(JSON.stringify(sorted(item.value)))
    hashes.push(hash.digest('hex'))
  }
  return hashes.toSorted()
}

/** @param report is told what was measured */
export const archiveTests = (
  size: AgentSize,
  report: (figures: object) => void = () => undefined,
  timeoutMs?: number,
): void => {
  let from: Mesh
  let to: Mesh
  beforeAll(async () => {
    from = await startMesh({ gateways: 2, agents: 2, pinned: true, together: true })
    to = await startMesh({ together: true })
  }, meshStartLimitMs)
  afterAll(async () => {
    await from?.stop()
    await to?.stop()
  })

  it(
    'an agent is the same in another installation, its export fetched once from another replica, and no process grows with it',
    async () => {
      const [here, there] = [from.api(0), from.api(1)]
      await makeAgent(from, here, size)
      await warmUp([here, there, to.api()])
      const exported = await growthOf(from, async () => {
        const stream = await here.request<string>('GET', `/v1/agents/traveller/export?stream=true&sections=${sections}`)
        expect(stream.body).toContain('event: complete')
        const [path] = /\/v1\/agents\/[^"]+/.exec(stream.body)!
        const archive = await fetchBytes(there, path)
        expect((await here.request('GET', path)).status).toBe(404)
        return archive
      })
      const archive = exported.result
      const imported = await growthOf(to, () => importInto(to.api(), archive))
      expect(imported.result).toMatchObject({
        status: 201,
        body: {
          agent_key: 'traveller',
          memory_docs: size.documents,
          sessions: size.sessions,
          workspace_files: size.files,
        },
      })
      report({
        archive: `${(archive.length / 1_048_576).toFixed(0)} MiB`,
        exporting: inMiB(exported.growth),
        importing: inMiB(imported.growth),
      })
      const again = await fetchBytes(to.api(), `/v1/agents/traveller/export?sections=${sections}`)
      expect(await contentsOf(again)).toEqual(await contentsOf(archive))
      expect([...exported.growth, ...imported.growth].filter(([, bytes]) => bytes >= mostGrowthBytes)).toEqual([])
    },
    timeoutMs,
  )

  it(
    'a broken archive leaves nothing behind',
    async () => {
      const archive = await fetchBytes(from.api(0), `/v1/agents/traveller/export?sections=${sections}`)
      const before = (await to.api().need<{ agents: unknown[] }>('GET', '/v1/agents')).agents
      expect((await importInto(to.api(), archive.subarray(0, -100))).status).toBe(400)
      expect((await to.api().need<{ agents: unknown[] }>('GET', '/v1/agents')).agents).toEqual(before)
    },
    timeoutMs,
  )
}
