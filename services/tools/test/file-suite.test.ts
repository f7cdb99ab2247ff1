/**
 * Every operation and every tool that takes a path, made of the contract and the catalogue, against every path that leads
 * astray; on the disk, where links and pipes stand on the way, and in object storage.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { http, routesOfTable, type Route } from '@clawmesh/contracts'
import { fakeS3, type FakeS3 } from '../../../test/fakes/s3.ts'
import { catalogue } from '../src/builtin-tools/catalogue.ts'
import { parametersSchema } from '../src/tool/tool.ts'
import { fileForm, tenantFiles, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let files: TenantFiles
let outside: string
let s3: FakeS3 | undefined

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

const start = async (isOnDisk: boolean) => {
  s3 = isOnDisk ? undefined : await fakeS3()
  tools = await startTools(
    s3 && {
      s3Bucket: s3.bucket,
      s3Endpoint: s3.url,
      s3AccessKeyId: s3.accessKeyId,
      s3SecretAccessKey: s3.secretAccessKey,
    },
  )
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
  if (s3 === undefined) return
  expect(foreign.map((path) => s3?.objects.get(path)?.bytes.toString())).toEqual(['SECRET', 'SECRET'])
  const own = `tenants/${files.caller.tenantSlug}/`
  expect([...s3.objects.keys()].filter((key) => !key.startsWith(own))).toEqual(foreign)
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
})
