/** Media tools over the real providers service, whose vendors speak their true protocols. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { loadConfigs, outboxRow } from '@clawmesh/chassis'
import { closeGuardedFetch } from '@clawmesh/chassis/fetch'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { zipSync } from 'fflate'
import { providersConfig, providersService } from '../../providers/src/index.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import {
  fakeMedia,
  madeAudio,
  madeImage,
  madeVideo,
  type FakeMedia,
  type MediaVendor,
} from '../../../test/fakes/media.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { fileForm, tenantFiles, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let vendors: FakeMedia
let vision: FakeUpstream
let tools: ToolsHarness
let files: TenantFiles
let caller: Caller
let agentId: string

const tenantNames = new Map<string, string>()
const master = testCaller({ tenantId: masterTenantId, tenantSlug: 'master', role: 'admin' })

beforeAll(async () => {
  vendors = await fakeMedia()
  vision = await fakeOpenAi()
  const env = { CLAWMESH_PROVIDER_MEDIA_POLL_MS: '5', CLAWMESH_PROVIDER_CONNECT_TIMEOUT_MS: '20000' }
  const { providers: config } = loadConfigs({ providers: providersConfig }, env)
  const settings = { ttsElevenlabsKey: vendors.keys.elevenlabs, ttsElevenlabsBase: vendors.bases.elevenlabs }
  tools = await startTools(
    { ...settings, storageQuotaMb: 20 },
    {},
    {
      services: { providers: (mesh) => providersService(mesh, config) },
      standIns: [
        fakeRpc(IdentityServiceService, {
          listSystemConfigs: async () => ({ values: {} }),
          resolveTenant: async (_call, { idOrSlug }) => {
            const slug = tenantNames.get(idOrSlug)
            return { found: slug !== undefined, id: idOrSlug, slug: slug ?? '', name: '', status: 'active' }
          },
        }),
        fakeRpc(TracesServiceService, { listCappedUsage: async () => ({ capped: [] }) }),
      ],
    },
  )
  for (const tool of ['image', 'document', 'audio', 'video'].map((kind) => `read_${kind}`)) await enable(tool)
  for (const tool of ['image', 'audio', 'video'].map((kind) => `create_${kind}`)) await enable(tool)
})
afterAll(async () => {
  await tools.stop()
  await closeGuardedFetch()
  await vendors.stop()
  await vision.close()
})

/** Where the files of the user are. */
const workspace = (...names: string[]) => files.at('default', caller.userId, ...names)

beforeEach(() => {
  files = tenantFiles(tools)
  caller = files.caller
  tenantNames.set(caller.tenantId, caller.tenantSlug)
  agentId = tools.addAgent(caller.tenantId, {})
  vendors.fault = {}
  vendors.asked = []
  vendors.fetched = []
  vision.requests.length = 0
  vision.rule = () => undefined
})

const types: Partial<Record<MediaVendor, string>> = {
  gemini: 'gemini_native',
  openai: 'openai_compat',
  openrouter: 'openrouter',
  minimax: 'minimax_native',
  dashscope: 'dashscope',
  suno: 'suno',
}

const enable = async (tool: string, settings: object = {}) => {
  const { status } = await tools.request(master, 'PUT', `/v1/tools/builtin/${tool}`, { enabled: true, settings })
  expect(status).toBe(200)
}

const addProvider = async (name: string, type: string, apiBase: string, apiKey: string): Promise<string> => {
  const fields = { name, provider_type: type, api_base: apiBase, api_key: apiKey, enabled: true }
  const { status, body } = await tools.request<{ id: string }>(caller, 'POST', '/v1/providers', fields)
  expect([name, status]).toEqual([name, 201])
  return body.id
}
/** Providers of the tenant, called like their vendors. */
const addVendors = async (...names: MediaVendor[]) => {
  for (const name of names) await addProvider(name, types[name]!, vendors.bases[name], vendors.keys[name])
}
/** A provider of the tenant that sees images, and whatever its type is shown. */
const addVision = (type = 'openai_compat', name = 'openai') =>
  addProvider(name, type, vision.base, 'sk-vision-0123456789')

const call = async (tool: string, args: object, sessionKey = '') => {
  const { body, status } = await tools.invoke(caller, { tool, args, sessionKey })
  return {
    status,
    error: body.error,
    output: body.result?.output,
    metadata: body.result?.metadata as Record<string, unknown>,
  }
}
const put = async (name: string, bytes: Buffer | string) => {
  await mkdir(dirname(workspace(name)), { recursive: true })
  await writeFile(workspace(name), bytes)
}
const upload = async (name: string, content: Buffer | string): Promise<string> => {
  const { body, headers } = fileForm(name, content)
  return (await files.ask<{ path: string }>('POST', '/v1/media/upload', body, headers)).body.path
}
const keep = (sessionKey: string, path: string, ofAgent = agentId) =>
  tools.rpc(WorkspacesServiceService).keepMedia(tools.call(caller), { agentId: ofAgent, sessionKey, path })

/** A session of the user with the agent. */
const session = 'agent:default:ws:direct:1'
const beginSession = (userId = caller.userId, sessionKey = session) =>
  tools.sessions.push({ tenantId: caller.tenantId, agentId, userId, sessionKey })

const pdf = Buffer.from('%PDF-1.4\n%not much of one\n')
const wordFile = (text: string): Buffer =>
  Buffer.from(
    zipSync({
      '[Content_Types].xml': Buffer.from('<Types/>'),
      'word/document.xml': Buffer.from(
        `<w:document><w:body><w:p><w:r><w:t>${text}</w:t></w:r></w:p></w:body></w:document>`,
      ),
    }),
  )

/** The user parts of what the model was shown last. */
const shown = (): { type: string; text?: string }[] => {
  const { messages } = vision.requests.at(-1)!.body as {
    messages: { content: string | { type: string; text?: string }[] }[]
  }
  const { content } = messages.at(-1)!
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

describe('reading', () => {
  test('a model looks at a file of the workspace, and its answer is marked as what is from outside', async () => {
    await addVision()
    await enable('read_image', { providers: [{ provider: 'openai', model: 'gpt-4o', enabled: true }] })
    await put('a.png', madeImage)
    vision.rule = () => ({ text: 'A red dot.' })
    const { output, metadata } = await call('read_image', { prompt: 'what is it?', path: 'a.png' })
    expect(output).toMatch(/<<<EXTERNAL_UNTRUSTED_CONTENT>>>[^]*A red dot\.[^]*<<<END_EXTERNAL_UNTRUSTED_CONTENT>>>/)
    expect(metadata).toMatchObject({ file: 'a.png', mimeType: 'image/png', provider: 'openai', model: 'gpt-4o' })
    // So that the run can tell of the call.
    expect(metadata).toMatchObject({ usage: { cacheReadTokens: 0, cacheCreationTokens: 0 } })
    expect(shown()).toMatchObject([{ type: 'image_url' }, { type: 'text', text: 'what is it?' }])
    await enable('read_image')
  })

  rule('listBuiltinTools.leavesMediaOff', async () => {
    await tools.request(master, 'PUT', '/v1/tools/builtin/read_video', { enabled: false })
    expect((await call('read_video', { prompt: 'x' })).error).toContain('unknown tool')
    await enable('read_video')
    await put('a.mp4', madeVideo)
    expect((await call('read_video', { prompt: 'x', path: 'a.mp4' })).error).toContain('needs video_provider')
  })

  test('a tool says what it needs while nobody is there, and what a file is that it does not read', async () => {
    await put('a.png', 'just some words')
    await put('b.png', madeImage)
    expect((await call('read_image', { prompt: 'x', path: 'a.png' })).error).toContain('it holds text/plain')
    expect((await call('read_image', { prompt: 'x', path: 'b.png' })).error).toContain('vision_provider')
    expect((await call('read_audio', { prompt: 'x', path: 'b.png' })).error).toContain('is not an audio recording')
    expect((await call('read_image', { prompt: 'x', path: '../../b.png' })).status).not.toBe(200)
  })

  rule('updateBuiltinTool.chainsProviders', async () => {
    const id = await addVision()
    await addProvider('second', 'openai_compat', `${vendors.origin}/v1`, 'wrong')
    await enable('read_image', {
      providers: [
        { provider: 'openai', enabled: false },
        { provider: 'second', model: 'm', enabled: true, max_retries: 0 },
        { provider: 'nobody', model: 'm', enabled: true },
        { provider_id: id, model: 'gpt-4o', enabled: true, max_retries: 1 },
      ],
    })
    await put('a.png', madeImage)
    vision.next({ status: 500 })
    expect((await call('read_image', { prompt: 'x', path: 'a.png' })).metadata).toMatchObject({ provider: 'openai' })
    expect(vision.requests).toHaveLength(2)
    vision.next({ status: 500 }, { status: 500 })
    const { error } = await call('read_image', { prompt: 'x', path: 'a.png' })
    expect(error).toMatch(/none of the providers could: second: .*; openai: /)
    expect(vision.requests).toHaveLength(4)
    await enable('read_image')
  })

  test('the chain of an agent goes before that of the tool', async () => {
    await addVision()
    const media = { read_image: { providers: [{ provider: 'openai', model: 'gpt-own', enabled: true }] } }
    tools.addAgent(caller.tenantId, { agentKey: 'own', toolsConfigJson: JSON.stringify({ media }) })
    await mkdir(files.at('own', caller.userId), { recursive: true })
    await writeFile(files.at('own', caller.userId, 'a.png'), madeImage)
    const args = { prompt: 'x', path: 'a.png' }
    const { body } = await tools.invoke(caller, { tool: 'read_image', args, agentId: 'own' })
    expect(body.result.metadata).toMatchObject({ model: 'gpt-own' })
  })

  test('documents are shown to who takes them, and told as text to the others', async () => {
    await addVision('openrouter', 'router')
    await put('a.pdf', pdf)
    await put('b.docx', wordFile('the answer is 42'))
    await call('read_document', { prompt: 'what?', path: 'a.pdf' })
    expect(shown()).toMatchObject([{ type: 'file' }, { text: 'what?' }])
    await call('read_document', { prompt: 'what?', path: 'b.docx' })
    expect(shown()[0]!.text).toContain('the answer is 42')
    await put('c.docx', zipSync({ 'other.txt': Buffer.from('x') }) as Buffer)
    expect((await call('read_document', { prompt: 'x', path: 'c.docx' })).error).toContain(
      'no text that can be taken out',
    )
  })

  test('Gemini hears and sees what its OpenAI surface does not take', async () => {
    await addVendors('gemini')
    await put('a.mp4', madeVideo)
    await put(
      'a.ogg',
      Buffer.concat([Buffer.from('OggS\0'), Buffer.alloc(23), Buffer.from('OpusHead'), Buffer.alloc(50)]),
    )
    const video = await call('read_video', { prompt: 'what happens?', path: 'a.mp4' })
    expect(video.output).toContain(`gemini saw [video/mp4, ${madeVideo.length} bytes] what happens?`)
    expect((await call('read_audio', { prompt: 'who speaks?', path: 'a.ogg' })).output).toContain('[audio/ogg')
    vendors.fault = { gemini: 401 }
    const { error } = await call('read_video', { prompt: 'x', path: 'a.mp4' })
    expect(error).toContain('gemini: ')
    expect(error).not.toContain(vendors.keys.gemini)
  })
})

describe('attachments', () => {
  test('the newest of its kind is read unless another is named, and none of other sessions', async () => {
    await addVision()
    beginSession()
    const ids: string[] = []
    for (const [name, content] of [
      ['a.txt', 'the old text'],
      ['b.txt', 'the new text'],
      ['c.png', madeImage],
    ] as const) {
      const { id, path } = await keep(session, await upload(name, content))
      await utimes(path, ids.length + 1, ids.length + 1)
      ids.push(id)
    }
    await enable('read_document', { providers: [{ provider: 'openai', model: 'gpt-4o', enabled: true }] })
    const read = async (args: object, key = session) => {
      vision.requests.length = 0
      const { error } = await call('read_document', { prompt: 'x', ...args }, key)
      return error ?? shown()[0]!.text
    }
    expect(await read({})).toContain('the new text')
    expect(await read({ media_id: ids[0] })).toContain('the old text')
    expect(await read({ media_id: `/v1/media/${ids[0]}?ft=1` })).toContain('the old text')
    expect(await read({ media_id: 'other' })).toContain(`${ids[1]}.txt`)
    expect(await read({ media_id: ids[2] })).toContain('it holds image/png')
    beginSession('bob', 'agent:default:ws:direct:2')
    await keep('agent:default:ws:direct:2', await upload('bobs.txt', 'of bob'))
    for (const key of ['agent:default:ws:direct:2', '']) {
      expect(await read({}, key)).toContain('is attached to this conversation')
      expect(await read({ media_id: 'x' }, key)).toBe('nothing is attached to this session')
    }
    await enable('read_document')
  })

  test('what is attached moves from the uploads, and keeps its id', async () => {
    const path = await upload('a.png', madeImage)
    const other = await upload('b.png', madeImage)
    const { found, id, mimeType, size } = await keep(session, path)
    expect({ found, mimeType, size }).toEqual({ found: true, mimeType: 'image/png', size: madeImage.length })
    await keep('another', other)
    expect(await keep(session, path)).toMatchObject({ found: true, id })
    expect((await keep(session, '/etc/passwd')).found).toBe(false)
    // What is kept once more is called after what it holds, where that has a name.
    for (const [name, content, extension] of [
      ['x.txt', madeImage, '.png'],
      ['y.TXT', 'text', '.txt'],
    ] as const) {
      await writeFile(files.at(name), content)
      expect(extname((await keep(session, `/v1/files/${name}`)).path)).toBe(extension)
    }
    expect(await readdir(files.at('.uploads'))).toEqual([])
    expect((await files.ask('GET', `/v1/media/${id}`)).status).toBe(200)
  })

  rule('deleteSession.removesItsMedia', async () => {
    const { id } = await keep(session, await upload('a.png', madeImage))
    await keep('another', await upload('b.png', madeImage))
    const served = () => files.ask('GET', `/v1/media/${id}`)
    expect((await served()).status).toBe(200)
    const deleted = outboxRow('sessionDeleted', caller.tenantId, { id: session, actorId: 'alice' })
    await tools.bus.publishDurable([deleted])
    await eventually('the attachment is gone', async () => (await served()).status === 404)
    expect((await readdir(files.at('.media'))).length).toBe(1)
  })

  rule('deleteAgent.removesItsMedia', async () => {
    const kept = [
      await keep(session, await upload('a.png', madeImage)),
      await keep('another', await upload('b.png', madeImage)),
      await keep('another', await upload('c.png', madeImage), randomUUID()),
    ]
    const served = () => Promise.all(kept.map(async ({ id }) => (await files.ask('GET', `/v1/media/${id}`)).status))
    expect(await served()).toEqual([200, 200, 200])
    await tools.bus.publishDurable([outboxRow('agentDeleted', caller.tenantId, { id: agentId, actorId: 'alice' })])
    await eventually(
      'the attachments are gone',
      async () => (await served()).filter((status) => status === 404).length === 2,
    )
    expect(await served()).toEqual([404, 404, 200])
  })
})

describe('making', () => {
  const made = async (tool: string, args: object) => {
    const { output, metadata, error } = await call(tool, { prompt: 'a red dot', ...args })
    if (error !== undefined) throw new Error(error)
    const path = output.slice('MEDIA:'.length)
    return { path, bytes: await readFile(workspace(path)), metadata }
  }

  test('an image is saved under its day and attached, by the first that can', async () => {
    await addVendors('openai', 'minimax')
    vendors.fault = { openai: 500 }
    const { path, bytes, metadata } = await made('create_image', {
      aspect_ratio: '16:9',
      filename_hint: '../My dot.png',
    })
    expect(path).toMatch(/^generated\/\d{4}-\d\d-\d\d\/My-dot-[0-9a-f]{8}\.png$/)
    expect(bytes).toEqual(madeImage)
    expect(metadata).toMatchObject({ provider: 'minimax', mimeType: 'image/png', deliver: [workspace(path)] })
    expect((await stat(workspace(path))).mode & 0o777).toBe(0o600)
  })

  test('who does not answer in time is left for the next one', async () => {
    await addVendors('openai', 'minimax')
    vendors.fault = { openai: 'silence' }
    const chain = [
      { provider: 'openai', enabled: true, timeout: 1 },
      { provider: 'minimax', enabled: true },
    ]
    await enable('create_image', { providers: chain })
    expect((await made('create_image', {})).metadata).toMatchObject({ provider: 'minimax' })
    vendors.fault = { openai: 'silence', minimax: 429 }
    const { error } = await call('create_image', { prompt: 'x' })
    expect(error).toMatch(/could: openai: no answer within 1 s; minimax: /)
    await enable('create_image')
  })

  test('what a vendor answers has to be what was asked for', async () => {
    await addVendors('openai')
    vendors.fault = { openai: 'other_content' }
    await expect(made('create_image', {})).rejects.toThrow('openai: its answer holds something unknown')
    expect((await call('create_image', { prompt: 'x', aspect_ratio: '2:1' })).error).toContain('aspect_ratio')
  })

  test('nothing is made that cannot be kept', async () => {
    await addVendors('openai')
    await files.upload('large.bin', Buffer.alloc(20 * 1024 * 1024))
    expect((await call('create_image', { prompt: 'x' })).error).toContain('20971520')
    expect(vendors.asked).toEqual([])
  })

  test('music and sound effects are made, and who is named makes them alone', async () => {
    await addVendors('minimax', 'suno')
    expect((await made('create_audio', { lyrics: 'la la' })).metadata).toMatchObject({ provider: 'minimax' })
    const effect = await made('create_audio', { type: 'sound_effect', duration: 2 })
    expect(effect).toMatchObject({ bytes: madeAudio, metadata: { provider: 'elevenlabs', mimeType: 'audio/mpeg' } })
    expect(vendors.asked.at(-1)!.body).toEqual({ text: 'a red dot', duration_seconds: 2 })
    await enable('create_audio', { providers: [{ provider: 'suno', enabled: true }] })
    expect((await made('create_audio', { instrumental: true })).metadata).toMatchObject({ provider: 'suno' })
    await expect(made('create_audio', { provider: 'minimax' })).rejects.toThrow('is called minimax')
    await enable('create_audio')
  })

  test('a video is asked after until it is there', async () => {
    await addVendors('gemini')
    vendors.waits = 3
    expect(await made('create_video', { duration: 4, aspect_ratio: '9:16' })).toMatchObject({
      bytes: madeVideo,
      metadata: { provider: 'gemini', mimeType: 'video/mp4' },
    })
    expect(vendors.asked).toHaveLength(5)
    vendors.waits = 1
  })
})
