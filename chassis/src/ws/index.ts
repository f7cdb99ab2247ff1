export * from './implement.ts'
export * from './methods-rpc.ts'
export * from './params.ts'
