/** The running instances: receiving from every chat platform that there is an adapter for. */
import { newId, type Feature, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { ReceiveMessage } from '../adapters/adapter.ts'
import type { Adapters } from '../adapters/table.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createLeases } from './rows.ts'
import { createRunner } from './runner.ts'

interface RunnerFeatureParts {
  adapters: Adapters
  receive: ReceiveMessage | undefined
  leaseMs: number | undefined
}

/** @throws Error when there are adapters and nobody to receive their messages */
export const createRunnerFeature = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  { adapters, receive, leaseMs }: RunnerFeatureParts,
): Feature => {
  if (adapters.types.length === 0) return {}
  if (receive === undefined) throw new Error(`nobody receives the messages of ${adapters.types.join(', ')}`)
  const leases = createLeases(db, mesh.secrets, newId())
  return { parts: [createRunner({ adapters, leases, receive, log: mesh.log.child({ service: 'channels' }), leaseMs })] }
}
