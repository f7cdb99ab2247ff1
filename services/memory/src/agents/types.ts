/** Agents as memory knows them. */
import type { Call } from '@clawmesh/chassis'
import type { MemorySettings } from './settings.ts'

export interface MemoryAgent {
  id: string
  settings: MemorySettings
}

/** Finds an agent of the caller's tenant by id or key; an empty one means the default agent. @throws NOT_FOUND */
export type FindAgent = (call: Call, idOrKey: string) => Promise<MemoryAgent>
