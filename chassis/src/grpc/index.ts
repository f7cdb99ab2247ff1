export * from './client.ts'
export * from './direct.ts'
export * from './server.ts'
export * from './types.ts'
