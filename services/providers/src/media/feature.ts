/** Media: which providers of a tenant read and make them, and how they are made. */
import type { Call, Feature } from '@clawmesh/chassis'
import type { Metering } from '../chat/metering.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { createMediaRpc } from './rpc.ts'

interface Parts {
  selection: ProviderSelection
  optionsOf: (call: Call) => CallOptions
  metering: Metering
  allow: readonly string[]
  pollMs: number
}

export const createMedia = (parts: Parts) => ({ rpc: createMediaRpc(parts) }) satisfies Feature & { rpc: object }
