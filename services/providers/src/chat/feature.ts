/** Chats with a provider of any type, over the connections to upstream. */
import type { Feature } from '@clawmesh/chassis'
import type { createRouter } from '../routing/route.ts'
import { createChatRpc } from './rpc.ts'
import type { Upstream } from './upstream.ts'

interface Parts {
  route: ReturnType<typeof createRouter>
  upstream: Upstream
}

export const createChat = ({ route, upstream }: Parts) =>
  ({
    rpc: createChatRpc(route),
    parts: [upstream.part],
  }) satisfies Feature & { rpc: object }
