/** How features reach rows of one tenant. */
import type { PrismaClient } from './db/client/client.ts'

/** A Prisma client as one tenant; it has no `findUnique`. */
export type TenantPrisma = Omit<PrismaClient, '$transaction'>
export type PrismaOf = (tenantId: string) => TenantPrisma
