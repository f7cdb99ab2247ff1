/** Chats with a provider of any type, over the connections to upstream. */
import type { Feature } from '@clawmesh/chassis'
import type { ProviderSelection } from '../providers/selection.ts'
import { createChatRpc } from './rpc.ts'
import type { Upstream } from './upstream.ts'

interface Parts {
  selection: ProviderSelection
  upstream: Upstream
}

export const createChat = ({ selection, upstream }: Parts) =>
  ({
    rpc: createChatRpc(selection, upstream.optionsOf),
    parts: [upstream.part],
  }) satisfies Feature & { rpc: object }
