/** Conversations over WebSockets whose socket, gateway or agents process dies in the middle of a run. */
import type { Mesh } from '../../support/mesh-processes.ts'
import { meshToken, ownerId } from '../../support/mesh-processes.ts'
import { openDevice, type ChatDevice } from '../../support/chat-device.ts'
import type { SessionMessage } from '../../support/mesh-api.ts'
import type { WsClient } from '../../support/ws-client.ts'
import type { WsResponse } from '@clawmesh/contracts'

const words = (count: number): string => Array.from({ length: count }, (_, at) => `word${at + 1}`).join(' ')
/** An answer that takes its time. */
export const story = words(60)
const slowly = { text: story, chunks: 30, chunkDelayMs: 100 }

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

/** Begins a conversation at the first edge, whose agents replica is the first one, and waits until it is in mid-run. */
export const converse = async (mesh: Mesh, script: object = slowly): Promise<Conversation> => {
  const key = `agent:default:ws:direct:${++conversations}-${Date.now()}`
  const device = await openDevice(wsPort(mesh, 0), asOwner, key)
  mesh.upstream.next(script)
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
