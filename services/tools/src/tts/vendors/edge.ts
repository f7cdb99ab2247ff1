/** Speech of Microsoft Edge: a WebSocket on which a configuration and SSML go out, and MP3 comes back in pieces. */
import { randomUUID } from 'node:crypto'
import { blockedBy, checkPublicUrl, createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import { MeshError } from '@clawmesh/contracts'
import { WebSocket } from 'undici'
import { mostAudioBytes, SpeechFailure, type Outward, type SpeechVendor } from '../types.ts'
import { mp3 } from './answer.ts'
import {
  addressOf,
  audioIn,
  configMessage,
  edgeHeaders,
  pathOfText,
  piecesOf,
  speechMessage,
  xmlText,
} from './edge-words.ts'

interface Account {
  url: string
  voice: string
  rate: string
}

const plainId = (): string => randomUUID().replaceAll('-', '')

/** The same address as the guard knows it, which speaks of http only. */
const guarded = (url: URL, out: Outward): void => {
  const asHttp = new URL(url)
  if (asHttp.protocol === 'wss:' || asHttp.protocol === 'ws:') asHttp.href = asHttp.href.replace(/^ws/, 'http')
  checkPublicUrl(asHttp, out)
}

/** Speaks one piece. @throws SpeechFailure; what the address guard throws; the reason of the signal */
const speakPiece = async (
  piece: string,
  { url: base, voice, rate }: Account,
  out: Outward,
  signal: AbortSignal,
  most: number,
): Promise<Uint8Array[]> => {
  const url = addressOf(base, plainId(), Date.now())
  guarded(url, out)
  signal.throwIfAborted()
  const dispatcher = createGuardedDispatcher({ allow: out.allow, resolve: out.resolve })
  const socket = new WebSocket(url, { dispatcher, headers: { ...edgeHeaders } })
  socket.binaryType = 'arraybuffer'
  const audio: Uint8Array[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const fail = (reason: string): void => reject(new SpeechFailure(reason))
  socket.addEventListener('open', () => {
    const at = new Date().toUTCString()
    socket.send(configMessage(at))
    socket.send(speechMessage({ requestId: plainId(), at, voice, rate }, piece))
  })
  let bytes = 0
  let isDone = false
  socket.addEventListener('message', ({ data }: { data: unknown }) => {
    if (isDone) return
    if (typeof data === 'string') {
      if (pathOfText(data) === 'turn.end') resolve()
      return
    }
    const part = data instanceof ArrayBuffer ? audioIn(new Uint8Array(data)) : undefined
    if (part === undefined) return fail('its answer cannot be read')
    bytes += part.length
    if (bytes > most) return fail('its answer is too large')
    audio.push(part)
  })
  socket.addEventListener('error', (event) =>
    reject(blockedBy(event.error) ?? new SpeechFailure('it could not be reached')),
  )
  socket.addEventListener('close', () => fail('it broke off'))
  try {
    await promise
    if (bytes === 0) throw new SpeechFailure('its answer is empty')
    return audio
  } finally {
    isDone = true
    signal.removeEventListener('abort', abort)
    // The dispatcher knows no socket any more that has become a WebSocket.
    socket.close()
    void dispatcher.destroy()
  }
}

/** It has one model, and MP3 alone. */
export const createEdgeSpeech = (account: Account): SpeechVendor => ({
  name: 'edge',
  speak: async (text, { voice = account.voice }, out) => {
    const timeout = AbortSignal.timeout(out.timeoutMs ?? 30_000)
    const signal = out.signal ? AbortSignal.any([out.signal, timeout]) : timeout
    const audio: Uint8Array[] = []
    try {
      for (const piece of piecesOf(xmlText(text))) {
        const most = mostAudioBytes - audio.reduce((sum, { length }) => sum + length, 0)
        audio.push(...(await speakPiece(piece, { ...account, voice }, out, signal, most)))
      }
    } catch (thrown) {
      if (out.signal?.aborted) throw new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
      throw timeout.aborted ? new SpeechFailure('it took too long') : thrown
    }
    if (audio.length === 0) throw new SpeechFailure('there is nothing to speak')
    return { audio: Buffer.concat(audio), ...mp3 }
  },
})
