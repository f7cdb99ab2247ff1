/** The activity log: who changed what, recorded from events and read page by page. */
import { createBatchConsumer, type Database, type Feature, type Mesh } from '@clawmesh/chassis'
import type { PartitionKeeper } from '../partitions/use-cases.ts'
import type { PrismaOf } from '../prisma.ts'
import { activityIntake } from './events.ts'
import { createActivityHttp } from './http.ts'
import { createActivityIntake } from './recording.ts'
import { createActivityRecordRows, createActivityRows } from './rows.ts'
import { createActivityUseCases } from './use-cases.ts'

interface Parts {
  mesh: Mesh
  database: Database
  prismaOf: PrismaOf
  partitions: PartitionKeeper
}

export const createActivity = ({ mesh, database, prismaOf, partitions }: Parts): Feature => {
  const record = createActivityIntake({ store: createActivityRecordRows(database), partitions })
  return {
    http: createActivityHttp(createActivityUseCases(createActivityRows(prismaOf))),
    parts: [createBatchConsumer(mesh, 'traces', activityIntake(record))],
  }
}
