export { documentation } from './documentation.ts'
export { health } from './health.ts'
