/** Vectors for texts, from the tenant's embedding provider or a named one. */
import type { Call } from '@clawmesh/chassis'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { createEmbeddingsRpc } from './rpc.ts'

interface Parts {
  selection: ProviderSelection
  optionsOf: (call: Call) => CallOptions
}

export const createEmbeddings = ({ selection, optionsOf }: Parts) => ({
  rpc: createEmbeddingsRpc(selection, optionsOf),
})
