export { config } from './config.ts'
export { connection } from './connection.ts'
export { logs } from './logs.ts'
export { system } from './system.ts'
