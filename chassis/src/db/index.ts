export {
  event,
  type Change,
  type ChangeEvent,
  type ChangeOptions,
  type ChangeRows,
  type ConflictNames,
} from './change.ts'
export * from './database.ts'
export * from './migrate.ts'
export * from './outbox.ts'
export * from './scoped-db.ts'
export * from './service-db.ts'
export { DatabaseSetupError, rowSecurityFault } from './row-security.ts'
export type { Session } from './transaction.ts'
