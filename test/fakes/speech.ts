/** Fake vendors of speech that speak the wire protocols of OpenAI, ElevenLabs, MiniMax and Microsoft Edge, on one port. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { WebSocketServer, type WebSocket } from 'ws'
import { keptConnections } from '../support/limits.ts'

type Vendor = 'openai' | 'elevenlabs' | 'edge' | 'minimax'
/** A status, or: an answer of somebody else; half of one; no answer; no audio; more than anybody wants. */
type SpeechFault = number | 'garbage' | 'cut' | 'silence' | 'empty' | 'endless'

export interface SpokenRequest {
  vendor: Vendor
  text: string
  voice: string
  model: string
  format: string
}

export interface FakeSpeech {
  /** `http://127.0.0.1:port`. */
  origin: string
  edgeUrl: string
  keys: { openai: string; elevenlabs: string; minimax: string; groupId: string }
  fault: Partial<Record<Vendor, SpeechFault>>
  /** What was asked as the vendors want it, refused or not. */
  asked: SpokenRequest[]
  /** Connections of Edge that are open. */
  readonly sockets: number
  stop: () => Promise<void>
}

/** What a vendor speaks: recognisable, and no audio. */
export const audioFor = (vendor: string, text: string): Buffer => Buffer.from(`${vendor} says ${text}`)

const json = { 'content-type': 'application/json' }
const tooMuch = 11 * 1024 * 1024

interface Said {
  status: number
  headers: Record<string, string>
  body: string | Buffer
}

const refusal = (vendor: Vendor, status: number): Said => {
  const bodies: Record<string, object> = {
    openai: {
      error: { message: `Incorrect API key provided: sk-of-openai`, type: 'invalid_request_error', code: null },
    },
    elevenlabs: { detail: { status: 'invalid_api_key', message: 'Invalid API key xi-of-elevenlabs' } },
  }
  // MiniMax answers 200 whatever it is that it refuses.
  if (vendor === 'minimax') {
    const code = { 401: 1004, 429: 1002, 422: 2013 }[status] ?? 1000
    const body = { base_resp: { status_code: code, status_msg: 'refused mm-of-minimax' } }
    return { status: 200, headers: json, body: JSON.stringify(body) }
  }
  return { status, headers: json, body: JSON.stringify(bodies[vendor]) }
}

const openaiVoices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'nova', 'onyx', 'sage', 'shimmer', 'verse']

/** What each vendor reads out of a request; undefined for one that it refuses. */
const readers: Record<
  string,
  (
    request: IncomingMessage,
    url: URL,
    body: Record<string, unknown>,
    keys: FakeSpeech['keys'],
  ) => SpokenRequest | number
> = {
  '/v1/audio/speech': ({ headers }, _url, { model, voice, input, response_format: format }, keys) => {
    if (headers.authorization !== `Bearer ${keys.openai}`) return 401
    const text = String(input)
    if (text.length > 4_096 || !openaiVoices.includes(String(voice)) || !['mp3', 'opus'].includes(String(format)))
      return 400
    return { vendor: 'openai', text, voice: String(voice), model: String(model), format: String(format) }
  },
  '/v1/text-to-speech': ({ headers }, url, { text, model_id: model }, keys) => {
    if (headers['xi-api-key'] !== keys.elevenlabs) return 401
    const format = url.searchParams.get('output_format') ?? 'mp3_44100_128'
    if (!['mp3_44100_128', 'opus_48000_64'].includes(format) || typeof model !== 'string') return 422
    const voice = decodeURIComponent(url.pathname.split('/')[3]!)
    return { vendor: 'elevenlabs', text: String(text), voice, model, format }
  },
  '/v1/t2a_v2': ({ headers }, url, { text, model, stream, voice_setting: voice, audio_setting: audio }, keys) => {
    if (headers.authorization !== `Bearer ${keys.minimax}` || url.searchParams.get('GroupId') !== keys.groupId)
      return 401
    const { format, sample_rate: rate } = audio as { format: string; sample_rate: number }
    if (stream !== false || format !== 'mp3' || rate !== 32_000) return 422
    const { voice_id: id } = voice as { voice_id: string }
    return { vendor: 'minimax', text: String(text), voice: id, model: String(model), format }
  },
}

const answerOf = ({ vendor, text, format }: SpokenRequest, audio: Buffer = audioFor(vendor, text)): Said => {
  if (vendor === 'minimax') {
    const body = {
      data: { audio: audio.toString('hex'), status: 2 },
      extra_info: { audio_length: 1_000, audio_format: 'mp3', audio_size: audio.length },
      trace_id: '01',
      base_resp: { status_code: 0, status_msg: 'success' },
    }
    return { status: 200, headers: json, body: JSON.stringify(body) }
  }
  return {
    status: 200,
    headers: { 'content-type': format.startsWith('opus') ? 'audio/opus' : 'audio/mpeg' },
    body: audio,
  }
}

const clientToken = '6A5AA1D4EAFF4E9FB37E23D68491D6F4'

/** The proofs that Edge's service takes: those of these five minutes, and of their neighbours. */
const proofs = (): string[] =>
  [-300, 0, 300].map((shift) => {
    const seconds = Math.floor(Date.now() / 1000) + shift + 11_644_473_600
    const ticks = BigInt(seconds - (seconds % 300)) * 10_000_000n
    return createHash('sha256').update(`${ticks}${clientToken}`, 'ascii').digest('hex').toUpperCase()
  })

const readFrame = (frame: string): { headers: Record<string, string>; body: string } => {
  const [head = '', ...rest] = frame.split('\r\n\r\n')
  const headers = head.split('\r\n').map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1)] as const
  })
  return { headers: Object.fromEntries(headers), body: rest.join('\r\n\r\n') }
}

const unescaped = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|apos);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" })[name]!,
  )

const binaryFrame = (id: string, audio: Buffer): Buffer => {
  const head = Buffer.from(`X-RequestId:${id}\r\nContent-Type:audio/mpeg\r\nX-StreamId:1\r\nPath:audio\r\n`)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(head.length)
  return Buffer.concat([length, head, audio])
}

/** One connection of Edge: configuration, then SSML, then audio in frames between `turn.start` and `turn.end`. */
const serveEdge = (socket: WebSocket, fake: FakeSpeech): void => {
  let format = ''
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(1007)
    const { headers, body } = readFrame((data as Buffer).toString())
    if (headers['path'] === 'speech.config') {
      format = (JSON.parse(body) as { context: { synthesis: { audio: { outputFormat: string } } } }).context.synthesis
        .audio.outputFormat
      return
    }
    const id = headers['x-requestid'] ?? ''
    const [, voice = '', spoken = ''] =
      /^<speak version='1\.0' xmlns='http:\/\/www\.w3\.org\/2001\/10\/synthesis' xml:lang='[\w-]+'><voice name='([^']+)'><prosody pitch='\+0Hz' rate='[+-]\d+%' volume='\+0%'>([^<]*)<\/prosody><\/voice><\/speak>$/.exec(
        body,
      ) ?? []
    // As the service does with what it cannot read.
    if (format === '' || headers['path'] !== 'ssml' || !/^[0-9a-f]{32}$/.test(id) || spoken === '')
      return socket.close(1007, 'Invalid SSML')
    if (Buffer.byteLength(spoken) > 4_096) return socket.close(1009)
    const text = unescaped(spoken)
    fake.asked.push({ vendor: 'edge', text, voice, model: '', format })
    const tell = (path: string, what: object) =>
      socket.send(
        `X-RequestId:${id}\r\nContent-Type:application/json; charset=utf-8\r\nPath:${path}\r\n\r\n${JSON.stringify(what)}`,
      )
    const { edge: fault } = fake.fault
    if (fault === 'silence') return
    tell('turn.start', { context: { serviceTag: 'a' } })
    tell('response', { context: { serviceTag: 'a' }, audio: { type: 'inline', streamId: '1' } })
    if (fault === 'garbage') return socket.send(Buffer.from([0xff, 0xff, 1]))
    const audio = fault === 'endless' ? Buffer.alloc(tooMuch) : audioFor('edge', text)
    const half = Math.ceil(audio.length / 2)
    if (fault !== 'empty') socket.send(binaryFrame(id, audio.subarray(0, half)))
    if (fault === 'cut') return socket.terminate()
    if (fault !== 'empty') socket.send(binaryFrame(id, audio.subarray(half)))
    tell('turn.end', {})
  })
}

export const fakeSpeech = async (): Promise<FakeSpeech> => {
  const server = createServer(keptConnections, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake')
    const route = url.pathname.startsWith('/v1/text-to-speech/') ? '/v1/text-to-speech' : url.pathname
    void textOf(request).then((body) => {
      const say = ({ status, headers, body: said }: Said) => response.writeHead(status, headers).end(said)
      const read = request.method === 'POST' ? readers[route] : undefined
      if (read === undefined) return say({ status: 404, headers: json, body: '{}' })
      const vendor: Vendor = route.endsWith('speech') ? (route.includes('audio') ? 'openai' : 'elevenlabs') : 'minimax'
      const asked = read(request, url, JSON.parse(body) as Record<string, unknown>, fake.keys)
      if (typeof asked === 'number') return say(refusal(vendor, asked))
      fake.asked.push(asked)
      const fault = fake.fault[vendor]
      if (typeof fault === 'number') return say(refusal(vendor, fault))
      if (fault === 'silence') return
      if (fault === 'garbage') return say({ status: 200, headers: { 'content-type': 'text/html' }, body: '<p>hello' })
      if (fault === 'empty') return say(answerOf(asked, Buffer.alloc(0)))
      if (fault === 'endless') return say(answerOf(asked, Buffer.alloc(tooMuch)))
      const whole = answerOf(asked)
      if (fault !== 'cut') return say(whole)
      response.writeHead(200, { ...whole.headers, 'content-length': String(whole.body.length) })
      response.write(whole.body.slice(0, 4), () => response.destroy())
    })
  })
  // Longer than any pause of a test: a connection that closes as it is used again looks like a fault.
  server.keepAliveTimeout = 60_000
  const edge = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://fake')
    const isEdge =
      pathname === '/edge/v1' &&
      query.get('TrustedClientToken') === clientToken &&
      proofs().includes(query.get('Sec-MS-GEC') ?? '') &&
      /^1-\d+\.\d+\.\d+\.\d+$/.test(query.get('Sec-MS-GEC-Version') ?? '') &&
      /^[0-9a-f]{32}$/.test(query.get('ConnectionId') ?? '') &&
      request.headers.origin === 'chrome-extension://jdiccldimpdaibmpdkjnbmckianbfold' &&
      request.headers['user-agent']?.includes(' Edg/') === true
    const status = isEdge ? fake.fault.edge : 403
    if (typeof status === 'number') return socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`)
    edge.handleUpgrade(request, socket, head, (ws) => serveEdge(ws, fake))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeSpeech = {
    origin: `http://${host}`,
    edgeUrl: `ws://${host}/edge/v1`,
    keys: { openai: 'sk-of-openai', elevenlabs: 'xi-of-elevenlabs', minimax: 'mm-of-minimax', groupId: '77' },
    fault: {},
    asked: [],
    get sockets() {
      return edge.clients.size
    },
    stop: async () => {
      for (const socket of edge.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}
