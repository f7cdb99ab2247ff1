/** Files as they are served: by path, by id, and as what. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { createSignedUrls, createSecretBox } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { fileForm, tenantFiles, type Entry, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let files: TenantFiles
beforeAll(async () => {
  tools = await startTools({ storageQuotaMb: 60 })
})
afterAll(() => tools.stop())
beforeEach(() => {
  files = tenantFiles(tools)
})

const put = async (path: string, content: string | Buffer = 'x') => {
  await mkdir(dirname(files.at(path)), { recursive: true })
  await writeFile(files.at(path), content)
}
const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')
/** By an absolute path, or one below the tenant's root. */
const serve = (path: string, query = '', headers: Record<string, string> = {}) =>
  files.ask<string>('GET', `/v1/files/${encoded(path.replace(/^\//, ''))}${query}`, undefined, headers)
/** With its slashes encoded: what fetch makes of two dots would not be seen. */
const statusOf = async (path: string) =>
  (await files.ask('GET', `/v1/files/${encodeURIComponent(path.replace(/^\//, ''))}`)).status
const sign = (path: string, caller = files.caller) =>
  tools.request<{ url: string }>(caller, 'POST', '/v1/files/sign', { path })
const uploadMedia = (name: string, content: string | Buffer) => {
  const { body, headers } = fileForm(name, content)
  return files.ask<{ path: string; mime_type: string; filename: string; code: string }>(
    'POST',
    '/v1/media/upload',
    body,
    headers,
  )
}
const media = (id: string, headers: Record<string, string> = {}) =>
  files.ask<string>('GET', `/v1/media/${id}`, undefined, headers)

describe('the listing with addresses', () => {
  rule('listWorkspaceFiles.listsTheStorage', async () => {
    await put('a/b/c/d')
    for (const query of ['', '?path=a&depth=1', '?path=none']) {
      const { body } = await files.ask<{ files: Entry[] }>('GET', `/v1/files${query}`)
      const stripped = { ...body, files: body.files.map(({ url: _, ...entry }) => entry) }
      expect(stripped).toEqual((await files.ask('GET', `/v1/storage/files${query}`)).body)
    }
  })

  rule('listWorkspaceFiles.tellsAddresses', async () => {
    await put('a b/ü#?.txt', 'found')
    const { body } = await files.ask<{ files: Entry[] }>('GET', '/v1/files')
    expect(body.files[0]).not.toHaveProperty('url')
    expect((await files.ask('GET', body.files[1]!.url!)).body).toBe('found')
  })
})

describe('a file by its path', () => {
  rule('serveFile.takesAbsolutePaths', async () => {
    await put('agent/alice/a.txt', 'found')
    for (const path of [files.at('agent/alice/a.txt'), 'agent/alice/a.txt'])
      expect((await serve(path)).body).toBe('found')
    expect(
      (await files.ask('GET', `/v1/files/${encodeURIComponent(files.at('agent/alice/a.txt').slice(1))}`)).body,
    ).toBe('found')
  })

  rule('serveFile.staysInTheTenant', async () => {
    await put('agent/secret.txt', 'SECRET')
    const mine = files
    const other = tenantFiles(tools)
    const master = testCaller({ tenantId: masterTenantId, tenantSlug: 'master', role: 'admin' })
    for (const caller of [other.caller, master])
      for (const path of [
        mine.at('agent/secret.txt'),
        `tenants/${mine.caller.tenantSlug}/agent/secret.txt`,
        'secret.txt',
      ]) {
        const { status, body } = await tools.request(caller, 'GET', `/v1/files/${encoded(path.replace(/^\//, ''))}`)
        expect([path, status]).toEqual([path, 404])
        expect(JSON.stringify(body)).not.toContain('SECRET')
      }
    for (const path of [join(tools.workspaceDir, '../encryption.key'), '/usr/bin/env', `${mine.root}-2/x`])
      expect([path, await statusOf(path)]).toEqual([path, 404])
  })

  rule('serveFile.deniesTheSystem', async () => {
    for (const path of [
      '/etc/passwd',
      '/proc/self/environ',
      '/sys/x',
      '/dev/zero',
      '/root/x',
      '/boot/x',
      '/run/x',
      '/var/run/x',
      '/var/log/x',
      '//etc//passwd',
    ])
      expect([path, await statusOf(path)]).toEqual([path, 403])
    await put('etc/passwd', 'of the tenant')
    expect((await serve(files.at('etc/passwd'))).body).toBe('of the tenant')
  })

  rule('serveFile.refusesPaths', async () => {
    await put('real/a')
    await symlink('real', files.at('link'))
    await symlink('/etc/passwd', files.at('passwd'))
    for (const path of ['a..b', 'a/../b', 'a\\b', 'a\u0001b', 'x'.repeat(256), 'link/a', 'passwd', files.at('link/a')])
      expect([path, await statusOf(path)]).toEqual([path, 400])
  })

  rule('serveFile.findsTimestamped', async () => {
    const times = { 'out/chart-1.png': 1, 'out/chart-2.png': 2, 'out/charter.png': 3, 'out/chart-3.jpg': 4 }
    for (const [path, time] of Object.entries(times)) {
      await put(path, path)
      await utimes(files.at(path), time, time)
    }
    expect((await serve(files.at('out/chart.png'))).headers.get('content-length')).toBe(
      String('out/chart-2.png'.length),
    )
    expect((await serve('out/chart.png')).headers.get('content-disposition')).toContain('chart-2.png')
    expect(await statusOf('out/cha.png')).toBe(404)
  })

  rule('serveFile.findsByName', async () => {
    await put('agent/alice/generated/only.txt', 'found')
    await put('agent/alice/two.txt')
    await put('agent/bob/two.txt')
    await put('.media/1/hidden.txt')
    expect((await serve('/workspace/only.txt')).body).toBe('found')
    expect((await serve(files.at('elsewhere/only.txt'))).body).toBe('found')
    for (const path of ['two.txt', 'hidden.txt', 'alice']) expect([path, await statusOf(path)]).toEqual([path, 404])
  })

  rule('serveFile.isPrivate', async () => {
    await put('a.txt')
    expect((await serve('a.txt')).headers.get('cache-control')).toBe('private, no-cache')
  })

  rule('serveFile.offersDownloads', async () => {
    await put('a.png')
    expect((await serve('a.png')).headers.get('content-disposition')).toMatch(/^inline; filename="a.png"/)
    expect((await serve('a.png', '?download=true')).headers.get('content-disposition')).toMatch(
      /^attachment; filename="a.png"/,
    )
  })
})

describe('signing', () => {
  const urls = createSignedUrls(createSecretBox(Buffer.alloc(32, 7)))

  rule('signFileUrl.signsTheFileAlone', async () => {
    const { body } = await sign(files.at('not/there/yet.png'))
    expect(urls.check(body.url)).toEqual({ tenantId: files.caller.tenantId, userId: 'alice' })
    expect(() => urls.check(body.url.replace('yet', 'other'))).toThrow()
    const left = Number(/ft=[^.]+\.(\d+)/.exec(body.url)![1]) - Date.now() / 1_000
    expect(left).toBeGreaterThan(290)
    expect(left).toBeLessThanOrEqual(300)
  })

  rule('signFileUrl.cleansPaths', async () => {
    const { body } = await sign(`/${files.at('a//./b c.png')}`)
    expect(body.url.split('?')[0]).toBe(`/v1/files${encoded(files.at('a/b c.png'))}`)
    expect((await sign('agent/a.png')).body.url).toMatch(/^\/v1\/files\/agent\/a\.png\?ft=/)
  })

  rule('signFileUrl.refusesForeignPaths', async () => {
    const other = tenantFiles(tools)
    const master = testCaller({ tenantId: masterTenantId, tenantSlug: 'master' })
    for (const path of [other.at('a'), '/etc/passwd', '/home/x', tools.workspaceDir, '/workspace/a'])
      expect([path, (await sign(path)).status]).toEqual([path, 403])
    for (const path of [files.at('a'), `tenants/${files.caller.tenantSlug}/a`])
      expect((await sign(path, master)).status).toBe(403)
    for (const path of ['a/../b', `${files.root}/..`]) expect((await sign(path)).status).toBe(400)
  })

  rule('signFileUrl.needsAPath', async () => {
    for (const body of [{ path: '' }, {}, { path: 7 }, [], 'a.png'])
      expect((await tools.request(files.caller, 'POST', '/v1/files/sign', body)).status).toBe(400)
  })
})

test('what tools write counts towards what the tenant may keep', async () => {
  tools.addAgent(files.caller.tenantId, {})
  const write = (content: string, append = false) =>
    tools.invoke(files.caller, { tool: 'write_file', args: { path: 'a.txt', content, append } })
  await put('kept', 'x'.repeat(62_900_000))
  expect((await write('x'.repeat(10_000))).status).toBe(200)
  // The same again adds nothing.
  expect((await write('y'.repeat(10_000))).status).toBe(200)
  for (const append of [false, true]) expect((await write('z'.repeat(15_000), append)).status).toBe(400)
  expect((await stat(files.at('default/alice/a.txt'))).size).toBe(10_000)
})

describe('media', () => {
  rule('uploadMedia.answersAPath', async () => {
    const { body } = await uploadMedia('C:\\me\\photo\u0007.JPG', 'bytes')
    expect(body).toEqual({
      path: expect.stringMatching(new RegExp(`^${files.root}/\\.uploads/[0-9a-f-]{36}\\.jpg$`)) as string,
      mime_type: 'image/jpeg',
      filename: 'photo.JPG',
    })
    expect(await readFile(body.path, 'utf8')).toBe('bytes')
    const types = {
      opus: 'audio/ogg',
      ogg: 'audio/ogg',
      webp: 'image/webp',
      flac: 'audio/flac',
      mkv: 'video/x-matroska',
      m4a: 'audio/mp4',
      zzz: 'application/octet-stream',
    }
    for (const [extension, type] of Object.entries(types))
      expect((await uploadMedia(`a.${extension}`, 'x')).body.mime_type).toBe(type)
  })

  rule('uploadMedia.staysInTheTenant', async () => {
    const { body } = await uploadMedia('../../../evil.txt', 'x')
    expect(dirname(body.path)).toBe(files.at('.uploads'))
    expect((await stat(body.path)).mode & 0o777).toBe(0o600)
    expect((await stat(dirname(body.path))).mode & 0o777).toBe(0o700)
  })

  rule('uploadMedia.keepsExtensions', async () => {
    expect((await uploadMedia('noname', 'x')).body.path).toMatch(/\.bin$/)
    expect((await uploadMedia('a.sh', 'x')).body.path).toMatch(/\.sh$/)
    expect((await uploadMedia('a./x', 'x')).body.path).toMatch(/\.bin$/)
  })

  rule('uploadMedia.boundsTheForm', async () => {
    const large = await uploadMedia('a.bin', Buffer.alloc(52_428_800))
    expect([large.status, large.body.code]).toEqual([400, 'INVALID_REQUEST'])
    const { body, headers } = fileForm('a.bin', 'x'.repeat(1_000))
    for (const form of [body.subarray(0, 500), Buffer.from('no form')])
      expect((await files.ask('POST', '/v1/media/upload', form, headers)).status).toBe(400)
    const other = fileForm('a.bin', 'x', 'other')
    expect((await files.ask('POST', '/v1/media/upload', other.body, other.headers)).status).toBe(400)
    expect(existsSync(files.at('.uploads')) ? await readdir(files.at('.uploads')) : []).toEqual([])
  })

  rule('uploadMedia.keepsToTheQuota', async () => {
    expect((await uploadMedia('a.bin', Buffer.alloc(40_000_000))).status).toBe(200)
    expect((await uploadMedia('b.bin', Buffer.alloc(40_000_000))).status).toBe(429)
    expect(await readdir(files.at('.uploads'))).toHaveLength(1)
  })

  rule('serveMedia.findsById', async () => {
    const { body } = await uploadMedia('a.png', 'PNG')
    const name = body.path.split('/').at(-1)!
    for (const id of [name, name.replace('.png', '')]) expect((await media(id)).body).toBe('PNG')
    await put('.media/0123456789ab/of-a-session.ogg', 'OGG')
    expect((await media('of-a-session')).body).toBe('OGG')
    expect((await media('of-a-sess')).status).toBe(404)
  })

  test('what a message names is read where it was uploaded, or at an address, and nowhere else', async () => {
    const { body } = await uploadMedia('a.png', 'PNG')
    await put('agent/b.jpg', 'JPG')
    await put('.uploads-not/c.png', 'NO')
    const name = body.path.split('/').at(-1)!
    const rpc = tools.rpc(WorkspacesServiceService)
    const read = async (path: string, caller = files.caller) => {
      const { found, data } = await rpc.readMedia(tools.call(caller), { path })
      return found ? Buffer.from(data).toString() : undefined
    }
    const mine = [
      body.path,
      `/v1/media/${name}`,
      `/v1/media/${name}?ft=x`,
      `/v1/files${encoded(files.at('agent/b.jpg'))}`,
    ]
    expect(await Promise.all(mine.map((path) => read(path)))).toEqual(['PNG', 'PNG', 'PNG', 'JPG'])
    await put('large.png', Buffer.alloc(10_485_761))
    const others = [
      '/etc/passwd',
      files.at('agent/b.jpg'),
      files.at('.uploads-not/c.png'),
      `${files.at('.uploads')}/../agent/b.jpg`,
      '/v1/files/etc/passwd',
      '/v1/files/%',
      `/v1/files${files.at('large.png')}`,
      '/v1/media/../b',
      '',
    ]
    expect(await Promise.all(others.map((path) => read(path)))).toEqual(others.map(() => undefined))
    const { caller } = tenantFiles(tools)
    expect(await Promise.all(mine.map((path) => read(path, caller)))).toEqual(mine.map(() => undefined))
  })

  rule('serveMedia.refusesOtherIds', async () => {
    for (const id of ['.hidden', '-a', 'a%2Fb', 'a%20b']) expect([id, (await media(id)).status]).toEqual([id, 400])
  })

  rule('serveMedia.staysInTheTenant', async () => {
    const { body } = await uploadMedia('a.png', 'SECRET')
    const id = body.path.split('/').at(-1)!
    files = tenantFiles(tools)
    expect((await media(id)).status).toBe(404)
  })

  rule('serveMedia.isKeptForADay', async () => {
    await put('.media/1/a.png')
    expect((await media('a')).headers.get('cache-control')).toBe('private, max-age=86400')
  })
})

/** The three operations that send a file do it alike. */
const sent = {
  serveFile: (name: string, headers: Record<string, string> = {}) => serve(`agent/${name}`, '', headers),
  serveMedia: (name: string, headers: Record<string, string> = {}) => media(name, headers),
  readStorageFile: (name: string, headers: Record<string, string> = {}) =>
    files.ask<string>('GET', `/v1/storage/files/agent/${name}?raw=true`, undefined, headers),
}
const place = (name: string, content: string | Buffer) =>
  Promise.all([put(`agent/${name}`, content), put(`.media/1/${name}`, content)])

const ranges = async (send: (typeof sent)['serveFile']) => {
  await place('r.bin', '0123456789')
  const asked = async (range: string, more: Record<string, string> = {}) => {
    const { status, body, headers } = await send('r.bin', { range, ...more })
    return [status, body, headers.get('content-range')]
  }
  expect(await asked('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
  expect(await asked('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
  expect(await asked('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10'])
  expect(await asked('bytes=5-500')).toEqual([206, '56789', 'bytes 5-9/10'])
  expect(await asked('bytes=10-')).toEqual([416, '', 'bytes */10'])
  for (const range of ['bytes=4-2', 'bytes=x', 'lines=1-2', 'bytes=0-1,4-5'])
    expect(await asked(range)).toEqual([200, '0123456789', null])
  const etag = (await send('r.bin')).headers.get('etag')!
  expect(await asked('bytes=0-0', { 'if-range': etag })).toEqual([206, '0', 'bytes 0-0/10'])
  expect(await asked('bytes=0-0', { 'if-range': '"older"' })).toEqual([200, '0123456789', null])
}

const validation = async (send: (typeof sent)['serveFile']) => {
  await place('v.txt', 'first')
  const { headers } = await send('v.txt')
  const etag = headers.get('etag')!
  const since = headers.get('last-modified')!
  const conditions: Record<string, string>[] = [
    { 'if-none-match': etag },
    { 'if-none-match': `"x", W/${etag}` },
    { 'if-none-match': '*' },
    { 'if-modified-since': since },
  ]
  for (const condition of conditions) {
    const again = await send('v.txt', condition)
    expect([condition, again.status, again.body]).toEqual([condition, 304, ''])
  }
  expect((await send('v.txt', { 'if-none-match': '"x"', 'if-modified-since': since })).status).toBe(200)
  expect((await send('v.txt', { 'if-modified-since': 'nonsense' })).status).toBe(200)
  await place('v.txt', 'other')
  expect((await send('v.txt', { 'if-none-match': etag })).body).toBe('other')
}

const harmless = async (send: (typeof sent)['serveFile']) => {
  const kinds = {
    'html.html': 'attachment',
    'svg.svg': 'attachment',
    'xml.xml': 'attachment',
    'xhtml.xhtml': 'attachment',
    'png.png': 'inline',
    'pdf.pdf': 'inline',
  }
  for (const name of Object.keys(kinds)) await place(name, '<script>alert(1)</script>')
  for (const [name, kind] of Object.entries(kinds)) {
    const { headers } = await send(name)
    expect([name, headers.get('content-disposition')?.split(';')[0]]).toEqual([name, kind])
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/)
  }
}

const types = async (send: (typeof sent)['serveFile']) => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const contents: [name: string, content: string | Buffer, type: string][] = [
    ['a.md', 'x', 'text/markdown; charset=utf-8'],
    ['a.JSON', '{}', 'application/json; charset=utf-8'],
    ['a.png', 'no picture', 'image/png'],
    ['picture', png, 'image/png'],
    ['picture.bin', png, 'image/png'],
    ['page', '<html><script>', 'text/plain; charset=utf-8'],
    ['a.unknownext', 'grüße', 'text/plain; charset=utf-8'],
    ['bytes', Buffer.from([0, 1, 2]), 'application/octet-stream'],
    ['empty', '', 'application/octet-stream'],
  ]
  for (const [name, content, type] of contents) {
    await place(name, content)
    expect([name, (await send(name)).headers.get('content-type')]).toEqual([name, type])
  }
}

rule('serveFile.sendsRanges', () => ranges(sent.serveFile))
rule('serveMedia.sendsRanges', () => ranges(sent.serveMedia))
rule('readStorageFile.sendsRanges', () => ranges(sent.readStorageFile))
rule('serveFile.validates', () => validation(sent.serveFile))
rule('serveMedia.validates', () => validation(sent.serveMedia))
rule('readStorageFile.validates', () => validation(sent.readStorageFile))
rule('serveFile.cannotRun', () => harmless(sent.serveFile))
rule('serveMedia.cannotRun', () => harmless(sent.serveMedia))
rule('readStorageFile.cannotRun', () => harmless(sent.readStorageFile))
rule('serveFile.tellsTypes', () => types(sent.serveFile))
rule('readStorageFile.tellsTypes', () => types(sent.readStorageFile))

test(ruleName('serveFile.validates', 'a HEAD'), async () => {
  await put('h.txt', 'hello')
  const { status, body, headers } = await files.ask<string>('HEAD', '/v1/files/h.txt')
  expect([status, body, headers.get('content-length')]).toEqual([200, '', '5'])
})
