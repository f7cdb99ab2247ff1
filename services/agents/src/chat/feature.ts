/** Chat: the HTTP routes that run agents, as OpenAI's clients and webhooks call them. */
import type { Feature, Mesh } from '@clawmesh/chassis'
import { createChatHttp, type ChatParts } from './http.ts'

export const createChat = (mesh: Mesh, parts: Omit<ChatParts, 'fetchAllow'>) =>
  ({
    http: createChatHttp({ ...parts, fetchAllow: mesh.config.fetchAllow.split(',').filter(Boolean) }),
  }) satisfies Feature
