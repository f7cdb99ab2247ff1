export { connection } from './connection.ts'
