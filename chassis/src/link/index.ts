export * from './functions.ts'
export * from './pool.ts'
export * from './probe.ts'
