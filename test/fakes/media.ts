/**
 * Fake vendors of media on one port, each speaking its true protocol: Gemini, OpenAI, OpenRouter, MiniMax, DashScope, Suno
 * and ElevenLabs. They refuse what the vendors refuse: a wrong key, fields that they do not know, values that they have not.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { keptConnections } from '../support/limits.ts'
import type { Json } from './json.ts'
import { unknownField } from './strict.ts'

export type MediaVendor = 'gemini' | 'openai' | 'openrouter' | 'minimax' | 'dashscope' | 'suno' | 'elevenlabs'

/** A status, or: an answer of somebody else; none; a job that fails; a file, or an answer, of more than anybody wants; something else than was asked for. */
type MediaFault = number | 'garbage' | 'silence' | 'failed_job' | 'endless' | 'long_answer' | 'other_content'

interface Asked {
  vendor: MediaVendor
  path: string
  body: Json
}

export interface FakeMedia {
  /** `http://127.0.0.1:port`. */
  origin: string
  /** What a provider's api_base is set to. */
  bases: Record<MediaVendor, string>
  keys: Record<MediaVendor, string>
  fault: Partial<Record<MediaVendor, MediaFault>>
  /** How often a job is said to be under way before it is done. */
  waits: number
  /** What was asked, refused or not, without what was fetched. */
  asked: Asked[]
  /** Headers of what was fetched. */
  fetched: IncomingMessage['headers'][]
  stop: () => Promise<void>
}

export const madeImage = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
export const madeVideo = Buffer.from('000000186674797069736f6d0000020069736f6d69736f320000000866726565', 'hex')
export const madeAudio = Buffer.concat([Buffer.from('fffb9064', 'hex'), Buffer.alloc(1_000)])

const tooMuch = 51 * 1024 * 1024

class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const refuse = (message: string, status = 400): never => {
  throw new Refused(status, message)
}

const only = (body: Json, known: string): void => {
  const field = unknownField(body, known)
  if (field !== undefined) refuse(`unknown field ${field}`)
}
const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : refuse('no object')
const listed = (value: unknown): Json[] => (Array.isArray(value) ? value.map(object) : refuse('no list'))
const text = (value: unknown, most = 100_000): string =>
  typeof value === 'string' && value !== '' && value.length <= most ? value : refuse('no text, or too long a one')
const among = (value: unknown, values: readonly unknown[]): void => {
  if (!values.includes(value)) refuse(`${String(value)} is none of ${values.join(', ')}`)
}

interface Answering {
  fake: FakeMedia
  body: Json
  url: URL
  match: RegExpExecArray
  /** Whether a job that was begun is still under way. */
  isUnderWay: () => boolean
  hasFailed: boolean
  image: Buffer
  video: Buffer
  audio: Buffer
}

type Answer = (asked: Answering) => unknown

const ratios = ['1:1', '3:4', '4:3', '9:16', '16:9']

const geminiContents = (body: Json): Json[] => {
  only(body, 'contents generationConfig systemInstruction')
  return listed(body['contents']).flatMap((content) => {
    only(content, 'role parts')
    among(content['role'], ['user', 'model'])
    return listed(content['parts'])
  })
}

const geminiText: Answer = ({ body, image }) => {
  const parts = geminiContents(body)
  const config = object(body['generationConfig'])
  if (config['responseModalities'] !== undefined) {
    only(config, 'responseModalities imageConfig')
    if (config['imageConfig'] !== undefined) among(object(config['imageConfig'])['aspectRatio'], ratios)
    const made = { inlineData: { mimeType: 'image/png', data: image.toString('base64') } }
    return { candidates: [{ content: { role: 'model', parts: [{ text: 'Here.' }, made] }, finishReason: 'STOP' }] }
  }
  only(config, 'maxOutputTokens temperature')
  const seen = parts.map((part) => {
    if (part['inlineData'] === undefined) return text(part['text'])
    const { mimeType, data } = object(part['inlineData'])
    return `[${text(mimeType)}, ${Buffer.from(text(data, 40_000_000), 'base64').length} bytes]`
  })
  return {
    candidates: [
      { content: { role: 'model', parts: [{ text: `gemini saw ${seen.join(' ')}` }] }, finishReason: 'STOP' },
    ],
    usageMetadata: { promptTokenCount: 300, candidatesTokenCount: 7, totalTokenCount: 307 },
    modelVersion: 'gemini-2.5-flash',
  }
}

const minimaxOk = { base_resp: { status_code: 0, status_msg: 'success' } }

/** What is answered, by vendor and `METHOD /path`. */
const routes: [vendor: MediaVendor, method: string, path: RegExp, answer: Answer][] = [
  ['gemini', 'POST', /^\/v1beta\/models\/gemini-2\.5-flash(?:-image)?:generateContent$/, geminiText],
  [
    'gemini',
    'POST',
    /^\/v1beta\/models\/(veo-[\w.-]+):predictLongRunning$/,
    ({ body, match }) => {
      only(body, 'instances parameters')
      text(listed(body['instances'])[0]?.['prompt'])
      const parameters = object(body['parameters'])
      only(parameters, 'aspectRatio durationSeconds')
      among(parameters['aspectRatio'], ['16:9', '9:16'])
      among(parameters['durationSeconds'], [4, 6, 8])
      return { name: `models/${match[1]!}/operations/job1` }
    },
  ],
  [
    'gemini',
    'GET',
    /^\/v1beta\/models\/[\w.-]+\/operations\/job1$/,
    ({ fake, isUnderWay, hasFailed }) => {
      if (isUnderWay()) return { name: 'models/veo/operations/job1' }
      if (hasFailed)
        return { name: 'models/veo/operations/job1', done: true, error: { code: 13, message: 'Internal error.' } }
      const video = { uri: `${fake.origin}/made/video?of=gemini` }
      return { done: true, response: { generateVideoResponse: { generatedSamples: [{ video }] } } }
    },
  ],
  [
    'openai',
    'POST',
    /^\/v1\/images\/generations$/,
    ({ body, image }) => {
      only(body, 'model prompt n size quality')
      text(body['prompt'], 32_000)
      among(body['model'], ['gpt-image-1'])
      among(body['size'], ['1024x1024', '1536x1024', '1024x1536', 'auto'])
      return { created: 1, data: [{ b64_json: image.toString('base64') }] }
    },
  ],
  [
    'openrouter',
    'POST',
    /^\/api\/v1\/chat\/completions$/,
    ({ body, image }) => {
      only(body, 'model messages modalities image_config')
      text(listed(body['messages'])[0]?.['content'])
      if (!String(body['modalities']).includes('image')) refuse('a model that makes images is asked for text')
      among(object(body['image_config'])['aspect_ratio'], ratios)
      const url = `data:image/png;base64,${image.toString('base64')}`
      const images = [{ type: 'image_url', image_url: { url } }]
      return {
        id: 'gen-1',
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: '', images } }],
      }
    },
  ],
  [
    'openrouter',
    'POST',
    /^\/api\/v1\/videos$/,
    ({ body }) => {
      only(body, 'model prompt duration aspect_ratio resolution')
      text(body['prompt'])
      return { id: 'job1', polling_url: '/api/v1/videos/job1', status: 'pending' }
    },
  ],
  [
    'openrouter',
    'GET',
    /^\/api\/v1\/videos\/job1$/,
    ({ fake, isUnderWay, hasFailed }) => {
      if (isUnderWay()) return { id: 'job1', status: 'in_progress' }
      if (hasFailed) return { id: 'job1', status: 'failed' }
      return { id: 'job1', status: 'completed', unsigned_urls: [`${fake.origin}/made/video?of=openrouter`] }
    },
  ],
  [
    'minimax',
    'POST',
    /^\/mm\/v1\/image_generation$/,
    ({ fake, body }) => {
      only(body, 'model prompt n response_format aspect_ratio')
      text(body['prompt'], 1_500)
      among(body['aspect_ratio'], ratios)
      among(body['response_format'], ['url'])
      return { id: '1', data: { image_urls: [`${fake.origin}/made/image?of=minimax`] }, ...minimaxOk }
    },
  ],
  [
    'minimax',
    'POST',
    /^\/mm\/v1\/video_generation$/,
    ({ body }) => {
      only(body, 'model prompt duration resolution')
      text(body['prompt'], 2_000)
      among(body['duration'], [6, 10])
      among(body['resolution'], ['768P', '1080P'])
      return { task_id: '106916112212032', ...minimaxOk }
    },
  ],
  [
    'minimax',
    'GET',
    /^\/mm\/v1\/query\/video_generation$/,
    ({ url, isUnderWay, hasFailed }) => {
      among(url.searchParams.get('task_id'), ['106916112212032'])
      if (isUnderWay()) return { task_id: '106916112212032', status: 'Processing', ...minimaxOk }
      return hasFailed
        ? { status: 'Fail', ...minimaxOk }
        : { status: 'Success', file_id: 176844028768320, ...minimaxOk }
    },
  ],
  [
    'minimax',
    'GET',
    /^\/mm\/v1\/files\/retrieve$/,
    ({ fake, url }) => {
      among(url.searchParams.get('file_id'), ['176844028768320'])
      return { file: { file_id: 1, download_url: `${fake.origin}/made/video?of=minimax` }, ...minimaxOk }
    },
  ],
  [
    'minimax',
    'POST',
    /^\/mm\/v1\/music_generation$/,
    ({ fake, body }) => {
      only(body, 'model prompt lyrics lyrics_optimizer is_instrumental output_format audio_setting')
      text(body['prompt'], 2_000)
      if (body['is_instrumental'] !== true && body['lyrics_optimizer'] !== true) text(body['lyrics'], 3_500)
      among(body['output_format'], ['url'])
      only(object(body['audio_setting']), 'sample_rate bitrate format')
      return { data: { status: 2, audio: `${fake.origin}/made/audio?of=minimax` }, ...minimaxOk }
    },
  ],
  [
    'dashscope',
    'POST',
    /^\/api\/v1\/services\/aigc\/multimodal-generation\/generation$/,
    ({ fake, body }) => {
      only(body, 'model input parameters')
      const [message] = listed(object(body['input'])['messages'])
      text(listed(message?.['content'])[0]?.['text'], 2_100)
      only(object(body['parameters']), 'n size watermark prompt_extend')
      if (!/^\d{3,4}\*\d{3,4}$/.test(String(object(body['parameters'])['size']))) refuse('size')
      const content = [{ type: 'image', image: `${fake.origin}/made/image?of=dashscope` }]
      return {
        output: { finished: true, choices: [{ finish_reason: 'stop', message: { role: 'assistant', content } }] },
      }
    },
  ],
  [
    'suno',
    'POST',
    /^\/api\/v1\/generate$/,
    ({ body }) => {
      only(body, 'model customMode instrumental callBackUrl prompt style title')
      among(body['model'], ['V3_5', 'V4', 'V4_5', 'V5'])
      if (!URL.canParse(String(body['callBackUrl']))) refuse('callBackUrl')
      if (typeof body['customMode'] !== 'boolean' || typeof body['instrumental'] !== 'boolean') refuse('customMode')
      text(body['prompt'], body['customMode'] === true ? 3_000 : 400)
      if (body['customMode'] === true) text(body['style'], 200)
      return { code: 200, msg: 'success', data: { taskId: 'job1' } }
    },
  ],
  [
    'suno',
    'GET',
    /^\/api\/v1\/generate\/record-info$/,
    ({ fake, url, isUnderWay, hasFailed }) => {
      among(url.searchParams.get('taskId'), ['job1'])
      const data = (status: string, sunoData: Json[] = []) => ({
        code: 200,
        msg: 'success',
        data: { taskId: 'job1', status, response: { sunoData } },
      })
      if (isUnderWay()) return data('TEXT_SUCCESS')
      if (hasFailed) return data('GENERATE_AUDIO_FAILED')
      return data('SUCCESS', [{ id: '1', audioUrl: `${fake.origin}/made/audio?of=suno` }])
    },
  ],
  [
    'elevenlabs',
    'POST',
    /^\/v1\/sound-generation$/,
    ({ body, audio }) => {
      only(body, 'text duration_seconds prompt_influence')
      text(body['text'], 450)
      const { duration_seconds: seconds = 1 } = body
      if (typeof seconds !== 'number' || seconds < 0.5 || seconds > 30) refuse('duration_seconds', 422)
      return audio
    },
  ],
]

const errorBody = (vendor: MediaVendor, status: number, message: string): unknown => {
  if (vendor === 'minimax') {
    const code = { 401: 1004, 429: 1002, 400: 2013 }[status] ?? 1000
    return { base_resp: { status_code: code, status_msg: message } }
  }
  if (vendor === 'suno') return { code: status, msg: message, data: null }
  if (vendor === 'dashscope') return { code: 'InvalidParameter', message, request_id: '1' }
  if (vendor === 'gemini') return { error: { code: status, message, status: 'FAILED' } }
  return { error: { message, type: 'invalid_request_error', code: status } }
}

/** MiniMax and Suno answer 200 whatever it is that they refuse. */
const statusOf = (vendor: MediaVendor, status: number): number =>
  vendor === 'minimax' || vendor === 'suno' ? 200 : status

const keyIn = ({ headers }: IncomingMessage, vendor: MediaVendor): unknown => {
  if (vendor === 'gemini') return headers['x-goog-api-key']
  if (vendor === 'elevenlabs') return headers['xi-api-key']
  return headers.authorization?.replace(/^Bearer /, '')
}

const vendors: readonly MediaVendor[] = ['gemini', 'openai', 'openrouter', 'minimax', 'dashscope', 'suno', 'elevenlabs']
const made: Record<string, [type: string, bytes: Buffer]> = {
  '/made/image': ['image/png', madeImage],
  '/made/video': ['video/mp4', madeVideo],
  '/made/audio': ['audio/mpeg', madeAudio],
}

const bodyOf = async (request: IncomingMessage): Promise<Json> => {
  const sent = await textOf(request)
  return sent === '' ? {} : (JSON.parse(sent) as Json)
}

export const fakeMedia = async (): Promise<FakeMedia> => {
  /** Questions of jobs since the last was begun. */
  let questions = 0

  const serveMade = (request: IncomingMessage, url: URL, response: ServerResponse): void => {
    const of = url.searchParams.get('of') as MediaVendor
    fake.fetched.push(request.headers)
    // They hand out what is theirs to whoever shows a key of theirs; the others' addresses are secrets themselves.
    if ((of === 'gemini' || of === 'openrouter') && keyIn(request, of) !== fake.keys[of]) {
      response.writeHead(403).end()
      return
    }
    const [type, bytes] = made[url.pathname]!
    response.writeHead(200, { 'content-type': type })
    if (fake.fault[of] === 'endless') response.end(Buffer.alloc(tooMuch))
    else response.end(fake.fault[of] === 'other_content' ? 'just some words' : bytes)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET' } = request
    const url = new URL(request.url!, fake.origin)
    const body = await bodyOf(request)
    if (made[url.pathname] !== undefined) return serveMade(request, url, response)
    const route = routes.find(([, verb, path]) => verb === method && path.test(url.pathname))
    const json = (status: number, answer: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    if (route === undefined) return void json(404, { error: { message: 'no such route' } })
    const [vendor, , path, answer] = route
    const fault = fake.fault[vendor]
    fake.asked.push({ vendor, path: url.pathname, body })
    if (fault === 'silence') return
    if (fault === 'garbage')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>')
    if (fault === 'long_answer') return void json(200, { data: [{ b64_json: 'A'.repeat(17 * 1024 * 1024) }] })
    if (typeof fault === 'number')
      return void json(statusOf(vendor, fault), errorBody(vendor, fault, `refused key ${fake.keys[vendor]}`))
    if (keyIn(request, vendor) !== fake.keys[vendor])
      return void json(statusOf(vendor, 401), errorBody(vendor, 401, 'invalid key'))
    if (method === 'POST') questions = 0
    const bytes = (good: Buffer) => (fault === 'other_content' ? Buffer.from('just some words') : good)
    try {
      const answered = answer({
        fake,
        body,
        url,
        match: path.exec(url.pathname)!,
        isUnderWay: () => ++questions <= fake.waits,
        hasFailed: fault === 'failed_job',
        image: bytes(madeImage),
        video: bytes(madeVideo),
        audio: bytes(madeAudio),
      })
      if (Buffer.isBuffer(answered)) response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(answered)
      else json(200, answered)
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      json(statusOf(vendor, thrown.status), errorBody(vendor, thrown.status, thrown.message))
    }
  }

  const server = createServer(keptConnections, (request, response) => {
    void handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeMedia = {
    origin,
    bases: {
      gemini: `${origin}/v1beta/openai`,
      openai: `${origin}/v1`,
      openrouter: `${origin}/api/v1`,
      minimax: `${origin}/mm/v1`,
      dashscope: `${origin}/compatible-mode/v1`,
      suno: origin,
      elevenlabs: origin,
    },
    keys: Object.fromEntries(vendors.map((vendor) => [vendor, `key-of-${vendor}-0123456789`])) as FakeMedia['keys'],
    fault: {},
    waits: 1,
    asked: [],
    fetched: [],
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return fake
}
