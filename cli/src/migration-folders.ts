import { fileURLToPath } from 'node:url'
import type { RemoteService } from '@clawmesh/chassis'

/** Where a service keeps its migrations. */
export const migrationFolder = (service: RemoteService): string =>
  fileURLToPath(new URL(`../../services/${service}/prisma/migrations`, import.meta.url))
