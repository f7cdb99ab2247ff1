export { models } from './models.ts'
