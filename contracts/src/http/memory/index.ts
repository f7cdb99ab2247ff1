export { memory } from './documents.ts'
