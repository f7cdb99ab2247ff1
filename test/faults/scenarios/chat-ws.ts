/** Conversations over WebSockets whose socket, gateway or agents process dies in the middle of a run. */
import type { Script } from '../../fakes/http-fake.ts'
import type { Mesh } from '../../support/mesh-processes.ts'
import { meshToken, ownerId } from '../../support/mesh-processes.ts'
import { openDevice, type ChatDevice } from '../../support/chat-device.ts'
import type { SessionMessage } from '../../support/mesh-api.ts'
import type { WsClient } from '../../support/ws-client.ts'
import type { WsResponse } from '@clawmesh/contracts'

const words = (count: number): string => Array.from({ length: count }, (_, at) => `word${at + 1}`).join(' ')
/** An answer that takes its time. */
export const story = words(60)
export const slowly: Script = { text: story, chunks: 30, chunkDelayMs: 100 }

export const wsPort = (mesh: Mesh, edge: number): number => Number(new URL(mesh.edges[edge]!).port)
export const asOwner = { token: meshToken, user_id: ownerId, protocolVersion: 3 }

export interface Conversation {
  key: string
  device: ChatDevice
  /** What chat.send was answered; undefined when its connection died before. */
  answer: Promise<WsResponse | undefined>
  history: (client: WsClient) => Promise<(SessionMessage & { partial?: boolean })[]>
}

let conversations = 0

/** Has the model answer a message by a script, and whatever else it is asked (a title, say) as usual. */
export const answerWith = ({ upstream }: Mesh, message: string, script: Script): void => {
  upstream.rule = ({ body }) => {
    const last = (body['messages'] as { content: unknown }[] | undefined)?.at(-1)
    return last?.content === message ? script : undefined
  }
}

/** Begins a conversation at the first edge, whose agents replica is the first one, and waits until it is in mid-run. */
export const converse = async (mesh: Mesh, script: Script = slowly): Promise<Conversation> => {
  const key = `agent:default:ws:direct:${++conversations}-${Date.now()}`
  const device = await openDevice(wsPort(mesh, 0), asOwner, key)
  answerWith(mesh, 'tell me a story', script)
  const answer = device.client.ask('chat.send', { message: 'tell me a story', sessionKey: key, stream: true })
  const lost = new Promise<undefined>((resolve) => device.client.socket.once('close', () => resolve(undefined)))
  await device.chunks(2)
  return {
    key,
    device,
    answer: Promise.race([answer, lost]),
    history: async (client) =>
      (await client.need<{ messages: SessionMessage[] }>('chat.history', { sessionKey: key })).messages,
  }
}

export interface Heard {
  content: string
  lastId: string
  /** It came to its end. */
  isWhole: boolean
  error: object | undefined
}

/** Reads a stream that can be resumed, as far as it comes; `onText` is told what was said so far. */
export const readCompletion = async (
  mesh: Mesh,
  edge: number,
  headers: Record<string, string>,
  onText: (content: string) => Promise<void> = async () => undefined,
): Promise<Heard> => {
  const api = mesh.api(edge, ownerId)
  const response = await fetch(`${api.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'application/json', 'x-clawmesh-resumable': 'true', ...headers },
    body: JSON.stringify({ model: '', stream: true, messages: [{ role: 'user', content: 'tell me a story' }] }),
  })
  const heard: Heard = { content: '', lastId: '', isWhole: false, error: undefined }
  let unread = ''
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      const frames = (unread + piece).split('\n\n')
      unread = frames.pop()!
      for (const frame of frames) {
        heard.lastId = /^id: (.*)$/m.exec(frame)?.[1] ?? heard.lastId
        const data = frame.split('data: ')[1] ?? ''
        if (data === '[DONE]') heard.isWhole = true
        if (!data.startsWith('{')) continue
        const { choices, error } = JSON.parse(data) as { choices?: { delta: { content?: string } }[]; error?: object }
        heard.content += choices?.[0]?.delta.content ?? ''
        heard.error ??= error
      }
      await onText(heard.content)
    }
  } catch {
    // Broken off; what came until then counts.
  }
  return heard
}
