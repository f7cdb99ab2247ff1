export * from './define.ts'
export * from './queue.ts'
export * from './rows.ts'
export * from './worker.ts'
