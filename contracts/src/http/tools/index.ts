export { tools } from './invoke.ts'
