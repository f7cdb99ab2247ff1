export * from './batcher.ts'
export * from './database.ts'
export * from './migrate.ts'
export * from './outbox.ts'
