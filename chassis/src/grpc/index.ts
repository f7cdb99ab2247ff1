export * from './client.ts'
export * from './direct.ts'
export * from './types.ts'
