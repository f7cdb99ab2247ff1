/**
 * Every operation and every tool that takes a path, made of the contract and the catalogue, against every path that leads
 * astray; on the disk, where links and pipes stand on the way, and in object storage.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfigs, newId } from '@clawmesh/chassis'
import { http, MeshError, routesOfTable, type Route } from '@clawmesh/contracts'
import { ToolContext, ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { fakeS3, type FakeS3 } from '../../../test/fakes/s3.ts'
import { catalogue } from '../src/builtin-tools/catalogue.ts'
import { toolsConfig } from '../src/index.ts'
import { invokeTool } from '../src/invoke/run-tool.ts'
import type { MediaMaker, MediaReader } from '../src/media/types.ts'
import { chooseStore } from '../src/store/choose.ts'
import type { FileStore } from '../src/store/store.ts'
import { parametersSchema } from '../src/tool/tool.ts'
import { workspacePath } from '../src/workspace/index.ts'
import { contextWith } from './context.ts'
import { fileForm, tenantFiles, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let files: TenantFiles
let outside: string
let s3: FakeS3 | undefined
/** Another process of the same files. */
let store: FileStore

/** Names that stand in the root of the tenant and in the workspace of its agent, whatever was done to them before. */
const lay = (folder: string) => {
  if (s3 !== undefined) return
  mkdirSync(folder, { recursive: true })
  const put = (name: string, make: (path: string) => void) => {
    if (!readdirSync(folder).includes(name)) make(join(folder, name))
  }
  put('link', (path) => symlinkSync(outside, path))
  put('file-link', (path) => symlinkSync(join(outside, 'secret.txt'), path))
  put('root-link', (path) => symlinkSync('/', path))
  put('loop', (path) => symlinkSync('loop', path))
  put('hard.txt', (path) => linkSync(join(outside, 'secret.txt'), path))
  put('pipe', (path) => execFileSync('mkfifo', [path]))
}

const foreign = ['tenants/other/secret.txt', 'master-agent/secret.txt']

const bucket = () =>
  s3 && {
    s3Bucket: s3.bucket,
    s3Endpoint: s3.url,
    s3AccessKeyId: s3.accessKeyId,
    s3SecretAccessKey: s3.secretAccessKey,
  }

const start = async (isOnDisk: boolean) => {
  s3 = isOnDisk ? undefined : await fakeS3()
  tools = await startTools(bucket())
  store = chooseStore({ ...loadConfigs({ tools: toolsConfig }, {}).tools, ...bucket() }).store
  files = tenantFiles(tools)
  tools.addAgent(files.caller.tenantId, {})
  outside = join(tools.workspaceDir, '..', 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.txt'), 'SECRET')
  // Another tenant's, and another user's.
  for (const path of foreign) {
    mkdirSync(dirname(join(tools.workspaceDir, path)), { recursive: true })
    writeFileSync(join(tools.workspaceDir, path), 'SECRET')
    s3?.objects.set(path, { bytes: Buffer.from('SECRET'), etag: '"secret"', modifiedAt: new Date() })
  }
  await tools.invoke(files.caller, { tool: 'write_file', args: { path: 'ordinary.txt', content: 'INSIDE' } })
}
const stop = async () => {
  await tools.stop()
  await s3?.stop()
}

const astray = (): string[] => [
  '../other/secret.txt',
  '../../../outside/secret.txt',
  'a/../../other/secret.txt',
  `${outside}/secret.txt`,
  `${tools.workspaceDir}/tenants/other/secret.txt`,
  `${tools.workspaceDir}/master-agent/secret.txt`,
  '/etc/passwd',
  '/proc/self/environ',
  '..\\other\\secret.txt',
  '..%2fother%2fsecret.txt',
  '%252e%252e/other',
  '..;/other',
  '....//other/secret.txt',
  '\u2025/other',
  'a\u0000/../secret.txt',
  'secret.txt\u0000.png',
  'line\nbreak',
  'x'.repeat(300),
  'ü'.repeat(140),
  'd/'.repeat(2_100),
  'link/secret.txt',
  'link',
  'file-link',
  'root-link/etc/passwd',
  'loop',
  'loop/x',
  'hard.txt',
  'pipe',
  'pipe/x',
  'TENANTS/other/secret.txt',
  '.Media/x',
  'C:/windows/win.ini',
  'file:///etc/passwd',
  '~/secret.txt',
]

/** What the operations may not have touched. */
const untouched = () => {
  expect(readdirSync(outside)).toEqual(['secret.txt'])
  const kept = ['../outside/secret.txt', ...foreign].map((path) => readFileSync(join(tools.workspaceDir, path), 'utf8'))
  expect(kept).toEqual(['SECRET', 'SECRET', 'SECRET'])
  // Nor is anything new beside the tenant's own folder.
  const own = files.caller.tenantSlug
  const names = ['', 'tenants', 'tenants/other', 'master-agent'].flatMap((folder) =>
    readdirSync(join(tools.workspaceDir, folder)).filter((name) => name !== own),
  )
  expect(names.toSorted()).toEqual(['master-agent', 'other', 'secret.txt', 'secret.txt', 'tenants'])
  if (s3 === undefined) return
  expect(foreign.map((path) => s3?.objects.get(path)?.bytes.toString())).toEqual(['SECRET', 'SECRET'])
  expect([...s3.objects.keys()].filter((key) => !key.startsWith(`tenants/${own}/`))).toEqual(foreign)
}
const leaks = /SECRET|root:x:|PATH=/

const namesPaths = ['path', 'from', 'to']
const fieldsOf = (schema: unknown): string[] => {
  const inner = schema as { shape?: object; unwrap?: () => unknown } | undefined
  if (inner?.shape !== undefined) return Object.keys(inner.shape)
  return inner?.unwrap === undefined ? [] : fieldsOf(inner.unwrap())
}

/** Where an operation takes a path. */
const places = ({ path, definition }: Route): [place: 'params' | 'query' | 'body', name: string][] => [
  ...(path.includes('{path...}') ? [['params', 'path'] as ['params', string]] : []),
  ...(['query', 'body'] as const).flatMap((place) =>
    fieldsOf(definition[place]).flatMap((name): ['query' | 'body', string][] =>
      namesPaths.includes(name) ? [[place, name]] : [],
    ),
  ),
]
const operations = [http.files, http.storage, http.media].flatMap(routesOfTable).flatMap((route) =>
  places(route).map(([place, name]) => ({
    title: `${route.operation}, ${name} in the ${place}`,
    route,
    place,
    name,
  })),
)

test('the table has every operation that takes a path', () => {
  expect(operations.map(({ title }) => title)).toEqual(
    expect.arrayContaining([
      'serveFile, path in the params',
      'signFileUrl, path in the body',
      'listStorageFiles, path in the query',
      'uploadStorageFile, path in the query',
      'deleteStoragePath, path in the params',
      'moveStorageFile, from in the query',
      'moveStorageFile, to in the body',
    ]),
  )
})

/** Operations with a path that is no file's, or that is taken by something below. */
const elsewhere = {
  'names of rows': [
    ...['getInstanceFile', 'setInstanceFile', 'listMemoryChunks', 'getMemoryDocument', 'putMemoryDocument'],
    ...['deleteMemoryDocument', 'indexMemoryDocument', 'listMemoryEntries', 'createMemoryEntry'],
    ...['readMemory', 'writeMemory', 'deleteMemory'],
  ],
  'pages of a list': ['getDocsPage'],
  'compared with what PATH holds': ['createCliCredential', 'updateCliCredential'],
  'taken below': ['createAgent', 'updateAgent', 'createCustomTool', 'updateCustomTool'],
}

test('no other operation takes a path', () => {
  const isPath = (name: string) => /^(?:path|.*_path|working_dir|workspace|folder|dir|file_?name)$/i.test(name)
  const named = Object.values(http).flatMap((table) =>
    routesOfTable(table).flatMap(({ operation, path, definition }) => {
      const fields = [definition.params, definition.query, definition.body].flatMap(fieldsOf)
      return path.includes('{path...}') || fields.some(isPath) ? [operation] : []
    }),
  )
  const inTable = operations.map(({ route }) => route.operation)
  expect(new Set(named).difference(new Set([...inTable, ...Object.values(elsewhere).flat()]))).toEqual(new Set())
})

const provider = { provider: 'p', model: 'm' }
const reader: MediaReader = {
  read: async (_, { bytes }) => ({ ...provider, text: bytes.toString(), usage: undefined }),
}
const maker: MediaMaker = {
  make: async () => ({ ...provider, bytes: Buffer.from('INSIDE'), mimeType: 'image/png', extension: '.png' }),
}
const attachments = { newest: async () => undefined, byId: () => Promise.reject(new Error('none is asked for')) }

/** A tool whose providers say what they are shown, and make what can be told from all else. */
const withProviders = (tool: string, args: object) => {
  const { tenantId, tenantSlug } = files.caller
  const owner = { tenantId, tenantSlug, agentKey: 'default', userId: 'alice' }
  const context = contextWith({
    workspace: { ...workspacePath(tools.workspaceDir, owner), files: store.files },
    attachments,
    ...{ visionProvider: reader, documentProvider: reader, audioProvider: reader, videoProvider: reader },
    ...{ imageGenProvider: maker, audioGenProvider: maker, videoGenProvider: maker },
  })
  const known = catalogue.flatMap((entry) => entry.tool ?? [])
  return invokeTool({ tools: known, policy: {} }, { tool, args: { prompt: 'x', ...args }, context })
}

/** Says what stands in a folder, and leaves something there. */
const look = 'cat secret.txt passwd environ 2>/dev/null; pwd; echo INSIDE > left.txt'

interface PathTaker {
  title: string
  /** Gives it a path; the answer. */
  ask: (path: string) => Promise<unknown>
  /** Whether there is none where there is no disk. */
  isOfCommands?: boolean
  /** A path that leads nowhere else, and what comes of it. */
  ordinary?: { path: string; answer: RegExp }
}

/** What takes a path, or makes one of what it is given, beside the routes and the tools of files. */
const pathTakers: PathTaker[] = [
  ...['read_image', 'read_document', 'read_audio', 'read_video'].map((tool) => ({
    title: `${tool} that has a provider`,
    ask: (path: string) => withProviders(tool, { path }),
    ...(tool === 'read_document' ? { ordinary: { path: 'ordinary.txt', answer: /INSIDE/ } } : {}),
  })),
  ...['create_image', 'create_video', 'create_audio'].map((tool) => ({
    title: `${tool}, the name that is wished`,
    ask: (hint: string) => withProviders(tool, { filename_hint: hint.slice(0, 200) }),
    ordinary: { path: 'a cat', answer: /MEDIA:generated\/[\d-]+\/a-cat-/ },
  })),
  {
    title: 'exec, its working folder',
    ask: async (path) =>
      (await tools.invoke(files.caller, { tool: 'exec', args: { command: look, working_dir: path } })).body,
    isOfCommands: true,
    ordinary: { path: '.', answer: /workspace/ },
  },
  {
    title: 'a custom tool, its working folder',
    ask: async (path) => {
      const name = `tool-${newId()}`
      const made = await files.ask('POST', '/v1/tools/custom', { name, command: look, working_dir: path })
      return made.status < 300 ? (await tools.invoke(files.caller, { tool: name, args: {} })).body : made.body
    },
    isOfCommands: true,
    ordinary: { path: '.', answer: /workspace/ },
  },
  ...['/v1/storage/files', '/v1/media/upload'].map((url) => ({
    title: `${url}, the name of what is uploaded`,
    ask: async (name: string) => {
      const { body, headers } = fileForm(name, 'INSIDE')
      const answer = await files.ask<unknown>('POST', url, body, headers)
      expect([name, answer.status < 500]).toEqual([name, true])
      return answer.body
    },
    ordinary: { path: 'ordinary.txt', answer: /ordinary/ },
  })),
  {
    title: "an agent's own folder",
    ask: async (path) => {
      // The folder that a file is in, of so many characters at most.
      const workspace = path.replace(/\/[\w.]+$/, '').slice(0, 1_024)
      const agentId = tools.addAgent(files.caller.tenantId, { agentKey: newId(), workspace })
      const run = async (tool: string, args: object) =>
        (await tools.invoke({ ...files.caller, userId: 'ann' }, { tool, agentId, args })).body
      return [
        await run('write_file', { path: 'left.txt', content: 'INSIDE' }),
        await run('read_file', { path: '../secret.txt' }),
        await run('read_file', { path: 'secret.txt' }),
        await run('list_files', {}),
      ]
    },
    ordinary: { path: 'own', answer: /left\.txt/ },
  },
  {
    title: "a user's own folder",
    ask: async (folder) => {
      // The edge lets no NUL in.
      const userId = folder.replaceAll('\0', '')
      const context = ToolContext.create({ agentId: 'default', userId })
      const run = async (tool: string, args: object) => {
        const call = tools.call({ ...files.caller, userId })
        return tools.rpc(ToolsServiceService).invokeTool(call, { tool, argumentsJson: JSON.stringify(args), context })
      }
      return [
        await run('write_file', { path: 'left.txt', content: 'INSIDE' }),
        await run('read_file', { path: 'secret.txt' }),
      ]
    },
    ordinary: { path: 'bob', answer: /left\.txt/ },
  },
  ...(['readMedia', 'keepMedia'] as const).map((operation) => ({
    title: `${operation} of messages`,
    ask: async (path: string) => {
      const rpc = tools.rpc(WorkspacesServiceService)
      const request = { path, agentId: newId(), sessionKey: 'agent:default:ws:direct:1' }
      return (await rpc[operation](tools.call(files.caller), request)).found
    },
  })),
  {
    title: 'a file of an archive',
    ask: (path) =>
      tools.rpc(WorkspacesServiceService).writeFilePiece(tools.call(files.caller), {
        owner: { agentKey: 'default', workspace: '' },
        ...{ path, fileId: randomUUID(), offset: 0, data: Buffer.from('INSIDE'), last: true },
      }),
    ordinary: { path: 'alice/ordinary-too.txt', answer: /true/ },
  },
]

const withPaths = catalogue.flatMap(({ name, tool }) =>
  tool !== undefined && 'path' in (parametersSchema(tool)['properties'] as object) ? [name] : [],
)

test('the table has every tool that takes a path', () => {
  expect(withPaths).toEqual(expect.arrayContaining(['read_file', 'write_file', 'list_files', 'edit']))
})

describe.each([
  ['on the disk', true],
  ['in object storage', false],
])('%s', (_, isOnDisk) => {
  beforeAll(() => start(isOnDisk))
  afterAll(stop)

  test.each(operations)('$title: no path leads out', async ({ route, place, name }) => {
    for (const path of astray()) {
      lay(files.root)
      const query = new URLSearchParams({
        ...(route.operation === 'moveStorageFile' ? { from: 'none', to: 'nowhere' } : {}),
      })
      if (place === 'query') query.set(name, path)
      if (place === 'body') query.delete(name)
      const url = `${route.path.replace('{path...}', () => encodeURIComponent(place === 'params' ? path : 'x'))}?${query.toString()}`
      const form = route.definition.upload === undefined ? undefined : fileForm('hard.txt', 'INSIDE')
      const body = form?.body ?? (place === 'body' ? { [name]: path } : undefined)
      const { status, body: answer } = await files.ask<unknown>(route.method, url, body, form?.headers)
      expect([path, status < 500]).toEqual([path, true])
      expect(JSON.stringify(answer)).not.toMatch(leaks)
      untouched()
    }
  })

  test.each(withPaths)('%s: no path leads out', async (tool) => {
    for (const path of astray()) {
      lay(files.at('default', 'alice'))
      const args = { path, content: 'INSIDE', old_string: 'SECRET', new_string: 'INSIDE', query: 'x', prompt: 'x' }
      const { status, body } = await tools.invoke(files.caller, { tool, args })
      expect([path, status < 500]).toEqual([path, true])
      expect(JSON.stringify(body)).not.toMatch(leaks)
      untouched()
    }
    expect(existsSync(files.at('default', 'alice', 'link'))).toBe(s3 === undefined)
  })

  test.each(pathTakers)('$title: no path leads out', async ({ isOfCommands, ask, ordinary }) => {
    if (isOfCommands && s3 !== undefined) return
    for (const path of astray()) {
      for (const folder of [files.root, files.at('default', 'alice')]) lay(folder)
      const answer = await ask(path).catch((thrown: unknown) => {
        expect([path, (thrown as MeshError).code]).toEqual([path, expect.not.stringMatching('INTERNAL')])
        expect(thrown).toBeInstanceOf(MeshError)
        return String(thrown)
      })
      expect(JSON.stringify(answer)).not.toMatch(leaks)
      untouched()
    }
    if (ordinary !== undefined) expect(JSON.stringify(await ask(ordinary.path))).toMatch(ordinary.answer)
  })
})
